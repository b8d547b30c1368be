//! A SQLite file, opened safely and written by one thread.
//!
//! Every handle of one file in this process shares one [`Database`], and with it one write
//! connection: SQLite has one writer at a time, and threads that compete for it starve each other.
//! What the handles ask for meanwhile is committed together, so that durability costs one sync for
//! all of them. Other processes have a thread like this of their own; SQLite's locks order them.

mod cells;
mod failure;
mod format;
mod identity;
mod open_file;
mod opening;
mod pace;
mod pages;
mod preflight;
mod replace;
mod salvage;
mod writer;

pub use cells::Kind as TreeKind;
pub use failure::explain;
pub use format::{Purpose, Schema, Upgrade};
pub use identity::Identity;
pub use opening::be_patient;
pub use pages::{Pages, beside};
pub use preflight::preflight;
pub use replace::{Replacing, in_the_way};
pub use salvage::Salvage;

use crate::error::{Error, Kind, Result};
use crate::location::Location;
use identity::Anchor;
use open_file::OpenFile;
use pace::Pace;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use tokio::sync::{oneshot, watch};
use writer::{Job, Worth, Writer};

/// The databases that are open in this process.
static OPEN: Mutex<Vec<(Identity, Purpose, Weak<Database>)>> = Mutex::new(Vec::new());

/// Whether a URL means the file of its shelf in the user's data folder: it names a file, and not
/// which.
pub fn is_in_data_dir(url: &Location) -> bool {
    url.scheme() == "sqlite" && url.rest().is_empty()
}

/// One SQLite file, to look and not to write.
pub struct Reader {
    path: PathBuf,
    file: Arc<OpenFile>,
}

impl Reader {
    /// Opens a file that is there. Nothing is made: a missing or an empty file is refused as
    /// [`Kind::Configuration`], as is all that [`Database::open`] refuses. (SQLite may leave the
    /// file's log and its index, `-wal` and `-shm`, beside it.)
    pub async fn open(path: &Path, schema: &'static Schema) -> Result<Self> {
        let file = path.to_owned();
        let opened = aside(move || opening::connect_to_read(&file, schema)).await?;
        Ok(Self::of(path, opened))
    }

    /// Opens a file like [`Reader::open`]; `None` where there is none, or nothing was made in it yet.
    pub async fn open_if_there(path: &Path, schema: &'static Schema) -> Result<Option<Self>> {
        let file = path.to_owned();
        let opened = aside(move || opening::connect_if_there(&file, schema)).await?;
        Ok(opened.map(|opened| Self::of(path, opened)))
    }

    fn of(path: &Path, (connection, anchor): (Connection, Anchor)) -> Self {
        Self { path: path.to_owned(), file: OpenFile::new(anchor, connection) }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses to go on with a file that is not at its path any more.
    pub fn expect_there(&self) -> Result<()> {
        match self.file.is_there() {
            true => Ok(()),
            false => Err(self.file.anchor().lost()),
        }
    }

    /// Looks at one moment of the file: what others commit meanwhile is not seen.
    pub async fn read<T, F>(&self, look: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (file, path) = (self.file.clone(), self.path.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let connection = file.connection();
            let Some(connection) = &*connection else { return Err(file.anchor().lost()) };
            look_at_one_moment(connection, look)
                .map_err(|failure| failure::explain("read", &path, &failure))
        });
        looked.await.map_err(|cause| Error::new(Kind::Bug, "cannot read a file").because(cause))?
    }
}

fn look_at_one_moment<T>(
    connection: &Connection,
    look: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let moment = connection.unchecked_transaction()?;
    let seen = look(&moment)?;
    moment.commit()?;
    Ok(seen)
}

/// Opens a file on a thread that may wait for locks.
async fn aside<T: Send + 'static>(open: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let opened = tokio::task::spawn_blocking(open).await;
    opened.map_err(|cause| Error::new(Kind::Bug, "cannot open a file").because(cause))?
}

