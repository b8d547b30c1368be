//! What tells when something was stored last: an ability of sinks that can know it.

use super::Options;
use crate::error::Result;
use crate::location::Location;
use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// When something was stored last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newest {
    /// Nothing is there: no store, no collection, or no document.
    Never,
    /// The newest document is of this time.
    At(DateTime<Utc>),
    /// Documents are there, and nothing about them tells when they were stored.
    Unknown,
}

/// A kind of sink that can tell when something was stored last.
#[async_trait]
pub trait Freshness: Send + Sync {
    /// The time of the newest document. Nothing is made. Once a document is found that is not older than
    /// `enough`, no newer one is looked for: what comes is cheap as long as all is well.
    async fn newest(
        &self,
        url: Location,
        options: &Options,
        enough: DateTime<Utc>,
    ) -> Result<Newest>;
}
