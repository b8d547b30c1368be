//! `sql:DATABASE-URL?query=SQL`: the rows of a query to PostgreSQL, MariaDB, MySQL or SQLite.
//!
//! Rows that have a time (`at=COLUMN`) are published so much `ahead` of it, each once: windows follow
//! each other without a gap, from where the last one ended, whenever ticks come. A window is
//! remembered after the queue took all of it; what is cut off in between is read again, and gets the
//! ids and the bodies that it had. So does what another replica publishes. Rows without a time are a
//! message each, at each tick.
//!
//! | piece | where |
//! |---|---|
//! | windows, days and zones, purely | `window` |
//! | which windows were published, purely | `taken` |
//! | what a tick is to look at, purely | `aim` |
//! | the query with its values, purely | `question` |
//! | what the database is asked | `asker` |
//! | rows as they are read, in batches | `reading` |
//! | a row's time and its message, purely | `moment`, `row` |
//! | what is remembered | `memory` |

mod aim;
mod asker;
mod backend;
mod memory;
mod moment;
mod options;
mod question;
mod reading;
mod row;
mod row_time;
mod taken;
mod window;

pub use backend::SqlBackend;

use super::ids::Ids;
use super::polling::Uncommitted;
use super::{Batch, Options, Source, Stop};
use crate::batch::BatchLimits;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::text;
use aim::{Aim, Habits, Next};
use asker::Asker;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use memory::Memory;
use options::SqlOptions;
use reading::{Piece, Reading};
use std::path::PathBuf;
use std::sync::Arc;
use window::{Window, minute};

const SOURCE: &str = "sql";

/// Rows of a batch, each by its id and with the time up to which it may be met again.
type Rows = Vec<(String, DateTime<Utc>)>;

/// Makes the source of a URL, and reads its state file; the database is asked at the first tick.
///
/// # Errors
/// `Usage` for a URL or a query that cannot be meant; `Configuration` for a file that cannot be read,
/// or a login that is not whole.
pub fn open(url: Location, options: &Options) -> Result<Box<dyn Source>> {
    let Setup { asker, habits, state } = setup(url, options)?;
    let memory = match asker.manner.has_windows() {
        true => Some(Memory::open(state?)?),
        false => None,
    };
    Ok(Box::new(Sql {
        asker: Arc::new(asker),
        ids: Ids::new(options.ids, options.clock.clone()),
        habits,
        memory,
        clock: options.clock.clone(),
        limits: options.limits(),
        dry_run: options.dry_run,
        aim: None,
        pieces: None,
        finished: false,
        found: 0,
        warned: false,
        stopped: false,
        uncommitted: Uncommitted::new(),
    }))
}

/// What a URL comes to.
struct Setup {
    asker: Asker,
    habits: Habits,
    /// The state file, or why there is no place for one.
    state: Result<PathBuf>,
}

fn setup(url: Location, options: &Options) -> Result<Setup> {
    let parsed = SqlOptions::of(url, &options.environment)?;
    let state = match &parsed.state {
        Some(path) => Ok(path.clone()),
        None => default_state(&parsed, options),
    };
    let SqlOptions { client, query, zones, form, manner, habits, .. } = parsed;
    let asker = Asker { client, query, zones, zone: options.timezone, form, manner };
    Ok(Setup { asker, habits, state })
}

/// The default state file: one for each database, query and form of ids, and its name tells none of
/// them.
fn default_state(parsed: &SqlOptions, options: &Options) -> Result<PathBuf> {
    if options.data_dir.as_os_str().is_empty() {
        return Err(Error::new(Kind::Configuration, "there is no place for the state of `sql:`")
            .because_of("neither `HOME` nor `XDG_DATA_HOME` is set")
            .hint("name a file with `state=FILE`"));
    }
    let identity = parsed.client.identity()?;
    let database = identity.names().next().unwrap_or_default();
    let name = text::short_name(format!("{database}\n{}", parsed.name));
    Ok(options.data_dir.join(format!("sql-{name}.json")))
}

struct Sql {
    asker: Arc<Asker>,
    /// For rows without columns that make an id.
    ids: Ids,
    habits: Habits,
    /// What was published; `None` where each tick reads all rows.
    memory: Option<Memory>,
    clock: Clock,
    limits: BatchLimits,
    dry_run: bool,
    /// What this tick looks at.
    aim: Option<Aim>,
    /// The batches of this tick that were not read yet.
    pieces: Option<BoxStream<'static, Result<Piece>>>,
    /// All rows of this tick were read.
    finished: bool,
    /// How many rows this tick has found.
    found: usize,
    /// Whether it was told that the clock was set back.
    warned: bool,
    /// Nothing is asked any more.
    stopped: bool,
    uncommitted: Uncommitted<Rows>,
}

#[async_trait]
impl Source for Sql {
    async fn read(&mut self, tick: u64) -> Result<Option<Batch>> {
        if self.uncommitted.begins(tick) && !self.stopped {
            self.begin();
        }
        while let Some(pieces) = &mut self.pieces {
            match pieces.next().await {
                Some(Ok(piece)) => {
                    if let Some(batch) = self.hand_over(piece) {
                        return Ok(Some(batch));
                    }
                }
                Some(Err(error)) => return Err(self.failed(error)),
                None => self.end(),
            }
        }
        Ok(None)
    }

