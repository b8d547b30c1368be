//! The forecast of the Japan Meteorological Agency, read for one area and one day. Purely.
//!
//! A forecast is two reports, each of series: a list of times, and for each area lists of values as
//! long as that. Issues differ in how many times they have and where they begin, so that a value is
//! found by its time and never by its position. Nobody promises this form.

use chrono::{DateTime, FixedOffset, NaiveDate, SecondsFormat, Timelike as _};
use serde::{Deserialize, Serialize};

/// The hours under which a day's temperatures stand.
const MIN_HOUR: u32 = 0;
const MAX_HOUR: u32 = 9;

/// How many areas an error names.
const SHOWN_AREAS: usize = 8;

/// What a template sees as `weather`. What the forecast does not have is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Weather {
    /// The area's name: `東京地方`.
    area: String,
    /// The name of the station of the temperatures: `東京`.
    station: Option<String>,
    /// The day, as it is called on the day of the announcement: `今日`, `明日`.
    day: &'static str,
    /// The sky in words without spaces: `晴れ時々くもり`.
    sky: String,
    /// The highest temperature in degrees, as text: 0 degrees are there, too.
    max: Option<String>,
    /// The lowest temperature likewise.
    min: Option<String>,
    /// The highest chance of rain of the day in percent, as text.
    pop: Option<String>,
    /// Who made the forecast: `気象庁`.
    office: String,
    /// When that was.
    issued: String,
    /// The day after, where the forecast has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    tomorrow: Option<Box<Weather>>,
}

/// Why there is no weather.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoWeather {
    /// The forecast is not what it was, or is for somewhere else.
    #[error("{0}")]
    Forecast(String),
    /// The forecast does not reach this day.
    #[error("the forecast of {issued} says nothing of {day}")]
    Day { issued: String, day: NaiveDate },
}

