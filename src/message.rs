//! What travels: a message, and one delivery of it.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The attribute under which a message's id travels through queues that have ids of their own.
pub const ID_ATTRIBUTE: &str = "kakehi-id";

/// The attribute in which a source puts the name that a person gave to what a message is about.
pub const NAME_ATTRIBUTE: &str = "name";

/// The source that does so, as its attribute `source` says.
pub const NAMING_SOURCE: &str = "nature-remo";

/// What an id looks like that is made for a message which came without one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IdForm {
    /// A UUID of version 7: ids grow with the time.
    #[default]
    Uuid,
    /// 24 random hexadecimal digits, as gocraft/work makes them.
    Hex24,
}

/// One message, as its publisher made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Chosen by the publisher; becomes the key under which a sink stores it, so that a second
    /// delivery changes nothing.
    pub id: String,
    /// The payload: any bytes.
    pub body: Bytes,
    /// Strings that travel beside the body.
    pub attributes: BTreeMap<String, String>,
    /// Orders: messages of one group are delivered in the order of their publishing.
    pub group: Option<String>,
    /// Selects, and orders nothing.
    pub tag: Option<String>,
    /// Not delivered before this time.
    pub not_before: Option<DateTime<Utc>>,
    /// When the queue took it; set by the queue.
    pub published_at: Option<DateTime<Utc>>,
}

impl Message {
    /// A message with an id and a body, and nothing else.
    pub fn new(id: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            id: id.into(),
            body: body.into(),
            attributes: BTreeMap::new(),
            group: None,
            tag: None,
            not_before: None,
            published_at: None,
        }
    }

    /// The memory that this message stands for, in bytes: body, id, attributes, group and tag.
    pub fn size(&self) -> usize {
        let attributes: usize = self.attributes.iter().map(|(k, v)| k.len() + v.len()).sum();
        let group = self.group.as_deref().map_or(0, str::len);
        let tag = self.tag.as_deref().map_or(0, str::len);
        self.body.len() + self.id.len() + attributes + group + tag
    }
}

/// What a queue gave us, and how to settle it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// Which attempt this is, from 1: one more than the deliveries that failed or whose lease was
    /// lost in mid-work; what was released, or only fetched ahead, does not count. `None` where the
    /// queue does not count, or counts otherwise.
    pub attempts: Option<u32>,
    /// How often a lease of it was lost in mid-work: its worker died, or took too long. What may
    /// kill its worker is written alone.
    pub lost: u32,
    /// What the queue wants to see when the delivery is settled.
    pub receipt: Receipt,
}

/// A queue's own handle on one delivery: valid while the lease lasts, opaque to everybody else. A
/// clone shares the text: the loop, its heartbeat and the queue each have one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt(pub Arc<str>);
