//! Which objects a message means, and what their thumbnails are called.
//!
//! A message names its object itself, as `files:` publishes it, or it is an event by which a store tells
//! what became of its objects: that of a bucket of S3, bare, from SNS or from EventBridge, that of
//! Google's storage, or of Azure's.

mod aws;
mod azure;
mod google;

use crate::message::Message;
use serde::Deserialize;
use serde_json::Value;

/// An object of a store, of which a message wants a thumbnail.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Request {
    /// The bucket, where the message names it.
    bucket: Option<String>,
    key: String,
    /// Whether the store itself tells of the object, in an event.
    #[serde(skip)]
    is_event: bool,
}

/// Where objects are, and their thumbnails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout<'p> {
    pub(super) bucket: Option<&'p str>,
    /// What stands before each key in the bucket, without a slash at its end.
    pub(super) root: &'p str,
    /// What stands before the key of a picture in that of its thumbnail.
    pub(super) prefix: &'p str,
}

/// A thumbnail that is to be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) key: String,
    pub(super) thumbnail: String,
}

/// Messages may be in messages, but not without end.
const DEEPEST: usize = 3;

/// The objects that a message means. There are none in an event that tells of no new content.
pub(super) fn read(message: &Message) -> Result<Vec<Request>, String> {
    if let Some(requests) = google::of_attributes(&message.attributes) {
        return Ok(requests);
    }
    let text = std::str::from_utf8(&message.body);
    of_text(text.map_err(|_| "the body is not UTF-8".to_owned())?, DEEPEST)
}

/// An event or an object of JSON as `files:` publishes it, else the bare key, as text or as a string of
/// JSON.
fn of_text(text: &str, deepest: usize) -> Result<Vec<Request>, String> {
    let text = text.trim_matches(['\r', '\n']);
    let request = match text.trim_start().bytes().next() {
        Some(b'{') => return of_object(text, deepest),
        Some(b'[') if let Ok(events) = serde_json::from_str::<Vec<Value>>(text) => {
            return azure::of_events(&events);
        }
        Some(b'"') => {
            let key = serde_json::from_str(text);
            Request::bare(key.map_err(|_| "the body is no JSON string".to_owned())?)
        }
        _ => Request::bare(text.to_owned()),
    };
    request.with_a_key().map(|request| vec![request])
}

fn of_object(text: &str, deepest: usize) -> Result<Vec<Request>, String> {
    let unknown = || "the body is no JSON object with a `key`".to_owned();
    let body: Value = serde_json::from_str(text).map_err(|_| unknown())?;
    if body.get("key").is_some() {
        let request: Request = serde_json::from_value(body).map_err(|_| unknown())?;
        return request.with_a_key().map(|request| vec![request]);
    }
    if let Some(message) = aws::message_of_sns(&body)? {
        return match deepest {
            0 => Err("the body has too many messages in one another".to_owned()),
            deepest => of_text(message, deepest - 1),
        };
    }
    let requests = aws::of_event(&body)
        .or_else(|| google::of_event(&body))
        .or_else(|| azure::is_event(&body).then(|| azure::of_events(&[body])));
    requests.unwrap_or_else(|| Err(unknown()))
}

/// The text at this JSON pointer of a value.
fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}

impl Request {
    fn bare(key: String) -> Self {
        Self { bucket: None, key, is_event: false }
    }

    /// An object that an event of the store tells of.
    fn of_event(bucket: &str, key: impl Into<String>) -> Self {
        Self { bucket: Some(bucket.to_owned()), key: key.into(), is_event: true }
    }

    fn with_a_key(self) -> Result<Self, String> {
        match self.key.is_empty() {
            true => Err("the body names no key".to_owned()),
            false => Ok(self),
        }
    }

    /// The key for a person: what a terminal would obey, and all behind some length, is not shown.
    pub(super) fn shown(&self) -> String {
        shown(&self.key)
    }

    /// What is to be done for the object in a store of this layout, if anything is.
    ///
    /// A thumbnail has none: whoever makes a message of each new object would else make thumbnails of
    /// thumbnails without end. A store tells of the thumbnails, too, and of what stands for a folder:
    /// there is nothing to do, and nobody's fault.
    pub(super) fn job(&self, layout: Layout<'_>) -> Result<Option<Job>, String> {
        self.expect_bucket(layout.bucket)?;
        let key = if self.is_event { self.below(layout.root)? } else { &self.key };
        let is_thumbnail = key.starts_with(layout.prefix);
        match self.is_event {
            true if is_thumbnail || key.is_empty() || key.ends_with('/') => Ok(None),
            false if is_thumbnail => {
                Err(format!("it is a thumbnail itself: its key begins with `{}`", layout.prefix))
            }
            _ => {
                Ok(Some(Job { key: key.to_owned(), thumbnail: format!("{}{key}", layout.prefix) }))
            }
        }
    }

    fn expect_bucket(&self, ours: Option<&str>) -> Result<(), String> {
        match (self.bucket.as_deref().map(shown), ours) {
            (Some(request), Some(ours)) if request != ours => {
                Err(format!("it is in the bucket `{request}`, and this is `{ours}`"))
            }
            (Some(request), None) => {
                Err(format!("it is in the bucket `{request}`, and this store has none"))
            }
            _ => Ok(()),
        }
    }

    /// A store tells keys from the root of the bucket.
    fn below(&self, root: &str) -> Result<&str, String> {
        let behind = match root {
            "" => Some(self.key.as_str()),
            root => self.key.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')),
        };
        behind.ok_or_else(|| format!("it is not below `{root}/`, where this store is"))
    }
}

/// More of a key is not shown; no store takes longer ones.
const SHOWN: usize = 1024;

/// A name for the reason of a dead letter, escaped as ever, for people match on reasons.
fn shown(name: &str) -> String {
    let visible = |c: char| match c.is_control() || matches!(c, '\u{202a}'..='\u{202e}') {
        true => c.escape_unicode().to_string(),
        false => c.to_string(),
    };
    name.chars().take(SHOWN).map(visible).collect()
}

#[cfg(test)]
mod tests;
