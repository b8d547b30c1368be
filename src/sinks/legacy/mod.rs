//! `?legacy` on any sink: bodies that a Python publisher wrote by `str(dict)` become JSON.
//!
//! A body that is JSON, or no Python dict, goes to the sink as it is. The queue is not touched by
//! this: a dead letter has its original bytes.
//!
//! `legacy-timezone=ZONE` corrects `request_at` of such bodies, a local time that was labelled `Z`.
//! `created_at` and `updated_at` are Nature's own and truly UTC.

mod literal;

pub use literal::to_json;

use super::{Outcome, Sink};
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::message::Delivery;
use crate::times;
use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, SecondsFormat, TimeZone as _, Utc};
use chrono_tz::Tz;
use std::borrow::Cow;

/// The parameters that these are, of every sink.
pub const PARAMETERS: [&str; 2] = ["legacy", "legacy-timezone"];

/// What `?legacy` and `legacy-timezone=` ask for; `None` where they do not.
pub fn take(url: &mut Location) -> Result<Option<Legacy>> {
    let wanted = url.flag("legacy")?;
    let timezone = url.take("legacy-timezone")?;
    let timezone = timezone.map(|name| zone(&name)).transpose()?;
    match (wanted, timezone) {
        (true, timezone) => Ok(Some(Legacy { timezone })),
        (false, None) => Ok(None),
        (false, Some(_)) => Err(Error::new(Kind::Usage, "`legacy-timezone` without `legacy`")
            .hint("write `?legacy&legacy-timezone=ZONE`")),
    }
}

fn zone(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| {
        Error::new(Kind::Usage, format!("`legacy-timezone={name}` is no time zone"))
            .hint("give its name in the IANA list: `legacy-timezone=Asia/Tokyo`")
    })
}

/// How old bodies become new ones.
#[derive(Debug, Clone, Copy)]
pub struct Legacy {
    timezone: Option<Tz>,
}

impl Legacy {
    /// Puts this conversion before a sink, which then sees new bodies only.
    pub fn before(self, sink: Box<dyn Sink>) -> Box<dyn Sink> {
        Box::new(Renewed { legacy: self, sink })
    }

    /// The body as JSON, `None` where it is JSON already; else why it is no Python dict.
    fn renew(self, body: &[u8]) -> Result<Option<String>, String> {
        if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok() {
            return Ok(None);
        }
        let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
        to_json(text, self.timezone).map(Some)
    }
}

/// A local time that the first publisher labelled `Z`, in UTC; `None` where it is not in its form.
/// A time that the zone had twice is the earlier one.
fn in_utc(text: &str, zone: Tz) -> Result<Option<String>, &'static str> {
    let Ok(local) = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%SZ") else {
        return Ok(None);
    };
    let moment = zone.from_local_datetime(&local).earliest();
    let moment = moment.ok_or("a `request_at` that its time zone never had")?;
    let utc: DateTime<Utc> = moment.to_utc();
    if !times::is_carried(utc) {
        return Err("a `request_at` that is not in the years 0000 to 9999");
    }
    Ok(Some(utc.to_rfc3339_opts(SecondsFormat::Secs, true)))
}

/// A sink that is given new bodies.
struct Renewed {
    legacy: Legacy,
    sink: Box<dyn Sink>,
}

#[async_trait]
impl Sink for Renewed {
    async fn ping(&self) -> Result<()> {
        self.sink.ping().await
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let mut faults = vec![None; batch.len()];
        let mut renewed = Cow::Borrowed(batch);
        for (at, delivery) in batch.iter().enumerate() {
            match self.legacy.renew(&delivery.message.body) {
                Ok(None) => {}
                Ok(Some(json)) => renewed.to_mut()[at].message.body = json.into(),
                Err(why) => faults[at] = Some(why),
            }
        }
        let outcomes = self.sink.write(&renewed).await.into_iter();
        let explained = outcomes.zip(faults).map(|(outcome, fault)| match (outcome, fault) {
            (Outcome::Reject(why), Some(fault)) => {
                Outcome::Reject(format!("{why}; nor is it a Python dict: {fault}"))
            }
            (outcome, _) => outcome,
        });
        explained.collect()
    }

