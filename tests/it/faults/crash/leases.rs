//! What workers heard of the tasks that they leased and deleted, and whether it fits together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// How long every lease is, in seconds.
pub const SECONDS: i64 = 2;

/// The time of day in milliseconds.
pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set");
    i64::try_from(now.as_millis()).expect("a time")
}

/// A lease as whoever has it knows it; times are milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    /// Somebody had this lease by then.
    pub latest: i64,
    /// Nobody else may have the task until then.
    pub end: i64,
}

impl Lease {
    /// One of which only is known when it was asked for.
    pub fn between(earliest: i64, latest: i64) -> Self {
        Self { latest, end: earliest + SECONDS * 1000 }
    }

    /// One that tells its end.
    pub fn until(end: i64) -> Self {
        Self { latest: end - SECONDS * 1000, end }
    }

    /// Whether each was given while the other ran, whichever was the first.
    fn meets(&self, other: &Self) -> bool {
        other.latest < self.end && self.latest < other.end
    }
}

/// All that the workers heard.
#[derive(Default)]
pub struct Heard(Mutex<Story>);

#[derive(Default)]
struct Story {
    leases: BTreeMap<String, Vec<Lease>>,
    deleted: BTreeSet<String>,
    given: usize,
    blows: usize,
}

impl Heard {
    /// A task was leased, and by nobody else.
    pub fn leased(&self, name: &str, lease: Lease) {
        let mut story = self.0.lock().expect("no holder panics");
        story.given += 1;
        let others = story.leases.entry(name.to_owned()).or_default();
        let met = others.iter().find(|other| other.meets(&lease)).copied();
        others.push(lease);
        drop(story);
        assert!(met.is_none(), "`{name}` was given twice: {met:?}, {lease:?}");
    }

    /// The last lease of a task that ended then ends later now.
    pub fn extended(&self, name: &str, before: i64, end: i64) {
        let mut story = self.0.lock().expect("no holder panics");
        let leases = story.leases.get_mut(name).expect("it was leased");
        leases.iter_mut().filter(|it| it.end == before).for_each(|it| it.end = end);
    }

    /// A deletion was answered: the task was there.
    pub fn deleted(&self, name: &str) {
        let new = self.0.lock().expect("no holder panics").deleted.insert(name.to_owned());
        assert!(new, "`{name}` was deleted twice");
    }

    /// Somebody was ended before its time.
    pub fn blow(&self) {
        self.0.lock().expect("no holder panics").blows += 1;
    }

    /// How many leases were given, how many deletions answered, and how many were ended.
    pub fn counts(&self) -> (usize, usize, usize) {
        let story = self.0.lock().expect("no holder panics");
        (story.given, story.deleted.len(), story.blows)
    }
}
