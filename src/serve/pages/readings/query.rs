//! What the address of a page of readings asks for.

use super::super::fields::Fields;
use super::span::{PRESETS, Preset, Span};
use crate::error::{Error, Kind, Result};
use crate::readings::Series;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// What an address asks for: `?store=1&metric=te&range=7d`, or `?from=2026-03-01T06:00&to=2026-03-02`
/// in place of the range; `&hide=ID` for each device whose lines are switched off. The first store, all
/// metrics and 24 hours where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    /// Which store, counted from 0.
    pub(super) store: usize,
    /// Which metrics; none means all.
    pub(super) metrics: Vec<String>,
    /// Which time.
    pub(super) time: Time,
    /// The ids of the devices whose lines are switched off.
    pub(super) hidden: Vec<String>,
}

/// A time as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Time {
    /// A length of time, up to now.
    Preset(Preset),
    /// From one time to another, as somebody has written them; empty is none.
    Between(String, String),
}

impl Query {
    /// Reads the fields of an address.
    ///
    /// # Errors
    /// `Usage` for a range that has no name here, and for a store that is no number.
    pub(super) fn of(fields: &Fields) -> Result<Self> {
        let all = |name| fields.all(name).filter(|it| !it.is_empty()).map(str::to_owned).collect();
        let (metrics, hidden) = (all("metric"), all("hide"));
        Ok(Self { store: store(fields.get("store"))?, metrics, time: Time::of(fields)?, hidden })
    }

    /// What an address asks for that says nothing.
    pub(super) fn plain() -> Self {
        let time = Time::Preset(PRESETS[0]);
        Self { store: 0, metrics: Vec::new(), time, hidden: Vec::new() }
    }

    /// The stretch of time, at this moment.
    ///
    /// # Errors
    /// `Usage` for what is no time, or none that is before the other one.
    pub(super) fn span(&self, now: DateTime<Utc>, zone: Tz) -> Result<Span> {
        match &self.time {
            Time::Preset(preset) => preset.ending(now, zone).ok_or_else(|| {
                Error::new(Kind::Usage, "no readings are that old").hint("choose a shorter range")
            }),
            Time::Between(from, to) => between(from, to, now, zone),
        }
    }

    /// The address that asks for this, of the page or of its CSV.
    pub(super) fn address(&self, path: &str) -> String {
        let head = format!("{path}?");
        let start = head.len();
        let mut fields = url::form_urlencoded::Serializer::for_suffix(head, start);
        if self.store > 0 {
            fields.append_pair("store", &self.store.to_string());
        }
        for metric in &self.metrics {
            fields.append_pair("metric", metric);
        }
        match &self.time {
            Time::Preset(preset) => fields.append_pair("range", preset.key),
            Time::Between(from, to) => fields.append_pair("from", from).append_pair("to", to),
        };
        for device in &self.hidden {
            fields.append_pair("hide", device);
        }
        fields.finish()
    }

    /// Whether the lines of a device are shown.
    pub(super) fn shows(&self, series: &Series) -> bool {
        !self.hidden.contains(&series.id)
    }

    /// What is asked for here, but with the lines of a device switched on or off.
    pub(super) fn switching(&self, series: &Series) -> Self {
        let mut query = self.clone();
        match self.shows(series) {
            true => query.hidden.push(series.id.clone()),
            false => query.hidden.retain(|id| *id != series.id),
        }
        query
    }

    /// What is asked for here, but over another time.
    pub(super) fn over(&self, time: Time) -> Self {
        Self { time, ..self.clone() }
    }
}

impl Time {
    fn of(fields: &Fields) -> Result<Self> {
        let written = |name| fields.get(name).unwrap_or_default().trim().to_owned();
        let (from, to) = (written("from"), written("to"));
        match (fields.get("range").unwrap_or_default(), from.is_empty() && to.is_empty()) {
            (_, false) => Ok(Self::Between(from, to)),
            ("", true) => Ok(Self::Preset(PRESETS[0])),
            (key, true) => Preset::named(key).map(Self::Preset),
        }
    }
}

fn store(field: Option<&str>) -> Result<usize> {
    match field {
        None | Some("") => Ok(0),
        Some(text) => text.parse().map_err(|_| {
            let shown = crate::text::one_line(text, 40);
            Error::new(Kind::Usage, format!("`store={shown}` is no store"))
                .hint("stores are counted from 0: follow a link of the page")
        }),
    }
}

