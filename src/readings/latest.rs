//! The newest values of a series.

use super::{Metric, Series};
use chrono::{DateTime, TimeDelta, Utc};

/// A series that has not been heard of for so long is stale, where its own pace is not known or
/// quicker.
const STALE_AFTER: TimeDelta = TimeDelta::minutes(30);
/// A device whose values have all stayed as they are for so long does not measure any more: its service
/// goes on telling the last ones.
const STUCK_AFTER: TimeDelta = TimeDelta::hours(24);

/// The newest values of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Latest {
    /// Whose values these are.
    pub series: Series,
    /// The newest value of each metric, as people see them: temperature first. At least one.
    pub values: Vec<LatestValue>,
    /// The time of the newest document of this series: of its poll or, where documents are events, of
    /// the newest event.
    pub at: DateTime<Utc>,
    /// Whether the device was said to be online; `None` where nothing was said.
    pub online: Option<bool>,
    /// Whether values are stored though they did not change: what is not heard of is missing then.
    pub polled: bool,
    /// How long it usually takes from a document of this series to the next, where that is known.
    pub interval: Option<TimeDelta>,
}

/// The newest value of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct LatestValue {
    /// What was measured.
    pub metric: Metric,
    /// The value, finite; 1 for a movement.
    pub value: f64,
    /// When this was so: the time of the poll or of the event; for motion, when it was seen.
    pub at: DateTime<Utc>,
    /// Since when the value has been as it is, where the document tells that.
    pub since: Option<DateTime<Utc>>,
}

impl Latest {
    /// How old the newest document is; never negative, though clocks may differ.
    pub fn age(&self, now: DateTime<Utc>) -> TimeDelta {
        (now - self.at).max(TimeDelta::zero())
    }

    /// Why the values are not to be taken for those of now, in words; `None` where they are.
    pub fn stale(&self, now: DateTime<Utc>) -> Option<&'static str> {
        if self.age(now) > self.patience() {
            return Some("nothing new is stored");
        }
        if self.online == Some(false) {
            return Some("the device is offline");
        }
        self.is_stuck(now).then_some("no value has changed for a day")
    }

    fn patience(&self) -> TimeDelta {
        match (self.polled, self.interval) {
            (true, Some(interval)) => STALE_AFTER.max(interval * 3),
            (true, None) => STALE_AFTER,
            (false, _) => STUCK_AFTER,
        }
    }

    fn is_stuck(&self, now: DateTime<Utc>) -> bool {
        let newest = self.values.iter().map(|value| value.since).max().flatten();
        newest.is_some_and(|newest| now - newest > STUCK_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latest(age: TimeDelta, since: TimeDelta) -> (Latest, DateTime<Utc>) {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let value = LatestValue {
            metric: Metric::new("te"),
            value: 20.0,
            at: now - age,
            since: Some(now - since),
        };
        let series = Series { id: "d".to_owned(), name: None };
        let (values, at) = (vec![value], now - age);
        (Latest { series, values, at, online: None, polled: true, interval: None }, now)
    }

    #[test]
    fn what_is_old_offline_or_stuck_is_stale() {
        let (fresh, now) = latest(TimeDelta::minutes(5), TimeDelta::hours(3));
        assert_eq!(fresh.stale(now), None);
        let offline = Latest { online: Some(false), ..fresh.clone() };
        assert_eq!(offline.stale(now), Some("the device is offline"));
        let (old, now) = latest(TimeDelta::hours(1), TimeDelta::hours(3));
        assert_eq!(old.stale(now), Some("nothing new is stored"));
        let slow = Latest { interval: Some(TimeDelta::minutes(40)), ..old.clone() };
        assert_eq!(slow.stale(now), None);
        let events = Latest { polled: false, ..old };
        assert_eq!(events.stale(now), None);
        let (stuck, now) = latest(TimeDelta::minutes(5), TimeDelta::days(16));
        assert_eq!(stuck.stale(now), Some("no value has changed for a day"));
        let (ahead, now) = latest(TimeDelta::minutes(-5), TimeDelta::zero());
        assert_eq!(ahead.age(now), TimeDelta::zero());
    }
}
