//! How a queue was counted over the last hour.

use crate::queues::Stats;
use crate::spool::Spooled;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::VecDeque;
use std::sync::Arc;

/// How far apart the samples are that are kept.
const APART: TimeDelta = TimeDelta::seconds(9);
/// How many are kept: an hour of them.
const KEPT: usize = 360;
/// Over how long a rate is taken.
const RATE_SPAN: TimeDelta = TimeDelta::minutes(5);

/// What was counted at one time.
#[derive(Debug, Clone)]
pub(in super::super) struct Sample {
    /// When.
    pub(in super::super) at: DateTime<Utc>,
    /// What the queue held.
    pub(in super::super) stats: Arc<Stats>,
    /// What the spool of `publish` kept for it.
    pub(in super::super) spool: Spooled,
}

impl Sample {
    /// How many messages there were that are not dead; `None` where nobody knows.
    pub(in super::super) fn depth(&self) -> Option<u64> {
        self.stats.messages()
    }
}

/// The samples of a queue, the oldest first.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct History {
    kept: VecDeque<(DateTime<Utc>, Option<u64>)>,
    newest: Option<Sample>,
}

impl History {
    /// Adds the newest sample.
    pub(super) fn push(&mut self, sample: Sample) {
        let last = self.kept.back().map(|(at, _)| *at);
        // A clock that was set back begins anew.
        if last.is_some_and(|last| sample.at < last) {
            self.kept.clear();
        }
        if last.is_none_or(|last| sample.at - last >= APART || sample.at < last) {
            self.kept.push_back((sample.at, sample.depth()));
        }
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        self.newest = Some(sample);
    }

    /// The newest sample.
    pub(in super::super) fn newest(&self) -> Option<&Sample> {
        self.newest.as_ref()
    }

    /// The depths that are known, each with its time.
    pub(in super::super) fn depths(&self) -> Vec<(DateTime<Utc>, u64)> {
        self.kept.iter().filter_map(|(at, depth)| Some((*at, (*depth)?))).collect()
    }

    /// By how many messages a minute the depth grows, or shrinks, over the last minutes; `None` while
    /// nobody knows.
    pub(in super::super) fn rate(&self) -> Option<f64> {
        let newest = self.newest.as_ref()?;
        let depth = newest.depth()?;
        let depths = self.depths();
        let (at, before) = depths.iter().find(|(at, _)| newest.at - *at <= RATE_SPAN)?;
        let minutes = (newest.at - *at).as_seconds_f64() / 60.0;
        let grown = i128::from(depth) - i128::from(*before);
        #[expect(clippy::cast_precision_loss, reason = "a rate is told in three digits")]
        (minutes > 0.0).then(|| grown as f64 / minutes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(seconds: i64, ready: u64) -> Sample {
        let stats = Stats {
            ready: Some(ready),
            waiting: Some(0),
            scheduled: Some(0),
            leased: Some(0),
            ..Stats::default()
        };
        let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        Sample { at, stats: Arc::new(stats), spool: Spooled::default() }
    }

    #[test]
    fn a_rate_is_of_the_last_minutes() {
        let mut history = History::default();
        assert_eq!(history.rate(), None);
        for (seconds, ready) in [(0, 1000), (600, 0), (610, 10), (660, 60)] {
            history.push(sample(seconds, ready));
        }
        assert_eq!(history.rate(), Some(60.0));
        history.push(sample(720, 0));
        assert_eq!(history.rate(), Some(0.0));
    }

    #[test]
    fn an_hour_is_kept_and_what_lies_close_is_the_newest_only() {
        let mut history = History::default();
        for seconds in 0..5000 {
            history.push(sample(seconds, 7));
        }
        assert_eq!(history.depths().len(), KEPT);
        assert_eq!(history.newest().unwrap().at.timestamp(), 4999);
        history.push(sample(10, 8));
        assert_eq!(history.depths().len(), 1, "a clock that was set back begins anew");
    }

    #[test]
    fn what_is_not_counted_has_no_rate() {
        let mut history = History::default();
        for at in [0, 60] {
            let stats = Arc::new(Stats::default());
            history.push(Sample { stats, ..sample(at, 0) });
        }
        assert_eq!((history.rate(), history.depths().len()), (None, 0));
    }
}
