//! What `queue dead redrive` and `queue dead drop` have in common: dead letters are chosen, and
//! worked on.

use super::rewritten::{self, NewBody};
use super::totals::{Totals, all_found, list_command};
use crate::cli::queue::arguments::{NamedQueue, QueueUrl, Take};
use crate::cli::queue::context::{QueueContext, closing};
use crate::error::Result;
use crate::inspect::{DeadLetterAction, DeadLetters, Ended, Handled};
use crate::queues::{Contents, Which};
use clap::Args;

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
            Ended::All => all_found(&which, totals.seen(), &list_command(&url, take.take)),
            Ended::Early => Ok(()),
        }
    }
}
