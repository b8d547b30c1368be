//! The answer to whoever asks whether all is well.

use super::super::numbers::{count, things};
use super::super::sites::{QueueState, Site};
use super::super::words;
use chrono::TimeDelta;
use std::sync::Arc;

/// From this age on, what waits is told as being late.
const LATE: TimeDelta = TimeDelta::minutes(10);

/// What is told of everything together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Glance {
    /// How many queues were found, or should have been.
    queues: u64,
    /// How many of these could not be counted.
    failing: u64,
    /// How many were not counted yet.
    pending: u64,
    /// Messages that could be received.
    ready: u64,
    /// For how many seconds the oldest message has waited, over all queues.
    oldest_seconds: Option<u64>,
    dead: u64,
    /// What the spool keeps.
    spooled: u64,
}

impl Glance {
    pub(super) fn of(sites: &[Arc<Site>]) -> Self {
        let mut glance = Self::default();
        for site in sites {
            glance.pending += u64::from(!site.was_counted());
            let queues = site.queues();
            if site.failure().is_some() {
                let known = u64::try_from(queues.len()).unwrap_or(u64::MAX).max(1);
                glance.queues += known;
                glance.failing += known;
            } else {
                queues.iter().for_each(|queue| glance.add(queue));
            }
        }
        glance
    }

    fn add(&mut self, queue: &QueueState) {
        self.queues += 1;
        self.failing += u64::from(queue.failure.is_some());
        let Some(sample) = queue.history.newest() else { return };
        self.ready += sample.stats.ready.unwrap_or_default();
        self.dead += sample.stats.dead.unwrap_or_default() + sample.spool.dead;
        self.spooled += sample.spool.waiting;
        self.oldest_seconds = self.oldest_seconds.max(sample.stats.oldest_seconds);
    }

    /// Whether all is well, and how it is in sentences.
    pub(super) fn sentences(&self) -> (bool, Vec<String>) {
        let wrong: Vec<_> =
            [self.down(), self.given_up(), self.in_spool()].into_iter().flatten().collect();
        let waits = self.waits();
        let is_well = wrong.is_empty() && !self.is_late();
        let rest = match (waits, is_well) {
            (Some(waits), _) => Some(waits),
            (None, false) => None,
            (None, true) if self.pending > 0 => Some("Looking…".to_owned()),
            (None, true) => Some("All is done: no message waits.".to_owned()),
        };
        (is_well, wrong.into_iter().chain(rest).collect())
    }

    fn down(&self) -> Option<String> {
        let (failing, queues) = (count(self.failing), things(self.queues, "queue"));
        match self.failing {
            0 => None,
            _ if self.queues == 1 => Some("The queue cannot be reached.".to_owned()),
            _ => Some(format!("{failing} of {queues} cannot be reached.")),
        }
    }

    fn given_up(&self) -> Option<String> {
        (self.dead > 0).then(|| format!("{} to look at.", things(self.dead, "dead letter")))
    }

    fn in_spool(&self) -> Option<String> {
        let spooled = things(self.spooled, "message");
        (self.spooled > 0).then(|| format!("{spooled} in the spool: a queue could not take them."))
    }

    fn waits(&self) -> Option<String> {
        let oldest = self.oldest().filter(|_| self.ready > 0 || self.is_late());
        let since = oldest.map_or_else(String::new, |oldest| {
            format!(", the oldest message is {} old", words::length(oldest))
        });
        match (self.ready, since.as_str()) {
            (0, "") => None,
            (0, _) => Some(format!("No message is ready{since}.")),
            _ => Some(format!("{} ready{since}.", things(self.ready, "message"))),
        }
    }

    fn oldest(&self) -> Option<TimeDelta> {
        let seconds = i64::try_from(self.oldest_seconds?).ok()?;
        TimeDelta::try_seconds(seconds)
    }

    fn is_late(&self) -> bool {
        self.ready > 0 && self.oldest().is_some_and(|oldest| oldest >= LATE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_first() {
        let well = Glance { queues: 2, ..Glance::default() };
        let late = Glance { ready: 1204, oldest_seconds: Some(7200), ..well.clone() };
        for (glance, is_well, said) in [
            (well.clone(), true, "All is done: no message waits."),
            (Glance { pending: 1, ..well.clone() }, true, "Looking…"),
            (
                Glance { ready: 1, oldest_seconds: Some(3), ..well.clone() },
                true,
                "1 message ready, the oldest message is 3 s old.",
            ),
            (late.clone(), false, "1,204 messages ready, the oldest message is 2 h old."),
            (
                Glance { failing: 1, dead: 3, ..late },
                false,
                "1 of 2 queues cannot be reached. 3 dead letters to look at. \
                 1,204 messages ready, the oldest message is 2 h old.",
            ),
            (
                Glance { queues: 1, failing: 1, ..well.clone() },
                false,
                "The queue cannot be reached.",
            ),
            (
                Glance { spooled: 5, ..well },
                false,
                "5 messages in the spool: a queue could not take them.",
            ),
        ] {
            assert_eq!(glance.sentences(), (is_well, glance.sentences().1));
            assert_eq!(glance.sentences().1.join(" "), said);
        }
    }
}
