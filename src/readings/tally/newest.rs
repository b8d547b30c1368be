//! The newest values of each series.

use super::pace::Pace;
use crate::readings::newest_name::NewestName;
use crate::readings::shape::{Seen, SeenValue};
use crate::readings::{Latest, LatestValue, Metric, Series};
use chrono::DateTime;
use foldhash::HashMap;

/// The newest values that were met so far.
#[derive(Default)]
pub(in crate::readings) struct Newest {
    series: HashMap<String, OfSeries>,
}

struct OfSeries {
    name: NewestName,
    at: i64,
    online: Option<bool>,
    polled: bool,
    pace: Pace,
    values: Vec<(Metric, Newer)>,
}

/// A value, with the times by which the newest is told.
#[derive(Clone, Copy)]
struct Newer {
    value: f64,
    at: i64,
    since: Option<i64>,
}

impl Newest {
    /// Looks at what a document tells.
    pub(in crate::readings) fn add(&mut self, seen: &Seen) {
        if !self.series.contains_key(seen.id.as_ref()) {
            self.series.insert(seen.id.as_ref().to_owned(), OfSeries::new(seen));
        }
        let series = self.series.get_mut(seen.id.as_ref()).expect("it is there now");
        series.add(seen);
    }

    /// The newest values, sorted by the series' names; without series that measure nothing.
    pub(in crate::readings) fn finish(self) -> Vec<Latest> {
        let mut all: Vec<_> =
            self.series.into_iter().filter_map(|(id, series)| series.finish(id)).collect();
        all.sort_by(|a, b| a.series.order().cmp(&b.series.order()));
        all
    }
}

impl OfSeries {
    fn new(seen: &Seen) -> Self {
        let Seen { at, online, polled, .. } = *seen;
        Self {
            name: NewestName::default(),
            at,
            online,
            polled,
            pace: Pace::default(),
            values: Vec::new(),
        }
    }

    fn add(&mut self, seen: &Seen) {
        if let Some(name) = &seen.name {
            self.name.tell(seen.at, name);
        }
        if seen.at >= self.at {
            (self.at, self.online) = (seen.at, seen.online);
        }
        self.polled |= seen.polled;
        self.pace.add(seen.at);
        seen.values.iter().for_each(|value| self.add_value(value));
    }

    fn add_value(&mut self, value: &SeenValue) {
        let newer = Newer { value: value.value, at: value.at, since: value.since() };
        match self.values.iter_mut().find(|(metric, _)| metric.key() == value.metric) {
            Some((_, known)) if known.at <= value.at => *known = newer,
            Some(_) => {}
            None => self.values.push((Metric::new(value.metric.as_ref()), newer)),
        }
    }

    fn finish(self, id: String) -> Option<Latest> {
        let value = |(metric, newest): (Metric, Newer)| {
            let at = DateTime::from_timestamp_millis(newest.at)?;
            let since = newest.since.and_then(DateTime::from_timestamp_millis);
            Some(LatestValue { metric, value: newest.value, at, since })
        };
        let mut values: Vec<_> = self.values.into_iter().filter_map(value).collect();
        values.sort_by(|a, b| a.metric.order().cmp(&b.metric.order()));
        let series = Series { id, name: self.name.into_name() };
        let at = DateTime::from_timestamp_millis(self.at)?;
        let (online, polled, interval) = (self.online, self.polled, self.pace.interval());
        let latest = Latest { series, values, at, online, polled, interval };
        (!latest.values.is_empty()).then_some(latest)
    }
}
