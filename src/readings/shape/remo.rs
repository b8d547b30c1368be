//! The documents of `nature-remo:`, and those of the Python scripts before it.

use super::fields::{Event, Scalar};
use super::layouts::Layouts;
use super::remo_fields::Fields;
use super::{Seen, SeenValue};
use std::borrow::Cow;

/// What a document tells; `None` where it has none of the forms.
pub(super) fn read<'a>(
    json: &'a str,
    layouts: &mut Layouts,
    stored_at: Option<i64>,
    add_offsets: bool,
) -> Option<Seen<'a>> {
    let mut fields = layouts.fields(json).or_else(|| serde_json::from_str(json).ok())?;
    if let Some(events) = fields.newest_events.0.take() {
        return fields.snapshot(events, stored_at, add_offsets);
    }
    if fields.appliance_id.text().is_some() {
        return fields.meter(stored_at);
    }
    fields.change()
}

impl<'a> Fields<'a> {
    fn snapshot(
        self,
        events: Vec<(Cow<'a, str>, Event<'a>)>,
        stored_at: Option<i64>,
        add_offsets: bool,
    ) -> Option<Seen<'a>> {
        let polled_at = self.request_at.time().or(stored_at);
        let at =
            polled_at.or_else(|| events.iter().filter_map(|(_, it)| it.created_at.time()).max())?;
        let id = self.device_id.text().or(self.name.text())?.clone();
        let offsets = Offsets {
            temperature: self.temperature_offset.number().filter(|_| add_offsets),
            humidity: self.humidity_offset.number().filter(|_| add_offsets),
        };
        // Not collected in the events' own memory: that would be cut to size, which is slower.
        let mut values = Vec::with_capacity(events.len());
        let value = |(kind, event)| offsets.value(kind, event, at);
        values.extend(events.into_iter().filter_map(value));
        Some(Seen {
            id,
            name: self.name.text().cloned(),
            at,
            polled: true,
            online: self.online.flag(),
            values,
        })
    }

    fn meter(self, stored_at: Option<i64>) -> Option<Seen<'a>> {
        let (polled_at, heard_at) = (self.request_at.time(), self.updated_at.time());
        let at = polled_at.or(heard_at).or(stored_at)?;
        let metrics = [
            ("power_w", &self.power_w),
            ("bought_kwh", &self.bought_kwh),
            ("sold_kwh", &self.sold_kwh),
        ];
        let value = |(metric, value): (&'static str, &Scalar)| {
            let value = value.number()?;
            let told_at = self.updated_at.clone();
            Some(SeenValue { metric: Cow::Borrowed(metric), value, at, told_at })
        };
        Some(Seen {
            id: self.appliance_id.text()?.clone(),
            name: self.name.text().cloned(),
            at,
            polled: polled_at.is_some(),
            online: None,
            values: metrics.into_iter().filter_map(value).collect(),
        })
    }

    fn change(self) -> Option<Seen<'a>> {
        let (at, metric) = (self.created_at.time()?, self.kind.text()?.clone());
        let value = if metric == MOTION { 1.0 } else { self.val.number()? };
        Some(Seen {
            id: self.device_id.text()?.clone(),
            name: self.name.text().cloned(),
            at,
            polled: false,
            online: None,
            values: vec![SeenValue { metric, value, at, told_at: self.created_at }],
        })
    }
}

/// The event that tells of a movement: what counts is when.
const MOTION: &str = "mo";

/// What a device adds to what it measures.
struct Offsets {
    temperature: Option<f64>,
    humidity: Option<f64>,
}

impl Offsets {
    fn value<'a>(&self, kind: Cow<'a, str>, event: Event<'a>, at: i64) -> Option<SeenValue<'a>> {
        let Event { val, created_at: told_at } = event;
        if kind == MOTION {
            let at = told_at.time()?;
            return Some(SeenValue { metric: kind, value: 1.0, at, told_at });
        }
        let offset = match kind.as_ref() {
            "te" => self.temperature,
            "hu" => self.humidity,
            _ => None,
        };
        let value = val.number()?;
        let value = offset.filter(|offset| *offset != 0.0).map_or(value, |by| plus(value, by));
        value.is_finite().then_some(SeenValue { metric: kind, value, at, told_at })
    }
}

/// The sum of two decimals as people would write it.
fn plus(value: f64, offset: f64) -> f64 {
    ((value + offset) * 1e9).round() / 1e9
}
