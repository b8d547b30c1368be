//! Dead letters of a batch: kept where there is a place for them, else put off.

use super::judge::Judged;
use super::lanes::Lane;
use super::work::Work;
use super::written::{Unburied, Written};
use crate::attempts::Ended;
use crate::queues::Verdict;
use crate::report::count;
use crate::retry;

impl Work<'_> {
    /// Puts dead letters where they are kept; only then may their messages be acknowledged. What no
    /// place takes now is put off.
    pub(super) async fn bury(&self, mut judged: Judged) -> Judged {
        let letters = std::mem::take(&mut judged.letters);
        if letters.is_empty() {
            return judged;
        }
        let left = match self.dead.down() {
            None => self.keep(letters, &mut judged).await,
            Some(why) => {
                judged.written.not_kept = Some(why);
                letters
            }
        };
        for letter in left {
            self.put_off(letter, &mut judged);
        }
        judged
    }

    /// Tries again to keep dead letters that have waited for a place.
    pub(super) async fn bury_again(self, letters: Vec<Unburied>) -> Written {
        let mut judged = Judged::default();
        let (waited, bytes) = (letters.len(), size(&letters));
        let left = self.keep(letters, &mut judged).await;
        self.dead.wait_no_more(waited - left.len(), bytes - size(&left));
        judged.written.unplaced = left;
        self.settle(judged).await
    }

    /// Keeps what a place takes, and gives the rest.
    async fn keep(&self, unburied: Vec<Unburied>, judged: &mut Judged) -> Vec<Unburied> {
        let (receipts, letters): (Vec<_>, Vec<_>) = unburied.into_iter().unzip();
        let kept = self.dead.keep(&letters).await;
        let mut left = Vec::new();
        for ((receipt, letter), kept) in receipts.into_iter().zip(letters).zip(kept) {
            match kept {
                Ok(()) => {
                    fail::fail_point!("subscribe-buried");
                    count(&self.counters.dead, 1);
                    judged.verdicts.push((letter.0.id, receipt, Verdict::Ack));
                }
                Err(why) => {
                    judged.written.not_kept = Some(why);
                    left.push((receipt, letter));
                }
            }
        }
        left
    }

    /// A letter without a place waits for one, and what is behind it in its group with it. Beyond
    /// those that may wait it is given back, to be judged anew after a pause.
    fn put_off(&self, (receipt, letter): Unburied, judged: &mut Judged) {
        let (message, death) = &letter;
        let attempts = death.attempts.unwrap_or(1);
        let pause = retry::pause(attempts, &self.retries(), fastrand::f64());
        let why = death.reason.clone();
        let (id, until) = (message.id.clone(), self.kept_until(pause));
        judged.written.ended.push((id.clone(), Ended::Failed));
        if message.group.is_some() && self.sink.ordered() {
            judged.written.stopped.insert(Lane::of(message, true), until);
        }
        if self.dead.may_wait(&letter) {
            return judged.written.unplaced.push((receipt, letter));
        }
        judged.written.given_back.push((id.clone(), Ended::Failed));
        if self.capabilities.delays {
            judged.verdicts.push((id, receipt, Verdict::Retry { after: pause, why }));
        } else {
            judged.written.keep(receipt, until);
        }
    }
}

/// In bytes.
fn size(letters: &[Unburied]) -> usize {
    letters.iter().map(|(_, (message, _))| message.size()).sum()
}
