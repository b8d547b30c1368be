//! How often each message was tried, where its queue does not count that: a small file beside the
//! user's others.
//!
//! A row is made before a message is written and goes when the message is settled. What is found
//! there as being written is what a run was writing when it died: its lease was lost, and that
//! counts. What is only given back does not.

use crate::clients::sqlite::{Database, Purpose, Reader, Schema, Upgrade};
use crate::clock::Clock;
use crate::error::Result;
use crate::identity::Key;
use crate::queues::wipe_out;
use crate::times;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::OnceCell;

/// The file's name in the user's data folder.
pub const FILE: &str = "attempts.db";

/// Rows that nobody touched for so long are of messages that no queue holds any more, in
/// milliseconds: 31 days, the longest that Pub/Sub retains one; SQS has 14.
const REMEMBERED: i64 = 31 * 24 * 60 * 60 * 1000;

/// At most this many such rows are dropped when the file is opened.
const PRUNED: i64 = 10_000;

static SCHEMA: Schema = Schema {
    purpose: Purpose::Attempts,
    version: 2,
    tables: "CREATE TABLE tries (
                place TEXT NOT NULL,
                id TEXT NOT NULL,
                failed INTEGER NOT NULL, -- writes that failed, and leases that were lost
                writing INTEGER NOT NULL, -- 1 from before a write until it is settled
                first_at INTEGER NOT NULL, -- milliseconds since 1970
                touched INTEGER NOT NULL,
                lost INTEGER NOT NULL DEFAULT 0, -- leases that were lost, which `failed` counts too
                PRIMARY KEY (place, id)
             ) STRICT, WITHOUT ROWID;",
    upgrades: &[Upgrade::beside_others(
        "ALTER TABLE tries ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;",
    )],
};

/// How a message stands before a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// When the first one began.
    pub first_at: DateTime<Utc>,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The message is settled for good: nothing more is to be known about it.
    Settled,
    /// The attempt failed, and counts.
    Failed,
    /// Nothing was decided, and nothing counts.
    Released,
}

/// The count of one queue's messages. The file is opened when it is first needed; where that
/// fails, nobody counts, and that is said once.
#[derive(Debug)]
pub struct Attempts {
    path: Option<PathBuf>,
    key: Key,
    clock: Clock,
    database: OnceCell<Option<Arc<Database>>>,
    /// Looks without waiting for whoever writes.
    reader: OnceCell<Reader>,
    /// What this process is writing.
    writing: Mutex<HashSet<String>>,
    failed: AtomicBool,
}

impl Attempts {
    /// The count for the queue of this key, in this file; `None`: there is no folder for it.
    pub fn new(path: Option<PathBuf>, key: impl Into<Key>, clock: Clock) -> Self {
        let (database, reader, writing, failed) = Default::default();
        Self { path, key: key.into(), clock, database, reader, writing, failed }
    }

    /// These messages are about to be written. Answers in their order; an id that is there twice
    /// is one message. `None`: nobody counts.
    pub async fn begin(&self, ids: Vec<String>) -> Option<Vec<Tried>> {
        let database = self.database().await?;
        self.writing().extend(ids.iter().cloned());
        let (place, clock) = (self.key.name().to_owned(), self.clock.clone());
        self.told(database.write(move |c| begin(c, &place, clock.millis(), &ids)).await)
    }

    /// How often each of these messages has lost a lease in mid-work, in their order: what another
    /// run was writing when it died has lost one more. `None`: nobody counts.
    pub async fn lost(&self, ids: Vec<String>) -> Option<Vec<u32>> {
        let path = self.database().await?.path();
        let reader = self.reader.get_or_try_init(|| Reader::open(path, &SCHEMA)).await;
        let reader = self.told(reader)?;
        let place = self.key.name().to_owned();
        let ours: Vec<_> = {
            let writing = self.writing();
            ids.iter().map(|id| writing.contains(id)).collect()
        };
        self.told(reader.read(move |c| lost(c, &place, &ids, &ours)).await)
    }

    /// This became of them.
    pub async fn end(&self, ended: Vec<(String, Ended)>) {
        let Some(Some(database)) = self.database.get() else { return };
        let over: HashSet<_> = ended.iter().map(|(id, _)| id.as_str()).collect();
        self.writing().retain(|id| !over.contains(id.as_str()));
        let place = self.key.name().to_owned();
        self.told(database.write(move |c| end(c, &place, &ended)).await);
    }

    /// Closes the file. What was still being written is given back, and does not count.
    pub async fn close(self) -> Result<()> {
        let cut_off = std::mem::take(&mut *self.writing());
        if !cut_off.is_empty() {
            self.end(cut_off.into_iter().map(|id| (id, Ended::Released)).collect()).await;
        }
        drop(self.reader);
        match self.database.into_inner().flatten() {
            Some(database) => database.close().await,
            None => Ok(()),
        }
    }

