//! `exec:PROGRAM`, or `subscribe -- COMMAND ARGS...`: a command is the sink, in whatever language.
//!
//! It runs once per message: the body is its standard input, id, attempt, group, tag and attributes
//! are in its environment (`variables`). Where a number of messages per run is asked for, it gets
//! them as lines of JSON, as `stdout:?envelope` writes them. Its standard output is ours; each line
//! of its standard error becomes a warning in our log, but for `checkin: TEXT`, by which a job says how
//! far it is: a queue that shows its workers shows that.
//!
//! Its exit code says what became of the message:
//!
//! | exit | |
//! |---|---|
//! | 0 | stored |
//! | 65 | rejected: a dead letter |
//! | 69, 75 | the sink is unavailable: receiving stops, and no attempt is spent |
//! | anything else, a signal, the end of the time it may take | failed: tried again |
//!
//! A batch that failed or was rejected runs again, one message at a time. The runs of one group of
//! messages come one after the other, others at the same time. Each run is a process group of its
//! own, which ends when its time is over, when we end, and when we are
//! killed (`src/clients/command/groups.rs`).

mod lanes;
pub(super) mod outcome;
mod run;
mod variables;

use super::{Backend, Defaults, Options, Outcome, Sink};
use crate::clients::command::{Groups, Program};
use crate::error::{Error, Kind, Result};
use crate::identity::Identity;
use crate::location::Location;
use crate::message::Delivery;
use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _};
use lanes::Lane;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use run::{Input, Runner};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::Semaphore;

/// What runs, and how.
#[derive(Clone)]
pub struct Command {
    /// The arguments after the program, which the URL names.
    pub arguments: Vec<OsString>,
    /// How many messages a run gets: 1 gives it the body, more give it lines of JSON.
    pub batch: usize,
    /// How many runs there may be at once.
    pub concurrency: usize,
    /// How long one run may take.
    pub timeout: Duration,
}

impl Default for Command {
    fn default() -> Self {
        Self { arguments: Vec::new(), batch: 1, concurrency: 4, timeout: Duration::from_secs(300) }
    }
}

/// The arguments are counted and not shown: there may be a password among them.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { arguments, batch, concurrency, timeout } = self;
        let count = arguments.len();
        write!(f, "Command({count} arguments, {batch} a run, {concurrency} at once, {timeout:?})")
    }
}

/// The URL of this program as a sink.
pub fn url(program: &OsStr) -> Result<Location> {
    let program = percent_encode(program.as_bytes(), NON_ALPHANUMERIC);
    Location::parse(&format!("exec:{program}"))
}

/// The kind of sink that is a command.
pub struct ExecBackend;

#[async_trait]
impl Backend for ExecBackend {
    fn parameters(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn has_path(&self) -> bool {
        true
    }

    /// Opens the command as a sink; a program that is not there, or may not be run, is refused.
    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Sink>> {
        url.finish(&[])?;
        let name = url.file().into_os_string();
        if name.is_empty() {
            return Err(Error::new(Kind::Usage, "`exec:` names no program")
                .hint("write `-- COMMAND ARGS...`, or `--to exec:PROGRAM`"));
        }
        let command = options.command.clone();
        let program = Program::find(&name, command.arguments, &options.environment)?;
        let (time, checkins) = (command.timeout, options.checkins.clone());
        let runner = Runner::new(program, time, &options.environment, Groups::open(), checkins);
        let Command { batch, concurrency, .. } = command;
        let permits = Semaphore::new(concurrency.clamp(1, Semaphore::MAX_PERMITS));
        Ok(Box::new(Exec { runner, batch, permits }))
    }

    /// Names a program by its file, or by its name where `PATH` leads to it.
    fn identity(&self, url: &Location, _options: &Options) -> Result<Identity> {
        let path = url.file();
        match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => {
                Ok(Identity::in_file(super::file(&path)?, "").of_kind("command"))
            }
            _ => Ok(Identity::named(url.describe())),
        }
    }

    fn describe(&self, url: &Location, _options: &Options) -> Option<String> {
        url.path().ok().map(|program| format!("command {program}"))
    }

    fn defaults(&self) -> Defaults {
        Defaults { batch: 1, runs: true, shows: true }
    }
}

/// A command as a sink.
struct Exec {
    runner: Runner,
    batch: usize,
    /// Permits for runs, over all writes: as many as may run at once.
    permits: Semaphore,
}

#[async_trait]
impl Sink for Exec {
    /// Looks whether the program is there. Whether its own sink is available only a run can tell.
    async fn ping(&self) -> Result<()> {
        self.runner.program().ensure_runnable()
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let stop = OnceLock::new();
        let lanes = lanes::of(batch, self.batch);
        let walks = stream::iter(lanes).map(|lane| self.walk(lane, batch, &stop));
        let mut outcomes = vec![Outcome::Unwritten; batch.len()];
        // As many begin as there are: each of their runs waits for its place.
        let mut told = walks.buffer_unordered(usize::MAX);
        while let Some(some) = told.next().await {
            for (at, outcome) in some {
                outcomes[at] = outcome;
            }
        }
        outcomes
    }

    fn ordered(&self) -> bool {
        true
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.runner.close().await;
        Ok(())
    }
}

impl Exec {
    /// Runs what is in one lane, one run after the other. `stop` is what the first run that found
    /// the sink unavailable, or its reader gone, said to all of them.
    async fn walk(
        &self,
        mut lane: Lane,
        batch: &[Delivery],
        stop: &OnceLock<Outcome>,
    ) -> Vec<(usize, Outcome)> {
        let mut outcomes = Vec::with_capacity(lane.len());
        while let Some(places) = lane.next(batch) {
            let outcome = match stop.get() {
                Some(outcome) => outcome.clone(),
                None => {
                    let _permit = self.permits.acquire().await.expect("nobody closes it");
                    self.runner.run(self.input(&places, batch)).await
                }
            };
            match &outcome {
                Outcome::Stored => {}
                Outcome::Unavailable(_) | Outcome::Closed => {
                    stop.get_or_init(|| outcome.clone());
                }
                _ if places.len() > 1 => {
                    tracing::info!("a batch failed: its messages run one at a time");
                    lane.one_by_one(places);
                    continue;
                }
                _ => lane.hold_back_after(places[0], batch),
            }
            outcomes.extend(places.into_iter().map(|at| (at, outcome.clone())));
        }
        outcomes
    }

    fn input<'b>(&self, places: &[usize], batch: &'b [Delivery]) -> Input<'b> {
        match places {
            [at] if self.batch == 1 => Input::Body(&batch[*at]),
            _ => Input::Lines(places.iter().map(|at| &batch[*at]).collect()),
        }
    }
}
