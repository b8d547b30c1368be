//! What the database is asked for a window: the query with a value for each of its parameters.

use super::window::{DayPart, Window, day_parts};
use crate::clients::sql::{Dialect, Statement};
use chrono::NaiveDate;
use chrono_tz::Tz;

/// The query with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// The zone in which times of day are meant.
    pub(super) zone: Tz,
    /// The day on which times of day are meant, where it is one day.
    pub(super) date: Option<NaiveDate>,
    /// A value for each parameter that the query may name here.
    pub(super) values: Vec<(&'static str, String)>,
}

/// A zone, and what the database calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Zone {
    pub(super) name: String,
    pub(super) zone: Tz,
}

/// How a query is asked about a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Once a tick, whatever the window: at most the day is told.
    Plainly,
    /// Once, by instants.
    ByInstants,
    /// Once for each day that the window touches, by times of that day.
    ByDays,
}

impl Manner {
    /// How this query is asked: by what it names; rows with a time of day need a day to it.
    pub(super) fn of(query: &Statement, timed: bool) -> Self {
        let uses = |names: &[&str]| names.iter().any(|name| query.uses(name));
        let (days, instants) = (uses(&["from", "to"]), uses(&["since", "until"]));
        match () {
            () if !timed && !days && !instants => Self::Plainly,
            () if days || uses(&["date"]) || !instants => Self::ByDays,
            () => Self::ByInstants,
        }
    }

    /// Whether what the query gives depends on a window.
    pub(super) fn has_windows(self) -> bool {
        self != Self::Plainly
    }

    /// All that is to be asked about a window in this zone.
    pub(super) fn questions(self, window: Window, zone: &Zone, dialect: Dialect) -> Vec<Question> {
        match self {
            Self::Plainly => {
                let date = window.since.with_timezone(&zone.zone).date_naive();
                let values = vec![("zone", zone.name.clone()), ("date", date.to_string())];
                vec![Question { zone: zone.zone, date: Some(date), values }]
            }
            Self::ByDays => {
                let parts = day_parts(window, zone.zone);
                parts.iter().map(|part| of_day(part, zone, dialect)).collect()
            }
            Self::ByInstants => {
                let mut values = instants(window, dialect);
                values.push(("zone", zone.name.clone()));
                vec![Question { zone: zone.zone, date: None, values }]
            }
        }
    }
}

fn of_day(part: &DayPart, zone: &Zone, dialect: Dialect) -> Question {
    let mut values = instants(part.window, dialect);
    values.extend([
        ("zone", zone.name.clone()),
        ("date", part.date.to_string()),
        ("from", part.begin_text()),
        ("to", part.end_text()),
    ]);
    Question { zone: zone.zone, date: Some(part.date), values }
}

fn instants(window: Window, dialect: Dialect) -> Vec<(&'static str, String)> {
    vec![("since", dialect.instant(window.since)), ("until", dialect.instant(window.until))]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["from", "to", "date", "zone", "since", "until"];

    fn manner(query: &str, timed: bool) -> Manner {
        Manner::of(&Statement::parse(query, Dialect::Sqlite, NAMES).unwrap(), timed)
    }

    #[test]
    fn a_query_is_asked_by_what_it_names() {
        for (query, timed, expected) in [
            ("select 1 where :from < :to", false, Manner::ByDays),
            ("select :date, :zone", false, Manner::Plainly),
            ("select :since, :date", false, Manner::ByDays),
            ("select :date", true, Manner::ByDays),
            ("select :since, :date", true, Manner::ByDays),
            ("select 1", true, Manner::ByDays),
            ("select :since, :until", true, Manner::ByInstants),
            ("select :since, :zone", false, Manner::ByInstants),
            ("select 1", false, Manner::Plainly),
        ] {
            assert_eq!(manner(query, timed), expected, "{query}");
        }
    }

    #[test]
    fn a_window_over_midnight_is_asked_day_by_day() {
        let at = |text: &str| format!("2026-11-26T{text}Z").parse().unwrap();
        let window = Window { since: at("14:59:00"), until: at("15:01:00") };
        let zone = Zone { name: "Japan".to_owned(), zone: Tz::Asia__Tokyo };
        let all = Manner::ByDays.questions(window, &zone, Dialect::Sqlite);
        let told: Vec<_> = all
            .iter()
            .map(|it| it.values.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>())
            .collect();
        assert_eq!(
            told,
            [
                [
                    "2026-11-26 14:59:00",
                    "2026-11-26 15:00:00",
                    "Japan",
                    "2026-11-26",
                    "23:59:00",
                    "24:00:00"
                ],
                [
                    "2026-11-26 15:00:00",
                    "2026-11-26 15:01:00",
                    "Japan",
                    "2026-11-27",
                    "00:00:00",
                    "00:01:00"
                ]
            ]
        );
        let once = Manner::ByInstants.questions(window, &zone, Dialect::Postgres);
        assert_eq!((once.len(), once[0].date), (1, None));
        assert_eq!(once[0].values[1].1, "2026-11-26T15:01:00+00:00");
        let plain = Manner::Plainly.questions(window, &zone, Dialect::Postgres);
        assert_eq!((plain.len(), plain[0].date), (1, Some("2026-11-26".parse().unwrap())));
    }
}
