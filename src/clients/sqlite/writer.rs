//! The thread that owns the write connection: it commits together what has gathered, and answers
//! only after the commit.

use super::failure::explain;
use super::open_file::OpenFile;
use super::pace::Pace;
use crate::error::{Error, Kind, Result};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use tokio::sync::watch;

/// At most this many jobs share a transaction, so that none waits long for its neighbours.
const GROUP: usize = 256;

/// How many looks for others' commits come to one whether the file is still there: some tenths of a
/// second, or a few seconds at the slowest pace.
const POLLS_TO_A_STAT: u32 = 64;

/// Fewer free pages than this are kept for what comes next: 1 MiB.
const FREE_ENOUGH: i64 = 256;

/// At most this many pages are freed at once: 32 MiB, some tenths of a second.
const FREED_AT_ONCE: u32 = 8192;

/// What a job's commit is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// What was written is on disk before it is answered.
    Kept,
    /// What was written outlasts this process, and not a power cut: it waits for no disk, unless a
    /// job does that shares its commit.
    Passing,
    /// As `Passing`, and nobody is told that something has changed.
    Note,
    /// Nothing is written: it takes no lock where no other job shares its transaction.
    Look,
}

/// Something to write, and whom to tell.
pub struct Job<T, F, A> {
    worth: Worth,
    work: Option<F>,
    made: Option<T>,
    then: A,
}

/// A job whose result's type is its own affair.
pub trait AnyJob: Send {
    /// Does the work, inside a transaction.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// What its commit is worth.
    fn worth(&self) -> Worth;
    /// Tells what came of it, after the transaction.
    fn answer(self: Box<Self>, outcome: Result<()>);
}

impl<T, F, A> Job<T, F, A>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    A: FnOnce(Result<T>) + Send + 'static,
{
    pub fn boxed(worth: Worth, work: F, then: A) -> Box<dyn AnyJob> {
        Box::new(Self { worth, work: Some(work), made: None, then })
    }
}

impl<T, F, A> AnyJob for Job<T, F, A>
where
    T: Send,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
    A: FnOnce(Result<T>) + Send,
{
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let work = self.work.take().expect("a job is run once");
        self.made = Some(work(connection)?);
        Ok(())
    }

    fn worth(&self) -> Worth {
        self.worth
    }

    fn answer(self: Box<Self>, outcome: Result<()>) {
        let Self { made, then, .. } = *self;
        then(outcome.map(|()| made.expect("a job that succeeded was run")));
    }
}

/// The thread and the way to it.
pub struct Writer {
    jobs: mpsc::Sender<Box<dyn AnyJob>>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Starts the thread; `changes` hears of every commit that changed something, and of a file that
    /// is not at its path any more.
    pub fn start(file: Arc<OpenFile>, changes: watch::Sender<()>, pace: Arc<Pace>) -> Result<Self> {
        let (jobs, inbox) = mpsc::channel();
        let ask = |c: &Connection| c.pragma_query_value(None, "synchronous", |row| row.get(0)).ok();
        let kept = file.connection().as_ref().and_then(ask).unwrap_or(WriterThread::FULL);
        let (version, polls) = (0, 0);
        let writer = WriterThread { file, changes, pace, version, polls, kept, synchronous: kept };
        let thread = std::thread::Builder::new()
            .name("sqlite writer".to_owned())
            .spawn(move || writer.serve(&inbox))
            .map_err(|cause| Error::new(Kind::Failed, "cannot start a thread").because(cause))?;
        Ok(Self { jobs, thread })
    }

    /// Queues a job. If the thread is gone, the job is told so.
    pub fn submit(&self, job: Box<dyn AnyJob>, path: &Path) {
        if let Err(mpsc::SendError(job)) = self.jobs.send(job) {
            job.answer(Err(stopped(path)));
        }
    }

    /// Ends the thread after what is queued, and waits for it. `false`: it had panicked.
    pub fn stop(self) -> bool {
        drop(self.jobs);
        self.thread.join().is_ok()
    }
}

