//! The weather of announcements: the forecast is asked for once in a while, for all of them.

use super::forecast::{Forecast, NoWeather, Weather};
use crate::clients::http::{self, Answer, Getter, Limits};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::sinks::Options;
use chrono::{DateTime, FixedOffset, TimeDelta};
use reqwest::header::HeaderMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use url::Url;

/// Where the agency's forecasts are, each under the number of its office.
const JMA: &str = "https://www.jma.go.jp/bosai/forecast/data/forecast";

/// How long a forecast is used before it is asked for again: there are three a day.
const FRESH: TimeDelta = TimeDelta::minutes(10);

/// How long one that cannot be asked for again is still of use.
const USABLE: TimeDelta = TimeDelta::hours(12);

/// What the URL of the sink says of the weather.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WeatherOptions {
    url: Url,
    area: String,
    station: Option<String>,
}

impl WeatherOptions {
    /// Takes `weather=jma|URL`, `area=CODE` and `station=CODE` out of a URL. Where it may be `insecure`,
    /// the forecast comes from any machine by plain http.
    pub(super) fn take(url: &mut Location, insecure: bool) -> Result<Option<Self>> {
        let (weather, area, station) =
            (url.take("weather")?, url.take("area")?, url.take("station")?);
        let Some(weather) = weather else {
            return match area.or(station) {
                None => Ok(None),
                Some(_) => Err(refused(
                    "`area` and `station` are of the weather",
                    "write `weather=jma`, too",
                )),
            };
        };
        let hint = "write `weather=jma&area=130010`, with the area's number of six digits";
        let area = area.ok_or_else(|| refused("`weather` needs an area", hint))?;
        let url = match weather.as_str() {
            "jma" => {
                let office = office(&area)
                    .ok_or_else(|| refused("`area` is no area of the agency", hint))?;
                Url::parse(&format!("{JMA}/{office}.json")).expect("a URL with six digits in it")
            }
            text => http::parse_resource("`weather`", text, insecure)?,
        };
        Ok(Some(Self { url, area, station }))
    }
}

fn refused(what: &str, hint: &str) -> Error {
    Error::new(Kind::Usage, what).hint(hint)
}

/// The office that makes the forecast of an area. Hokkaido and Okinawa have several offices; two
/// that have a number of their own stand in the forecast of a neighbour.
fn office(area: &str) -> Option<String> {
    if area.len() != 6 || !area.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(match &area[..3] {
        "014" => "014100".to_owned(),
        "460" | "461" => "460100".to_owned(),
        island
        @ ("011" | "012" | "013" | "015" | "016" | "017" | "471" | "472" | "473" | "474") => {
            format!("{island}000")
        }
        _ => format!("{}0000", &area[..2]),
    })
}

/// Why there is no weather now.
#[derive(Debug)]
pub(super) enum Unknown {
    /// For this announcement never.
    Never(String),
    /// For none, until somebody gives a forecast: after this time, where that was said.
    NotNow(String, Option<Duration>),
}

/// A forecast that is asked for where it is needed.
pub(super) struct Forecasts {
    options: WeatherOptions,
    getter: Getter,
    clock: Clock,
    last: Mutex<Option<Last>>,
}

/// The last forecast, and when it came in monotonic milliseconds.
#[derive(Clone)]
struct Last {
    forecast: Arc<Forecast>,
    at: i64,
}

impl Forecasts {
    pub(super) fn open(options: WeatherOptions, sink: &Options) -> Result<Self> {
        let limits = Limits { timeout: sink.write_timeout, ..Limits::default() };
        let clock = sink.clock.clone();
        let getter = Getter::new(&options.url, limits, &sink.environment, clock.clone())?;
        Ok(Self { options, getter, clock, last: Mutex::default() })
    }

    /// The weather on the day of this instant.
    pub(super) async fn at(&self, at: DateTime<FixedOffset>) -> Result<Weather, Unknown> {
        let forecast = self.forecast().await?;
        let WeatherOptions { area, station, .. } = &self.options;
        forecast.weather(area, station.as_deref(), at).map_err(|why| match why {
            NoWeather::Day { .. } => Unknown::Never(why.to_string()),
            NoWeather::Forecast(why) => Unknown::NotNow(self.of_forecast(&why), None),
        })
    }

