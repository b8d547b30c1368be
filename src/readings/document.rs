//! Whole documents, one after the other.

use super::shape::Observed;
use crate::error::Result;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::collections::VecDeque;
use std::fmt;

/// One document of a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The key under which it is stored: the message's id.
    pub id: String,
    /// The document as JSON, without its key. Numbers have the digits that the store kept, and dates
    /// are RFC 3339.
    pub json: String,
    /// When it was stored, where the store knows.
    pub stored_at: Option<DateTime<Utc>>,
    /// The readings in it; `None` where it holds none.
    pub observed: Option<Observed>,
}

impl Document {
    /// The time that its readings tell, or else when it was stored; `None` where nobody knows.
    pub fn at(&self) -> Option<DateTime<Utc>> {
        self.observed.as_ref().map(|observed| observed.at).or(self.stored_at)
    }

    /// Whether it is not older than a time, as far as anybody knows.
    pub(super) fn is_since(&self, since: DateTime<Utc>) -> bool {
        self.at().is_none_or(|at| at >= since)
    }
}

/// Documents as they come out of a store, one after the other; memory holds a step of them only.
pub struct Documents {
    steps: Box<dyn Steps>,
    ready: VecDeque<Document>,
    over: bool,
}

/// A read in steps.
#[async_trait]
pub(super) trait Steps: Send {
    /// The next documents, which may be none; `None` after the last.
    async fn next(&mut self) -> Result<Option<Vec<Document>>>;
}

impl Documents {
    /// The documents of a read.
    pub(super) fn of(steps: impl Steps + 'static) -> Self {
        Self { steps: Box::new(steps), ready: VecDeque::new(), over: false }
    }

    /// The next document; `None` after the last.
    ///
    /// # Errors
    /// As those of [`Store`](super::Store). Nothing comes behind an error.
    pub async fn next(&mut self) -> Result<Option<Document>> {
        while self.ready.is_empty() && !self.over {
            self.over = true;
            if let Some(documents) = self.steps.next().await? {
                (self.ready, self.over) = (documents.into(), false);
            }
        }
        Ok(self.ready.pop_front())
    }
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Documents").field("ready", &self.ready.len()).finish_non_exhaustive()
    }
}
