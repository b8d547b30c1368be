//! A sink that does as it is told.

use async_trait::async_trait;
use kakehi::sinks::{Outcome, Sink};
use kakehi::{Delivery, Error, Kind, Result};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Answers by the first letter of the id: `r`ejects, `t`ries again, and stores the others. Can be
/// down, and can go down after some writes.
#[derive(Default)]
pub struct Scripted {
    pub stored: Mutex<Vec<String>>,
    pub batches: Mutex<Vec<usize>>,
    pub down: AtomicBool,
    /// Goes down once, when it has stored this many.
    pub down_after: Mutex<Option<usize>>,
    pub closed_after: Option<usize>,
    pub ordered: bool,
    /// How many writes at once are of use.
    pub at_once: Option<usize>,
    /// Writes nothing of a group behind a message of it that was not stored.
    pub stops: bool,
    /// How many writes may end.
    pub gate: Option<watch::Sender<usize>>,
    pub slow: bool,
    pub writing: AtomicUsize,
    pub most_writing: AtomicUsize,
    /// How many writes have begun that the gate holds up.
    pub written: AtomicUsize,
    pub checks: AtomicUsize,
}

impl Scripted {
    /// One that goes down when it has stored this many.
    pub fn down_after(stored: usize) -> Self {
        Self { down_after: Mutex::new(Some(stored)), ..Self::default() }
    }

    /// How often it was asked whether it is there.
    pub fn asked(&self) -> usize {
        self.checks.load(Ordering::SeqCst)
    }

    pub fn stored(&self) -> Vec<String> {
        self.stored.lock().unwrap().clone()
    }

    fn outcome(&self, delivery: &Delivery) -> Outcome {
        let id = delivery.message.id.clone();
        let mut stored = self.stored.lock().unwrap();
        if self.closed_after.is_some_and(|limit| stored.len() >= limit) {
            return Outcome::Closed;
        }
        match id.as_bytes()[0] {
            b'r' => Outcome::Reject("not today".to_owned()),
            b't' => Outcome::Retry("later".to_owned()),
            _ if stored.contains(&id) => Outcome::Duplicate,
            _ => {
                stored.push(id);
                Outcome::Stored
            }
        }
    }
}

#[async_trait]
impl Sink for Scripted {
    async fn ping(&self) -> Result<()> {
        self.checks.fetch_add(1, Ordering::SeqCst);
        match self.down.load(Ordering::SeqCst) {
            true => Err(Error::new(Kind::Unreachable, "the sink is down")),
            false => Ok(()),
        }
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let now = self.writing.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_writing.fetch_max(now, Ordering::SeqCst);
        if self.slow {
            tokio::time::sleep(Duration::from_secs(100)).await;
        }
        tokio::task::yield_now().await;
        if let Some(gate) = &self.gate {
            let place = self.written.fetch_add(1, Ordering::SeqCst);
            gate.subscribe().wait_for(|open| *open > place).await.unwrap();
        }
        self.writing.fetch_sub(1, Ordering::SeqCst);
        let stored = self.stored.lock().unwrap().len();
        if self.down_after.lock().unwrap().take_if(|limit| stored >= *limit).is_some() {
            self.down.store(true, Ordering::SeqCst);
        }
        if self.down.load(Ordering::SeqCst) {
            return vec![Outcome::Unavailable("gone".to_owned()); batch.len()];
        }
        self.batches.lock().unwrap().push(batch.len());
        let mut stopped = BTreeSet::new();
        let mut outcome = |delivery: &Delivery| {
            let group = delivery.message.group.clone().filter(|_| self.stops);
            if group.as_ref().is_some_and(|group| stopped.contains(group)) {
                return Outcome::Unwritten;
            }
            let outcome = self.outcome(delivery);
            if !matches!(outcome, Outcome::Stored | Outcome::Duplicate) {
                stopped.extend(group);
            }
            outcome
        };
        batch.iter().map(&mut outcome).collect()
    }

    fn at_once(&self) -> usize {
        self.at_once.unwrap_or(usize::MAX)
    }

    fn ordered(&self) -> bool {
        self.ordered
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
