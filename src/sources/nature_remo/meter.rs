//! `?meter`: a message of each smart meter, from the appliances of the account.
//!
//! A meter speaks ECHONET Lite: properties by number, each a whole number in a string. Power is in
//! watts as it is. Energy is a counter, in steps of a unit that another property names, times the
//! coefficient of the meter's transformer.

use super::SOURCE;
use super::device::validate_name;
use super::quantity::Quantity;
use super::state::Seen;
use crate::json::compact;
use crate::message::{self, Message};
use crate::{json, text, times};
use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What an appliance is called that is a meter.
const METER: &str = "EL_SMART_METER";
/// How much of a meter's name becomes an attribute, in characters.
const SHOWN_NAME: usize = 200;

const COEFFICIENT: u64 = 0xd3;
const BOUGHT: u64 = 0xe0;
const UNIT: u64 = 0xe1;
const SOLD: u64 = 0xe3;
const POWER: u64 = 0xe7;

#[derive(Deserialize)]
struct Appliance<'a> {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    nickname: Option<&'a RawValue>,
    #[serde(borrow)]
    device: Option<&'a RawValue>,
    #[serde(borrow)]
    smart_meter: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Core {
    id: Option<String>,
}

#[derive(Deserialize)]
struct Properties<'a> {
    #[serde(borrow)]
    echonetlite_properties: Option<Vec<Option<&'a RawValue>>>,
}

#[derive(Deserialize)]
struct Property<'a> {
    epc: u64,
    #[serde(borrow)]
    val: Option<&'a RawValue>,
    updated_at: Option<String>,
}

/// One meter, as it was last heard of.
pub(super) struct Meter {
    id: String,
    device_id: Option<String>,
    name: Option<String>,
    updated_at: Option<DateTime<Utc>>,
    values: BTreeMap<u64, Quantity>,
    /// The properties as the API gave them.
    raw: Vec<Box<RawValue>>,
}

/// The body of a message.
#[derive(Serialize)]
struct Reading<'a> {
    appliance_id: &'a str,
    device_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_at: Option<String>,
    /// When the newest of the properties was heard.
    updated_at: Option<String>,
    /// What flows now: bought where it is positive, sold where it is negative.
    power_w: Option<Box<RawValue>>,
    bought_kwh: Option<Box<RawValue>>,
    sold_kwh: Option<Box<RawValue>>,
    echonetlite_properties: &'a [Box<RawValue>],
}

/// The meter that an appliance is; `None` for any other appliance. Or why it is not readable, without
/// its content.
pub(super) fn parse(json: &RawValue) -> Result<Option<Meter>, String> {
    let appliance: Appliance =
        serde_json::from_str(json.get()).map_err(|_| "it is not an appliance")?;
    if appliance.kind.as_deref() != Some(METER) {
        return Ok(None);
    }
    let string =
        |json: Option<&RawValue>| -> Option<String> { serde_json::from_str(json?.get()).ok() };
    let id = string(appliance.id).ok_or("its `id` is not a string")?;
    validate_name(&id).map_err(|why| format!("its `id` {why}"))?;
    let core: Option<Core> = appliance.device.and_then(|it| serde_json::from_str(it.get()).ok());
    let mut meter = Meter {
        device_id: core.and_then(|core| core.id).filter(|id| validate_name(id).is_ok()),
        name: string(appliance.nickname).filter(|name| !name.is_empty()),
        id,
        updated_at: None,
        values: BTreeMap::new(),
        raw: Vec::new(),
    };
    let properties: Option<Properties> =
        appliance.smart_meter.and_then(|it| serde_json::from_str(it.get()).ok());
    let properties = properties.and_then(|it| it.echonetlite_properties).unwrap_or_default();
    properties.into_iter().flatten().for_each(|property| meter.add(property));
    Ok(Some(meter))
}

impl Meter {
    /// Adds a property; one that cannot be read is kept as it is, and means nothing.
    fn add(&mut self, json: &RawValue) {
        if json::validate(json.get().as_bytes(), json::SHOWN_DEPTH).is_err() {
            let appliance_id = &self.id;
            return tracing::warn!(
                appliance_id,
                "a property that is no JSON to others was left out"
            );
        }
        self.raw.push(compact(json));
        let Ok(property) = serde_json::from_str::<Property>(json.get()) else { return };
        let updated_at = property.updated_at.and_then(|at| times::parse(&at));
        self.updated_at = self.updated_at.max(updated_at);
        let value = property.val.and_then(Quantity::read);
        self.values.extend(value.map(|value| (property.epc, value)));
    }

    /// Whether nothing was heard of it yet.
    pub(super) fn is_silent(&self) -> bool {
        self.raw.is_empty()
    }

    /// What a counter stands at, in kilowatt-hours.
    fn energy(&self, counter: u64) -> Option<Box<RawValue>> {
        let coefficient = match self.values.get(&COEFFICIENT) {
            Some(coefficient) => *coefficient,
            None if self.has(COEFFICIENT) => return None,
            None => Quantity::ONE,
        };
        let unit = self.values.get(&UNIT)?.as_unit()?;
        self.values.get(&counter)?.times(coefficient)?.times(unit).map(Quantity::json)
    }

    /// Whether there is such a property, readable or not.
    fn has(&self, epc: u64) -> bool {
        let read = self.raw.iter().map(|raw| serde_json::from_str::<Property>(raw.get()));
        read.flatten().any(|property| property.epc == epc)
    }

