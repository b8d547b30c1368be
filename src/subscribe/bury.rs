//! Dead letters of a batch: kept where there is a place for them, else put off.

use super::Work;
use super::lines::Line;
use super::settle::{Judged, Written};
use super::unplaced::Unburied;
use crate::attempts::Ended;
use crate::queues::Verdict;
use crate::report::count;
use crate::retry;

impl Work<'_> {
    /// Puts dead letters where they are kept; only then may their messages be acknowledged. What no
    /// place takes now is put off.
    pub(super) async fn bury(&self, judged: &mut Judged, written: &mut Written) {
        if judged.letters.is_empty() {
            return;
        }
        let letters = std::mem::take(&mut judged.letters);
        let left = match self.dead.down() {
            None => self.keep(letters, judged, written).await,
            Some(why) => {
                written.no_place = Some(why);
                letters
            }
        };
        for letter in left {
            self.put_off(letter, judged, written);
        }
    }

    /// Tries again to keep dead letters that have waited for a place.
    pub(super) async fn bury_again(self, letters: Vec<Unburied>) -> Written {
        let (mut judged, mut written) = (Judged::default(), Written::default());
        let (waited, bytes) = (letters.len(), size(&letters));
        let left = self.keep(letters, &mut judged, &mut written).await;
        self.dead.wait_no_more(waited - left.len(), bytes - size(&left));
        written.unplaced = left;
        self.settle(&mut judged, &mut written).await;
        written.ended.clone_from(&judged.ended);
        self.end(&judged.ended).await;
        written
    }

    /// Keeps what a place takes, and gives the rest.
    async fn keep(
        &self,
        unburied: Vec<Unburied>,
        judged: &mut Judged,
        written: &mut Written,
    ) -> Vec<Unburied> {
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
                    written.no_place = Some(why);
                    left.push((receipt, letter));
                }
            }
        }
        left
    }

    /// A letter without a place waits for one, and what is behind it in its group with it. Beyond
    /// those that may wait it is given back, to be judged anew after a pause.
    fn put_off(&self, (receipt, letter): Unburied, judged: &mut Judged, written: &mut Written) {
        let (message, death) = &letter;
        let attempts = death.attempts.unwrap_or(1);
        let pause = retry::pause(attempts, &self.retries(), fastrand::f64());
        let (id, until) = (message.id.clone(), self.kept_until(pause));
        let why = death.reason.clone();
        judged.ended.push((id.clone(), Ended::Failed));
        if message.group.is_some() && self.sink.ordered() {
            written.stopped.insert(Line::of(message, true), until);
        }
        if self.dead.may_wait(&letter) {
            return written.unplaced.push((receipt, letter));
        }
        written.given_back.push((id.clone(), Ended::Failed));
        if self.capabilities.delays {
            judged.verdicts.push((id, receipt, Verdict::Retry(pause)));
        } else {
            written.keep(receipt, until);
        }
    }
}

/// In bytes.
fn size(letters: &[Unburied]) -> usize {
    letters.iter().map(|(_, (message, _))| message.size()).sum()
}
