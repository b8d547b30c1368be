//! What the second loop has asked of the queue, and what it has got.

use super::plan::{Mode, Plan};
use crate::error::Result;
use crate::message::Delivery;
use crate::queues::{Receive, Subscriber};
use futures_util::future::BoxFuture;

/// One question at a time, and how many messages came.
pub(super) struct Receiver<'a> {
    asked: Option<Asked<'a>>,
    received: usize,
    /// The last answer was empty.
    empty: bool,
}

/// A question to the queue that is on its way.
struct Asked<'a> {
    answer: BoxFuture<'a, Result<Vec<Delivery>>>,
    idle: bool,
}

/// What the queue answered, and whether nothing was in flight when it was asked.
pub(super) struct Answer {
    pub(super) deliveries: Result<Vec<Delivery>>,
    pub(super) asked_idle: bool,
}

impl<'a> Receiver<'a> {
    /// Nothing is asked yet.
    pub(super) fn new() -> Self {
        Self { asked: None, received: 0, empty: false }
    }

    /// Whether a question is on its way.
    pub(super) fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    /// Whether the last answer was empty.
    pub(super) fn found_nothing(&self) -> bool {
        self.empty
    }

    /// Asks the queue. `idle`: nothing is in flight.
    pub(super) fn ask(&mut self, queue: &'a dyn Subscriber, request: Receive, idle: bool) {
        self.asked = Some(Asked { answer: queue.receive(request), idle });
    }

    /// Drops the question: what a dropped one had leased is delivered by a later one, or given back.
    pub(super) fn stop(&mut self) {
        self.asked = None;
    }

    /// Waits for the answer, for ever where nothing was asked. A dropped call loses nothing.
    pub(super) async fn answer(&mut self) -> Answer {
        let Some(Asked { answer, idle }) = &mut self.asked else {
            return std::future::pending().await;
        };
        let (deliveries, asked_idle) = (answer.await, *idle);
        self.asked = None;
        if let Ok(deliveries) = &deliveries {
            self.empty = deliveries.is_empty();
            self.received += deliveries.len();
        }
        Answer { deliveries, asked_idle }
    }

    /// So many of what came were given back, and do not count.
    pub(super) fn give_back(&mut self, count: usize) {
        self.received = self.received.saturating_sub(count);
    }

    /// How many more messages the run wants; `None` is any number.
    pub(super) fn wanted(&self, plan: &Plan) -> Option<usize> {
        let once = (plan.mode == Mode::Once).then_some(plan.batch);
        let limit = [plan.max_messages, once].into_iter().flatten().min();
        limit.map(|limit| limit.saturating_sub(self.received))
    }
}
