//! What takes stored documents out again: an ability of sinks that keep them.

use super::Options;
use crate::error::Result;
use crate::location::Location;
use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// A stored document that is to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The key under which it is stored: the message's id.
    pub id: String,
    /// When it was stored, where the sink keeps that: what was replaced since then stays.
    pub stored_at: Option<DateTime<Utc>>,
}

/// Something that documents are taken out of, while others write to it.
#[async_trait]
pub trait Remover: Send + Sync {
    /// Removes documents in one step, as far as they are still there as they were seen; how many
    /// those were. Who has many gives them in several steps, between which others write.
    async fn remove(&self, documents: &[Stored]) -> Result<u64>;

    /// Gives back the room where that is much, and closes the connection or file.
    async fn close(self: Box<Self>) -> Result<()>;
}

/// A kind of sink that documents can be taken out of.
#[async_trait]
pub trait Prune: Send + Sync {
    /// Opens what is there. Nothing is made.
    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Remover>>;
}
