//! What a run did: counted while it runs, told in one line at its end.

use crate::units;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counted while the run goes on; whoever shows progress reads along.
#[derive(Debug, Default)]
pub struct Counters {
    /// Messages read from the source.
    pub read: AtomicU64,
    /// Messages that the queue accepted.
    pub published: AtomicU64,
    /// Messages that the source or the queue refused for good.
    pub refused: AtomicU64,
    /// Messages that could not be published now.
    pub unpublished: AtomicU64,
    /// Deliveries received.
    pub received: AtomicU64,
    /// Messages stored that were not stored before.
    pub stored: AtomicU64,
    /// Messages that were there already.
    pub duplicate: AtomicU64,
    /// Deliveries that failed and will be tried again.
    pub retried: AtomicU64,
    /// Messages that failed, and wait for a later run.
    pub left_for_later: AtomicU64,
    /// Messages that `--where` or `--map` left out.
    pub filtered: AtomicU64,
    /// Messages that became dead letters.
    pub dead: AtomicU64,
    /// Deliveries released: given back to the queue without an attempt.
    pub released: AtomicU64,
    /// Deliveries whose lease ended before they were settled: the message is redelivered.
    pub lease_lost: AtomicU64,
    /// Messages put into the spool instead of the queue, as far as they still wait there.
    pub spooled: AtomicU64,
    /// Messages that the queue took out of the spool: they are among those published, or known
    /// already.
    pub drained: AtomicU64,
}

/// Adds to one of the counters.
pub fn count(counter: &AtomicU64, by: usize) {
    counter.fetch_add(by as u64, Ordering::Relaxed);
}

/// A number of messages, in words.
pub(crate) fn messages(count: usize) -> String {
    units::counted(count as u64, "message")
}

/// Which of the two loops ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Source to queue.
    Publish,
    /// Queue to sink.
    Subscribe,
}

/// Both ends of a run in words, as their URLs were understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ends {
    /// Where messages came from.
    pub from: String,
    /// Where they went.
    pub into: String,
}

/// The counters of a run that has ended, and how long it took.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Messages read from the source.
    pub read: u64,
    /// Messages that the queue accepted, duplicates not among them.
    pub published: u64,
    /// Messages refused for good.
    pub refused: u64,
    /// Messages that could not be published now.
    pub unpublished: u64,
    /// Messages of this run that wait in the spool.
    pub spooled: u64,
    /// Messages that were sent out of the spool, whoever put them there; they are counted as
    /// published or as duplicates, too.
    pub drained: u64,
    /// Deliveries received.
    pub received: u64,
    /// Messages stored.
    pub stored: u64,
    /// Messages that were there already, in the queue or in the sink.
    pub duplicate: u64,
    /// Deliveries that will be tried again.
    pub retried: u64,
    /// Messages that failed, and wait for a later run.
    pub left_for_later: u64,
    /// Messages that `--where` or `--map` left out; in `subscribe` they are acknowledged.
    pub filtered: u64,
    /// Messages that became dead letters.
    pub dead: u64,
    /// Deliveries released, without an attempt.
    pub released: u64,
    /// Deliveries whose lease ended before they were settled.
    pub lease_lost: u64,
    /// How long the run took.
    pub seconds: f64,
}

impl Counters {
    /// The counters as they stand.
    pub fn summary(&self, took: Duration) -> Summary {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Summary {
            read: read(&self.read),
            published: read(&self.published),
            refused: read(&self.refused),
            unpublished: read(&self.unpublished),
            spooled: read(&self.spooled),
            drained: read(&self.drained),
            received: read(&self.received),
            stored: read(&self.stored),
            duplicate: read(&self.duplicate),
            retried: read(&self.retried),
            left_for_later: read(&self.left_for_later),
            filtered: read(&self.filtered),
            dead: read(&self.dead),
            released: read(&self.released),
            lease_lost: read(&self.lease_lost),
            seconds: (took.as_secs_f64() * 1000.0).round() / 1000.0,
        }
    }
}

impl Summary {
    /// One line for a person: the two counts that matter, and of the others those that are not 0.
    pub fn human(&self, program: Program) -> String {
        let mut parts = match program {
            Program::Publish => {
                vec![format!("{} read", self.read), format!("{} published", self.published)]
            }
            Program::Subscribe => {
                vec![format!("{} received", self.received), format!("{} stored", self.stored)]
            }
        };
        let others = [
            (self.duplicate, "duplicate"),
            (self.filtered, "filtered"),
            (self.refused, "refused"),
            (self.unpublished, "not published"),
            (self.spooled, "spooled"),
            (self.drained, "drained"),
            (self.retried, "to retry"),
            (self.left_for_later, "left for later"),
            (self.dead, "dead"),
            (self.released, "released"),
            (self.lease_lost, "lease lost"),
        ];
        parts.extend(others.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
        format!("{} in {:.1} s", parts.join(", "), self.seconds)
    }

    /// One line for a program: every count by name, `seconds`, and both ends where they are known.
    pub fn json(&self, program: Program, ends: Option<&Ends>) -> String {
        let mut value = serde_json::to_value(self).expect("numbers under names are JSON");
        let name = match program {
            Program::Publish => "publish",
            Program::Subscribe => "subscribe",
        };
        value["program"] = name.into();
        if let Some(Ends { from, into }) = ends {
            (value["from"], value["into"]) = (from.as_str().into(), into.as_str().into());
        }
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_what_matters_and_leaves_out_zeros() {
        let counters = Counters::default();
        count(&counters.received, 5);
        count(&counters.stored, 3);
        count(&counters.dead, 2);
        let summary = counters.summary(Duration::from_millis(1234));
        assert_eq!(summary.human(Program::Subscribe), "5 received, 3 stored, 2 dead in 1.2 s");
        assert_eq!(summary.human(Program::Publish), "0 read, 0 published, 2 dead in 1.2 s");
    }

    #[test]
    fn the_json_summary_has_every_count() {
        let summary = Counters::default().summary(Duration::ZERO);
        let value: serde_json::Value =
            serde_json::from_str(&summary.json(Program::Publish, None)).unwrap();
        assert_eq!(value["program"], "publish");
        assert_eq!([&value["spooled"], &value["drained"]], [0, 0]);
        assert_eq!(value.as_object().unwrap().len(), 17);
        let ends = Ends { from: "stdin".to_owned(), into: "sqs readings".to_owned() };
        let value: serde_json::Value =
            serde_json::from_str(&summary.json(Program::Publish, Some(&ends))).unwrap();
        assert_eq!((&value["from"], &value["into"]), (&"stdin".into(), &"sqs readings".into()));
    }
}
