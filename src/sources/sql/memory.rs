//! What was published, in a small file: the windows, and the rows of the stretch that is looked at
//! again.

use super::SOURCE;
use super::aim::Aim;
use super::taken::Taken;
use crate::error::Result;
use crate::sources::polling::Remembered;
use crate::text;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How many hexadecimal digits stand for an id.
const DIGITS: usize = 32;

/// What the file says.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Published {
    taken: Taken,
    /// Rows by the digests of their ids, each with the time up to which it may be met again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    rows: BTreeMap<String, DateTime<Utc>>,
}

/// What was published, and its file.
pub(super) struct Memory(Remembered<Published>);

impl Memory {
    /// Reads the file, which may be missing.
    ///
    /// # Errors
    /// `Configuration` for a file that cannot be read or is not ours: it would be overwritten.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        Remembered::open(path, SOURCE, "sql:").map(Self)
    }

    /// The windows whose rows were published.
    pub(super) fn taken(&self) -> &Taken {
        &self.0.state().taken
    }

    /// Whether a row of this id was published, as far as that is remembered.
    pub(super) fn knows(&self, id: &str) -> bool {
        let rows = &self.0.state().rows;
        !rows.is_empty() && rows.contains_key(&key(id))
    }

    /// Remembers where the first window begins, so that it is not forgotten where the first tick
    /// fails. On disk after the next `save`.
    pub(super) fn begin(&mut self, since: DateTime<Utc>) {
        self.0.change(|published| published.taken.begin(since));
    }

    /// Remembers rows that were published. They are on disk after the next `save`.
    pub(super) fn remember(&mut self, rows: Vec<(String, DateTime<Utc>)>) {
        self.0.change(|published| {
            let some = !rows.is_empty();
            published.rows.extend(rows.iter().map(|(id, time)| (key(id), *time)));
            some
        });
    }

    /// Remembers that all rows of a window were published, and forgets those that no later window
    /// holds. On disk after the next `save`.
    pub(super) fn finish(&mut self, aim: &Aim) {
        self.0.change(|Published { taken, rows }| {
            let before = (taken.clone(), rows.len());
            taken.add(aim.taken);
            rows.retain(|_, time| *time >= aim.look.since);
            before != (taken.clone(), rows.len())
        });
    }

    /// Writes what is new.
    pub(super) async fn save(&mut self) -> Result<()> {
        self.0.save(true).await
    }
}

fn key(id: &str) -> String {
    let mut digest = text::digest(id);
    digest.truncate(DIGITS);
    digest
}

#[cfg(test)]
mod tests {
    use super::super::window::Window;
    use super::*;
    use chrono::TimeDelta;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn aim(since: i64, until: i64) -> Aim {
        let look = Window { since: at(since), until: at(until) };
        Aim { look, past: None, uncounted: None, taken: look }
    }

    #[tokio::test]
    async fn what_is_remembered_outlives_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Memory::open(folder.path().join("state.json")).unwrap();
        let mut memory = open();
        memory.remember(vec![("a".to_owned(), at(3)), ("b".to_owned(), at(7))]);
        memory.finish(&aim(2, 8));
        memory.save().await.unwrap();
        let mut memory = open();
        assert!(memory.knows("a") && memory.knows("b") && !memory.knows("c"));
        assert_eq!(memory.taken().last_before(at(9)), Some(aim(2, 8).look));
        memory.finish(&aim(5, 9));
        assert!(!memory.knows("a") && memory.knows("b"));
    }
}
