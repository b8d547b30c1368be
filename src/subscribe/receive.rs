//! What is asked of the queue: how much, when, and when enough came.

use super::run::{End, Run};
use super::{Mode, Rehearsal};
use crate::error::Result;
use crate::message::Delivery;
use crate::queues::{Emptiness, Receive};
use crate::report::count;
use futures_util::future::BoxFuture;
use std::time::Duration;
use tokio::time::Instant;

/// How long one question to the queue waits for messages while we follow it.
const LONG_POLL: Duration = Duration::from_secs(20);

/// A question to the queue that is on its way.
pub(super) struct Receiving<'a> {
    answer: BoxFuture<'a, Result<Vec<Delivery>>>,
    /// Nothing was in hand when it was asked.
    asked_idle: bool,
}

/// What the queue answered, and whether nothing was in hand when it was asked.
pub(super) struct Answer {
    deliveries: Result<Vec<Delivery>>,
    asked_idle: bool,
}

/// Waits for the answer, for ever where nothing was asked. A dropped call loses nothing.
pub(super) async fn received(receiving: &mut Option<Receiving<'_>>) -> Answer {
    let Some(Receiving { answer, asked_idle }) = receiving else {
        return std::future::pending().await;
    };
    let (deliveries, asked_idle) = (answer.await, *asked_idle);
    *receiving = None;
    Answer { deliveries, asked_idle }
}

impl Run<'_> {
    /// Asks the queue, where more is wanted and no question is on its way.
    pub(super) fn start_receiving(&mut self) {
        if self.receiving.is_none() && self.wants_more() {
            let answer = self.work.queue.receive(self.request());
            self.receiving = Some(Receiving { answer, asked_idle: self.idle() });
        }
    }

    /// What is in hand holds back what follows it in its group: that the queue gave nothing means
    /// the end only where nothing was in hand already when it was asked.
    pub(super) async fn take(&mut self, answer: Answer) {
        let now = Instant::now();
        match answer.deliveries {
            Ok(deliveries) if deliveries.is_empty() => {
                self.empty = true;
                let idle = self.work.plan.idle;
                let quiet = self.hand.quiet_since() + idle <= now;
                let nothing_in_hand =
                    answer.asked_idle && self.idle() && self.hand.next_due().is_none();
                if !self.follows() && nothing_in_hand && quiet {
                    self.finish(End::Empty);
                }
            }
            Ok(mut deliveries) => {
                self.work.recall(&mut deliveries).await;
                self.empty = false;
                self.received += deliveries.len();
                count(&self.work.counters.received, deliveries.len());
                self.postponed += self.hand.take(deliveries, now);
                fail::fail_point!("subscribe-received");
            }
            Err(error) => self.break_off(error),
        }
    }

    /// Ends the run when a limit is reached.
    pub(super) fn stop_when_done(&mut self) {
        // Hands that are full of what is kept until the run ends take no more.
        let keeps = !self.follows() || self.work.plan.rehearsal != Rehearsal::No;
        let full = keeps && self.idle() && self.hand.next_due().is_none() && !self.has_room();
        if self.outage.is_none() && (self.wanted() == Some(0) || full) {
            self.finish(End::Enough);
        }
    }

    /// When a drain calls a service empty that does not tell.
    pub(super) fn quiet_at(&self) -> Option<Instant> {
        let draining = !self.follows() && self.end.is_none();
        let nothing_in_hand = self.idle() && self.hand.next_due().is_none();
        let guesses = self.work.capabilities.emptiness == Emptiness::Unknown;
        let waits = draining && guesses && nothing_in_hand;
        waits.then(|| self.hand.quiet_since() + self.work.plan.idle)
    }

    /// The queue was empty in the end, as far as its client can tell.
    pub(super) fn saw_the_end(&self) -> bool {
        self.end == Some(End::Empty)
    }

    /// There is room in hand for more, and the run's limit is not reached.
    pub(super) fn has_room(&self) -> bool {
        let plan = self.work.plan;
        let wanted = self.wanted().unwrap_or(usize::MAX);
        wanted > 0 && self.hand.len() < plan.in_flight && self.hand.bytes() < plan.in_flight_bytes
    }

    /// How many more messages this run wants; `None` is any number.
    fn wanted(&self) -> Option<usize> {
        let plan = self.work.plan;
        let once = (plan.mode == Mode::Once).then_some(plan.batch);
        let limit = [plan.max_messages, once].into_iter().flatten().min();
        limit.map(|limit| limit.saturating_sub(self.received))
    }

    fn wants_more(&self) -> bool {
        // A queue that was empty a moment ago is asked again when nothing is in hand: the embedded
        // one, and one whose answer we do not wait for.
        let at_once = self.knows() || self.work.plan.idle.is_zero();
        let known_empty = self.empty && at_once && !self.idle();
        self.end.is_none()
            && self.outage.is_none()
            && self.has_room()
            // What may kill us shall find nothing in hand.
            && !self.hand.has_suspect()
            && !self.alone
            && (!known_empty || self.follows())
    }

    /// Nobody needs to wait to know that the queue is empty.
    fn knows(&self) -> bool {
        self.work.capabilities.emptiness == Emptiness::Certain
    }

    fn request(&self) -> Receive {
        let plan = self.work.plan;
        let room = plan.in_flight - self.hand.len();
        let wait = match plan.mode {
            Mode::Follow => LONG_POLL,
            _ if self.knows() && !self.idle() => Duration::ZERO,
            _ => plan.idle,
        };
        Receive {
            max: room.min(self.wanted().unwrap_or(room)),
            max_bytes: plan.in_flight_bytes - self.hand.bytes(),
            wait,
            select: plan.select.clone(),
        }
    }
}