    fn writing(&self) -> MutexGuard<'_, HashSet<String>> {
        self.writing.lock().expect("no holder of the ids panics")
    }

    async fn database(&self) -> Option<&Arc<Database>> {
        let opened = self.database.get_or_init(async || {
            let Some(path) = &self.path else {
                tracing::warn!(
                    "attempts are not counted: there is no data folder, and this queue does not \
                     count them; set `HOME`"
                );
                return None;
            };
            let (clock, key) = (self.clock.clone(), self.key.clone());
            let opened = async {
                let database = Database::open(path, &SCHEMA).await?;
                let tidy = move |c: &_| prune(c, clock.millis()).and_then(|()| adopt(c, &key));
                database.write(tidy).await?;
                Ok(database)
            };
            self.told(opened.await)
        });
        opened.await.as_ref()
    }

    /// A failure is said once: the run goes on without.
    fn told<T>(&self, result: Result<T>) -> Option<T> {
        result
            .inspect_err(|error| {
                if !self.failed.swap(true, Ordering::Relaxed) {
                    tracing::warn!("attempts are not counted: {}", error.one_line());
                }
            })
            .ok()
    }
}

fn begin(c: &Connection, place: &str, now: i64, ids: &[String]) -> rusqlite::Result<Vec<Tried>> {
    // What this same batch has begun was not left behind by anybody.
    let mut begun = HashSet::new();
    let mut statement = c.prepare_cached(
        "INSERT INTO tries (place, id, failed, writing, first_at, touched)
         VALUES (?1, ?2, 0, 1, ?3, ?3)
         ON CONFLICT (place, id) DO UPDATE
         SET failed = failed + iif(?4, writing, 0), lost = lost + iif(?4, writing, 0),
             writing = 1, touched = ?3
         RETURNING failed, first_at",
    )?;
    let begin = ids.iter().map(|id| {
        statement.query_row(params![place, id, now, begun.insert(id)], |row| {
            let failed: u32 = row.get(0)?;
            let first_at = times::from_millis(row.get(1)?).unwrap_or_default();
            Ok(Tried { attempt: failed.saturating_add(1), first_at })
        })
    });
    begin.collect()
}

fn lost(c: &Connection, place: &str, ids: &[String], ours: &[bool]) -> rusqlite::Result<Vec<u32>> {
    let mut statement = c.prepare_cached(
        "SELECT lost + iif(?3, 0, writing) FROM tries WHERE place = ?1 AND id = ?2",
    )?;
    let lost = ids.iter().zip(ours).map(|(id, ours)| {
        let row = statement.query_row(params![place, id, ours], |row| row.get(0)).optional()?;
        Ok(row.unwrap_or_default())
    });
    lost.collect()
}

fn end(c: &Connection, place: &str, ended: &[(String, Ended)]) -> rusqlite::Result<()> {
    let mut forget = c.prepare_cached("DELETE FROM tries WHERE place = ?1 AND id = ?2")?;
    let mut note = c.prepare_cached(
        "UPDATE tries SET failed = failed + ?3, writing = 0 WHERE place = ?1 AND id = ?2",
    )?;
    for (id, ended) in ended {
        match ended {
            Ended::Settled => forget.execute(params![place, id])?,
            Ended::Failed => note.execute(params![place, id, 1])?,
            Ended::Released => note.execute(params![place, id, 0])?,
        };
    }
    Ok(())
}

/// Finds what older versions counted under other names, and gives it today's. There may be secrets in
/// those names.
fn adopt(c: &Connection, key: &Key) -> rusqlite::Result<()> {
    let known = "SELECT EXISTS (SELECT 1 FROM tries WHERE place = ?1)";
    for old in key.older() {
        if c.query_row(known, [old], |row| row.get(0))? {
            wipe_out(c, |c| {
                let rename = "UPDATE OR IGNORE tries SET place = ?2 WHERE place = ?1";
                c.execute(rename, [old, key.name()])?;
                c.execute("DELETE FROM tries WHERE place = ?1", [old])
            })?;
        }
    }
    Ok(())
}

