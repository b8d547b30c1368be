//! Whose a file is, and of which version: what is ours is made, or brought up to date.

use super::failure::explain;
use crate::error::{Error, Kind, Result};
use rusqlite::{Connection, TransactionBehavior};
use std::cmp::Ordering;
use std::path::Path;

/// What a file is for. SQLite keeps the number in the file's header (`PRAGMA application_id`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The embedded queue.
    Queue,
    /// The embedded store.
    Store,
    /// The count of attempts.
    Attempts,
    /// What is kept of each hour of a store's readings.
    Hours,
}

impl Purpose {
    const ALL: [Self; 4] = [Self::Queue, Self::Store, Self::Attempts, Self::Hours];

    /// `kkhq`, `kkhs`, `kkha` and `kkhh`.
    pub fn application_id(self) -> i32 {
        i32::from_be_bytes(match self {
            Self::Queue => *b"kkhq",
            Self::Store => *b"kkhs",
            Self::Attempts => *b"kkha",
            Self::Hours => *b"kkhh",
        })
    }

    /// What a person calls it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Store => "store",
            Self::Attempts => "count of attempts",
            Self::Hours => "cache of readings",
        }
    }

    /// How safe a commit is (`PRAGMA synchronous`). What only counts need not outlast a power cut:
    /// there the file stays whole and may lack its last seconds.
    pub fn synchronous(self) -> &'static str {
        match self {
            Self::Queue | Self::Store => "FULL",
            Self::Attempts | Self::Hours => "NORMAL",
        }
    }
}

/// What a file of ours holds.
#[derive(Debug)]
pub struct Schema {
    /// What it is for.
    pub purpose: Purpose,
    /// Raised when `tables` change (`PRAGMA user_version`); from 1.
    pub version: i32,
    /// The statements that make a fresh file's tables.
    pub tables: &'static str,
    /// What brings a file of version 1 to version 2, then that to version 3, and so on.
    pub upgrades: &'static [Upgrade],
}

/// What brings a file to the next version.
#[derive(Debug)]
pub struct Upgrade {
    /// The statements that do it.
    pub sql: &'static str,
    /// Nobody else may have the file open.
    pub alone: bool,
}

impl Upgrade {
    /// An upgrade under which a program of the older version goes on: what its statements name stays.
    pub const fn beside_others(sql: &'static str) -> Self {
        Self { sql, alone: false }
    }

    /// An upgrade that is done only while nobody else has the file open.
    pub const fn alone(sql: &'static str) -> Self {
        Self { sql, alone: true }
    }
}

/// What a file is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Empty.
    Fresh,
    /// An older version that can be upgraded; perhaps only while nobody else has it open.
    Older { alone: bool },
    /// This version.
    Current,
}

/// What the file is; one that is not ours, or of a version that we cannot use, is refused.
pub fn state(connection: &Connection, path: &Path, schema: &Schema) -> Result<State> {
    let failed = |failure: rusqlite::Error| explain("open", path, &failure);
    // In one transaction: another process may make a fresh file its own between two questions, and
    // half of that would look like another program's file.
    let snapshot = connection.unchecked_transaction().map_err(failed)?;
    let ask = |sql: &str| snapshot.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
    let tables = ask("SELECT count(*) FROM sqlite_schema")?;
    let application = ask("PRAGMA application_id")?;
    let version = ask("PRAGMA user_version")?;
    snapshot.commit().map_err(failed)?;
    let refuse = |why: String, hint: String| {
        Err(Error::new(Kind::Configuration, format!("cannot use `{}`", path.display()))
            .because_of(why)
            .hint(hint))
    };
    let noun = schema.purpose.noun();
    if application == i64::from(schema.purpose.application_id()) {
        return match version.cmp(&i64::from(schema.version)) {
            Ordering::Equal => Ok(State::Current),
            Ordering::Less if version >= 1 => {
                let alone = missing(schema, version).any(|step| step.alone);
                Ok(State::Older { alone })
            }
            Ordering::Greater => refuse(
                format!("a newer version of this program made it (format {version})"),
                format!("use that version, or name another file for the {noun}"),
            ),
            Ordering::Less => refuse(
                format!("its format {version} is older than any that this program reads"),
                format!("name another file for the {noun}"),
            ),
        };
    }
    let other = Purpose::ALL.iter().find(|it| i64::from(it.application_id()) == application);
    if let Some(other) = other {
        return refuse(
            format!("it is a {}, not a {noun}", other.noun()),
            "queue and store are two files: name another one".to_owned(),
        );
    }
    if application == 0 && version == 0 && tables == 0 {
        return Ok(State::Fresh);
    }
    refuse(
        "it is another program's database".to_owned(),
        format!("name another file for the {noun}: a new one is made where none is"),
    )
}

/// The upgrades that a file of this version lacks.
fn missing(schema: &Schema, version: i64) -> impl Iterator<Item = &Upgrade> {
    schema.upgrades.iter().skip(usize::try_from(version - 1).unwrap_or_default())
}

/// Makes a fresh file ours. Another process may have been faster.
pub fn found(connection: &mut Connection, schema: &Schema) -> rusqlite::Result<()> {
    // Both are kept in the file, and can be chosen only before its first table.
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        transaction.execute_batch(schema.tables)?;
        transaction.pragma_update(None, "application_id", schema.purpose.application_id())?;
        transaction.pragma_update(None, "user_version", schema.version)?;
    }
    fail::fail_point!("sqlite-found");
    transaction.commit()
}

/// Brings a file up to this version, in one transaction. Another process may have been faster.
pub fn upgrade(connection: &mut Connection, schema: &Schema) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for step in missing(schema, version.into()) {
        transaction.execute_batch(step.sql)?;
    }
    transaction.pragma_update(None, "user_version", version.max(schema.version))?;
    fail::fail_point!("sqlite-upgrade");
    transaction.commit()
}
