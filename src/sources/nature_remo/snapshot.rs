//! `?mode=snapshot`: one message a device and poll, with all that its sensors said last.

use super::SOURCE;
use super::device::Device;
use crate::json::compact;
use crate::message::Message;
use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The document, whose fields are those of the scripts that this program replaces and more. Only
/// `online` may be missing; the others are null where the API did not tell.
#[derive(Serialize)]
struct Snapshot<'a> {
    device_id: &'a str,
    name: &'a RawValue,
    /// The events as the API gave them, also of an unknown kind, without a value or of a strange form.
    newest_events: BTreeMap<&'a str, Box<RawValue>>,
    updated_at: &'a RawValue,
    request_at: &'a str,
    temperature_offset: &'a RawValue,
    humidity_offset: &'a RawValue,
    firmware_version: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    online: Option<&'a RawValue>,
}

/// The message of one device in one poll.
///
/// The id is `<device_id>@<request_at in UTC>`. Both times have milliseconds, always: what MongoDB
/// keeps, and enough to tell the polls of one device apart.
pub(super) fn message(device: &Device<'_>, request_at: DateTime<Tz>) -> Message {
    let moment = request_at.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Millis, true);
    let request_at = request_at.to_rfc3339_opts(SecondsFormat::Millis, false);
    let events = &device.newest_events;
    let snapshot = Snapshot {
        device_id: &device.id,
        name: device.name,
        newest_events: events.iter().map(|(kind, event)| (&**kind, compact(event))).collect(),
        updated_at: device.updated_at,
        request_at: &request_at,
        temperature_offset: device.temperature_offset,
        humidity_offset: device.humidity_offset,
        firmware_version: device.firmware_version,
        online: device.online,
    };
    let body = serde_json::to_vec(&snapshot).expect("strings and JSON are JSON");
    let mut message = Message::new(format!("{}@{moment}", device.id), body);
    message.attributes = BTreeMap::from([
        ("source".to_owned(), SOURCE.to_owned()),
        ("schema".to_owned(), "nature-remo.snapshot.1".to_owned()),
        ("device_id".to_owned(), device.id.clone()),
    ]);
    message
}
