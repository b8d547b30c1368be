//! Documents of any other form, by the paths that the URL names.

use super::fields::{Scalar, millis};
use super::{Seen, SeenValue, bad_path};
use crate::error::{Error, Kind, Result};
use crate::json::Pointer;
use crate::location::Location;
use crate::times;
use chrono::NaiveDateTime;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Where the fields of a reading are.
#[derive(Debug, Clone)]
pub(super) struct Custom {
    time: Option<Pointer>,
    series: Option<Pointer>,
    name: Option<Pointer>,
    /// The names of the metrics, and where their values are.
    values: Vec<(String, Pointer)>,
    /// What the series is where no field tells it.
    collection: String,
}

impl Custom {
    /// Takes the paths out of a URL; `None` where it names none.
    pub(super) fn take(url: &mut Location, collection: &str) -> Result<Option<Self>> {
        let mut one = |parameter| match url.take(parameter)? {
            Some(path) => pointer(&path).map(Some).ok_or_else(|| bad_path(parameter)),
            None => Ok(None),
        };
        let (time, series, name) = (one("time")?, one("series")?, one("name")?);
        let Some(values) = url.take("values")? else {
            return match time.or(series).or(name) {
                None => Ok(None),
                Some(_) => Err(Error::new(Kind::Usage, "the URL names no values")
                    .because_of("`time`, `series` and `name` tell how to read what `values` names")
                    .hint("add the fields that hold numbers: `values=temperature,humidity`")),
            };
        };
        let value = |path: &str| {
            let path = path.trim();
            let pointer = pointer(path).ok_or_else(|| bad_path("values"))?;
            Ok((path.trim_start_matches(['.', '/']).to_owned(), pointer))
        };
        let values = values.split(',').map(value).collect::<Result<_>>()?;
        let collection = collection.to_owned();
        Ok(Some(Self { time, series, name, values, collection }))
    }

    /// The fields at the top of a document in which the paths begin.
    pub(super) fn fields(&self) -> Vec<String> {
        let others = [&self.time, &self.series, &self.name].into_iter().flatten();
        let paths = others.chain(self.values.iter().map(|(_, path)| path));
        paths.filter_map(Pointer::first).map(str::to_owned).collect()
    }

    /// What a document tells; `None` where it has no time, no series, or none of the values.
    pub(super) fn read<'a>(&self, json: &'a str, stored_at: Option<i64>) -> Option<Seen<'a>> {
        let json: &RawValue = serde_json::from_str(json).ok()?;
        let find = |path: &Pointer| find(json, path);
        let at = match &self.time {
            Some(path) => time(&find(path)?)?,
            None => stored_at?,
        };
        let id = match &self.series {
            Some(path) => label(find(path)?)?,
            None => Cow::Owned(self.collection.clone()),
        };
        let value = |(metric, path): &(String, Pointer)| {
            let (metric, value) = (Cow::Owned(metric.clone()), number(&find(path)?)?);
            Some(SeenValue { metric, value, at, told_at: Scalar::Null })
        };
        let values: Vec<_> = self.values.iter().filter_map(value).collect();
        let name = self.name.as_ref().and_then(|path| label(find(path)?));
        let seen = Seen { id, name, at, polled: true, online: None, values };
        (!seen.values.is_empty()).then_some(seen)
    }
}

/// Reads `room.temperature`, or a JSON pointer.
fn pointer(path: &str) -> Option<Pointer> {
    if path.starts_with('/') {
        return Pointer::parse(path);
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let steps = path.split('.');
    if steps.clone().any(str::is_empty) {
        return None;
    }
    let steps = steps.map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")));
    Pointer::parse(&steps.collect::<String>())
}

fn find<'a>(json: &'a RawValue, path: &Pointer) -> Option<Scalar<'a>> {
    serde_json::from_str(path.find(json).ok()??.get()).ok()
}

/// What a series is told or called by: a text, or a number.
fn label(value: Scalar<'_>) -> Option<Cow<'_, str>> {
    match value {
        Scalar::Text(text) if !text.is_empty() => Some(text),
        Scalar::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// A number, as it is or as a text; yes and no are 1 and 0.
fn number(value: &Scalar) -> Option<f64> {
    match value {
        Scalar::Flag(flag) => Some(f64::from(u8::from(*flag))),
        Scalar::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        other => other.number(),
    }
}

/// A time: RFC 3339, a time without a zone, which is taken for UTC, or a number since 1970.
fn time(value: &Scalar) -> Option<i64> {
    let millis = match value {
        Scalar::Text(text) => millis(text).or_else(|| without_zone(text)),
        Scalar::Number(number) => since_1970(*number),
        _ => None,
    };
    millis.filter(|millis| times::from_millis(*millis).is_some())
}

fn without_zone(text: &str) -> Option<i64> {
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    let read = |form| NaiveDateTime::parse_from_str(text, form).ok();
    forms.into_iter().find_map(read).map(|time| time.and_utc().timestamp_millis())
}

/// A number since 1970, in milliseconds: what it counts, from seconds to nanoseconds, its size tells
/// for all times from 1973 to 5138.
fn since_1970(number: f64) -> Option<i64> {
    let millis = match number.abs() {
        size if size < 1e11 => number * 1e3,
        size if size < 1e14 => number,
        size if size < 1e17 => number / 1e3,
        size if size < 1e20 => number / 1e6,
        _ => return None,
    };
    Some(millis.round() as i64)
}
