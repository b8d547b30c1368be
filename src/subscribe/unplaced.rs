//! Dead letters that no place has taken: they stay ours, take no room from the messages that can
//! be written, and are tried again with backoff.

use super::later::Later;
use super::work::Work;
use super::written::{Unburied, Written};
use crate::attempts::Ended;
use crate::error::{Error, Kind};
use crate::message::Receipt;
use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use futures_util::future::{BoxFuture, FutureExt as _};
use std::time::Duration;
use tokio::time::Instant;

/// The backoff between two tries: doubled each time, the second half of it random.
const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_secs(1))
    .with_max_delay(Duration::from_secs(60))
    .without_max_times();

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
    backoff: ExponentialBackoff,
    /// Those that were given back to the queue, since no more may wait.
    given_back: Later,
}

impl Down {
    fn begin(why: String) -> Self {
        let now = Instant::now();
        let (backoff, given_back) = (BACKOFF.build(), Later::default());
        let mut down = Self { since: now, why, next: now, backoff, given_back };
        down.wait();
        down
    }

    /// The next try is after the next pause.
    fn wait(&mut self) {
        let pause = self.backoff.next().expect("there is no end to the backoff");
        self.next = Instant::now() + pause.mul_f64(0.5 + fastrand::f64() / 2.0);
    }
}

impl<'a> Unplaced<'a> {
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
        let what = match letters {
            1 => "1 message could not be kept as a dead letter".to_owned(),
            _ => format!("{letters} messages could not be kept as dead letters"),
        };
        Some(Error::new(Kind::Unreachable, what).because_of(&down.why).hint(
            "nothing is lost: they stay in the queue; mend the place of its dead letters, and run \
             it again",
        ))
    }

    /// Takes letters that found no place, and notes how many of them were given back. Gives the
    /// receipts of those that take no room any more.
    pub(super) fn keep(&mut self, written: &mut Written) -> Vec<Receipt> {
        let letters = std::mem::take(&mut written.unplaced);
        let Some(why) = written.not_kept.take() else { return Vec::new() };
        let down = self.down.get_or_insert_with(|| {
            tracing::warn!("dead letters have no place, and wait for one: {why}");
            Down::begin(why.clone())
        });
        down.why = why;
        down.given_back.note(&written.given_back, None);
        for (_, (message, _)) in &letters {
            down.given_back.note(&[(message.id.clone(), Ended::Settled)], None);
        }
        let receipts: Vec<_> = letters.iter().map(|(receipt, _)| receipt.clone()).collect();
        self.untold.extend_from_slice(&receipts);
        self.letters.extend(letters);
        receipts
    }

    /// When to try again; `None` where nothing waits for a try.
    pub(super) fn next_try(&self) -> Option<Instant> {
        let waits = !self.letters.is_empty() && self.trying.is_none();
        self.down.as_ref().filter(|_| waits).map(|down| down.next)
    }

    /// Tries again to keep what waits.
    pub(super) fn try_again(&mut self, work: Work<'a>) {
        let letters = std::mem::take(&mut self.letters);
        self.trying = Some(work.bury_again(letters).boxed());
    }

    /// After a try: the rest waits for the next one. Gives why the queue did not take a verdict.
    pub(super) fn after_try(&mut self, mut written: Written) -> Option<String> {
        let none = written.settled.is_empty();
        self.letters.append(&mut written.unplaced);
        match &mut self.down {
            Some(down) if none => {
                down.why = written.not_kept.unwrap_or_default();
                tracing::debug!("dead letters still have no place: {}", down.why);
                down.wait();
            }
            Some(down) if !self.letters.is_empty() => down.wait(),
            _ => {
                if let Some(down) = self.down.take() {
                    let time = down.since.elapsed();
                    tracing::warn!("dead letters have a place again after {time:.0?}");
                }
            }
        }
        written.not_settled
    }

    /// Takes the receipts that the queue's client does not know to take no room.
    pub(super) fn untold(&mut self) -> Vec<Receipt> {
        std::mem::take(&mut self.untold)
    }
}
