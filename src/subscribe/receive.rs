//! What is asked of the queue: how much, when, and when enough came.

use super::plan::{Mode, Rehearsal};
use super::receiver::Answer;
use super::run::{End, Run};
use crate::queues::{Emptiness, Receive, Select};
use crate::report::{count, messages};
use std::time::Duration;
use tokio::time::Instant;

/// How long one question to the queue waits for messages while we follow it.
const LONG_POLL: Duration = Duration::from_secs(20);

impl Run<'_> {
    /// Asks the queue, where more is wanted and no question is on its way.
    pub(super) fn start_receiving(&mut self) {
        if !self.receiver.is_asking() && self.wants_more() {
            let (request, idle) = (self.request(), self.idle());
            self.receiver.ask(self.work.queue, request, idle);
        }
    }

    /// Takes what the queue gave. What is in flight holds back what follows it in its group: that
    /// nothing came means the end only where nothing was in flight already when it was asked.
    pub(super) async fn take(&mut self, answer: Answer) {
        let now = Instant::now();
        match answer.deliveries {
            Ok(deliveries) if deliveries.is_empty() => {
                let idle = self.work.plan.idle;
                let quiet = self.in_flight.quiet_since() + idle <= now;
                if !self.follows() && answer.was_idle && self.nothing_in_flight() && quiet {
                    self.finish(End::Empty);
                }
                if self.follows() && self.nothing_in_flight() {
                    self.say_that_it_waits();
                }
            }
            Ok(mut deliveries) => {
                self.work.recall(&mut deliveries).await;
                count(&self.work.counters.received, deliveries.len());
                tracing::info!("received {}", messages(deliveries.len()));
                let suspects = deliveries.iter().filter(|it| it.lost > 0).count();
                if suspects > 0 {
                    let how_many = messages(suspects);
                    tracing::info!(
                        "to be written one by one, for a run died while it wrote them: {how_many}"
                    );
                }
                self.waits = false;
                self.postponed += self.in_flight.take(deliveries, now);
                fail::fail_point!("subscribe-received");
            }
            Err(error) => self.break_off(error),
        }
    }

    /// Says once that there is nothing to do until something comes.
    fn say_that_it_waits(&mut self) {
        if !std::mem::replace(&mut self.waits, true) {
            tracing::info!("waiting for messages");
        }
    }

    /// Ends the run when a limit is reached.
    pub(super) fn stop_when_done(&mut self) {
        // Hands that are full of what is kept until the run ends take no more.
        let keeps = !self.follows() || self.work.plan.rehearsal != Rehearsal::No;
        let full = keeps && self.nothing_in_flight() && !self.has_room();
        let enough = self.receiver.wanted(self.work.plan) == Some(0);
        if !self.breaker.is_open() && (enough || full) {
            self.finish(End::Enough);
        }
    }

    /// When a drain calls a service empty that does not tell.
    pub(super) fn quiet_at(&self) -> Option<Instant> {
        let draining = !self.follows() && self.end.is_none();
        let guesses = self.work.capabilities.emptiness == Emptiness::Unknown;
        let waits = draining && guesses && self.nothing_in_flight();
        waits.then(|| self.in_flight.quiet_since() + self.work.plan.idle)
    }

    /// The queue was empty in the end, as far as its client can tell.
    pub(super) fn saw_the_end(&self) -> bool {
        self.end == Some(End::Empty)
    }

    /// There is room in flight for more, and the run's limit is not reached.
    pub(super) fn has_room(&self) -> bool {
        let (plan, in_flight) = (self.work.plan, &self.in_flight);
        let room = in_flight.len() < plan.in_flight && in_flight.bytes() < plan.in_flight_bytes;
        room && self.receiver.wanted(plan) != Some(0)
    }

    /// Nothing waits, is being written, or is kept for a retry.
    fn nothing_in_flight(&self) -> bool {
        self.idle() && self.in_flight.next_due().is_none()
    }

    fn wants_more(&self) -> bool {
        // A queue that was empty a moment ago is asked again when nothing is in flight: the embedded
        // one, and one whose answer we do not wait for.
        let at_once = self.knows() || self.work.plan.idle.is_zero();
        let known_empty = self.receiver.found_nothing() && at_once && !self.idle();
        self.end.is_none()
            && !self.breaker.is_open()
            && self.has_room()
            // What may kill us shall find nothing in flight.
            && !self.in_flight.has_suspect()
            && !self.alone
            // A batch is of one tag: what comes next may be of another.
            && (self.work.plan.select != Select::OldestTag || self.idle())
            && (!known_empty || self.follows())
    }

    /// Nobody needs to wait to know that the queue is empty.
    fn knows(&self) -> bool {
        self.work.capabilities.emptiness == Emptiness::Certain
    }

    fn request(&self) -> Receive {
        let plan = self.work.plan;
        let room = plan.in_flight - self.in_flight.len();
        let wait = match plan.mode {
            Mode::Follow => LONG_POLL,
            _ if self.knows() && !self.idle() => Duration::ZERO,
            _ => plan.idle,
        };
        Receive {
            max: room.min(self.receiver.wanted(plan).unwrap_or(room)),
            max_bytes: plan.in_flight_bytes - self.in_flight.bytes(),
            wait,
            select: plan.select.clone(),
        }
    }
}