/// One issue of the forecast of an office.
#[derive(Debug, Deserialize)]
pub(super) struct Forecast(Vec<Report>);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    publishing_office: String,
    report_datetime: DateTime<FixedOffset>,
    time_series: Vec<Series>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    time_defines: Vec<DateTime<FixedOffset>>,
    areas: Vec<Values>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Values {
    area: Area,
    weathers: Option<Vec<String>>,
    pops: Option<Vec<String>>,
    temps: Option<Vec<String>>,
    temps_min: Option<Vec<String>>,
    temps_max: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Area {
    name: String,
    code: String,
}

/// One of the lists of an area.
type List = fn(&Values) -> &Option<Vec<String>>;

impl Forecast {
    /// # Errors
    /// What is wrong with the text, as half a sentence.
    pub(super) fn read(json: &[u8]) -> Result<Self, String> {
        let forecast: Self = serde_json::from_slice(json).map_err(|cause| {
            format!("it is no forecast as the agency gives it (line {})", cause.line())
        })?;
        match forecast.0.first().is_some_and(|report| report.series(|it| &it.weathers).is_some()) {
            true => Ok(forecast),
            false => Err("it is a forecast without a sky".to_owned()),
        }
    }

    /// The weather of an area, on the day that this instant lies in where the forecast is made.
    /// `station`: the code of the place of the temperatures, where it does not follow from the area.
    pub(super) fn weather(
        &self,
        area: &str,
        station: Option<&str>,
        at: DateTime<FixedOffset>,
    ) -> Result<Weather, NoWeather> {
        let here = self.report().report_datetime.timezone();
        let day = at.with_timezone(&here).date_naive();
        let mut weather = self.of_day(area, station, day, "今日")?;
        let next = day.succ_opt().and_then(|day| self.of_day(area, station, day, "明日").ok());
        weather.tomorrow = next.map(Box::new);
        Ok(weather)
    }

    fn of_day(
        &self,
        area: &str,
        station: Option<&str>,
        day: NaiveDate,
        called: &'static str,
    ) -> Result<Weather, NoWeather> {
        let report = self.report();
        let (at, values) = self.area(area)?;
        let issued = report.report_datetime.to_rfc3339_opts(SecondsFormat::Secs, true);
        let skies = report.series(|it| &it.weathers).expect("it was read with one");
        let sky = skies.on(values, |it| &it.weathers, |time| time.date_naive() == day).next();
        let Some(sky) = sky else { return Err(NoWeather::Day { issued, day }) };
        let station = self.station(at, skies.areas.len(), station)?;
        let code = station.map(|station| station.area.code.as_str());
        let today = report.report_datetime.date_naive() == day;
        Ok(Weather {
            area: values.area.name.clone(),
            station: station.map(|station| station.area.name.clone()),
            day: called,
            sky: sky.split_whitespace().collect(),
            max: self.temperature(code, day, MAX_HOUR, |it| &it.temps_max),
            // That of the day itself is over when the forecast is made, and stands for nothing.
            min: code
                .filter(|_| !today)
                .and_then(|code| self.temperature(Some(code), day, MIN_HOUR, |it| &it.temps_min)),
            pop: self.chance(area, day),
            office: report.publishing_office.clone(),
            issued,
            tomorrow: None,
        })
    }

    fn report(&self) -> &Report {
        self.0.first().expect("it was read with one")
    }

    /// An area by its code, and its position.
    fn area(&self, code: &str) -> Result<(usize, &Values), NoWeather> {
        let skies = self.report().series(|it| &it.weathers).expect("it was read with one");
        let mut areas = skies.areas.iter().enumerate();
        areas.find(|(_, values)| values.area.code == code).ok_or_else(|| {
            let known = skies.areas.iter().take(SHOWN_AREAS).map(|it| &it.area);
            let known: Vec<_> = known.map(|it| format!("{} {}", it.code, it.name)).collect();
            let why = format!("it has no area `{code}`, but {}", known.join(", "));
            NoWeather::Forecast(why)
        })
    }

    /// The station of this code; else that of an area by its position, where there are as many of
    /// one as of the other. Areas and stations have no code in common.
    fn station(
        &self,
        area: usize,
        areas: usize,
        code: Option<&str>,
    ) -> Result<Option<&Values>, NoWeather> {
        let Some(series) = self.report().series(|it| &it.temps) else { return Ok(None) };
        let Some(code) = code else {
            return Ok(series.areas.get(area).filter(|_| series.areas.len() == areas));
        };
        let found = series.areas.iter().find(|values| values.area.code == code);
        found.map(Some).ok_or_else(|| NoWeather::Forecast(format!("it has no station `{code}`")))
    }

    /// A temperature of a day: of the short report at this hour, else of the week's list.
    fn temperature(
        &self,
        station: Option<&str>,
        day: NaiveDate,
        hour: u32,
        week: List,
    ) -> Option<String> {
        let at = |time: DateTime<FixedOffset>| time.date_naive() == day && time.hour() == hour;
        let short = self.report().values(station?, |it| &it.temps, at);
        short.or_else(|| self.0.get(1)?.values(station?, week, |time| time.date_naive() == day))
    }

    /// The highest of the chances of rain of a day that are still to come.
    fn chance(&self, area: &str, day: NaiveDate) -> Option<String> {
        let on = |time: DateTime<FixedOffset>| time.date_naive() == day;
        let of = |report: &Report| report.highest(area, |it| &it.pops, on);
        self.0.iter().find_map(of).map(|chance| chance.to_string())
    }
}

impl Report {
    /// The first series whose areas have this list.
    fn series(&self, list: List) -> Option<&Series> {
        let has = |series: &&Series| series.areas.iter().any(|values| list(values).is_some());
        self.time_series.iter().find(has)
    }

    fn values(
        &self,
        code: &str,
        list: List,
        when: impl Fn(DateTime<FixedOffset>) -> bool,
    ) -> Option<String> {
        let series = self.series(list)?;
        let values = series.areas.iter().find(|values| values.area.code == code)?;
        series.on(values, list, when).next().map(str::to_owned)
    }

    fn highest(
        &self,
        code: &str,
        list: List,
        when: impl Fn(DateTime<FixedOffset>) -> bool,
    ) -> Option<u32> {
        let series = self.series(list)?;
        let values = series.areas.iter().find(|values| values.area.code == code)?;
        series.on(values, list, when).filter_map(|text| text.parse().ok()).max()
    }
}

impl Series {
    /// The values of a list whose times are these, but for empty ones.
    fn on<'s>(
        &'s self,
        values: &'s Values,
        list: List,
        when: impl Fn(DateTime<FixedOffset>) -> bool + 's,
    ) -> impl Iterator<Item = &'s str> {
        let values = list(values).iter().flatten();
        let found = self.time_defines.iter().zip(values).filter(move |(time, _)| when(**time));
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &[u8] = include_bytes!("../../../tests/fixtures/jma_forecast_130000.json");
    const EVENING: &[u8] =
        include_bytes!("../../../tests/fixtures/jma_forecast_130000_evening.json");

    fn weather(json: &[u8], area: &str, at: &str) -> Result<Weather, NoWeather> {
        let at = DateTime::parse_from_rfc3339(at).unwrap();
        Forecast::read(json).unwrap().weather(area, None, at)
    }

    fn shown(weather: &Weather) -> String {
        let Weather { area, day, sky, max, min, pop, .. } = weather;
        let part = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".to_owned());
        format!("{area} {day} {sky} {}/{} {}%", part(max), part(min), part(pop))
    }

    #[test]
    fn the_day_of_the_announcement_is_found_in_each_issue() {
        for (json, area, at, expected) in [
            (NOON, "130010", "2026-11-26T18:53:00+09:00", "東京地方 今日 晴れ時々くもり 15/- 10%"),
            (
                EVENING,
                "130010",
                "2026-11-26T18:53:00+09:00",
                "東京地方 今日 晴れ時々くもり -/- 10%",
            ),
            (
                EVENING,
                "130010",
                "2026-11-27T00:30:00+09:00",
                "東京地方 今日 くもり夕方から夜のはじめ頃晴れ 13/8 30%",
            ),
            (
                NOON,
                "130020",
                "2026-11-27T07:00:00+09:00",
                "伊豆諸島北部 今日 くもり時々晴れ 15/11 30%",
            ),
            (NOON, "130010", "2026-11-28T07:00:00+09:00", "東京地方 今日 晴れ後一時雨 15/6 60%"),
        ] {
            assert_eq!(shown(&weather(json, area, at).unwrap()), expected, "{at}");
        }
    }

    #[test]
    fn an_instant_of_another_zone_has_the_forecasts_day() {
        let tokyo = weather(NOON, "130010", "2026-11-27T07:00:00+09:00").unwrap();
        assert_eq!(weather(NOON, "130010", "2026-11-26T17:00:00-05:00").unwrap(), tokyo);
    }

    #[test]
    fn the_day_after_is_there_as_well() {
        let evening = weather(EVENING, "130010", "2026-11-26T18:53:00+09:00").unwrap();
        let tomorrow = evening.tomorrow.unwrap();
        assert_eq!(shown(&tomorrow), "東京地方 明日 くもり夕方から夜のはじめ頃晴れ 13/8 30%");
        assert_eq!((evening.office.as_str(), evening.station.as_deref()), ("気象庁", Some("東京")));
        assert_eq!(evening.issued, "2026-11-26T17:00:00+09:00");
        let last = weather(NOON, "130010", "2026-11-28T18:53:00+09:00").unwrap();
        assert_eq!(last.tomorrow, None);
    }

    #[test]
    fn what_the_forecast_does_not_have_is_said() {
        for at in ["2026-11-25T23:59:59+09:00", "2026-11-29T00:00:00+09:00"] {
            let why = weather(NOON, "130010", at).unwrap_err();
            assert!(matches!(why, NoWeather::Day { .. }), "{why}");
        }
        let why = weather(NOON, "130011", "2026-11-26T18:53:00+09:00").unwrap_err();
        assert!(why.to_string().contains("`130011`, but 130010 東京地方, 130020"), "{why}");
    }

    #[test]
    fn a_station_is_named_where_it_does_not_follow() {
        let at = DateTime::parse_from_rfc3339("2026-11-27T07:00:00+09:00").unwrap();
        let forecast = Forecast::read(NOON).unwrap();
        let weather = |station| forecast.weather("130010", Some(station), at);
        assert_eq!(weather("44263").unwrap().station.as_deref(), Some("八丈島"));
        assert!(weather("1").unwrap_err().to_string().contains("station `1`"));
        let mut fewer = Forecast::read(NOON).unwrap();
        fewer.0[0].time_series[2].areas.pop();
        let found = fewer.weather("130010", None, at).unwrap();
        assert_eq!((found.station, found.max), (None, None), "whose it is nobody can tell");
    }

    #[test]
    fn what_is_no_forecast_is_refused() {
        for json in [
            "",
            "[]",
            "{}",
            "[{}]",
            "null",
            "[{\"publishingOffice\":\"a\",\"reportDatetime\":\"2026-11-26T11:00:00+09:00\",\"timeSeries\":[]}]",
        ] {
            assert!(Forecast::read(json.as_bytes()).is_err(), "{json}");
        }
        let cut = &NOON[..NOON.len() / 2];
        assert!(Forecast::read(cut).is_err());
    }

    #[test]
    fn lists_that_are_too_short_or_long_are_no_harm() {
        let mut forecast = Forecast::read(NOON).unwrap();
        for series in forecast.0.iter_mut().flat_map(|report| &mut report.time_series) {
            for values in &mut series.areas {
                let lists = [&mut values.weathers, &mut values.pops, &mut values.temps];
                lists.into_iter().flatten().for_each(|list| list.truncate(1));
            }
        }
        let at =
            |day: &str| DateTime::parse_from_rfc3339(&format!("{day}T18:53:00+09:00")).unwrap();
        let today = forecast.weather("130010", None, at("2026-11-26")).unwrap();
        assert_eq!(shown(&today), "東京地方 今日 晴れ時々くもり 15/- 10%");
        assert!(forecast.weather("130010", None, at("2026-11-27")).is_err());
    }
}