    async fn commit(&mut self, batch: u64) -> Result<()> {
        if let (Some(rows), Some(memory)) = (self.uncommitted.take(batch), &mut self.memory) {
            memory.remember(rows);
        }
        Ok(())
    }

    /// The tick is over: where all of it was published, that is remembered.
    async fn flush(&mut self) -> Result<()> {
        let Some(memory) = &mut self.memory else { return Ok(()) };
        let safe = self.finished && (self.dry_run || self.uncommitted.is_empty());
        if let Some(aim) = self.aim.take_if(|_| safe) {
            memory.finish(&aim);
        }
        match self.dry_run {
            true => Ok(()),
            false => memory.save().await,
        }
    }

    /// What was not handed over is read again by the next run.
    fn stop(&mut self, _how: Stop) {
        (self.stopped, self.pieces) = (true, None);
    }

    /// A tick that finds no row is nothing strange: its end is told where ticks are.
    fn nothing(&self) -> Option<String> {
        None
    }
}

impl Sql {
    /// A tick begins: decides what it looks at.
    fn begin(&mut self) {
        (self.aim, self.pieces, self.finished, self.found) = (None, None, false, 0);
        let now = self.clock.now();
        let Some(memory) = &self.memory else {
            let since = minute(now);
            let window = Window { since, until: since + TimeDelta::minutes(1) };
            self.pieces = Some(self.reading(window).pieces());
            return;
        };
        match self.habits.next(now, memory.taken()) {
            Next::Look(aim) => self.look(*aim),
            Next::Taken => tracing::debug!("all rows of this minute were published before"),
            Next::SetBack(until) if !self.warned => {
                self.warned = true;
                tracing::warn!(
                    "nothing is published before {}: up to then it was, and the clock was set back",
                    self.shown(until - self.habits.ahead)
                );
            }
            Next::SetBack(_) => {}
        }
    }

    fn look(&mut self, aim: Aim) {
        self.warned = false;
        let past = aim.past.map(|past| self.count(past, aim.uncounted));
        let pieces = self.reading(aim.look).pieces();
        self.pieces = Some(match past {
            Some(past) => pieces.chain(past).boxed(),
            None => pieces,
        });
        self.aim = Some(aim);
    }

    fn reading(&self, window: Window) -> Reading {
        Reading::new(self.asker.clone(), window, self.limits)
    }

    /// Counts the rows that nobody has published in time, and tells of them; gives an empty piece.
    fn count(&self, past: Window, uncounted: Option<Window>) -> BoxStream<'static, Result<Piece>> {
        let reading = self.reading(past);
        let stretch = |it: Window| format!("{} to {}", self.shown(it.since), self.shown(it.until));
        let (past, uncounted) = (stretch(past), uncounted.map(stretch));
        let counted = async move {
            let rows = reading.count().await?;
            if let Some(uncounted) = uncounted {
                tracing::warn!("nobody has looked from {uncounted}, and that is past");
            }
            match rows {
                0 => tracing::info!("no row from {past} was missed"),
                _ => tracing::warn!(
                    rows,
                    "rows whose time is past are not published: {rows}, from {past}"
                ),
            }
            Ok(Piece::default())
        };
        futures_util::stream::once(counted).boxed()
    }

    /// A batch goes out, without the rows that are known; what its commit is to remember stays here.
    fn hand_over(&mut self, piece: Piece) -> Option<Batch> {
        let Piece { mut batch, times } = piece;
        self.found += batch.messages.len();
        let knows = |id: &str| self.memory.as_ref().is_some_and(|memory| memory.knows(id));
        let all = std::mem::take(&mut batch.messages).into_iter().zip(times);
        let mut rows = Rows::new();
        for (mut message, time) in all.filter(|(message, _)| !knows(&message.id)) {
            if message.id.is_empty() {
                message.id = self.ids.next();
            }
            if !self.habits.overlap.is_zero() {
                rows.push((message.id.clone(), time));
            }
            batch.messages.push(message);
        }
        let is_empty = batch.messages.is_empty() && batch.refused.is_empty();
        self.remember_begin();
        (!is_empty).then(|| self.uncommitted.hand_over(batch, rows))
    }

    /// The tick gives no more; where that may be another time, the next one begins where this one did.
    fn failed(&mut self, error: Error) -> Error {
        self.pieces = None;
        if matches!(error.kind(), Kind::Unreachable | Kind::Failed) {
            self.remember_begin();
        }
        error
    }

    fn remember_begin(&mut self) {
        if let (Some(aim), Some(memory)) = (&self.aim, &mut self.memory) {
            memory.begin(aim.look.since);
        }
    }

    /// All rows of the tick were read; where there was none, that is one line.
    fn end(&mut self) {
        (self.pieces, self.finished) = (None, true);
        if self.found > 0 {
            return;
        }
        match &self.aim {
            Some(aim) => {
                let (since, until) = (self.shown(aim.look.since), self.shown(aim.look.until));
                tracing::info!("no row was found from {since} to {until}");
            }
            None => tracing::info!("the query gave no row"),
        }
    }

    /// A time as the zone of this run has it.
    fn shown(&self, time: DateTime<Utc>) -> String {
        time.with_timezone(&self.asker.zone).to_rfc3339()
    }
}
