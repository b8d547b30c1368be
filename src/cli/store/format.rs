//! How `store` shows what it found: as lines for a person, or as JSON for a program.
//!
//! Names and documents come from elsewhere: they are shown so that they cannot act on a terminal.

use crate::cli::table::Table;
use crate::cli::tell::Form;
use crate::readings::chart::{digits, distinct};
use crate::readings::{Kind, Latest, LatestValue, Metric};
use crate::text::fitting;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;

/// As wide as a terminal is at least.
pub(super) const COLUMNS: usize = 80;

/// How wide the name of a device is, at most.
const NAME: usize = 24;

/// What is said of a store that holds no reading.
pub(super) fn no_readings(place: &str) -> String {
    format!(
        "no readings in {place}\n  hint: documents of other forms need the names of their fields in the \
         URL: `values=FIELD,FIELD`, with `time=FIELD` and `series=FIELD`\n"
    )
}

/// The newest values of all devices.
pub(super) fn latest(latest: &[Latest], now: DateTime<Utc>, form: Form) -> String {
    match form {
        Form::Json => latest.iter().map(|one| json_line(one, now)).collect(),
        Form::Human => tables(latest, now),
    }
}

/// A device, as a program is told of it.
#[derive(Serialize)]
struct Device<'a> {
    id: &'a str,
    name: Option<&'a str>,
    at: DateTime<Utc>,
    age_seconds: i64,
    stale: Option<&'static str>,
    online: Option<bool>,
    values: Vec<Value<'a>>,
}

#[derive(Serialize)]
struct Value<'a> {
    metric: &'a str,
    value: f64,
    unit: &'static str,
    at: DateTime<Utc>,
    since: Option<DateTime<Utc>>,
}

impl<'a> Value<'a> {
    fn of(LatestValue { metric, value, at, since }: &'a LatestValue) -> Self {
        let (metric, unit) = (metric.key(), metric.unit());
        Self { metric, value: *value, unit, at: *at, since: *since }
    }
}

fn json_line(latest: &Latest, now: DateTime<Utc>) -> String {
    json(&Device {
        id: &latest.series.id,
        name: latest.series.name.as_deref(),
        at: latest.at,
        age_seconds: latest.age(now).num_seconds(),
        stale: latest.stale(now),
        online: latest.online,
        values: latest.values.iter().map(Value::of).collect(),
    })
}

/// A table of all metrics, or where they do not fit, several below one another; then why values are
/// stale.
fn tables(latest: &[Latest], now: DateTime<Utc>) -> String {
    let series: Vec<_> = latest.iter().map(|one| &one.series).collect();
    let names: Vec<_> = distinct(&series).iter().map(|name| fitting(name, NAME)).collect();
    let (mut text, mut rest) = (String::new(), metrics(latest));
    while !rest.is_empty() {
        let fits = |count: &usize| table(latest, &names, &rest[..*count], now).width() <= COLUMNS;
        let count = (1..=rest.len()).rev().find(fits).unwrap_or(1);
        if !text.is_empty() {
            text.push('\n');
        }
        text += &table(latest, &names, &rest[..count], now).text();
        rest.drain(..count);
    }
    for (why, names) in reasons(latest, &names, now) {
        text += &format!("stale: {}: {why}\n", names.join(", "));
    }
    text
}

/// Why devices are stale, each reason once, with the names of all that it holds for.
fn reasons<'n>(
    latest: &[Latest],
    names: &'n [String],
    now: DateTime<Utc>,
) -> Vec<(&'static str, Vec<&'n str>)> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for (one, name) in latest.iter().zip(names) {
        let Some(why) = one.stale(now) else { continue };
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, of)) => of.push(name),
            None => reasons.push((why, vec![name])),
        }
    }
    reasons
}

/// Each metric that any device measures, as people see them.
fn metrics(latest: &[Latest]) -> Vec<Metric> {
    let values = latest.iter().flat_map(|one| &one.values);
    let mut metrics: Vec<_> = values.map(|value| value.metric.clone()).collect();
    metrics.sort_by(|a, b| a.order().cmp(&b.order()));
    metrics.dedup();
    metrics
}

