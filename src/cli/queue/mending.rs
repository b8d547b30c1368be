//! Puts dead letters back, or forgets them.

use super::Mend;
use super::context::{QueueContext, say};
use super::format;
use super::looking::{PAGE, dead_letter_store};
use super::taken::Place;
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::location::{Location, list};
use crate::queues::{DeadLetterHead, DeadLetterOutcome, DeadLetterStore, Inspect, Which};
use crate::text;
use std::collections::HashSet;

/// What is done with a dead letter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Redrive,
    Drop,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Self::Redrive => "redrive",
            Self::Drop => "drop",
        }
    }

    async fn carry_out(
        self,
        store: &dyn DeadLetterStore,
        names: Vec<DeadLetterHead>,
    ) -> Result<Vec<DeadLetterOutcome>> {
        match self {
            Self::Redrive => store.redrive(names).await,
            Self::Drop => store.drop(names).await,
        }
    }
}

/// What was done with dead letters, or would be.
pub(super) struct Tally {
    /// The ids, where some were chosen by them: all others may be any number.
    seen: Option<HashSet<String>>,
    all: usize,
    kept: usize,
}

impl QueueContext<'_> {
    /// Redrives or drops, or shows what would be done.
    pub(super) async fn mend(&self, verb: Verb, asked: Mend) -> Result<()> {
        let place = asked.place.into();
        let (url, options) = self.place(&place)?;
        let queue = self.open(&place).await?;
        let which = match asked.which.all {
            true => Which::All,
            false => Which::Ids(asked.which.id),
        };
        let seen = matches!(which, Which::Ids(_)).then(HashSet::new);
        let mut tally = Tally { seen, all: 0, kept: 0 };
        let ended = match queue.peek_by_receiving() {
            None => self.mend_freely(&*queue, verb, &which, asked.yes, &mut tally).await?,
            Some(receiving) => {
                let place = Place::of(receiving, (&url, &options), &which, &asked.take).await?;
                match asked.yes {
                    true => self.mend_by_receiving(verb, place, &mut tally).await?,
                    false => self.foretell(verb, place, &mut tally).await?,
                }
            }
        };
        self.remind(asked.yes)?;
        if tally.kept > 0 {
            let what = format!("{} of {} dead letters are still there", tally.kept, tally.all);
            return Err(Error::new(Kind::Rejected, what)
                .because_of("the queue did not take them, or they were not ours to take")
                .hint("the lines above tell why, for each of them"));
        }
        match ended {
            Ended::All => all_found(
                &which,
                &tally.seen.unwrap_or_default(),
                &list_command(&url, asked.take.take),
            ),
            Ended::Early => Ok(()),
        }
    }

    /// Works on those that can be looked at without taking them, a page of names at a time.
    pub(super) async fn mend_freely(
        &self,
        queue: &dyn Inspect,
        verb: Verb,
        which: &Which,
        yes: bool,
        tally: &mut Tally,
    ) -> Result<Ended> {
        let store = dead_letter_store(queue)?;
        // What dies again meanwhile is not taken again.
        let (mut after, upto) = (0, store.last().await?);
        loop {
            let page = store.names(which, (after, upto), PAGE).await?;
            let Some(last) = page.last() else { return Ok(Ended::All) };
            after = last.place;
            let outcomes = match yes {
                true => verb.carry_out(store, page.clone()).await?.into_iter().map(Some).collect(),
                false => vec![None; page.len()],
            };
            // What was begun is finished, though nobody reads of it any more.
            self.tell_mended(verb, page.iter().zip(&outcomes), tally)?;
        }
    }

    /// Tells of some and counts them; `false` where nobody reads it any more.
    pub(super) fn tell_mended<'g>(
        &self,
        verb: Verb,
        done: impl Iterator<Item = (&'g DeadLetterHead, &'g Option<DeadLetterOutcome>)>,
        tally: &mut Tally,
    ) -> Result<bool> {
        let mut text = String::new();
        for (head, outcome) in done {
            text += &format::mended(verb.word(), head, outcome.as_ref(), self.form);
            tally.seen.iter_mut().for_each(|seen| seen.extend([head.id.clone()]));
            tally.all += 1;
            tally.kept += usize::from(!matches!(outcome, Some(DeadLetterOutcome::Done) | None));
        }
        say(&text)
    }
}

/// How far a look went.
pub(super) enum Ended {
    /// To the end.
    All,
    /// A signal ended it, or nobody reads of it any more.
    Early,
}

/// The command that shows the dead letters of a queue, as far as they are shown now.
pub(super) fn list_command(url: &Location, take: bool) -> String {
    let url = url.to_string();
    hint::command(["queue", "dead", "list", &url].into_iter().chain(take.then_some("--take")))
}

/// Refuses ids that were asked for and are not there; `shows` is the command that shows what is.
pub(super) fn all_found(which: &Which, seen: &HashSet<String>, shows: &str) -> Result<()> {
    let Which::Ids(ids) = which else { return Ok(()) };
    let missing: Vec<_> = ids.iter().filter(|id| !seen.contains(*id)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let shown: Vec<_> = missing.iter().take(5).map(|id| text::visible(id.as_bytes())).collect();
    let shown: Vec<_> = shown.iter().map(String::as_str).collect();
    let what = format!("{} of {} ids have no dead letter", missing.len(), ids.len());
    Err(Error::new(Kind::Failed, what)
        .because_of(format!("there is none of {}", list(&shown)))
        .hint(format!("{shows} shows those that are there")))
}
