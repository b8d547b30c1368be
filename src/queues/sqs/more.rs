//! What SQS cannot carry as it is: in one attribute more, as JSON.

use super::limits::is_text;
use crate::times;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// What a body is where it has nothing.
const EMPTY: &str = "-";

/// How a body travels that is no text which SQS takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Coding {
    Base64,
    Empty,
}

/// What SQS cannot carry as it is.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct More {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "carried")]
    pub(super) not_before: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<Coding>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) attributes: BTreeMap<String, String>,
}

/// A time that would not come back is none: what an external producer has sent is due.
fn carried<'de, D: Deserializer<'de>>(json: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = Option::<String>::deserialize(json)?;
    Ok(text.and_then(|text| times::parse(&text)))
}

impl More {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// As JSON that SQS takes as text; `None` where there is nothing to tell.
    pub(super) fn json(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let json = serde_json::to_string(self).expect("fields under names are JSON");
        // JSON writes out the control characters, but not these two, which SQS refuses as well.
        Some(json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff"))
    }
}

/// The body as text that SQS takes; `more` tells how it was made so.
pub(super) fn body_of(body: &Bytes, more: &mut More) -> String {
    match std::str::from_utf8(body) {
        Ok("") => {
            more.body = Some(Coding::Empty);
            EMPTY.to_owned()
        }
        Ok(text) if is_text(text) => text.to_owned(),
        _ => {
            more.body = Some(Coding::Base64);
            BASE64_STANDARD.encode(body)
        }
    }
}

/// A body that is not what its coding says is an external producer's, and stays as it is.
pub(super) fn body_from(body: String, coding: Option<Coding>) -> Bytes {
    match coding {
        Some(Coding::Empty) => Bytes::new(),
        Some(Coding::Base64) => match BASE64_STANDARD.decode(&body) {
            Ok(bytes) => bytes.into(),
            Err(_) => body.into(),
        },
        None => body.into(),
    }
}