/// Does this work in a transaction, while no other connection has the file open. One that has it
/// open already is waited for some seconds, and then refused as [`Kind::Unreachable`]; a file that
/// is not there is not made.
pub async fn write_alone<T, F>(path: &Path, schema: &'static Schema, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
{
    let path = path.to_owned();
    let written = tokio::task::spawn_blocking(move || {
        let mut connection = opening::connect_alone(&path, schema)?;
        let failed = |failure: rusqlite::Error| failure::explain("write", &path, &failure);
        let transaction = connection.transaction().map_err(failed)?;
        let made = work(&transaction).map_err(failed)?;
        fail::fail_point!("sqlite-commit-alone");
        transaction.commit().map_err(failed)?;
        Ok(made)
    });
    written.await.map_err(|cause| Error::new(Kind::Bug, "cannot write a file").because(cause))?
}

/// Removes a file with its log, as far as they are there.
pub fn remove(path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(beside(path, ending)));
    }
}

/// Makes a new file and fills it in one transaction; blocks meanwhile. Where the work fails, none
/// is left.
pub fn make_new<T>(
    path: &Path,
    schema: &'static Schema,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T> {
    let full = opening::make_file(path)?;
    let made = fill(&full, schema, work);
    if made.is_err() {
        remove(&full);
    }
    made
}

/// What is made on the way may be as large as the file: it goes to the disk, too.
const FOR_ONE_LARGE_WORK: &str = "PRAGMA temp_store = FILE; PRAGMA cache_size = -16384;";

