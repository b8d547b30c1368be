//! What the second loop has asked of the queue, and what it has got.

use super::plan::{Mode, Plan};
use crate::error::Result;
use crate::message::Delivery;
use crate::queues::{Receive, Select, Subscriber};
use futures_util::future::BoxFuture;

/// One question at a time, and how many messages came.
pub(super) struct Receiver<'a> {
    question: Option<Question<'a>>,
    received: usize,
    /// The last answer was empty.
    empty: bool,
}

/// A question to the queue that is on its way.
struct Question<'a> {
    answer: BoxFuture<'a, Result<Vec<Delivery>>>,
    idle: bool,
}

/// What the queue answered, and whether nothing was in flight when it was asked.
pub(super) struct Answer {
    pub(super) deliveries: Result<Vec<Delivery>>,
    pub(super) was_idle: bool,
}

impl<'a> Receiver<'a> {
    /// Nothing is asked yet.
    pub(super) fn new() -> Self {
        Self { question: None, received: 0, empty: false }
    }

    /// Whether a question is on its way.
    pub(super) fn is_asking(&self) -> bool {
        self.question.is_some()
    }

    /// Whether the last answer was empty.
    pub(super) fn found_nothing(&self) -> bool {
        self.empty
    }

    /// Asks the queue. `idle`: nothing is in flight.
    pub(super) fn ask(&mut self, queue: &'a dyn Subscriber, request: Receive, idle: bool) {
        self.question = Some(Question { answer: queue.receive(request), idle });
    }

    /// Drops the question: what a dropped one had leased is delivered by a later one, or given back.
    pub(super) fn stop(&mut self) {
        self.question = None;
    }

    /// Waits for the answer, for ever where nothing was asked. A dropped call loses nothing.
    pub(super) async fn answer(&mut self) -> Answer {
        let Some(Question { answer, idle }) = &mut self.question else {
            return std::future::pending().await;
        };
        let (deliveries, was_idle) = (answer.await, *idle);
        self.question = None;
        if let Ok(deliveries) = &deliveries {
            self.empty = deliveries.is_empty();
            self.received += deliveries.len();
        }
        Answer { deliveries, was_idle }
    }

    /// Takes back from the count how many of what came were given back.
    pub(super) fn give_back(&mut self, count: usize) {
        self.received = self.received.saturating_sub(count);
    }

    /// How many more messages the run wants; `None` is any number.
    pub(super) fn wanted(&self, plan: &Plan) -> Option<usize> {
        let once = (plan.mode == Mode::Once).then_some(plan.batch);
        // One batch is of one tag, and what comes next may be of another.
        let of_one_tag = plan.mode == Mode::Once && plan.select == Select::OldestTag;
        let one_tag = (of_one_tag && self.received > 0).then_some(0);
        let limit = [plan.max_messages, once, one_tag].into_iter().flatten().min();
        limit.map(|limit| limit.saturating_sub(self.received))
    }
}
