//! Dead letters that no place has taken: they stay ours, take no room from the messages that can
//! be written, and are tried again with backoff.

use super::dead_letters::Letter;
use super::later::Later;
use super::run::Run;
use super::settle::Written;
use crate::attempts::Ended;
use crate::error::{Error, Kind};
use crate::message::Receipt;
use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use futures_util::future::{BoxFuture, FutureExt as _};
use std::time::Duration;
use tokio::time::Instant;

/// The pauses between two tries: doubled each time, their second half random.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_secs(1))
    .with_max_delay(Duration::from_secs(60))
    .without_max_times();

/// A dead letter and the delivery that it was.
pub(super) type Unburied = (Receipt, Letter);

/// The letters without a place.
pub(super) struct Unplaced<'a> {
    letters: Vec<Unburied>,
    /// Not known to the queue's client yet.
    untold: Vec<Receipt>,
    /// A try is on its way.
    trying: Option<BoxFuture<'a, Written>>,
    /// Since when there is no place, and when it is tried again; `None`: there is one.
    down: Option<Down>,
}

struct Down {
    since: Instant,
    why: String,
    next: Instant,
    pauses: ExponentialBackoff,
    /// Those that were given back to the queue, since no more may wait.
    given_back: Later,
}

impl Down {
    fn begin(why: String) -> Self {
        let now = Instant::now();
        let (pauses, given_back) = (PAUSES.build(), Later::default());
        let mut down = Self { since: now, why, next: now, pauses, given_back };
        down.wait();
        down
    }

    /// The next try is after the next pause.
    fn wait(&mut self) {
        let pause = self.pauses.next().expect("there is no end to the pauses");
        self.next = Instant::now() + pause.mul_f64(0.5 + fastrand::f64() / 2.0);
    }
}

impl Unplaced<'_> {
    pub(super) fn none() -> Self {
        Self { letters: Vec::new(), untold: Vec::new(), trying: None, down: None }
    }

    /// A try is on its way.
    pub(super) fn is_trying(&self) -> bool {
        self.trying.is_some()
    }

    /// Waits for the end of the try that is on its way, for ever where there is none.
    pub(super) async fn tried(&mut self) -> Written {
        let Some(trying) = &mut self.trying else { return std::future::pending().await };
        let written = trying.await;
        self.trying = None;
        written
    }

    /// The error of a run that ends while letters have no place.
    pub(super) fn error(&self) -> Option<Error> {
        let down = self.down.as_ref()?;
        let letters = self.letters.len() + down.given_back.count();
        let what = format!("{letters} messages could not be kept as dead letters");
        Some(Error::new(Kind::Unreachable, what).because_of(&down.why).hint(
            "nothing is lost: they stay in the queue; mend the place of its dead letters, and run \
             it again",
        ))
    }
}

impl<'a> Run<'a> {
    /// Takes note of letters that found no place, and of how many of them were given back.
    pub(super) fn keep_unplaced(&mut self, written: &mut Written) {
        let letters = std::mem::take(&mut written.unplaced);
        let Some(why) = written.no_place.take() else { return };
        let down = self.unplaced.down.get_or_insert_with(|| {
            tracing::warn!("dead letters have no place, and wait for one: {why}");
            Down::begin(why.clone())
        });
        down.why = why;
        down.given_back.note(&written.given_back, None);
        for (receipt, letter) in letters {
            self.hand.set_aside(&receipt);
            down.given_back.note(&[(letter.0.id.clone(), Ended::Settled)], None);
            self.unplaced.untold.push(receipt.clone());
            self.unplaced.letters.push((receipt, letter));
        }
    }

    /// When to try again.
    pub(super) fn place_at(&self) -> Option<Instant> {
        let waits = !self.unplaced.letters.is_empty() && self.unplaced.trying.is_none();
        self.unplaced.down.as_ref().filter(|_| waits && self.end.is_none()).map(|down| down.next)
    }

    /// Tries again to keep what waits.
    pub(super) fn try_to_place(&mut self) {
        let letters = std::mem::take(&mut self.unplaced.letters);
        self.unplaced.trying = Some(self.work.bury_again(letters).boxed());
    }

    /// After a try: what was kept is settled, and the rest waits for the next one.
    pub(super) fn after_placing(&mut self, mut written: Written) {
        self.later.note(&written.ended, None);
        self.hand.settled(&written.settled, Instant::now());
        let none = written.settled.is_empty();
        self.unplaced.letters.append(&mut written.unplaced);
        match &mut self.unplaced.down {
            Some(down) if none => {
                down.why = written.no_place.unwrap_or_default();
                tracing::debug!("dead letters still have no place: {}", down.why);
                down.wait();
            }
            Some(down) if !self.unplaced.letters.is_empty() => down.wait(),
            _ => {
                if let Some(down) = self.unplaced.down.take() {
                    tracing::warn!(
                        "dead letters have a place again after {:.0?}",
                        down.since.elapsed()
                    );
                }
            }
        }
        if let Some(why) = written.not_settled {
            self.lose_queue(&why);
        }
    }

    /// Tells the queue's client which deliveries take no room any more.
    pub(super) async fn make_room(&mut self) {
        let untold = std::mem::take(&mut self.unplaced.untold);
        if !untold.is_empty() {
            // A dropped call loses nothing, and the next one has the room.
            self.receiving = None;
            self.work.queue.set_aside(&untold).await;
        }
    }
}