fn fill<T>(
    path: &Path,
    schema: &Schema,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T> {
    let failed = |failure: rusqlite::Error| failure::explain("write", path, &failure);
    let (mut connection, _) = opening::connect(path, schema)?;
    connection.execute_batch(FOR_ONE_LARGE_WORK).map_err(failed)?;
    let transaction = connection.transaction().map_err(failed)?;
    let made = work(&transaction).map_err(failed)?;
    transaction.commit().map_err(failed)?;
    connection.close().map_err(|(_, failure)| failed(failure))?;
    Ok(made)
}

/// One SQLite file and the thread that writes it.
pub struct Database {
    path: PathBuf,
    file: Arc<OpenFile>,
    writer: Writer,
    changes: watch::Receiver<()>,
    pace: Arc<Pace>,
}

impl Database {
    /// Opens a file, and makes it and its folder where they are missing. Where this process has it
    /// open already, that is what the caller gets.
    ///
    /// What an older version made is upgraded. Some upgrades are done only while no other program has
    /// the file open: it is waited for some seconds, and is [`Kind::Unreachable`] then. A file that is
    /// not ours, of a newer version, corrupt or not writable is refused as
    /// [`Kind::Configuration`]; a full disk and a file locked for seconds are
    /// [`Kind::Unreachable`].
    pub async fn open(path: &Path, schema: &'static Schema) -> Result<Arc<Self>> {
        let path = path.to_owned();
        aside(move || Self::open_full(opening::make_file(&path)?, schema)).await
    }

    /// Opens a file that is there; `None` where there is none, or nothing was made in it yet.
    pub async fn open_if_there(path: &Path, schema: &'static Schema) -> Result<Option<Arc<Self>>> {
        let path = path.to_owned();
        aside(move || match opening::connect_if_there(&path, schema)?.is_some() {
            false => Ok(None),
            true => Self::open_full(opening::full_path(&path)?, schema).map(Some),
        })
        .await
    }

    fn open_full(path: PathBuf, schema: &'static Schema) -> Result<Arc<Self>> {
        let mut open = OPEN.lock().expect("no holder of the list panics");
        open.retain(|(.., database)| database.strong_count() > 0);
        if let Ok(there) = Identity::of(&path) {
            let same = |(identity, purpose, database): &(Identity, Purpose, Weak<Self>)| {
                let same = (*identity, *purpose) == (there, schema.purpose);
                same.then(|| database.upgrade()).flatten().filter(|database| database.is_there())
            };
            let known = open.iter().find_map(same);
            if let Some(database) = known {
                return Ok(database);
            }
        }
        let (connection, anchor) = opening::connect(&path, schema)?;
        let identity = anchor.identity();
        let file = OpenFile::new(anchor, connection);
        let (tell, changes) = watch::channel(());
        let pace = Arc::new(Pace::default());
        let writer = Writer::start(file.clone(), tell, pace.clone())?;
        let database = Arc::new(Self { path, file, writer, changes, pace });
        open.push((identity, schema.purpose, Arc::downgrade(&database)));
        Ok(database)
    }

    /// Whether the file is still at its path. Where it is not, every write fails as
    /// [`Kind::Unreachable`]: nothing goes into a file that nobody finds. Once another handle has
    /// opened what is there instead, this one is lost for good.
    pub fn is_there(&self) -> bool {
        self.file.is_there()
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Proves that a transaction reaches the disk, by one that writes a page as it was.
    pub async fn prove_writable(&self) -> Result<()> {
        self.write(|c| {
            let version: i64 = c.pragma_query_value(None, "user_version", |row| row.get(0))?;
            c.pragma_update(None, "user_version", version)
        })
        .await
    }

    /// Does this work in a transaction, and answers once it is on disk.
    ///
    /// The work is done and committed even if the answer is no longer waited for.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.write_worth(Worth::Kept, work).await
    }

    /// Notes something: does this work in a transaction that outlasts this process, and not a power
    /// cut. It waits for no disk, and nobody hears of it by `changes`.
    pub async fn note<F>(&self, work: F) -> Result<()>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    {
        self.write_worth(Worth::Note, work).await
    }

    /// Looks at one moment of the file, with what this process has written, and takes no lock.
    pub async fn look<T, F>(&self, look: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.write_worth(Worth::Look, look).await
    }

    async fn write_worth<T, F>(&self, worth: Worth, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        // Nobody may be listening any more: then nobody needs the answer.
        let then = move |outcome| drop(answer.send(outcome));
        self.writer.submit(Job::boxed(worth, work, then), &self.path);
        answered.await.unwrap_or_else(|_| Err(writer::stopped(&self.path)))
    }

    /// Does this work in a transaction that outlasts this process, and not a power cut, and hands
    /// what came of it to `then` on the writer's thread. `then` is called whether or not anybody
    /// still waits.
    pub fn write_passing<T, F, A>(&self, work: F, then: A)
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        A: FnOnce(Result<T>) + Send + 'static,
    {
        self.writer.submit(Job::boxed(Worth::Passing, work, then), &self.path);
    }

    /// Tells of changes from now on, made here or by another process. While anybody holds what this
    /// gives, the writer's thread looks for other processes' commits every few milliseconds, or every few
    /// dozen: see [`Database::found_nothing`].
    pub fn changes(&self) -> watch::Receiver<()> {
        let mut changes = self.changes.clone();
        changes.mark_unchanged();
        changes
    }

    /// What woke somebody by `changes` was for him: the looks for others' commits are frequent.
    pub fn found(&self) {
        self.pace.found();
    }

    /// What woke somebody by `changes` was not for him: where that goes on, the looks for others'
    /// commits become less frequent, down to twenty-five a second.
    pub fn found_nothing(&self) {
        self.pace.found_nothing();
    }

    /// Gives free pages back to the disk where they are a large part of the file, in steps between
    /// which others write. A file that cannot be made smaller keeps its size.
    pub async fn give_back_pages(&self) {
        let step = |c: &Connection| {
            let before = writer::free_pages(c)?;
            writer::shrink(c)?;
            Ok(writer::free_pages(c)? < before)
        };
        while self.look(writer::is_sparse).await.unwrap_or(false)
            && self.write(step).await.unwrap_or(false)
        {}
    }

    /// Lets go of it. The last handle of the process finishes what was asked for, writes the log
    /// into the file and waits for the thread.
    pub async fn close(self: Arc<Self>) -> Result<()> {
        let Some(database) = Arc::into_inner(self) else { return Ok(()) };
        let path = database.path;
        let stopped = tokio::task::spawn_blocking(move || database.writer.stop()).await;
        match stopped {
            Ok(true) => Ok(()),
            _ => Err(writer::stopped(&path)),
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