fn table(latest: &[Latest], names: &[String], metrics: &[Metric], now: DateTime<Utc>) -> Table {
    let labels = metrics.iter().map(|metric| fitting(metric.label(), NAME));
    let ends = |first: &str, last: &str, middle: Vec<String>| -> Vec<String> {
        [vec![first.to_owned()], middle, vec![last.to_owned()]].concat()
    };
    let mut table = Table::new(ends("device", "age", labels.collect()));
    for (one, name) in latest.iter().zip(names) {
        let cells: Vec<_> = metrics.iter().map(|metric| cell(one, metric, now)).collect();
        let stale = if one.stale(now).is_some() { " stale" } else { "" };
        let age = format!("{}{stale}", length(one.age(now)));
        if cells.iter().any(|cell| cell != "-") {
            table.add(ends(name, &age, cells));
        }
    }
    table
}

fn cell(latest: &Latest, metric: &Metric, now: DateTime<Utc>) -> String {
    let found = latest.values.iter().find(|value| value.metric == *metric);
    let Some(LatestValue { value, at, .. }) = found else { return "-".to_owned() };
    match (metric.kind(), metric.unit()) {
        (Kind::Motion, _) => format!("{} ago", length(now - *at)),
        (Kind::Relative, _) | (_, "") => digits(*value, 2),
        (_, unit) => format!("{} {unit}", digits(*value, 2)),
    }
}

/// A length of time in its largest unit: `45 s`, `5 min`, `3 h`, `41 d`.
pub(super) fn length(time: TimeDelta) -> String {
    match time.num_seconds().max(0) {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// A line of JSON.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("fields under names are JSON") + "\n"
}

/// A time in a zone, with its offset: `2026-11-27T13:05:00+09:00`; fractions where it has any.
pub(super) fn with_offset(time: DateTime<Utc>, zone: chrono_tz::Tz) -> String {
    time.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readings::Series;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn one(name: &str, minutes: i64, values: &[(&str, f64)]) -> Latest {
        let at = now() - TimeDelta::minutes(minutes);
        let value = |(metric, value): &(&str, f64)| LatestValue {
            metric: Metric::new(*metric),
            value: *value,
            at,
            since: Some(at),
        };
        Latest {
            series: Series { id: format!("id of {name}"), name: Some(name.to_owned()) },
            values: values.iter().map(value).collect(),
            at,
            online: None,
            polled: true,
            interval: None,
        }
    }

    #[test]
    fn a_device_has_a_line_and_a_stale_one_says_why() {
        let all = [
            one("寝室", 2, &[("te", 17.6), ("hu", 50.0), ("il", 21.0), ("mo", 1.0)]),
            one("Attic\u{1b}[2J", 60 * 24 * 3, &[("te", -2.5)]),
        ];
        assert_eq!(
            latest(&all, now(), Form::Human),
            "\
device          Temperature  Humidity  Light     Motion        age
寝室                17.6 °C      50 %     21  2 min ago      2 min
Attic\\u{1b}[2J      -2.5 °C         -      -          -  3 d stale
stale: Attic\\u{1b}[2J: nothing new is stored
"
        );
    }

    #[test]
    fn what_does_not_fit_stands_below() {
        let metrics: Vec<_> = (0..12).map(|at| format!("metric {at:02}")).collect();
        let values: Vec<_> = metrics.iter().map(|name| (name.as_str(), 1.0)).collect();
        let text = latest(&[one("Room", 1, &values)], now(), Form::Human);
        assert!(text.lines().all(|line| line.len() <= COLUMNS), "{text}");
        assert!(metrics.iter().all(|metric| text.contains(metric.as_str())), "{text}");
        assert!(text.lines().count() > 4, "{text}");
    }

    #[test]
    fn a_program_gets_a_line_of_json_for_each() {
        let text = latest(&[one("Room", 2, &[("te", 17.6)])], now(), Form::Json);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["age_seconds"], 120);
        assert_eq!(line["values"][0]["value"], 17.6);
        assert_eq!(line["stale"], serde_json::Value::Null);
    }
}
