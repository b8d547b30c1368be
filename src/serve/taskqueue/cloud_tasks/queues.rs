//! The calls on queues.

use super::calls::Calling;
use super::names::{last, same};
use super::queue::{QueueAnswer, QueueInput};
use super::route::OnQueue;
use crate::queues::{RetryLimits, TaskSettings, Tasks};
use crate::serve::taskqueue::failure::{Failure, Reason};
use crate::serve::taskqueue::{limits, operations};
use axum::body::Body;
use axum::response::Response;
use serde::{Deserialize, Serialize};

/// How many queues a page has at most.
const LISTED: usize = 1000;

/// The body of a call that says no more than which queue is meant.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NameInput {
    name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct QueuesAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queues: Vec<QueueAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

impl Calling {
    /// Answers a call on one queue.
    pub(super) async fn queue(
        &self,
        name: &str,
        on: OnQueue,
        body: Body,
    ) -> Result<Response, Failure> {
        if on == OnQueue::Patch {
            return self.patch(name, self.input(body).await?).await;
        }
        let queue = self.served.queue(name).await?;
        if on != OnQueue::Get {
            let input: NameInput = self.input(body).await?;
            same("name", input.name.as_deref(), &self.call.location.queue(name))?;
        }
        match on {
            OnQueue::Purge => drop(queue.purge().await?),
            OnQueue::Pause => pause(&*queue, true).await?,
            OnQueue::Resume => pause(&*queue, false).await?,
            OnQueue::Get | OnQueue::Patch => {}
        }
        self.show(name, queue.settings().await?)
    }

    /// A page of the queues, by their names.
    pub(super) async fn list_queues(&self) -> Result<Response, Failure> {
        if self.query.any(&["filter"])?.is_some() {
            return Err(Failure::new(Reason::Unsupported, "Queues are not filtered here"));
        }
        let after = self.query.any(&["pageToken", "page_token"])?.unwrap_or_default();
        let size = self.page_size(LISTED)?;
        let mut names = self.served.queues.names().await?;
        names.retain(|name| name.as_str() > after);
        let next_page_token = (names.len() > size).then(|| names[size - 1].clone());
        names.truncate(size);
        let mut queues = Vec::new();
        for name in names {
            // One that was deleted since is left out.
            if let Some(queue) = self.served.queues.find(&name).await? {
                queues.push(self.answer_of(&name, queue.settings().await?));
            }
        }
        Ok(self.format.render(&QueuesAnswer { queues, next_page_token }))
    }

    /// Makes a queue.
    pub(super) async fn create_queue(&self, input: QueueInput) -> Result<Response, Failure> {
        let parent = format!("{}/queues", self.call.location.name());
        let required = || Failure::invalid("The field name is required");
        let name = input.name.as_deref().ok_or_else(required)?;
        let name = last("name", name, &parent)?;
        self.make(name, &input, "").await
    }

    /// Sets a queue otherwise, or makes it where it is not there.
    async fn patch(&self, name: &str, input: QueueInput) -> Result<Response, Failure> {
        same("name", input.name.as_deref(), &self.call.location.queue(name))?;
        let mask = self.query.any(&["updateMask", "update_mask"])?.unwrap_or_default();
        let queue = match self.served.queue(name).await {
            Err(failure) if failure.reason == Reason::Missing => {
                return self.make(name, &input, mask).await;
            }
            found => found?,
        };
        let (_, settings) = operations::adjust(&*queue, |before| {
            Ok::<_, Failure>(TaskSettings { limits: input.limits(before.limits, mask)?, ..before })
        })
        .await?;
        self.show(name, settings)
    }

    async fn make(&self, name: &str, input: &QueueInput, mask: &str) -> Result<Response, Failure> {
        if !limits::is_queue_name(name) {
            return Err(Failure::queue_name());
        }
        let limits = input.limits(RetryLimits::default(), mask)?;
        let settings = TaskSettings { limits, paused: false };
        let push = self.served.declared.push.contains(name);
        if push || !self.served.queues.create(name, settings).await? {
            return Err(Failure::new(Reason::NameInUse, "The queue is there already"));
        }
        self.show(name, settings)
    }

    fn answer_of(&self, name: &str, settings: TaskSettings) -> QueueAnswer {
        QueueAnswer::new(&self.call.location, name, settings, &self.format)
    }

    fn show(&self, name: &str, settings: TaskSettings) -> Result<Response, Failure> {
        Ok(self.format.render(&self.answer_of(name, settings)))
    }
}

async fn pause(queue: &dyn Tasks, paused: bool) -> Result<(), Failure> {
    operations::adjust(queue, |before| Ok(TaskSettings { paused, ..before })).await.map(drop)
}
