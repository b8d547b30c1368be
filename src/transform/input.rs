//! What programs are given of a message.

use crate::jq::Value;
use crate::message::Message;
use bytes::Bytes;
use serde_json::json;

/// A body, and what stands beside it where a program looks at that.
pub(super) struct Input {
    pub(super) body: Bytes,
    /// As JSON.
    message: Option<String>,
}

impl Input {
    /// The body of a message; `whole`: with its id, group, tag and attributes.
    pub(super) fn of(message: &Message, whole: bool) -> Self {
        let Message { id, group, tag, attributes, .. } = message;
        let beside = || json!({ "id": id, "group": group, "tag": tag, "attributes": attributes });
        Self { body: message.body.clone(), message: whole.then(|| beside().to_string()) }
    }

    /// What stands beside the body, as programs see it.
    pub(super) fn message(&self) -> Result<Value, String> {
        self.message.as_ref().map_or(Ok(Value::default()), |text| Value::read(text.as_bytes()))
    }
}
