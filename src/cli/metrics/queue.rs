//! The numbers of a queue, of its spool and of a store.

use super::{MetricsFile, Number};
use crate::queues::Stats;
use crate::spool::Spooled;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::path::Path;

/// The queue that a number is of, and who counted.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct QueueLabels {
    program: &'static str,
    queue: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabels {
    program: &'static str,
    queue: String,
    state: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StoreLabels {
    program: &'static str,
    store: String,
}

/// A queue, as a program saw it.
pub(in crate::cli) struct QueueNumbers<'a> {
    pub(in crate::cli) program: &'static str,
    /// The queue in words.
    pub(in crate::cli) queue: &'a str,
    /// Whether it answered, where that was in question.
    pub(in crate::cli) up: Option<bool>,
    pub(in crate::cli) stats: Option<&'a Stats>,
    pub(in crate::cli) spool: Option<Spooled>,
}

impl QueueNumbers<'_> {
    pub(in crate::cli) fn register(&self, registry: &mut Registry) {
        if let Some(up) = self.up {
            let family = Family::<QueueLabels, Gauge>::default();
            family.get_or_create(&self.labels()).set(up.into());
            registry.register("kakehi_queue_up", "Whether the queue answered", family);
        }
        if let Some(stats) = self.stats {
            self.register_stats(stats, registry);
        }
        if let Some(Spooled { waiting, dead }) = self.spool {
            let family = Family::default();
            self.count(&family, [("waiting", Some(waiting)), ("dead", Some(dead))]);
            let help = "Messages in the spool for the queue, by their state";
            registry.register("kakehi_spool_messages", help, family);
        }
    }

    fn register_stats(&self, stats: &Stats, registry: &mut Registry) {
        let family = Family::default();
        self.count(
            &family,
            [
                ("ready", stats.ready),
                ("waiting", stats.waiting),
                ("scheduled", stats.scheduled),
                ("leased", stats.leased),
                ("dead", stats.dead),
            ],
        );
        registry.register("kakehi_queue_tasks", "Tasks in the queue, by their state", family);
        let empty = stats.messages() == Some(0);
        if let Some(oldest) = stats.oldest_seconds.or(empty.then_some(0)) {
            let family = Family::<QueueLabels, Gauge>::default();
            family.get_or_create(&self.labels()).set(oldest.try_into().unwrap_or(i64::MAX));
            let help = "How many seconds ago the oldest message that is not dead was published; 0 \
                        where there is none";
            registry.register("kakehi_queue_oldest_message_seconds", help, family);
        }
    }

    /// Sets the counts that are known.
    fn count<const N: usize>(
        &self,
        family: &Family<StateLabels, Gauge>,
        counts: [(&'static str, Option<u64>); N],
    ) {
        for (state, count) in counts {
            let Some(count) = count else { continue };
            let labels = StateLabels { program: self.program, queue: self.queue.to_owned(), state };
            family.get_or_create(&labels).set(count.try_into().unwrap_or(i64::MAX));
        }
    }

    fn labels(&self) -> QueueLabels {
        QueueLabels { program: self.program, queue: self.queue.to_owned() }
    }
}

/// Writes what an action of `queue` saw into a file.
pub(in crate::cli) fn write(
    path: &Path,
    queue: &QueueNumbers<'_>,
    store: Option<&StoreNumbers<'_>>,
) {
    let mut registry = Registry::default();
    queue.register(&mut registry);
    store.inspect(|store| store.register(&mut registry));
    MetricsFile::open(path).write(&registry);
}

/// A store, as a program saw it.
pub(in crate::cli) struct StoreNumbers<'a> {
    pub(in crate::cli) program: &'static str,
    /// The store in words.
    pub(in crate::cli) store: &'a str,
    /// How many seconds ago something was stored.
    pub(in crate::cli) stored_ago: u64,
}

impl StoreNumbers<'_> {
    pub(in crate::cli) fn register(&self, registry: &mut Registry) {
        let family = Family::<StoreLabels, Number>::default();
        let labels = StoreLabels { program: self.program, store: self.store.to_owned() };
        let seconds = u32::try_from(self.stored_ago).unwrap_or(u32::MAX);
        family.get_or_create(&labels).set(seconds.into());
        let help = "How many seconds ago something was stored";
        registry.register("kakehi_store_newest_seconds", help, family);
    }
}