/// From a time to another one; where one is missing, a day from or up to the other, but not beyond now.
fn between(from: &str, to: &str, now: DateTime<Utc>, zone: Tz) -> Result<Span> {
    let written = |at: DateTime<Utc>| at.to_rfc3339();
    if from.is_empty() {
        let whole = Span::between("0000-01-02", to, zone)?;
        let day_before = whole.range.to() - TimeDelta::days(1);
        return Span::between(&written(day_before), to, zone);
    }
    match to.is_empty() {
        true => Span::between(from, &written(now), zone),
        false => Span::between(from, to, zone),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(address: &str) -> Result<Query> {
        Query::of(&Fields::parse(address.as_bytes()))
    }

    fn told(error: Error) -> String {
        error.to_string()
    }

    fn span(address: &str, zone: Tz) -> Result<(String, String, usize)> {
        let span = query(address)?.span("2026-03-08T12:34:56Z".parse().unwrap(), zone)?;
        let local = |at: DateTime<Utc>| at.with_timezone(&zone).format("%m-%d %H:%M").to_string();
        Ok((local(span.range.from()), local(span.range.to()), span.cells))
    }

    #[test]
    fn an_address_says_what_is_shown_and_the_page_says_it_again() {
        for address in [
            "range=24h",
            "store=2&metric=te&metric=a%26b&range=1y",
            "from=2026-03-01&to=",
            "range=7d&hide=a%26b&hide=%3Cb%3E",
        ] {
            let query = query(address).unwrap();
            assert_eq!(query.address("/r"), format!("/r?{address}"));
        }
        assert_eq!(query("").unwrap(), query("range=24h&store=&metric=").unwrap());
        let other = query("from=2026-03-01&to=").unwrap().over(Time::Preset(PRESETS[1]));
        assert_eq!(other.address("/r"), "/r?range=7d");
    }

    #[test]
    fn the_lines_of_a_device_are_switched_off_and_on() {
        let series = |id: &str| Series { id: id.to_owned(), name: None };
        let off = query("range=7d&hide=a").unwrap().switching(&series("<b>"));
        assert_eq!(off.address("/r"), "/r?range=7d&hide=a&hide=%3Cb%3E");
        assert!(!off.shows(&series("a")) && off.shows(&series("c")));
        assert_eq!(off.switching(&series("a")).address("/r"), "/r?range=7d&hide=%3Cb%3E");
    }

    #[test]
    fn cells_are_round_times_of_the_zone() {
        let span = |range, zone| span(&format!("range={range}"), zone).unwrap();
        let tokyo = Tz::Asia__Tokyo;
        assert_eq!(span("24h", tokyo), ("03-07 21:35".into(), "03-08 21:35".into(), 288));
        assert_eq!(span("7d", tokyo), ("03-01 22:00".into(), "03-08 22:00".into(), 336));
        assert_eq!(span("30d", tokyo), ("02-06 22:00".into(), "03-08 22:00".into(), 360));
        assert_eq!(span("1y", tokyo), ("03-09 00:00".into(), "03-09 00:00".into(), 365));
        let kathmandu = span("7d", Tz::Asia__Kathmandu);
        assert_eq!(kathmandu, ("03-01 18:30".into(), "03-08 18:30".into(), 336));
    }

    #[test]
    fn times_are_those_of_the_zone_unless_they_say_another() {
        let zone = Tz::Australia__Lord_Howe;
        for (address, from, to, cells) in [
            ("from=2026-03-01T06:00&to=2026-03-01T12:00", "03-01 06:00", "03-01 12:00", 360),
            ("from=2026-03-01&to=2026-03-08", "03-01 00:00", "03-08 00:00", 336),
            ("from=2026-03-01T00:00:00Z&to=2026-03-01T00:00:09Z", "03-01 11:00", "03-01 11:00", 9),
            ("from=2026-03-08", "03-08 00:00", "03-08 23:34", 282),
            ("to=2026-03-08", "03-07 00:00", "03-08 00:00", 288),
            // The half hour that Lord Howe's clocks leave out.
            ("from=2025-10-05T02:10&to=2025-10-05T03:00", "10-05 02:30", "10-05 03:00", 360),
        ] {
            let found = span(address, zone).unwrap();
            assert_eq!(found, (from.to_owned(), to.to_owned(), cells), "{address}");
        }
    }

    #[test]
    fn what_is_no_range_is_told() {
        for (address, said) in [
            ("range=2w", "`24h`, `7d`, `30d`, `1y`"),
            ("store=x", "`store=x`"),
            ("from=tomorrow", "2026-03-01T06:00"),
            ("from=2026-03-02&to=2026-03-01", "the earlier one"),
            ("from=2026-03-02&to=2026-03-02", "the earlier one"),
            ("to=%2B12000-01-01", "no time"),
            ("from=2027-01-01", "the earlier one"),
        ] {
            let error = told(span(address, Tz::UTC).unwrap_err());
            assert!(error.contains(said), "{address}: {error}");
        }
    }

    #[test]
    fn ten_thousand_years_have_as_many_cells_as_a_screen_has_room_for() {
        let (.., cells) = span("from=0000-01-02&to=9999-12-01", Tz::UTC).unwrap();
        assert_eq!(cells, 400);
    }
}
