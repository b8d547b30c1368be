//! `?mode=changes`: one message a sensor event, which is the same however often it is polled.

use super::SOURCE;
use super::device::{Device, validate_name};
use super::state::Seen;
use crate::json::compact;
use crate::message::{self, Message};
use crate::{text, times};
use chrono::SecondsFormat;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// One event. Its body holds only what can never change between two polls: not the device's name,
/// which its owner may change and which travels as an attribute, nor the time of the poll.
#[derive(Debug, Serialize)]
pub(super) struct Change<'a> {
    device_id: &'a str,
    kind: &'a str,
    val: Box<RawValue>,
    created_at: String,
    #[serde(skip)]
    name: Option<String>,
}

/// Why an event is no message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The API knows nothing yet; what that is.
    NotYet(&'static str),
    /// The event cannot be told apart from others; why.
    Unusable(&'static str),
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    val: Option<&'a RawValue>,
    #[serde(borrow)]
    created_at: Option<&'a RawValue>,
}

/// The events of a device; for one that is no message, its name and why. An event that is null did
/// not happen, and is passed over.
pub(super) fn of<'a>(
    device: &'a Device<'_>,
) -> impl Iterator<Item = Result<Change<'a>, (String, Fault)>> {
    let happened = device.newest_events.iter().filter(|(_, event)| event.get() != "null");
    happened.map(|(kind, event)| {
        change(device, kind, event).map_err(|fault| (text::one_line(kind, 40), fault))
    })
}

fn change<'a>(
    device: &'a Device<'_>,
    kind: &'a str,
    event: &RawValue,
) -> Result<Change<'a>, Fault> {
    use Fault::{NotYet, Unusable};
    validate_name(kind)
        .map_err(|_| Unusable("its name is empty, too long or holds control characters"))?;
    let event: Event =
        serde_json::from_str(event.get()).map_err(|_| Unusable("it is not an event"))?;
    let val = event.val.ok_or(NotYet("no `val`"))?;
    let created_at = event.created_at.ok_or(NotYet("no `created_at`"))?.get();
    let created_at: String = serde_json::from_str(created_at)
        .map_err(|_| Unusable("its `created_at` is not a string"))?;
    if created_at.is_empty() {
        return Err(NotYet("no `created_at`"));
    }
    let created_at =
        times::parse(&created_at).ok_or(Unusable("its `created_at` is not a time in RFC 3339"))?;
    // One form, so that the same moment is the same id however it was written.
    let created_at = created_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    Ok(Change {
        device_id: &device.id,
        kind,
        val: compact(val),
        created_at,
        name: device.shown_name(),
    })
}

impl Change<'_> {
    /// The event's message, under the id `<device_id>/<kind>@<created_at in UTC>`.
    pub(super) fn message(&self) -> Message {
        let body = serde_json::to_vec(self).expect("strings and JSON are JSON");
        let id = format!("{}/{}@{}", self.device_id, self.kind, self.created_at);
        let mut message = Message::new(id, body);
        message.attributes = BTreeMap::from([
            ("source".to_owned(), SOURCE.to_owned()),
            ("schema".to_owned(), "nature-remo.change.1".to_owned()),
            ("device_id".to_owned(), self.device_id.to_owned()),
            ("kind".to_owned(), self.kind.to_owned()),
        ]);
        let name = self.name.clone().map(|name| (message::NAME_ATTRIBUTE.to_owned(), name));
        message.attributes.extend(name);
        message
    }

    /// What is remembered of it once it is published. The value is part of it: two values of one
    /// second are published both, so that the queue sees the conflict and tells.
    pub(super) fn seen(&self) -> Seen {
        Seen {
            device_id: self.device_id.to_owned(),
            kind: self.kind.to_owned(),
            created_at: self.created_at.clone(),
            val: self.val.get().to_owned(),
        }
    }
}
