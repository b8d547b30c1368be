//! What `queue scheduled run` and `queue scheduled drop` have in common: messages are chosen, and told
//! one by one.

use crate::cli::queue::arguments::{NamedQueue, QueueUrl};
use crate::cli::queue::context::{QueueContext, closing};
use crate::cli::queue::dead::chosen::Chosen;
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::inspect::{HandledScheduled, ScheduledAction, lacks_jobs, work_on_scheduled};
use crate::queues::{ScheduledOutcome, Which};
use crate::text::visible;
use clap::Args;
use serde_json::json;
use std::collections::HashSet;

/// What a queue without scheduled messages of their own cannot do.
pub(super) const LACKS: &str = "work on single messages that are not due yet";

/// A queue, which of its scheduled messages, and whether it is meant.
#[derive(Debug, Args)]
pub struct ChosenScheduled {
    #[command(flatten)]
    queue: NamedQueue,

    #[command(flatten)]
    which: Chosen,

    /// Do it
    #[arg(long)]
    yes: bool,
}

impl ChosenScheduled {
    /// Does it, or shows what would be done.
    pub(super) async fn work_on(
        self,
        verb: &'static str,
        action: ScheduledAction,
        context: &QueueContext<'_>,
    ) -> Result<()> {
        let named = QueueUrl::from(self.queue);
        let url = context.resolve(&named)?.0.to_string();
        let queue = context.open(&named).await?;
        let scheduled = queue.scheduled().ok_or_else(|| lacks_jobs(LACKS))?;
        let which = Which::from(self.which);
        let mut totals = Totals { by_id: matches!(which, Which::Ids(_)), ..Totals::default() };
        let tell = |page: &[HandledScheduled]| {
            page.iter().try_for_each(|it| totals.tell(verb, it, context)).map(|()| true)
        };
        let done = work_on_scheduled(scheduled, &which, self.yes.then_some(action), tell).await;
        closing(&*queue, done).await?;
        context.remind(self.yes)?;
        totals.refuse(&which, &url)
    }
}

/// What was done with scheduled messages, or would be.
#[derive(Default)]
struct Totals {
    /// Whether the ids are kept, since some were chosen by them: all others may be any number.
    by_id: bool,
    seen: HashSet<String>,
    all: usize,
    kept: usize,
}

impl Totals {
    fn tell(
        &mut self,
        verb: &str,
        (scheduled, outcome): &HandledScheduled,
        context: &QueueContext<'_>,
    ) -> Result<()> {
        let id = &scheduled.peeked.message.id;
        let kept = match outcome {
            Some(ScheduledOutcome::Kept(why)) => Some(why.as_str()),
            Some(ScheduledOutcome::Gone) => Some("it was due, run or dropped meanwhile"),
            Some(ScheduledOutcome::Done) | None => None,
        };
        self.all += 1;
        self.kept += usize::from(kept.is_some());
        if self.by_id {
            self.seen.insert(id.clone());
        }
        let shown = visible(id.as_bytes());
        let text = match (outcome, kept) {
            (None, _) => format!("would {verb} {shown}"),
            (Some(_), None) => format!("{verb} {shown}: done"),
            (Some(_), Some(why)) => format!("{verb} {shown}: not done: {why}"),
        };
        let done = outcome == &Some(ScheduledOutcome::Done);
        context.tell(&text, &json!({"id": id, "done": done, "kept": kept}))
    }

    /// Refuses what was not done, and ids that are not there.
    fn refuse(&self, which: &Which, url: &str) -> Result<()> {
        if self.kept > 0 {
            let what = format!("{} of {} messages are as they were", self.kept, self.all);
            return Err(
                Error::new(Kind::Rejected, what).hint("the lines above tell why, for each of them")
            );
        }
        let Which::Ids(ids) = which else { return Ok(()) };
        let missing = ids.iter().filter(|id| !self.seen.contains(*id)).count();
        if missing == 0 {
            return Ok(());
        }
        let what = format!("{missing} of {} ids have no scheduled message", ids.len());
        let list = hint::command(["queue", "scheduled", "list", url]);
        Err(Error::new(Kind::Failed, what).hint(format!("{list} shows those that are there")))
    }
}
