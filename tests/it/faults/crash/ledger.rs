//! The books: what was offered, what was accepted, and whether it is all still there.

use crate::support::sandbox::Sandbox;
use crate::support::sqlite_files::{self, Queue};
use std::collections::{BTreeMap, BTreeSet};

/// Where the messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// The embedded store.
    Store,
    /// Standard output, of which every whole line counts.
    Stdout,
}

/// A message that was offered.
struct Offer {
    body: String,
    /// The store takes it.
    good: bool,
}

/// Everything that ever happened in one life.
pub struct Ledger {
    to: To,
    offered: BTreeMap<String, Offer>,
    accepted: BTreeSet<String>,
    written: BTreeSet<String>,
}

impl Ledger {
    pub fn new(to: To) -> Self {
        let (offered, accepted, written) = Default::default();
        Self { to, offered, accepted, written }
    }

    pub fn offer(&mut self, id: String, body: String, good: bool) {
        assert!(self.offered.insert(id, Offer { body, good }).is_none(), "ids are new");
    }

    /// What this id stands for.
    pub fn offered(&self, id: &str) -> &str {
        &self.offered[id].body
    }

    /// These were reported accepted.
    pub fn accept(&mut self, ids: &[String]) {
        self.accepted.extend(ids.iter().cloned());
    }

    pub fn accepted(&self) -> usize {
        self.accepted.len()
    }

    /// What a subscriber wrote. The end of its last line may have been cut off with it.
    pub fn output(&mut self, bytes: &[u8]) {
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line = std::str::from_utf8(line).expect("a line is UTF-8");
            // What is nested too deep for many a reader is shown as text.
            let shown = line.starts_with('"').then(|| serde_json::from_str::<String>(line));
            let shown = shown.map(|text| text.expect("a line is JSON"));
            let line = shown.as_deref().unwrap_or(line);
            let id = line.strip_prefix("{\"id\":\"").and_then(|rest| rest.split('"').next());
            let id = id.unwrap_or_else(|| panic!("no such line was offered: {line}")).to_owned();
            self.is_as_offered(&id, line);
            self.written.insert(id);
        }
    }

    /// Compares the books with what is there, now that nobody runs.
    pub fn audit(&mut self, sandbox: &Sandbox) -> Queue {
        let (queue, spool) = (sqlite_files::queue(sandbox), sqlite_files::spool(sandbox));
        assert!(spool.dead.is_empty(), "the queue refuses none of them: {:?}", spool.dead);
        for (id, body) in queue.live.iter().chain(&queue.dead).chain(&spool.live) {
            self.is_as_offered(id, body);
        }
        for id in queue.dead.keys() {
            let bad = self.to == To::Store && !self.offered[id].good;
            assert!(bad, "`{id}` is dead and should not be");
        }
        if self.to == To::Store {
            let store = sqlite_files::store(sandbox);
            for (id, document) in &store {
                self.is_as_offered(id, document);
                assert!(self.offered[id].good, "`{id}` is stored and should not be");
            }
            self.written = store.into_keys().collect();
        }
        // What is in the file was accepted, though nobody lived to tell.
        self.accepted.extend(queue.live.keys().chain(spool.live.keys()).cloned());
        let lost: Vec<_> = self
            .accepted
            .iter()
            .filter(|id| !self.written.contains(*id))
            .filter(|id| !queue.live.contains_key(*id) && !queue.dead.contains_key(*id))
            .filter(|id| !spool.live.contains_key(*id))
            .collect();
        assert!(lost.is_empty(), "{} accepted messages are lost: {lost:?}", lost.len());
        queue
    }

    #[track_caller]
    fn is_as_offered(&self, id: &str, text: &str) {
        let offer = self.offered.get(id);
        let offer = offer.unwrap_or_else(|| panic!("`{id}` was never offered"));
        assert_eq!(offer.body, text, "`{id}` is not what was offered");
    }
}
