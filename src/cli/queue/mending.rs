//! Puts dead letters back, or forgets them.

use super::desk::{Desk, say};
use super::looking::{PAGE, graves};
use super::{Mend, Take};
use crate::error::{Error, Kind, Result};
use crate::inspect::{self, Choice, Mending, Patience};
use crate::location::{Location, list};
use crate::queues::{Grave, Graves, Held, Inspect, Mended, Taking, Which};
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

    async fn carry_out(self, graves: &dyn Graves, names: Vec<Grave>) -> Result<Vec<Mended>> {
        match self {
            Self::Redrive => graves.redrive(names).await,
            Self::Drop => graves.drop(names).await,
        }
    }
}

/// What was done with dead letters, or would be.
#[derive(Default)]
struct Tally {
    seen: HashSet<String>,
    all: usize,
    kept: usize,
}

impl Desk<'_> {
    /// Redrives or drops, or shows what would be done.
    pub(super) async fn mend(&self, verb: Verb, asked: Mend) -> Result<()> {
        let (url, _) = self.place(Some(&asked.url))?;
        let queue = self.open(Some(&asked.url)).await?;
        let which = match asked.which.all {
            true => Which::All,
            false => Which::Ids(asked.which.id),
        };
        let mut tally = Tally::default();
        let ended = match (queue.taking(), asked.yes) {
            (None, yes) => self.mend_freely(&*queue, verb, &which, yes, &mut tally).await?,
            (Some(taking), true) => {
                self.mend_taking(taking, &url, verb, &which, &asked.take, &mut tally).await?
            }
            (Some(taking), false) => {
                self.foretell(taking, &url, verb, &which, &asked.take, &mut tally).await?
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
            Ended::All => all_found(&which, &tally.seen),
            Ended::Early => Ok(()),
        }
    }

    async fn mend_freely(
        &self,
        queue: &dyn Inspect,
        verb: Verb,
        which: &Which,
        yes: bool,
        tally: &mut Tally,
    ) -> Result<Ended> {
        let graves = graves(queue)?;
        // By name and once: what dies again meanwhile is not taken again.
        for page in graves.names(which).await?.chunks(PAGE) {
            let outcomes = match yes {
                true => {
                    verb.carry_out(graves, page.to_vec()).await?.into_iter().map(Some).collect()
                }
                false => vec![None; page.len()],
            };
            // What was begun is finished, though nobody reads of it any more.
            self.tell_mended(verb, page.iter().zip(&outcomes), tally)?;
        }
        Ok(Ended::All)
    }

    /// Does it where looking is receiving.
    async fn mend_taking(
        &self,
        taking: &dyn Taking,
        url: &Location,
        verb: Verb,
        which: &Which,
        take: &Take,
        tally: &mut Tally,
    ) -> Result<Ended> {
        self.taking.set(true);
        let places = taking.dead_letters(None).await?;
        let origin = match verb {
            Verb::Redrive => Some(taking.origin().await?),
            Verb::Drop => None,
        };
        let mending = Mending { url, taking, which, origin: origin.as_deref() };
        let patience = Patience { max: usize::MAX, idle: take.idle };
        let mut ended = Ok(Ended::All);
        for place in places {
            let stop = self.scene.signals.shutdown();
            let told = mending.run(place, patience, stop, |done| {
                let outcomes: Vec<_> =
                    done.iter().map(|(_, outcome)| Some(outcome.clone())).collect();
                self.tell_mended(verb, done.iter().map(|(grave, _)| grave).zip(&outcomes), tally)
                    .map(drop)
            });
            if let Err(error) = told.await {
                ended = Err(error);
                break;
            }
        }
        let closed = match origin {
            Some(origin) => origin.close().await,
            None => Ok(()),
        };
        let ended = ended.and_then(|ended| closed.map(|()| ended))?;
        Ok(if self.scene.signals.received().is_some() { Ended::Early } else { ended })
    }

    /// Shows what would be done where looking is receiving, and gives all of it back.
    async fn foretell(
        &self,
        taking: &dyn Taking,
        url: &Location,
        verb: Verb,
        which: &Which,
        take: &Take,
        tally: &mut Tally,
    ) -> Result<Ended> {
        self.warn_of_cost(taking, Held::DeadLetters, take).await?;
        let patience = Patience { max: usize::MAX, idle: take.idle };
        for place in taking.dead_letters(None).await? {
            inspect::look(place, patience, self.scene.signals.shutdown(), |page| {
                let graves = page.into_iter().map(|it| inspect::taken_letter(taking, it).grave);
                let chosen = graves.filter_map(|grave| match inspect::choice(which, url, &grave) {
                    Choice::Yes => Some((grave, None)),
                    Choice::No => None,
                    Choice::Foreign(why) => Some((grave, Some(Mended::Kept(why)))),
                });
                let (graves, outcomes): (Vec<_>, Vec<_>) = chosen.unzip();
                self.tell_mended(verb, graves.iter().zip(&outcomes), tally)
            })
            .await?;
        }
        let early = self.scene.signals.received().is_some();
        Ok(if early { Ended::Early } else { Ended::All })
    }

    /// Tells of some and counts them; `false` where nobody reads it any more.
    fn tell_mended<'g>(
        &self,
        verb: Verb,
        done: impl Iterator<Item = (&'g Grave, &'g Option<Mended>)>,
        tally: &mut Tally,
    ) -> Result<bool> {
        let mut text = String::new();
        for (grave, outcome) in done {
            text += &inspect::mended(verb.word(), grave, outcome.as_ref(), self.form);
            tally.seen.insert(grave.id.clone());
            tally.all += 1;
            tally.kept += usize::from(!matches!(outcome, Some(Mended::Done) | None));
        }
        say(&text)
    }
}

/// How far a look went.
enum Ended {
    /// To the end.
    All,
    /// A signal ended it.
    Early,
}

/// Refuses ids that were asked for and are not there.
pub(super) fn all_found(which: &Which, seen: &HashSet<String>) -> Result<()> {
    let Which::Ids(ids) = which else { return Ok(()) };
    let missing: Vec<_> = ids.iter().filter(|id| !seen.contains(*id)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let shown: Vec<_> = missing.iter().take(5).map(|id| inspect::visible(id.as_bytes())).collect();
    let shown: Vec<_> = shown.iter().map(String::as_str).collect();
    let what = format!("{} of {} ids have no dead letter", missing.len(), ids.len());
    Err(Error::new(Kind::Failed, what)
        .because_of(format!("there is none of {}", list(&shown)))
        .hint("`queue dead list` shows those that are there"))
}