/// The error of a thread that is no more, which only a panic can bring about.
pub fn stopped(path: &Path) -> Error {
    Error::new(Kind::Bug, format!("the writer of `{}` has stopped", path.display()))
}

/// What the thread works with.
struct WriterThread {
    file: Arc<OpenFile>,
    changes: watch::Sender<()>,
    pace: Arc<Pace>,
    version: i64,
    /// How often it has looked for others' commits.
    polls: u32,
    /// How safe a commit is that is kept (`PRAGMA synchronous`).
    kept: i64,
    /// How safe the next one is.
    synchronous: i64,
}

/// Why nothing of a transaction happened, or counts.
enum Undone {
    Failed(rusqlite::Error),
    /// The file is not at its path any more: what is in it now, nobody finds.
    Lost,
}

impl From<rusqlite::Error> for Undone {
    fn from(failure: rusqlite::Error) -> Self {
        Self::Failed(failure)
    }
}

impl WriterThread {
    /// The log is on disk before a commit returns.
    const FULL: i64 = 2;
    /// The log is on disk before it goes into the file.
    const NORMAL: i64 = 1;

    fn serve(mut self, inbox: &mpsc::Receiver<Box<dyn AnyJob>>) {
        loop {
            let watched = self.changes.receiver_count() > 1; // one is the database's own
            let next = match watched {
                true => inbox.recv_timeout(self.pace.interval()),
                false => inbox.recv().map_err(RecvTimeoutError::from),
            };
            match next {
                Ok(first) => {
                    let others = inbox.try_iter().take(GROUP - 1);
                    self.commit(std::iter::once(first).chain(others).collect());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if watched {
                self.look_outside();
            }
        }
        fail::fail_point!("sqlite-close");
        if let Some(connection) = self.file.take() {
            close(connection, self.path());
        }
    }

    /// Runs these jobs in one transaction and answers them after its commit.
    fn commit(&mut self, mut jobs: Vec<Box<dyn AnyJob>>) {
        let told = jobs.iter().any(|job| job.worth() != Worth::Note);
        let (outcomes, changed) = match self.transact(&mut jobs) {
            Ok(done) => done,
            Err(undone) => {
                for job in jobs {
                    job.answer(Err(match &undone {
                        Undone::Failed(failure) => self.explain(failure),
                        Undone::Lost => self.file.anchor().lost(),
                    }));
                }
                return;
            }
        };
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            job.answer(outcome.map_err(|failure| self.explain(&failure)));
        }
        if told && changed {
            self.changes.send_replace(());
        }
    }

    /// What became of each job, and whether anything was changed.
    fn transact(
        &mut self,
        jobs: &mut [Box<dyn AnyJob>],
    ) -> Result<(Vec<rusqlite::Result<()>>, bool), Undone> {
        let file = self.file.clone();
        let connection = file.connection();
        let connection = connection.as_ref().ok_or(Undone::Lost)?;
        let before = connection.total_changes();
        let outcomes = self.attempt(connection, jobs);
        // SQLite may have rolled it back by itself.
        if outcomes.is_err()
            && !connection.is_autocommit()
            && let Err(failure) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(path = %self.path().display(), %failure, "cannot roll back");
        }
        Ok((outcomes?, connection.total_changes() != before))
    }

    /// `Err` is of the transaction, the inner ones are of single jobs.
    fn attempt(
        &mut self,
        connection: &Connection,
        jobs: &mut [Box<dyn AnyJob>],
    ) -> Result<Vec<rusqlite::Result<()>>, Undone> {
        let kept = jobs.iter().any(|job| job.worth() == Worth::Kept);
        let level = if kept { self.kept } else { self.kept.min(Self::NORMAL) };
        self.set_synchronous(connection, level)?;
        let writes = jobs.iter().any(|job| job.worth() != Worth::Look);
        run(connection, if writes { "BEGIN IMMEDIATE" } else { "BEGIN" })?;
        self.expect_file()?;
        let outcomes = match jobs {
            // The transaction itself is the only job's savepoint.
            [job] => {
                job.run(connection)?;
                vec![Ok(())]
            }
            jobs => {
                jobs.iter_mut().map(|job| shielded(connection, job)).collect::<Result<_, _>>()?
            }
        };
        fail::fail_point!("sqlite-commit");
        run(connection, "COMMIT")?;
        fail::fail_point!("sqlite-committed");
        // Only what whoever comes next will find is answered for.
        self.expect_file()?;
        Ok(outcomes)
    }

