//! What `queue dead redrive` and `queue dead drop` have in common: dead letters are chosen, and told
//! one by one.

use super::rewritten::{self, NewBody};
use crate::cli::queue::arguments::{NamedQueue, QueueUrl, Take};
use crate::cli::queue::context::{QueueContext, closing, say};
use crate::cli::queue::format;
use crate::cli::tell::Form;
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::inspect::{DeadLetterAction, DeadLetters, Ended, Handled};
use crate::location::{Location, list};
use crate::queues::{Contents, DeadLetterOutcome, Which};
use crate::text::visible;
use clap::Args;
use std::collections::HashSet;

/// A queue, which of its dead letters, and whether it is meant.
#[derive(Debug, Args)]
pub struct ChosenLetters {
    #[command(flatten)]
    queue: NamedQueue,

    #[command(flatten)]
    which: Chosen,

    /// Do it
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    take: Take,
}

/// Which messages: nothing is chosen by saying nothing.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli::queue) struct Chosen {
    /// Those of the messages with these ids
    #[arg(long, value_name = "ID", num_args = 1..)]
    id: Vec<String>,

    /// All of them
    #[arg(long)]
    all: bool,
}

impl From<Chosen> for Which {
    fn from(Chosen { id, all }: Chosen) -> Self {
        if all { Self::All } else { Self::Ids(id) }
    }
}

impl ChosenLetters {
    /// Puts them back with other bodies, or shows which these are.
    pub(super) async fn redrive_as(self, body: NewBody, context: &QueueContext<'_>) -> Result<()> {
        let Self { queue, which, yes, .. } = self;
        let queue = QueueUrl::from(queue);
        let (url, _) = context.resolve(&queue)?;
        let queue = context.open(&queue).await?;
        context.finishes.set(yes);
        rewritten::redrive(&*queue, &url, &Which::from(which), body, yes, context).await
    }

    /// Does it, or shows what would be done.
    pub(super) async fn work_on(
        self,
        verb: &'static str,
        action: DeadLetterAction,
        context: &QueueContext<'_>,
    ) -> Result<()> {
        let Self { queue, which, yes, take } = self;
        let queue = QueueUrl::from(queue);
        let (url, options) = context.resolve(&queue)?;
        let queue = context.open(&queue).await?;
        let which = Which::from(which);
        let letters = DeadLetters::of(&*queue, (&url, &options), take.idle).await?;
        match letters.by_receiving() {
            Some(queue) if !yes => {
                context.warn_of_cost(queue, Contents::DeadLetters, &take).await?;
            }
            Some(_) => context.finishes.set(true),
            None => {}
        }
        let mut totals = Totals::new(verb, &which, context.form);
        let stop = context.program.signals.shutdown();
        let tell = &mut |page: &[Handled]| totals.tell(page);
        let ended = letters.work_on(&which, yes.then_some(action), stop, tell).await;
        let ended = closing(&*queue, ended).await?;
        context.remind(yes)?;
        totals.refuse_kept()?;
        match ended {
            Ended::All => all_found(&which, &totals.seen, &list_command(&url, take.take)),
            Ended::Early => Ok(()),
        }
    }
}

/// What was done with dead letters, or would be.
pub(super) struct Totals {
    verb: &'static str,
    form: Form,
    /// Whether the ids are kept, since some were chosen by them: all others may be any number.
    by_id: bool,
    seen: HashSet<String>,
    all: usize,
    kept: usize,
}

impl Totals {
    pub(super) fn new(verb: &'static str, which: &Which, form: Form) -> Self {
        let by_id = matches!(which, Which::Ids(_));
        Self { verb, form, by_id, seen: HashSet::new(), all: 0, kept: 0 }
    }

    /// Tells of some and counts them; `false` where nobody reads it any more.
    pub(super) fn tell(&mut self, page: &[Handled]) -> Result<bool> {
        let mut text = String::new();
        for (head, outcome) in page {
            text += &format::dead_letter_outcome(self.verb, head, outcome.as_ref(), self.form);
            self.all += 1;
            self.kept += usize::from(!matches!(outcome, Some(DeadLetterOutcome::Done) | None));
            if self.by_id {
                self.seen.insert(head.id.clone());
            }
        }
        say(&text)
    }

    /// The ids that were met, where some were chosen by them.
    pub(super) fn seen(&self) -> &HashSet<String> {
        &self.seen
    }

    pub(super) fn refuse_kept(&self) -> Result<()> {
        if self.kept == 0 {
            return Ok(());
        }
        let what = format!("{} of {} dead letters are still there", self.kept, self.all);
        Err(Error::new(Kind::Rejected, what)
            .because_of("the queue did not take them, or they were not ours to take")
            .hint("the lines above tell why, for each of them"))
    }
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
    let shown: Vec<_> = missing.iter().take(5).map(|id| visible(id.as_bytes())).collect();
    let shown: Vec<_> = shown.iter().map(String::as_str).collect();
    let what = format!("{} of {} ids have no dead letter", missing.len(), ids.len());
    Err(Error::new(Kind::Failed, what)
        .because_of(format!("there is none of {}", list(&shown)))
        .hint(format!("{shows} shows those that are there")))
}
