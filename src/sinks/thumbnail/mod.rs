//! `thumbnail:STORE-URL`: a small picture beside each picture of an object store.
//!
//! A message names an object: `{"bucket"?, "key", ...}` as `files:` publishes it, or its bare key;
//! or it is an event of a store and names some (see `requests`). Each is got, decoded in memory,
//! made small, and put back under a name that follows from its key, so that a message that is
//! redelivered writes the same object again. Nothing is decoded whose headers tell that it would be
//! more than `max-pixels`, and no more at once than there is room for.

mod backend;
mod encode;
mod fit;
mod format;
mod gif;
mod jpeg;
mod means;
mod options;
mod other;
mod parts;
mod picture;
mod png;
mod profile;
mod requests;
mod resize;
mod webp;
mod workshop;

pub use backend::ThumbnailBackend;
pub use fit::{Fit, Size};
pub use picture::{Picture, Recipe, Thumbnail};

use super::side_by_side::side_by_side;
use super::{Outcome, Sink};
use crate::clients::object_store::{Answer, Failure, Store};
use crate::error::{Error, Result};
use crate::message::{Delivery, Message};
use async_trait::async_trait;
use options::ThumbnailOptions;
use requests::{Job, Layout, Request};
use std::time::Duration;
use tokio::time::timeout;
use workshop::{ReservedRoom, Workshop};

/// How many messages of one write are worked on at once: while some are decoded, others are got.
const AT_ONCE: usize = 16;

/// What is asked for at first. What is larger tells its size, and is asked for again when there is
/// room.
const FIRST_BYTES: u64 = 8 << 20;

/// Pictures of a store, and where their thumbnails go.
struct Thumbnails {
    store: Store,
    settings: ThumbnailOptions,
    workshop: Workshop,
    /// How long the store may take to give or to take an object.
    limit: Duration,
}

#[async_trait]
impl Sink for Thumbnails {
    /// Asks the store. That we may not write shows at a write, which says so itself.
    async fn ping(&self) -> Result<()> {
        let looked = self.in_time(self.store.ping()).await;
        looked.map(|_| ()).map_err(|failure| self.explain(&failure))
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        side_by_side(batch, AT_ONCE, |message| self.answer(message)).await
    }

    /// No order matters: each picture has a thumbnail of its own.
    fn ordered(&self) -> bool {
        false
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.workshop.close().await;
        Ok(())
    }
}

/// Why there is no thumbnail.
enum Unmade {
    /// This picture is to blame.
    Refused(String),
    /// Nobody knows whether it is to blame.
    Unclear(String),
    Store(Failure),
}

impl From<Failure> for Unmade {
    fn from(failure: Failure) -> Self {
        if failure.is_the_objects() {
            return Self::Refused(failure.to_string());
        }
        Self::Store(failure)
    }
}

impl Thumbnails {
    async fn answer(&self, message: &Message) -> Outcome {
        match requests::read(message) {
            Ok(all) => self.outcome_of_all(&all).await,
            Err(reason) => Outcome::Reject(reason),
        }
    }

    /// A message is done when all its objects are. What is wrong with one keeps no other one from its
    /// thumbnail; what may pass comes first, so that nothing is given up that is to be tried again.
    async fn outcome_of_all(&self, all: &[Request]) -> Outcome {
        let (mut refused, mut unclear) = (Vec::new(), None);
        for request in all {
            match self.outcome(request).await {
                Outcome::Stored | Outcome::Duplicate => {}
                Outcome::Reject(why) => refused.push(why),
                Outcome::Retry(why) => unclear = Some(why),
                // The store is gone, for the others as well.
                outcome => return outcome,
            }
        }
        match unclear {
            Some(why) => Outcome::Retry(why),
            None if refused.is_empty() => Outcome::Stored,
            None => Outcome::Reject(all_of(&refused)),
        }
    }

    async fn outcome(&self, request: &Request) -> Outcome {
        let key = request.shown();
        match self.make(request).await {
            Ok(()) => Outcome::Stored,
            Err(Unmade::Refused(why)) => Outcome::Reject(format!("`{key}`: {why}")),
            Err(Unmade::Unclear(why)) => Outcome::Retry(format!("`{key}`: {why}")),
            Err(Unmade::Store(failure)) => self.outcome_of(&failure),
        }
    }

    /// The outcome of a failure of the store: what the store says about itself is no picture's
    /// fault; a connection that broke may be.
    fn outcome_of(&self, failure: &Failure) -> Outcome {
        let why = format!("`{}` is unavailable: {failure}", self.store);
        if matches!(failure, Failure::Unavailable(_)) {
            return Outcome::ConnectionLost(why);
        }
        Outcome::Unavailable(why)
    }

    async fn make(&self, request: &Request) -> Result<(), Unmade> {
        let layout = Layout {
            bucket: self.store.bucket(),
            root: self.store.prefix(),
            prefix: &self.settings.prefix,
        };
        let Some(Job { key, thumbnail }) = request.job(layout).map_err(Unmade::Refused)? else {
            tracing::debug!(
                "`{}` is a thumbnail or a folder: there is nothing to do",
                request.shown()
            );
            return Ok(());
        };
        let (bytes, hold) = self.get(&key).await?;
        let made = self.workshop.make(bytes, hold, self.settings.recipe, self.settings.max_pixels);
        let made = made.await.map_err(Unmade::Refused)?;
        if let Some(remark) = made.remark {
            tracing::info!("`{}`: {remark}", request.shown());
        }
        let put = self.store.put(&thumbnail, made.bytes.into(), Some(made.content_type));
        self.in_time(put).await?;
        Ok(())
    }

    /// An object, and the room that it takes.
    async fn get(&self, key: &str) -> Result<(bytes::Bytes, ReservedRoom), Unmade> {
        let most = self.settings.max_bytes;
        let mut size = FIRST_BYTES.min(most);
        loop {
            let mut hold = self.workshop.room_for(size).await;
            match self.in_time(self.store.get(key, size)).await {
                Ok(object) => {
                    hold.shrink_to(object.bytes.len() as u64);
                    return Ok((object.bytes, hold));
                }
                Err(Failure::TooLarge { size: larger, .. }) if larger > most => {
                    return Err(Unmade::Refused(format!(
                        "it has {larger} bytes, which is more than `max-bytes={most}`"
                    )));
                }
                // It may grow while we ask, but not for ever.
                Err(Failure::TooLarge { size: larger, .. }) => size = larger,
                Err(failure @ Failure::Denied(_)) => return Err(self.denied(failure).await),
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// A store that does not show what is missing calls an object that is gone forbidden, and one
    /// such message must not stop all others.
    async fn denied(&self, failure: Failure) -> Unmade {
        match self.in_time(self.store.ping()).await {
            Ok(Answer::Guarded) => Unmade::Unclear(format!("it may be missing: {failure}")),
            _ => Unmade::Store(failure),
        }
    }

    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        timeout(self.limit, work).await.unwrap_or_else(|_| {
            Err(Failure::Unavailable(format!("it took longer than {:?}", self.limit)))
        })
    }

    fn explain(&self, failure: &Failure) -> Error {
        self.store.error(format!("`{}` cannot be worked in", self.store), failure)
    }
}

/// How many reasons of one message are told.
const SHOWN_REASONS: usize = 3;

/// The reasons of a message of which several objects are refused.
fn all_of(reasons: &[String]) -> String {
    let told = reasons[..reasons.len().min(SHOWN_REASONS)].join("; ");
    match reasons.len().saturating_sub(SHOWN_REASONS) {
        0 => told,
        more => format!("{told}; and {more} more"),
    }
}