    /// How safe the next commit is. In a log, one that is not synced cannot harm the file, and is on
    /// disk with the next one that is.
    fn set_synchronous(&mut self, connection: &Connection, level: i64) -> rusqlite::Result<()> {
        if level != self.synchronous {
            connection.pragma_update(None, "synchronous", level)?;
            self.synchronous = level;
        }
        Ok(())
    }

    /// Fails where the file is no longer what stands at its path. This costs a microsecond or two,
    /// since the system knows the path.
    fn expect_file(&self) -> Result<(), Undone> {
        if self.file.anchor().holds() { Ok(()) } else { Err(Undone::Lost) }
    }

    /// Tells the waiting ones if another process has committed since the last look, or if the file
    /// is not at its path any more: what they do next tells them why.
    fn look_outside(&mut self) {
        self.polls = self.polls.wrapping_add(1);
        if self.polls.is_multiple_of(POLLS_TO_A_STAT) && !self.file.anchor().holds() {
            self.changes.send_replace(());
        }
        // A failure here shows in the next transaction, which somebody waits for.
        let version = self.file.connection().as_ref().and_then(|c| data_version(c).ok());
        if let Some(version) = version
            && version != self.version
        {
            self.version = version;
            self.changes.send_replace(());
        }
    }

    fn explain(&self, failure: &rusqlite::Error) -> Error {
        explain("write", self.path(), failure)
    }

    fn path(&self) -> &Path {
        self.file.anchor().path()
    }
}

/// Runs one of several jobs so that its failure undoes only itself.
fn shielded(
    connection: &Connection,
    job: &mut Box<dyn AnyJob>,
) -> rusqlite::Result<rusqlite::Result<()>> {
    run(connection, "SAVEPOINT job")?;
    let outcome = job.run(connection);
    if let Err(failure) = outcome {
        if connection.is_autocommit() {
            return Err(failure); // SQLite rolled back everything: all must hear of it
        }
        run(connection, "ROLLBACK TO job")?;
        run(connection, "RELEASE job")?;
        return Ok(Err(failure));
    }
    run(connection, "RELEASE job")?;
    Ok(outcome)
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// A number that changes when another connection commits.
fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

fn close(connection: Connection, path: &Path) {
    if let Err(failure) = shrink(&connection) {
        tracing::debug!(path = %path.display(), %failure, "the file keeps its size");
    }
    if let Err((_, failure)) = connection.close() {
        tracing::warn!(path = %path.display(), %failure, "cannot close a file cleanly");
    }
}

/// Whether free pages are a large part of the file.
pub fn is_sparse(connection: &Connection) -> rusqlite::Result<bool> {
    let (free, all) = (free_pages(connection)?, count(connection, "PRAGMA page_count")?);
    Ok(free >= FREE_ENOUGH && free >= all / 2)
}

/// How many pages of the file are free.
pub fn free_pages(connection: &Connection) -> rusqlite::Result<i64> {
    count(connection, "PRAGMA freelist_count")
}

fn count(connection: &Connection, sql: &str) -> rusqlite::Result<i64> {
    connection.query_row(sql, [], |row| row.get(0))
}

/// Gives free pages back to the disk where they are a large part of the file: some at a time, as
/// others wait for the file meanwhile, the rest when it is closed again.
pub fn shrink(connection: &Connection) -> rusqlite::Result<()> {
    if !is_sparse(connection)? {
        return Ok(());
    }
    // A row for each page: what is not asked for is not done.
    let mut statement =
        connection.prepare(&format!("PRAGMA incremental_vacuum({FREED_AT_ONCE})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}
