//! What a source that polls keeps between a read and its commit, and from run to run.
//!
//! A poll finds the present state of something, most of which is known already. What is new goes out
//! in batches; what each of them has made known is remembered once the queue has accepted it, and
//! not before: a crash in between only finds it again, and publishes it under the same ids.

use super::Batch;
use super::state_file::StateFile;
use crate::error::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tokio::time::Instant;

/// How many times longer than the last writing of a state took the pause before the next one is: a
/// long run with many batches does not spend its time with that.
const PAUSE: u32 = 20;

/// Batches that were read in this tick and not committed, each with what its commit is to remember.
#[derive(Debug)]
pub(super) struct Uncommitted<K> {
    /// The tick of the last read; `None` before the first.
    tick: Option<u64>,
    /// What each batch has made known, by its number.
    known: BTreeMap<u64, K>,
    /// How many batches were read so far: the number of the next one.
    read: u64,
}

impl<K> Uncommitted<K> {
    /// Nothing was read yet.
    pub(super) fn new() -> Self {
        Self { tick: None, known: BTreeMap::new(), read: 0 }
    }

    /// Whether this read is the first of its tick. What the last tick has not brought home is not
    /// committed any more then: this tick finds it again.
    pub(super) fn begins(&mut self, tick: u64) -> bool {
        let begins = self.tick != Some(tick);
        if begins {
            self.known.clear();
            self.tick = Some(tick);
        }
        begins
    }

    /// A batch goes out under a number of its own; what its commit is to remember stays here.
    pub(super) fn hand_over(&mut self, batch: Batch, known: K) -> Batch {
        let number = self.read;
        self.read += 1;
        self.known.insert(number, known);
        Batch { number, ..batch }
    }

    /// What the commit of this batch is to remember; `None` where the batch is of an earlier tick.
    pub(super) fn known(&self, number: u64) -> Option<&K> {
        self.known.get(&number)
    }

    /// The batch is committed; gives what that is to remember.
    pub(super) fn take(&mut self, number: u64) -> Option<K> {
        self.known.remove(&number)
    }

    /// What all these batches have made known.
    pub(super) fn all(&self) -> impl Iterator<Item = &K> {
        self.known.values()
    }

    /// Whether no batch is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

/// What a source remembers of what it has published, and the file that says it to the next run.
#[derive(Debug)]
pub(super) struct Remembered<S> {
    file: StateFile,
    state: S,
    /// The file does not say all of it.
    dirty: bool,
    /// When the file may be written again, unless the run ends.
    not_before: Instant,
}

impl<S: Serialize + DeserializeOwned + Default> Remembered<S> {
    /// Reads the file, which may be missing; `by` is what the user calls the source.
    ///
    /// # Errors
    /// `Configuration` for a file that cannot be read or is not ours: it would be overwritten.
    pub(super) fn open(path: PathBuf, source: &'static str, by: &str) -> Result<Self> {
        let (file, state) = StateFile::open(path, source, by)?;
        Ok(Self { file, state, dirty: false, not_before: Instant::now() })
    }

    /// What is remembered.
    pub(super) fn state(&self) -> &S {
        &self.state
    }

    /// Remembers this in place of what was, on disk; where that fails, nothing has changed.
    pub(super) async fn replace(&mut self, state: S) -> Result<()> {
        self.file.write(&state).await?;
        self.state = state;
        self.dirty = false;
        Ok(())
    }

    /// Changes what is remembered, on disk after the next `save`; `change` gives whether it did.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut S) -> bool) {
        self.dirty |= change(&mut self.state);
    }

    /// Writes what has changed. One that is not `last` may be left out, since another one comes:
    /// where that does not, what was published is published again, under the same ids.
    pub(super) async fn save(&mut self, last: bool) -> Result<()> {
        if !self.dirty || (!last && Instant::now() < self.not_before) {
            return Ok(());
        }
        let started = Instant::now();
        self.file.write(&self.state).await?;
        self.dirty = false;
        self.not_before = Instant::now() + started.elapsed() * PAUSE;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    fn batch(id: &str) -> Batch {
        Batch { messages: vec![Message::new(id, "")], ..Batch::default() }
    }

    #[test]
    fn a_batch_is_committed_by_its_own_number_and_once() {
        let mut uncommitted = Uncommitted::new();
        assert!(uncommitted.begins(0));
        let first = uncommitted.hand_over(batch("a"), "a");
        let second = uncommitted.hand_over(batch("b"), "b");
        assert_eq!((first.number, second.number, first.messages.len()), (0, 1, 1));
        assert!(!uncommitted.begins(0), "the same tick goes on");
        assert_eq!(uncommitted.known(1), Some(&"b"));
        assert_eq!(uncommitted.take(1), Some("b"));
        assert_eq!(uncommitted.take(1), None);
        assert_eq!(uncommitted.all().collect::<Vec<_>>(), [&"a"]);
    }

    #[test]
    fn a_new_tick_forgets_what_was_not_committed_and_counts_on() {
        let mut uncommitted = Uncommitted::new();
        uncommitted.begins(0);
        let late = uncommitted.hand_over(batch("a"), "a");
        assert!(uncommitted.begins(1) && uncommitted.is_empty());
        assert_eq!(uncommitted.take(late.number), None, "a commit that comes too late");
        assert_eq!(uncommitted.hand_over(batch("a"), "a").number, 1);
    }

    fn open(folder: &tempfile::TempDir) -> Remembered<BTreeMap<String, u64>> {
        Remembered::open(folder.path().join("state.json"), "test", "test:").unwrap()
    }

    #[tokio::test]
    async fn what_was_changed_is_on_disk_after_a_save_and_what_was_replaced_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut remembered = open(&folder);
        remembered.change(|state| state.insert("a".to_owned(), 1).is_none());
        assert!(open(&folder).state().is_empty());
        remembered.save(true).await.unwrap();
        assert_eq!(open(&folder).state()["a"], 1);
        remembered.replace(BTreeMap::from([("b".to_owned(), 2)])).await.unwrap();
        let again = open(&folder);
        assert_eq!((again.state().len(), again.state()["b"]), (1, 2));
    }

    #[tokio::test]
    async fn what_changed_nothing_is_not_written_nor_is_what_another_save_follows() {
        let folder = tempfile::tempdir().unwrap();
        let mut remembered = open(&folder);
        remembered.change(|_| false);
        remembered.save(true).await.unwrap();
        assert!(!folder.path().join("state.json").exists());
        remembered.not_before = Instant::now() + std::time::Duration::from_secs(60);
        remembered.change(|state| state.insert("a".to_owned(), 1).is_none());
        remembered.save(false).await.unwrap();
        assert!(open(&folder).state().is_empty());
        remembered.save(true).await.unwrap();
        assert_eq!(open(&folder).state()["a"], 1);
    }
}
