//! Whom a sink tells of documents that it has replaced.

use async_trait::async_trait;
use std::fmt;

/// Told of documents that were replaced, after that is on disk.
#[async_trait]
pub trait Replaced: fmt::Debug + Send + Sync {
    /// Hears of the documents of one write.
    async fn replaced(&self, documents: Vec<Replacement>);
}

/// A document that another one has taken the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The number of its row.
    pub row: i64,
    /// The document that was there, as JSON.
    pub before: String,
    /// The document that is there now, as JSON.
    pub after: String,
}