    /// Looks whether there is a forecast, and whether the area is in it.
    pub(super) async fn ping(&self) -> Result<Weather> {
        let now = self.clock.now().fixed_offset();
        self.at(now).await.map_err(|why| match why {
            Unknown::NotNow(why, _) | Unknown::Never(why) => {
                Error::new(Kind::Unreachable, "there is no weather").because_of(why).hint(
                    "look at `area`, `station` and the network; there is no weather without them",
                )
            }
        })
    }

    /// The forecast, by one request however many ask at once.
    async fn forecast(&self) -> Result<Arc<Forecast>, Unknown> {
        let mut last = self.last.lock().await;
        let held = last.clone();
        if let Some(held) = &held
            && self.age(held) < FRESH
        {
            return Ok(held.forecast.clone());
        }
        match (self.get().await, held) {
            (Ok(forecast), _) => {
                let forecast = Arc::new(forecast);
                *last = Some(Last { forecast: forecast.clone(), at: self.clock.monotonic() });
                Ok(forecast)
            }
            (Err(Unknown::NotNow(why, _)), Some(held)) if self.age(&held) < USABLE => {
                tracing::warn!("{why}: the last forecast is used");
                Ok(held.forecast)
            }
            (Err(why), _) => Err(why),
        }
    }

    fn age(&self, held: &Last) -> TimeDelta {
        TimeDelta::milliseconds(self.clock.monotonic() - held.at)
    }

    async fn get(&self) -> Result<Forecast, Unknown> {
        let body = match self.getter.get(&self.options.url, &HeaderMap::new()).await {
            Ok(Answer::Json { body, .. }) => body,
            Ok(Answer::NotModified) => Vec::new(), // nobody asked for that
            Err(failure) => {
                let why = self.of_forecast(&one_line(&failure));
                return Err(Unknown::NotNow(why, failure.wait(&self.clock)));
            }
        };
        Forecast::read(&body).map_err(|why| Unknown::NotNow(self.of_forecast(&why), None))
    }

    fn of_forecast(&self, why: &str) -> String {
        format!("the forecast at `{}`: {why}", self.options.url)
    }
}

fn one_line(error: &(dyn std::error::Error + 'static)) -> String {
    anyhow::Chain::new(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(query: &str) -> Result<Option<WeatherOptions>> {
        let mut url = Location::parse(&format!("speech:x?{query}"))?;
        let options = WeatherOptions::take(&mut url, false)?;
        url.finish(&[]).map(|()| options)
    }

    #[test]
    fn an_area_has_an_office() {
        for (area, expected) in [
            ("130010", "130000"),
            ("270000", "270000"),
            ("011000", "011000"),
            ("012020", "012000"),
            ("014030", "014100"),
            ("014020", "014100"),
            ("460040", "460100"),
            ("460010", "460100"),
            ("471030", "471000"),
            ("474020", "474000"),
            ("020030", "020000"),
        ] {
            assert_eq!(office(area).as_deref(), Some(expected), "{area}");
        }
        for area in ["", "13", "東京", "1300100", "13001x", "東京"] {
            assert_eq!(office(area), None, "{area}");
        }
    }

    #[test]
    fn weather_is_the_agencys_or_at_a_url() {
        assert_eq!(take("").unwrap(), None);
        let jma = take("weather=jma&area=130010").unwrap().unwrap();
        assert_eq!(jma.url.as_str(), format!("{JMA}/130000.json"));
        let own = take("weather=http://127.0.0.1:1/x.json&area=a&station=44132").unwrap().unwrap();
        assert_eq!((own.area.as_str(), own.station.as_deref()), ("a", Some("44132")));
        for query in [
            "area=130010",
            "station=1",
            "weather=jma",
            "weather=jma&area=tokyo",
            "weather=http://example.org/x&area=1",
            "weather=tokyo&area=1",
        ] {
            assert!(take(query).is_err(), "{query}");
        }
    }
}
