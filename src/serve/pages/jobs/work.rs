//! Work on jobs that have a time, so many in a step.

use super::super::tally::Tally;
use super::request::{Act, Request};
use crate::error::Result;
use crate::inspect::lacks_jobs;
use crate::message::Message;
use crate::queues::{
    DeadLetterId, DeadLetterPart, DeadLetterStore, Inspect, ScheduledId, ScheduledMessages,
    TimedJobs, Which,
};

/// How many are read, or changed, in one step: others work on between two steps.
const STEP: usize = 1000;

/// Which jobs, and what is to be done to them.
pub(super) struct Work<'q> {
    stored: Stored<'q>,
    request: &'q Request,
    which: Which,
}

/// Where the jobs stand.
enum Stored<'q> {
    /// Among those that wait for their time; whether those that have failed before.
    Scheduled(&'q dyn ScheduledMessages, bool),
    /// Among the dead ones.
    Dead(&'q dyn DeadLetterStore),
}

/// The jobs of a step.
enum Step {
    Scheduled(Vec<ScheduledId>),
    Dead(Vec<DeadLetterId>),
}

impl Step {
    fn len(&self) -> u64 {
        let len = match self {
            Self::Scheduled(ids) => ids.len(),
            Self::Dead(ids) => ids.len(),
        };
        len.try_into().unwrap_or(u64::MAX)
    }
}

/// How far a walk has come.
#[derive(Default)]
struct Walk {
    scheduled: Option<ScheduledId>,
    dead: Option<DeadLetterId>,
    /// The last one that is there now: what dies meanwhile is not taken again.
    upto: Option<DeadLetterId>,
}

impl<'q> Work<'q> {
    /// What a request asks for.
    ///
    /// # Errors
    /// `Configuration` where the queue cannot single jobs out.
    pub(super) fn of(queue: &'q dyn Inspect, request: &'q Request) -> Result<Self> {
        let scheduled = |failed| {
            let jobs = queue.scheduled().ok_or_else(|| lacks_jobs("single scheduled jobs out"))?;
            Ok(Stored::Scheduled(jobs, failed))
        };
        let stored = match request.act {
            Act::Run(TimedJobs::Retry) | Act::Delete(TimedJobs::Retry) => scheduled(true)?,
            Act::Run(TimedJobs::Dead) | Act::Delete(TimedJobs::Dead) => {
                Stored::Dead(queue.dead_letters().ok_or_else(|| lacks_jobs("keep dead jobs"))?)
            }
            _ => scheduled(false)?,
        };
        let which = request.id.clone().map_or(Which::All, |id| Which::Ids(vec![id]));
        Ok(Self { stored, request, which })
    }

    /// How many there are.
    pub(super) async fn count(&self) -> Result<u64> {
        let (mut walk, mut jobs) = (self.begin().await?, 0);
        while let Some(step) = self.step(&mut walk).await? {
            jobs += step.len();
        }
        Ok(jobs)
    }

    /// Does it, and adds what became of each.
    pub(super) async fn carry_out(&self, tally: &mut Tally) -> Result<()> {
        let mut walk = self.begin().await?;
        let runs = matches!(self.request.act, Act::Run(_));
        while let Some(step) = self.step(&mut walk).await? {
            match (&self.stored, step) {
                (Stored::Scheduled(jobs, _), Step::Scheduled(ids)) => {
                    let done = if runs { jobs.run(ids).await? } else { jobs.drop(ids).await? };
                    tally.add_scheduled(done);
                }
                (Stored::Dead(jobs), Step::Dead(ids)) => {
                    let done = if runs { jobs.redrive(ids).await? } else { jobs.drop(ids).await? };
                    tally.add_dead(done);
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn begin(&self) -> Result<Walk> {
        let upto = match &self.stored {
            Stored::Dead(jobs) => jobs.last().await?,
            Stored::Scheduled(..) => None,
        };
        Ok(Walk { upto, ..Walk::default() })
    }

    /// Those of the next step that are meant, which may be none; `None` at the end.
    async fn step(&self, walk: &mut Walk) -> Result<Option<Step>> {
        match &self.stored {
            Stored::Scheduled(jobs, failed) => self.scheduled_step(*jobs, *failed, walk).await,
            Stored::Dead(jobs) => self.dead_step(*jobs, walk).await,
        }
    }

    async fn scheduled_step(
        &self,
        jobs: &dyn ScheduledMessages,
        failed: bool,
        walk: &mut Walk,
    ) -> Result<Option<Step>> {
        let mut page = jobs.list(&self.which, walk.scheduled.as_ref(), STEP).await?;
        let Some(last) = page.last() else { return Ok(None) };
        walk.scheduled = Some(last.id.clone());
        page.retain(|it| {
            let has_failed = it.peeked.attempts.unwrap_or_default() > 0;
            has_failed == failed && self.has(&it.peeked.message)
        });
        Ok(Some(Step::Scheduled(page.into_iter().map(|it| it.id).collect())))
    }

    async fn dead_step(&self, jobs: &dyn DeadLetterStore, walk: &mut Walk) -> Result<Option<Step>> {
        if walk.upto.is_none() {
            return Ok(None);
        }
        let part = DeadLetterPart { after: walk.dead.as_ref(), upto: walk.upto.as_ref() };
        let mut page = jobs.list(&self.which, part, STEP).await?;
        let Some(last) = page.last() else { return Ok(None) };
        walk.dead = Some(last.head.name.clone());
        page.retain(|it| self.has(&it.message));
        Ok(Some(Step::Dead(page.into_iter().map(|it| it.head.name).collect())))
    }

    /// Whether a job has the name that is meant, where one is.
    fn has(&self, message: &Message) -> bool {
        let job = self.request.job.as_ref();
        job.is_none_or(|job| message.tag.as_ref() == Some(job))
    }
}
