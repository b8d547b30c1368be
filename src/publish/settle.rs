//! What becomes of a batch that the queue has answered.

use super::gate::{Answer, Posted};
use super::run::{Rest, Run};
use super::spool_fallback::SpoolFallback;
use crate::error::{Error, Kind, Result};
use crate::message::Message;
use crate::queues::Published;
use crate::report::count;
use crate::sources::{Batch, Fate, Raw, Refusal};
use crate::text;
use std::borrow::Cow;
use std::sync::Arc;

impl Run<'_> {
    /// Does what is left to do for the oldest batch, and tells its source that it is safe.
    pub(super) async fn settle(&mut self, fallback: &mut Option<SpoolFallback<'_>>) -> Result<()> {
        let Some(posted) = self.unsettled.front().cloned() else { return Ok(()) };
        let (fates, secured) = self.secure(&posted, fallback).await;
        self.source.told(posted.batch.number, fates);
        secured?;
        fail::fail_point!("publish-taken");
        self.source.commit(posted.batch.number).await?;
        fail::fail_point!("publish-committed");
        Ok(())
    }

    /// Makes all that is not settled safe and tells the source so, in one step: there may be little
    /// time.
    pub(super) async fn settle_all(
        &mut self,
        fallback: &mut Option<SpoolFallback<'_>>,
    ) -> Result<()> {
        let batches = self.gather();
        let Some(posted) = self.unsettled.front().cloned() else { return Ok(()) };
        let (fates, secured) = self.secure(&posted, fallback).await;
        let numbers: Vec<_> = batches.iter().map(|(number, _)| *number).collect();
        self.tell_all(batches, fates);
        secured?;
        for number in numbers {
            self.source.commit(number).await?;
        }
        Ok(())
    }

    /// Tells the source of several batches what became of them: what is known of each, and in the place
    /// of what was nowhere, one after the other, what became of that since.
    fn tell_all(&mut self, batches: Vec<(u64, Vec<Fate>)>, fates: Vec<Fate>) {
        let mut later = fates.into_iter();
        for (number, mut fates) in batches {
            for fate in fates.iter_mut().filter(|fate| **fate == Fate::Nowhere) {
                *fate = later.next().unwrap_or(Fate::Nowhere);
            }
            self.source.told(number, fates);
        }
    }

    /// Makes one batch of what is left of all that are not settled, and gives their numbers, and what
    /// became of their messages by now.
    fn gather(&mut self) -> Vec<(u64, Vec<Fate>)> {
        let (mut batches, mut all, mut left) = (Vec::new(), Batch::default(), Rest::default());
        while let Some(posted) = self.unsettled.pop_front() {
            let rest = self.rest.take().unwrap_or_else(|| self.tally(&posted));
            batches.push((posted.batch.number, rest.fates));
            for at in rest.left {
                left.left.push(all.messages.len());
                left.fates.push(Fate::Nowhere);
                all.messages.push(posted.batch.messages[at].clone());
                all.lines.extend(posted.batch.lines.get(at));
            }
            left.refused.extend(rest.refused);
            left.failure = left.failure.or(rest.failure);
        }
        self.unsettled.push_back(Arc::new(Posted::new(all)));
        self.rest = Some(left);
        batches
    }

    /// Puts what the queue did not take of the oldest batch where it is safe, or gives it up; and gives
    /// what became of each of its messages. Where this is broken off, it can be done again.
    async fn secure(
        &mut self,
        posted: &Posted,
        fallback: &mut Option<SpoolFallback<'_>>,
    ) -> (Vec<Fate>, Result<()>) {
        if self.rest.is_none() {
            self.rest = Some(self.tally(posted));
        }
        let secured = match fallback {
            None => self.give_up(posted),
            Some(fallback) => self.put_aside(fallback, posted).await,
        };
        self.unsettled.pop_front();
        (self.rest.take().unwrap_or_default().fates, secured)
    }

    /// Counts what the queue said of each message, and sorts out what it did not take. A batch that
    /// was not answered is left as a whole.
    fn tally(&self, posted: &Posted) -> Rest {
        let all = (0..posted.batch.messages.len()).collect();
        let fates = vec![Fate::Nowhere; posted.batch.messages.len()];
        let mut rest = match posted.answer() {
            Some(Answer::Each(answers)) => self.rest_of(&posted.batch.messages, answers),
            Some(Answer::Failed(error)) => {
                Rest { left: all, failure: Some(error), fates, ..Rest::default() }
            }
            Some(Answer::Around) | None => Rest { left: all, fates, ..Rest::default() },
        };
        rest.refused.extend(posted.batch.refused.iter().filter_map(letter));
        rest.refused.extend_from_slice(&posted.batch.rejected);
        rest
    }

    fn rest_of(&self, messages: &[Message], answers: Vec<Published>) -> Rest {
        let mut rest = Rest::default();
        let mut taken = 0;
        for (at, (message, answer)) in messages.iter().zip(answers).enumerate() {
            rest.fates.push(fate(&answer));
            match answer {
                Published::Accepted => {
                    taken += 1;
                    count(&self.counters.published, 1);
                }
                Published::Duplicate => {
                    taken += 1;
                    count(&self.counters.duplicate, 1);
                }
                Published::Refused(why) => {
                    self.refuse(&format!("message `{}`", message.id), &why);
                    rest.refused.push((message.clone(), why));
                }
                Published::Retry(why) => {
                    rest.failure.get_or_insert_with(|| postponed(&why));
                    rest.left.push(at);
                }
            }
        }
        // Batches are told in the order of reading: what was killed can be followed by this.
        tracing::debug!(taken, "the queue has taken a batch");
        rest
    }

    /// Gives up what the queue did not take: without a spool it is nowhere. What was refused has been named.
    fn give_up(&mut self, posted: &Posted) -> Result<()> {
        let Some(rest) = &mut self.rest else { return Ok(()) };
        let failure = rest.failure.take();
        let left = !rest.left.is_empty();
        self.lose(posted);
        match failure {
            Some(error) => Err(error),
            None if left => Err(postponed("it was not asked any more")),
            None => Ok(()),
        }
    }

    /// Counts what is left of the oldest batch as being in neither place; each has a name. What its
    /// sender still has is not lost.
    fn lose(&mut self, posted: &Posted) {
        let left = self.rest.as_mut().map(|rest| std::mem::take(&mut rest.left));
        let left = left.unwrap_or_default();
        if self.source.answers() {
            return;
        }
        count(&self.counters.unpublished, left.len());
        left.into_iter().for_each(|at| self.lost.add(&posted.batch, at));
    }

    /// Counts everything that is not settled as being in neither place.
    pub(super) fn lose_all(&mut self) {
        while let Some(posted) = self.unsettled.pop_front() {
            if self.rest.is_none() {
                self.rest = Some(self.tally(&posted));
            }
            self.lose(&posted);
            self.rest = None;
        }
    }

    /// Puts into the spool what the queue did not take, for later or as dead letters. What is done
    /// is struck off at once.
    async fn put_aside(&mut self, fallback: &mut SpoolFallback<'_>, posted: &Posted) -> Result<()> {
        let Some(Rest { left, failure, .. }) = &mut self.rest else { return Ok(()) };
        if let Some(error) = failure.take() {
            fallback.because(error);
        }
        let all = &posted.batch.messages;
        let some = match left.len() == all.len() {
            true => Cow::Borrowed(&all[..]),
            false => left.iter().map(|at| all[*at].clone()).collect(),
        };
        if !some.is_empty() {
            match fallback.append(&some).await {
                Ok(refused) => self.spooled(posted, refused),
                Err(error) => {
                    self.lose(posted);
                    return Err(fallback.neither(&error));
                }
            }
        }
        match &self.rest {
            Some(Rest { refused, .. }) if !refused.is_empty() => {
                fallback.bury(refused).await?;
                self.buried = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// The spool has what was left, but for what it refuses.
    fn spooled(&mut self, posted: &Posted, refused: Vec<(Message, String)>) {
        for (message, why) in &refused {
            self.refuse(&format!("message `{}`", message.id), why);
        }
        let Some(rest) = &mut self.rest else { return };
        tracing::debug!(taken = rest.left.len() - refused.len(), "the spool has taken a batch");
        for at in rest.left.drain(..) {
            let id = &posted.batch.messages[at].id;
            let why = refused.iter().find(|(message, _)| message.id == *id);
            rest.fates[at] = why.map_or(Fate::Spooled, |(_, why)| Fate::Refused(why.clone()));
        }
        rest.refused.extend(refused);
    }
}

/// What became of a message that the queue has answered for.
fn fate(answer: &Published) -> Fate {
    match answer {
        Published::Accepted | Published::Duplicate => Fate::Queued,
        Published::Refused(why) => Fate::Refused(why.clone()),
        Published::Retry(_) => Fate::Nowhere,
    }
}

/// The dead letter of a piece of input that is no message, where it cannot be read again. Its name is
/// made of its place and its bytes, so that the same piece in the same place is one dead letter.
fn letter(refusal: &Refusal) -> Option<(Message, String)> {
    let Refusal { position, reason, raw } = refusal;
    let Raw { bytes, length, .. } = raw.as_ref()?;
    let id = format!("{}-{}", position.replace(' ', "-"), text::short_name(bytes));
    let kept = bytes.len() as u64;
    let cut = match kept + 2 < *length {
        true => format!("; only the first {kept} of its {length} bytes are kept"),
        false => String::new(),
    };
    Some((Message::new(id, bytes.clone()), format!("{position}: {reason}{cut}")))
}

fn postponed(why: &str) -> Error {
    Error::new(Kind::Unreachable, "the queue did not take every message")
        .because_of(why)
        .hint("run it again; a message that has an id of its own is not doubled by that")
}