fn prune(c: &Connection, now: i64) -> rusqlite::Result<()> {
    let mut statement = c.prepare_cached(
        "DELETE FROM tries WHERE (place, id) IN
         (SELECT place, id FROM tries WHERE touched < ?1 LIMIT ?2)",
    )?;
    statement.execute(params![now.saturating_sub(REMEMBERED), PRUNED]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ClockControl;
    use chrono::TimeDelta;
    use tempfile::TempDir;

    struct Fixture {
        dir: TempDir,
        clock: Clock,
        hand: ClockControl,
    }

    impl Fixture {
        fn new() -> Self {
            let (clock, hand) = Clock::manual(DateTime::from_timestamp(1_000_000, 0).unwrap());
            Self { dir: TempDir::with_prefix("kakehi-attempts-").unwrap(), clock, hand }
        }

        fn attempts(&self, place: &str) -> Attempts {
            let path = self.dir.path().join(FILE);
            Attempts::new(Some(path), place.to_owned(), self.clock.clone())
        }
    }

    async fn begin(attempts: &Attempts, ids: &[&str]) -> Vec<u32> {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        attempts.begin(ids).await.unwrap().into_iter().map(|tried| tried.attempt).collect()
    }

    async fn lost(attempts: &Attempts, ids: &[&str]) -> Vec<u32> {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        attempts.lost(ids).await.unwrap()
    }

    async fn end(attempts: &Attempts, id: &str, ended: Ended) {
        attempts.end(vec![(id.to_owned(), ended)]).await;
    }

    #[tokio::test]
    async fn failures_count_and_releases_do_not() {
        let place = Fixture::new();
        let attempts = place.attempts("q");
        for expected in [1, 2, 3] {
            assert_eq!(begin(&attempts, &["a", "b"]).await, [expected, 1]);
            end(&attempts, "a", Ended::Failed).await;
            end(&attempts, "b", Ended::Released).await;
        }
        assert_eq!(begin(&attempts, &["a"]).await, [4]);
        end(&attempts, "a", Ended::Settled).await;
        assert_eq!(begin(&attempts, &["a"]).await, [1], "it was settled");
    }

    #[tokio::test]
    async fn what_was_being_written_when_its_holder_died_counts_one() {
        let place = Fixture::new();
        let dies = place.attempts("q");
        assert_eq!(begin(&dies, &["a"]).await, [1]);
        assert_eq!(lost(&dies, &["a"]).await, [0]);
        drop(dies);
        let next = place.attempts("q");
        assert_eq!(lost(&next, &["a", "b"]).await, [1, 0]);
        assert_eq!(begin(&next, &["a"]).await, [2]);
        assert_eq!(lost(&next, &["a", "b"]).await, [1, 0], "it is no other's");
        next.close().await.unwrap();
        let last = place.attempts("q");
        assert_eq!(begin(&last, &["a"]).await, [2], "what was cut off does not count");
        end(&last, "a", Ended::Failed).await;
        assert_eq!(lost(&last, &["a"]).await, [1], "a failure is no lost lease");
    }

    #[tokio::test]
    async fn an_id_that_is_twice_in_a_batch_is_one_message() {
        let place = Fixture::new();
        assert_eq!(begin(&place.attempts("q"), &["a", "a"]).await, [1, 1]);
    }

    #[tokio::test]
    async fn each_queue_has_its_own_count_and_the_first_time_stays() {
        let place = Fixture::new();
        let (one, other) = (place.attempts("one"), place.attempts("other"));
        begin(&one, &["a"]).await;
        end(&one, "a", Ended::Failed).await;
        place.hand.advance(TimeDelta::hours(1));
        assert_eq!(begin(&other, &["a"]).await, [1]);
        let tried = one.begin(vec!["a".to_owned()]).await.unwrap()[0];
        assert_eq!((tried.attempt, tried.first_at.timestamp()), (2, 1_000_000));
    }

    #[tokio::test]
    async fn what_an_older_version_counted_is_found_and_its_secret_is_gone() {
        let place = Fixture::new();
        let old = place.attempts("q at http://me:hunter2@h");
        begin(&old, &["a"]).await;
        end(&old, "a", Ended::Failed).await;
        old.close().await.unwrap();
        let key = Key::new("q at http://h").before(["q at http://me:hunter2@h".to_owned()]);
        let new = Attempts::new(Some(place.dir.path().join(FILE)), key, place.clock.clone());
        assert_eq!(begin(&new, &["a", "b"]).await, [2, 1]);
        new.close().await.unwrap();
        let kept = std::fs::read(place.dir.path().join(FILE)).unwrap();
        assert!(!kept.windows(7).any(|bytes| bytes == b"hunter2"));
    }

    #[tokio::test]
    async fn what_no_queue_can_hold_any_more_is_forgotten() {
        let place = Fixture::new();
        let old = place.attempts("q");
        begin(&old, &["a"]).await;
        end(&old, "a", Ended::Failed).await;
        old.close().await.unwrap();
        place.hand.advance(TimeDelta::days(32));
        assert_eq!(begin(&place.attempts("q"), &["a"]).await, [1]);
    }

    #[tokio::test]
    async fn without_a_folder_nobody_counts() {
        let attempts = Attempts::new(None, "q".to_owned(), Clock::system());
        assert_eq!(attempts.begin(vec!["a".to_owned()]).await, None);
        attempts.end(vec![("a".to_owned(), Ended::Failed)]).await;
        attempts.close().await.unwrap();
    }
}
