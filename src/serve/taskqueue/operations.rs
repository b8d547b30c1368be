//! What the protocols do with tasks, each with its reasons to refuse; none of it knows a protocol.

use super::failure::{Failure, Reason};
use super::{Served, limits};
use crate::error::Error;
use crate::queues::{
    Added, Change, Changed, Deleted, NewTask, Task, TaskLease, TaskSettings, Tasks,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long one look for a task waits: a server that stops waits no longer than that for it. No look
/// is broken off, as what it had just leased would be lost to everybody until its time is over.
const LOOK: Duration = Duration::from_secs(1);

/// Sets a queue to what `to` makes of its settings, whoever else sets it meanwhile; gives what they
/// were and are.
pub async fn adjust<E: From<Error>>(
    queue: &dyn Tasks,
    to: impl Fn(TaskSettings) -> Result<TaskSettings, E>,
) -> Result<(TaskSettings, TaskSettings), E> {
    loop {
        let before = queue.settings().await?;
        let after = to(before)?;
        if before == after || queue.set(before, after).await? {
            return Ok((before, after));
        }
    }
}

impl Served {
    /// A queue by its name.
    pub async fn queue(&self, name: &str) -> Result<Arc<dyn Tasks>, Failure> {
        if self.declared.push.contains(name) {
            let message = format!("{name} is a push queue: only pull queues are served");
            return Err(Failure::new(Reason::QueueMode, message));
        }
        match self.queues.find(name).await? {
            Some(queue) => Ok(queue),
            None if limits::is_queue_name(name) => {
                Err(Failure::missing("The queue does not exist"))
            }
            None => Err(Failure::queue_name()),
        }
    }

    /// Leases tasks. As long as there are none it waits, but for a server that stops.
    pub async fn lease(&self, queue: &dyn Tasks, request: TaskLease) -> Result<Vec<Task>, Failure> {
        let end = Instant::now() + request.wait;
        loop {
            let stopping = self.stopping.is_cancelled();
            let now = Instant::now();
            let look_end = if stopping { now } else { end.min(now + LOOK) };
            let wait = look_end.saturating_duration_since(now);
            let leased = queue.lease(TaskLease { wait, ..request.clone() }).await?;
            if !leased.is_empty() || stopping || look_end >= end {
                return Ok(leased);
            }
            // A queue from which nothing is leased now answers at once.
            tokio::select! {
                () = sleep_until(look_end) => {}
                () = self.stopping.cancelled() => {}
            }
        }
    }

    /// Adds a task; gives it with its payload.
    pub async fn add(&self, queue: &dyn Tasks, task: NewTask) -> Result<Task, Failure> {
        self.validate(&task)?;
        let body = task.body.clone();
        match queue.add(vec![task]).await?.pop() {
            Some(Added::Added(task)) => Ok(Task { body, ..task }),
            Some(refused) => Err(refusal(refused)),
            None => Err(Failure::new(Reason::Unavailable, "The queue gave no answer")),
        }
    }

    /// Whether a task is within the limits.
    pub fn validate(&self, task: &NewTask) -> Result<(), Failure> {
        if task.name.as_deref().is_some_and(|name| !limits::is_task_name(name)) {
            return Err(Failure::task_name());
        }
        if task.body.len() > limits::PAYLOAD_BYTES {
            let message = format!("The payload has more than {} bytes", limits::PAYLOAD_BYTES);
            return Err(Failure::new(Reason::PayloadTooLarge, message));
        }
        if task.eta.is_some_and(|eta| !limits::is_eta(eta, self.clock.now())) {
            return Err(Failure::invalid("The time of a task is more than 30 days ahead"));
        }
        task.tag.as_deref().map_or(Ok(()), validate_tag)
    }
}

/// Whether a tag is within the limits.
pub fn validate_tag(tag: &str) -> Result<(), Failure> {
    match limits::is_tag(tag) {
        true => Ok(()),
        false => {
            let most = limits::TAG_CHARACTERS;
            Err(Failure::invalid(format!("The tag has more than {most} characters")))
        }
    }
}

/// Why a task was not added.
pub fn refusal(answer: Added) -> Failure {
    match answer {
        Added::Exists => Failure::new(Reason::NameInUse, "A task of this name is in the queue"),
        Added::Deleted => {
            Failure::new(Reason::NameDeleted, "A task of this name was deleted a short while ago")
        }
        Added::Refused(why) => Failure::invalid(format!("The task is refused: {why}")),
        Added::NoRoom => Failure::new(Reason::NoRoom, "The queue has no room for so many bytes"),
        Added::Added(_) => Failure::new(Reason::Unavailable, "The queue gave another answer"),
    }
}

/// A task by its name, with its payload.
pub async fn get(queue: &dyn Tasks, name: &str) -> Result<Task, Failure> {
    queue.get(name).await?.ok_or_else(Failure::unknown_task)
}

/// Deletes a task, whoever has it leased.
pub async fn delete(queue: &dyn Tasks, name: &str) -> Result<(), Failure> {
    match queue.delete(vec![name.to_owned()]).await?.pop() {
        Some(Deleted::Done) => Ok(()),
        Some(Deleted::Before) => Err(Failure::missing("The task was deleted before")),
        Some(Deleted::Unknown) | None => Err(Failure::unknown_task()),
    }
}

/// Changes the lease of a task that ends at `eta`, or whichever it has; gives the task as it is then.
pub async fn change(
    queue: &dyn Tasks,
    name: &str,
    eta: Option<i64>,
    change: Change,
) -> Result<Task, Failure> {
    match queue.change(name, eta, change).await? {
        Changed::Done(task) => Ok(task),
        Changed::Expired => Err(Failure::new(Reason::LeaseExpired, "The task lease has expired")),
        Changed::Unknown => Err(Failure::unknown_task()),
    }
}
