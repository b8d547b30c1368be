//! What a queue holds, in numbers, and how it is set up.

use super::jobs::JobStats;
use crate::error::Result;
use async_trait::async_trait;
use serde::{Serialize, Serializer};
use std::time::Duration;

/// The name of the fact that tells how many were moved aside.
pub const POISON: &str = "poison";

/// How many messages have a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TagCount {
    /// The tag.
    pub tag: String,
    /// Messages with it, in whatever state.
    pub messages: u64,
}

/// Counts by tag.
#[async_trait]
pub trait Tags: Send + Sync {
    /// The tags with the most messages, the largest first. Every message is looked at.
    async fn largest(&self, max: usize) -> Result<Vec<TagCount>>;
}

/// What a queue holds, and how it is set up. A message is in exactly one of the five counts;
/// `None` is not zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Messages that could be received now; a lease that has ended is none.
    pub ready: Option<u64>,
    /// Messages behind an earlier one of their group.
    pub waiting: Option<u64>,
    /// Messages that are not due yet: published for later, or waiting to be tried again.
    pub scheduled: Option<u64>,
    /// Messages that are some subscriber's at present.
    pub leased: Option<u64>,
    /// Dead letters.
    pub dead: Option<u64>,
    /// How many seconds ago the oldest message that is not dead was published; `None` also where
    /// there is none.
    pub oldest_seconds: Option<u64>,
    /// The size of its file, in bytes; other queues of the file included.
    pub file_bytes: Option<u64>,
    /// The size of the file's log (WAL), in bytes.
    pub wal_bytes: Option<u64>,
    /// Why some of these are not known, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<&'static str>,
    /// How the queue is set up, where a server keeps that.
    #[serde(flatten, serialize_with = "facts")]
    pub facts: Vec<Fact>,
    /// The counts by the names of the jobs, where a queue has several kinds of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobStats>,
}

impl Stats {
    /// How many messages there are that are not dead; `None` where one of the counts is not known.
    pub fn messages(&self) -> Option<u64> {
        [self.ready, self.waiting, self.scheduled, self.leased].into_iter().sum()
    }

    /// How many were moved aside, over all jobs and beside them.
    pub fn poison(&self) -> u64 {
        let told = self.facts.iter().find(|fact| fact.name == POISON);
        match told.and_then(|fact| fact.value.as_ref()) {
            Some(FactValue::Count(count)) => *count,
            _ => 0,
        }
    }
}

/// One thing that a server says of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about, in words: `ack deadline`.
    pub name: &'static str,
    /// What it is; `None` where nobody told.
    pub value: Option<FactValue>,
}

impl Fact {
    /// Text; empty where there is none.
    pub fn text(name: &'static str, text: &str) -> Self {
        Self { name, value: Some(FactValue::Text(text.to_owned())) }
    }

    /// Whether it is so; `None` where nobody told.
    pub fn yes(name: &'static str, yes: Option<bool>) -> Self {
        Self { name, value: yes.map(FactValue::Yes) }
    }

    /// How long; `None` where nobody told.
    pub fn time(name: &'static str, length: Option<Duration>) -> Self {
        Self { name, value: length.map(FactValue::Time) }
    }

    /// How many; `None` where nobody told.
    pub fn count(name: &'static str, count: Option<u64>) -> Self {
        Self { name, value: count.map(FactValue::Count) }
    }
}

/// What a fact says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactValue {
    /// Text; empty where there is none.
    Text(String),
    /// Whether it is so.
    Yes(bool),
    /// How many.
    Count(u64),
    /// How long.
    Time(Duration),
}

/// A field each: `ack_deadline_seconds`.
fn facts<S: Serializer>(facts: &[Fact], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(facts.iter().map(|Fact { name, value }| {
        let name = name.replace(' ', "_");
        match value {
            Some(FactValue::Time(time)) => (name + "_seconds", serde_json::json!(time.as_secs())),
            Some(FactValue::Text(text)) => (name, serde_json::json!(text)),
            Some(FactValue::Yes(yes)) => (name, serde_json::json!(yes)),
            Some(FactValue::Count(count)) => (name, serde_json::json!(count)),
            None => (name, serde_json::Value::Null),
        }
    }))
}
