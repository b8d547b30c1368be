//! Which documents are readings, and of what, purely.
//!
//! | document | series | time | values |
//! |---|---|---|---|
//! | a snapshot of `nature-remo:`, or what the Python scripts before it left | `device_id`; where there is none, `name` | `request_at` | each event of `newest_events` |
//! | a change of `nature-remo:?mode=changes` | `device_id` | `created_at` | `val`, of the metric `kind` |
//! | a smart meter | `appliance_id` | `request_at`, or `updated_at` | `power_w`, `bought_kwh`, `sold_kwh` |
//! | any other | `series=` | `time=`; else when it was stored | `values=` |
//!
//! `temperature_offset` and `humidity_offset` of a snapshot are added to its values. A movement is at
//! the time when it was seen, and is one movement however many snapshots tell of it.

mod cursor;
mod custom;
mod fields;
mod layout;
mod layouts;
mod quick;
mod remo;
mod remo_fields;

use super::{Metric, Series};
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::text;
use chrono::{DateTime, Utc};
use custom::Custom;
use fields::Scalar;
use layouts::Layouts;
use std::borrow::Cow;

pub(super) use fields::millis;

/// How the documents of a store are read.
#[derive(Debug, Clone, Default)]
pub struct Shapes {
    custom: Option<Custom>,
    raw_offsets: bool,
}

/// The parameters that say how documents are read.
pub const PARAMETERS: &[&str] = &["time", "series", "name", "values", "offsets"];

impl Shapes {
    /// Takes out of a URL how documents are read. `values=PATH,PATH` are the fields that hold numbers,
    /// `time=PATH` the one that tells when, `series=PATH` of what and `name=PATH` how that is called; a
    /// path is `room.temperature`, or a JSON pointer. `offsets=ignore` leaves the values of sensors as
    /// they are. Where no `values` are named, the forms of `nature-remo:` are read.
    ///
    /// # Errors
    /// `Usage` for a path that is none, or one without `values`.
    pub fn take(url: &mut Location, collection: &str) -> Result<Self> {
        let raw_offsets =
            url.choice("offsets", &[("add", false), ("ignore", true)])?.unwrap_or_default();
        let custom = Custom::take(url, collection)?;
        Ok(Self { custom, raw_offsets })
    }

    /// The ways in which documents are read whose form needs no paths.
    pub(super) fn usual() -> [Self; 2] {
        [false, true].map(|raw_offsets| Self { custom: None, raw_offsets })
    }

    /// A short name that tells this way to read from every other.
    pub(super) fn name(&self) -> String {
        text::short_name(format!("{self:?}"))
    }

    /// The fields at the top of a document that tell all that is read of it.
    pub fn fields(&self) -> Vec<String> {
        match &self.custom {
            Some(custom) => custom.fields(),
            None => remo_fields::FIELDS.iter().map(|field| (*field).to_owned()).collect(),
        }
    }

    /// A reader of documents in this way.
    pub(super) fn reader(&self) -> DocumentReader<'_> {
        DocumentReader { shapes: self, layouts: Layouts::default() }
    }

    /// What one document alone tells, as [`DocumentReader::read`] tells it.
    pub(super) fn read<'a>(&self, json: &'a str, stored_at: Option<i64>) -> Option<Seen<'a>> {
        self.reader().read(json, stored_at)
    }
}

/// Reads documents one after the other, the quicker the more they resemble each other.
pub(super) struct DocumentReader<'s> {
    shapes: &'s Shapes,
    layouts: Layouts,
}

impl DocumentReader<'_> {
    /// What a document tells; `None` where it is no reading. `stored_at` is when it was stored, in
    /// milliseconds since 1970, where that is known.
    pub(super) fn read<'a>(&mut self, json: &'a str, stored_at: Option<i64>) -> Option<Seen<'a>> {
        match &self.shapes.custom {
            Some(custom) => custom.read(json, stored_at),
            None => remo::read(json, &mut self.layouts, stored_at, !self.shapes.raw_offsets),
        }
    }
}

/// What a document tells, as it stands in the document. Times are milliseconds since 1970.
#[derive(Debug, PartialEq)]
pub(super) struct Seen<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) at: i64,
    pub(super) polled: bool,
    pub(super) online: Option<bool>,
    pub(super) values: Vec<SeenValue<'a>>,
}

/// One value, as it stands in the document.
#[derive(Debug, PartialEq)]
pub(super) struct SeenValue<'a> {
    pub(super) metric: Cow<'a, str>,
    pub(super) value: f64,
    pub(super) at: i64,
    /// Since when it is so, as its sensor says: read only where somebody asks for it.
    told_at: Scalar<'a>,
}

impl SeenValue<'_> {
    /// Since when it is so, as its sensor says.
    pub(super) fn since(&self) -> Option<i64> {
        self.told_at.time()
    }
}

/// What one document tells: the readings of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Who measured it, under the name that this document tells.
    pub series: Series,
    /// The time of the document.
    pub at: DateTime<Utc>,
    /// The values, in the document's order; there may be none.
    pub values: Vec<Value>,
}

/// One value of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// What was measured.
    pub metric: Metric,
    /// The value, finite.
    pub value: f64,
    /// When this was so; for motion, when it was seen.
    pub at: DateTime<Utc>,
}

impl Seen<'_> {
    /// Everything in types of its own.
    pub(super) fn observed(&self) -> Option<Observed> {
        let value = |seen: &SeenValue| {
            let metric = Metric::new(seen.metric.as_ref());
            Some(Value { metric, value: seen.value, at: time(seen.at)? })
        };
        let name = self.name.as_deref().map(str::to_owned);
        Some(Observed {
            series: Series { id: self.id.as_ref().to_owned(), name },
            at: time(self.at)?,
            values: self.values.iter().filter_map(value).collect(),
        })
    }
}

fn time(millis: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(millis)
}

/// The error for a path that is none.
fn bad_path(parameter: &str) -> Error {
    Error::new(Kind::Usage, format!("`{parameter}` names no field")).hint(format!(
        "write `{parameter}=room.temperature`, or a JSON pointer: `/room/temperature`"
    ))
}

#[cfg(test)]
mod tests;