    fn body(&self, name: Option<&str>, request_at: Option<String>) -> Vec<u8> {
        let updated_at = self.updated_at.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        let reading = Reading {
            appliance_id: &self.id,
            device_id: self.device_id.as_deref(),
            name,
            request_at,
            updated_at,
            power_w: self.values.get(&POWER).copied().map(Quantity::json),
            bought_kwh: self.energy(BOUGHT),
            sold_kwh: self.energy(SOLD),
            echonetlite_properties: &self.raw,
        };
        serde_json::to_vec(&reading).expect("strings and JSON are JSON")
    }

    /// The message of one poll, under the id `<appliance_id>@<request_at in UTC>`.
    pub(super) fn snapshot(&self, request_at: DateTime<Tz>) -> Message {
        let moment = request_at.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Millis, true);
        let request_at = request_at.to_rfc3339_opts(SecondsFormat::Millis, false);
        self.message(
            format!("{}@{moment}", self.id),
            self.body(self.name.as_deref(), Some(request_at)),
        )
    }

    /// The message of what was last heard, under the id `<appliance_id>/meter@<updated_at in UTC>`, and
    /// what is remembered of it; `None` where nobody knows when that was. Its body holds only what
    /// cannot change between two polls: the name travels as an attribute.
    pub(super) fn change(&self) -> Option<(Message, Seen)> {
        let at = self.updated_at?.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let body = self.body(None, None);
        let seen = Seen {
            device_id: self.id.clone(),
            kind: "meter".to_owned(),
            created_at: at.clone(),
            val: text::short_name(&body),
        };
        let mut message = self.message(format!("{}/meter@{at}", self.id), body);
        let name = self.name.as_deref().map(|name| text::one_line(name, SHOWN_NAME));
        let name = name.filter(|name| !name.is_empty());
        message.attributes.extend(name.map(|name| (message::NAME_ATTRIBUTE.to_owned(), name)));
        Some((message, seen))
    }

    fn message(&self, id: String, body: Vec<u8>) -> Message {
        let mut message = Message::new(id, body);
        message.attributes = BTreeMap::from([
            ("source".to_owned(), SOURCE.to_owned()),
            ("schema".to_owned(), "nature-remo.meter.1".to_owned()),
            ("device_id".to_owned(), self.group().to_owned()),
        ]);
        message
    }

    /// What orders its messages: the device that hears the meter.
    pub(super) fn group(&self) -> &str {
        self.device_id.as_deref().unwrap_or(&self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn meter(properties: &Value) -> Meter {
        let json = json!({
            "id": "m", "type": METER, "nickname": "meter", "device": {"id": "d"},
            "smart_meter": {"echonetlite_properties": properties},
        });
        parse(&RawValue::from_string(json.to_string()).unwrap()).unwrap().unwrap()
    }

    fn property(epc: u64, val: &str) -> Value {
        json!({"name": "n", "epc": epc, "val": val, "updated_at": "2025-04-20T03:40:43Z"})
    }

    fn shown(properties: &[(u64, &str)]) -> [String; 3] {
        let all = properties.iter().map(|(epc, val)| property(*epc, val)).collect();
        let body = meter(&Value::Array(all)).body(None, None);
        let body: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&body).unwrap();
        ["power_w", "bought_kwh", "sold_kwh"].map(|name| body[name].get().to_owned())
    }

    #[test]
    fn unit_and_coefficient_are_applied_and_digits_kept() {
        let (e0, e3, unit, factor) = (BOUGHT, SOLD, UNIT, COEFFICIENT);
        for (properties, told) in [
            (
                &[(e0, "98418"), (unit, "1"), (e3, "8"), (POWER, "215")][..],
                ["215", "9841.8", "0.8"],
            ),
            (&[(e0, "98418"), (unit, "0"), (POWER, "-2000")], ["-2000", "98418", "null"]),
            (&[(e0, "7"), (unit, "4"), (factor, "30")], ["null", "0.0210", "null"]),
            (&[(e0, "7"), (unit, "13"), (factor, "3")], ["null", "210000", "null"]),
            (&[(e0, "0x7B"), (unit, "10")], ["null", "1230", "null"]),
            (&[(e0, "7"), (POWER, "x")], ["null", "null", "null"]),
            (&[(e0, "7"), (unit, "5")], ["null", "null", "null"]),
            (&[(e0, "7"), (unit, "1"), (factor, "x")], ["null", "null", "null"]),
        ] {
            assert_eq!(shown(properties), told, "{properties:?}");
        }
    }

    #[test]
    fn what_is_no_meter_is_passed_over_and_a_broken_one_told() {
        let of = |json: Value| {
            parse(&RawValue::from_string(json.to_string()).unwrap()).map(|meter| meter.is_some())
        };
        assert_eq!(of(json!({"id": "a", "type": "AC"})), Ok(false));
        assert_eq!(of(json!({})), Ok(false));
        assert_eq!(of(json!({"id": "a", "type": METER})), Ok(true));
        assert_eq!(of(json!({"id": 7, "type": METER})).unwrap_err(), "its `id` is not a string");
        assert_eq!(of(json!(7)).unwrap_err(), "it is not an appliance");
        assert!(meter(&Value::Null).is_silent());
        assert!(meter(&json!([null])).is_silent());
    }

    #[test]
    fn a_change_is_the_same_however_often_it_is_polled_and_whatever_its_name() {
        let old = property(POWER, "1");
        let mut new = property(BOUGHT, "2");
        new["updated_at"] = json!("2025-04-20T12:40:44+09:00");
        let (message, seen) = meter(&json!([old, new])).change().unwrap();
        assert_eq!(message.id, "m/meter@2025-04-20T03:40:44Z");
        assert_eq!(
            (&*message.attributes["name"], &*message.attributes["device_id"]),
            ("meter", "d")
        );
        assert_eq!(meter(&json!([old, new])).change().unwrap(), (message, seen));
        assert!(meter(&json!([{"epc": 1, "val": "1"}])).change().is_none());
    }
}
