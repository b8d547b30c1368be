//! The dead letters of a queue, whether it keeps them itself or a service does.

use super::ended::Ended;
use super::lacks::lacks;
use super::received::ReceivedDeadLetters;
use super::stored::{self, DeadLetterAction, Handled};
use crate::error::Result;
use crate::location::Location;
use crate::queues::{DeadLetter, DeadLetterStore, Inspect, Options, PeekByReceiving, Which};
use std::time::Duration;

/// Dead letters, and how to get at them.
pub enum DeadLetters<'q> {
    /// Dead letters that the queue keeps, and shows without a receive.
    Stored(&'q dyn DeadLetterStore),
    /// Dead letters in a queue of a service, where looking is receiving.
    Received(ReceivedDeadLetters<'q>),
}

impl<'q> DeadLetters<'q> {
    /// The dead letters of an opened queue; where looking is receiving, it is over when nothing has
    /// come for
    /// `idle`. An error where the queue keeps none.
    pub async fn of(
        queue: &'q dyn Inspect,
        place: (&Location, &Options),
        idle: Duration,
    ) -> Result<Self> {
        match queue.peek_by_receiving() {
            Some(queue) => ReceivedDeadLetters::of(queue, place, idle).await.map(Self::Received),
            None => {
                let store = queue.dead_letters().ok_or_else(|| lacks("keep dead letters"));
                store.map(Self::Stored)
            }
        }
    }

    /// The queue, where looking at them is receiving.
    pub fn by_receiving(&self) -> Option<&'q dyn PeekByReceiving> {
        match self {
            Self::Stored(_) => None,
            Self::Received(letters) => Some(letters.queue),
        }
    }

    /// Shows at most `max` of them, until `show` says that it is enough or `stop` is there.
    pub async fn list(
        &self,
        which: &Which,
        max: usize,
        stop: impl Future<Output = ()>,
        show: &mut dyn FnMut(&[DeadLetter]) -> Result<bool>,
    ) -> Result<Ended> {
        match self {
            Self::Stored(store) => stored::list(*store, which, max, show).await,
            Self::Received(letters) => letters.list(which, max, stop, show).await,
        }
    }

    /// Redrives or drops dead letters and tells of each; without an action only tells what would
    /// become of them. Where looking is receiving, a `stop` ends it early.
    pub async fn work_on(
        &self,
        which: &Which,
        action: Option<DeadLetterAction>,
        stop: impl Future<Output = ()>,
        tell: &mut dyn FnMut(&[Handled]) -> Result<bool>,
    ) -> Result<Ended> {
        match (self, action) {
            (Self::Stored(store), _) => {
                stored::work_on(*store, which, action, tell).await.map(|()| Ended::All)
            }
            (Self::Received(letters), Some(action)) => {
                letters.carry_out(action, which, stop, tell).await
            }
            (Self::Received(letters), None) => letters.foretell(which, stop, tell).await,
        }
    }
}