    fn ordered(&self) -> bool {
        self.sink.ordered()
    }

    fn at_once(&self) -> usize {
        self.sink.at_once()
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.sink.close().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renewed(zone: &str, body: &str) -> Option<String> {
        let timezone = (!zone.is_empty()).then(|| zone.parse().unwrap());
        Legacy { timezone }.renew(body.as_bytes()).unwrap()
    }

    #[test]
    fn local_time_labelled_as_utc_is_corrected_where_it_was_made_and_nowhere_else() {
        let body = "{'request_at': '2021-11-22T08:59:59Z', 'updated_at': '2021-11-20T01:02:03Z', \
                    'in': {'request_at': '2021-11-22T08:59:59Z'}}";
        assert_eq!(
            renewed("Asia/Tokyo", body).unwrap(),
            r#"{"request_at":"2021-11-21T23:59:59Z","updated_at":"2021-11-20T01:02:03Z","in":{"request_at":"2021-11-22T08:59:59Z"}}"#
        );
        assert!(renewed("", body).unwrap().starts_with(r#"{"request_at":"2021-11-22T08:59:59Z""#));
        assert_eq!(renewed("Asia/Tokyo", r#"{"request_at": "2021-11-22T08:59:59Z"}"#), None);
    }

    #[test]
    fn another_request_at_is_left_alone() {
        for value in
            ["'2021-11-22T08:59:59+09:00'", "'now'", "None", "7", "'2021-11-22T08:59:59.5Z'"]
        {
            let body = format!("{{'request_at': {value}}}");
            assert_eq!(renewed("Asia/Tokyo", &body), renewed("", &body), "{value}");
        }
    }

    #[test]
    fn a_time_that_came_twice_is_the_earlier_and_one_that_never_came_is_refused() {
        let twice = renewed("Europe/Berlin", "{'request_at': '2021-10-31T02:30:00Z'}");
        assert_eq!(twice.unwrap(), r#"{"request_at":"2021-10-31T00:30:00Z"}"#);
        let legacy = Legacy { timezone: Some(Tz::Europe__Berlin) };
        let why = legacy.renew(b"{'request_at': '2021-03-28T02:30:00Z'}").unwrap_err();
        assert!(why.starts_with("a `request_at` that its time zone never had"), "{why}");
    }

    #[test]
    fn a_time_beyond_the_years_of_rfc_3339_is_refused() {
        let legacy = Legacy { timezone: Some(Tz::Asia__Tokyo) };
        for time in ["-0001-01-01T00:00:00Z", "+12000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"] {
            let why = legacy.renew(format!("{{'request_at': '{time}'}}").as_bytes()).unwrap_err();
            assert!(why.starts_with("a `request_at` that is not in the years"), "{time}: {why}");
        }
    }

    #[test]
    fn the_parameters_are_taken_from_any_url() {
        let take = |text: &str| {
            let mut url = Location::parse(text).unwrap();
            take(&mut url).map(|legacy| (legacy.map(|it| it.timezone), url.to_string()))
        };
        assert_eq!(take("x:y?a=1").unwrap(), (None, "x:y?a=1".to_owned()));
        assert_eq!(take("x:y?legacy&a=1").unwrap(), (Some(None), "x:y?a=1".to_owned()));
        let tokyo = Some(Some(Tz::Asia__Tokyo));
        assert_eq!(take("x:?legacy&legacy-timezone=Asia/Tokyo").unwrap(), (tokyo, "x:".to_owned()));
        assert!(take("x:?legacy-timezone=Asia/Tokyo").is_err());
        assert!(take("x:?legacy&legacy-timezone=Tokyo").is_err());
    }
}
