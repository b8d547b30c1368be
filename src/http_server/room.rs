//! The memory that large bodies share.

use super::Refusal;
use axum::http::StatusCode;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A body up to this size needs no room: as many of them as there are connections are no harm.
pub(super) const SMALL: usize = 64 << 10;

/// The memory that all large bodies have together. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    /// Room for so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// What a request takes of it; nothing yet.
    pub(super) fn share(&self) -> Share {
        Share { room: self.clone(), taken: None }
    }
}

/// What one request takes of the room, until it was answered.
#[derive(Debug)]
pub(super) struct Share {
    room: Room,
    taken: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// Takes so many bytes in all. Nobody waits for room: those who have it may be waiting for more.
    pub(super) fn reach(&mut self, bytes: usize) -> Result<(), Refusal> {
        let has = self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = bytes.saturating_sub(SMALL).saturating_sub(has);
        let full = || {
            let reason = "too many large bodies at once: there is no room for this one";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason)
        };
        if more == 0 {
            return Ok(());
        }
        let more = u32::try_from(more).map_err(|_| full())?;
        let more = self.room.0.clone().try_acquire_many_owned(more).map_err(|_| full())?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }
}
