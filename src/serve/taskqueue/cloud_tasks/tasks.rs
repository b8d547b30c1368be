//! The calls on tasks.

use super::calls::Calling;
use super::lease::{self, ChangeInput, LeaseInput};
use super::names::same;
use super::route::OnTasks;
use super::task::{TaskAnswer, TaskInput, Writer};
use super::view::View;
use crate::queues::{Change, Task, Tasks};
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::input::Object;
use crate::serve::taskqueue::{limits, operations};
use axum::body::Body;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;

/// How many tasks a page has at most.
const LISTED: usize = 1000;

/// The body of a call that adds a task.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct CreateInput {
    parent: Option<String>,
    task: Option<Object<TaskInput>>,
    #[serde(alias = "response_view")]
    response_view: Option<View>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TasksAnswer<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tasks: Vec<TaskAnswer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

impl Calling {
    /// Answers a call on tasks of a queue.
    pub(super) async fn tasks(
        &self,
        name: &str,
        on: &OnTasks,
        body: Body,
    ) -> Result<Response, Failure> {
        let queue = self.served.queue(name).await?;
        let on_queue = QueueCall { calling: self, queue: &*queue, name };
        match on {
            OnTasks::List => on_queue.list().await,
            OnTasks::Create => on_queue.create(self.input(body).await?).await,
            OnTasks::Lease => on_queue.lease(self.input(body).await?).await,
            OnTasks::Get(task) => {
                let task = operations::get(&*queue, task).await?;
                Ok(on_queue.show(&task, View::of_query(&self.query)?))
            }
            OnTasks::Delete(task) => {
                operations::delete(&*queue, task).await?;
                Ok(self.format.render(&json!({})))
            }
            OnTasks::Acknowledge(task) => {
                let input: ChangeInput = self.input(body).await?;
                let change = input.without_length(Change::Acknowledge)?;
                on_queue.change(task, &input, change).await?;
                Ok(self.format.render(&json!({})))
            }
            OnTasks::Renew(task) => {
                let input: ChangeInput = self.input(body).await?;
                on_queue.changed(task, &input, input.renewal()?).await
            }
            OnTasks::Cancel(task) => {
                let input: ChangeInput = self.input(body).await?;
                let change = input.without_length(Change::Extend(Duration::ZERO))?;
                on_queue.changed(task, &input, change).await
            }
        }
    }
}

/// A call on tasks, and their queue.
struct QueueCall<'c> {
    calling: &'c Calling,
    queue: &'c dyn Tasks,
    name: &'c str,
}

impl QueueCall<'_> {
    fn writer(&self, view: View) -> Writer<'_> {
        let Calling { call, format, .. } = self.calling;
        Writer { location: &call.location, queue: self.name, view, format }
    }

    fn show(&self, task: &Task, view: View) -> Response {
        self.calling.format.render(&self.writer(view).task(task))
    }

    fn show_all(&self, tasks: &[Task], view: View, next: Option<i64>) -> Response {
        let writer = self.writer(view);
        let tasks = tasks.iter().map(|task| writer.task(task)).collect();
        let next_page_token = next.map(|position| position.to_string());
        self.calling.format.render(&TasksAnswer { tasks, next_page_token })
    }

    /// A page of the tasks, in the order in which they were added.
    async fn list(&self) -> Result<Response, Failure> {
        let query = &self.calling.query;
        let view = View::of_query(query)?;
        let size = self.calling.page_size(LISTED)?;
        let after = query.number(&["pageToken", "page_token"], 0..=i64::MAX)?.unwrap_or(0);
        let listed = self.queue.list(after, size + 1).await?;
        let (tasks, next) = self.page(listed, size, view).await?;
        Ok(self.show_all(&tasks, view, next))
    }

    /// As many of these as a page has, with their payloads where these are shown; and where the next
    /// page begins.
    async fn page(
        &self,
        listed: Vec<(i64, Task)>,
        size: usize,
        view: View,
    ) -> Result<(Vec<Task>, Option<i64>), Failure> {
        let (mut tasks, mut bytes, mut position) = (Vec::new(), 0, 0);
        for (at, head) in listed {
            if tasks.len() >= size || bytes >= limits::LEASED_BYTES {
                return Ok((tasks, Some(position)));
            }
            position = at;
            let task = match view {
                View::Basic => Some(head),
                View::Full => self.queue.get(&head.name).await?,
            };
            // One that was deleted since is left out.
            bytes += task.as_ref().map_or(0, |task| task.body.len());
            tasks.extend(task);
        }
        Ok((tasks, None))
    }

    async fn create(&self, input: CreateInput) -> Result<Response, Failure> {
        let queue = self.calling.call.location.queue(self.name);
        same("parent", input.parent.as_deref(), &queue)?;
        let missing = || Failure::invalid("The field task is required");
        let Object(task) = input.task.ok_or_else(missing)?;
        let task = self.calling.served.add(self.queue, task.new_task(&queue)?).await?;
        Ok(self.show(&task, input.response_view.unwrap_or_default()))
    }

    async fn lease(&self, input: LeaseInput) -> Result<Response, Failure> {
        let queue = self.calling.call.location.queue(self.name);
        same("parent", input.parent.as_deref(), &queue)?;
        let request = input.request(&self.calling.query)?;
        let tasks = lease::lease(&self.calling.served, self.queue, request).await?;
        Ok(self.show_all(&tasks, input.response_view.unwrap_or_default(), None))
    }

    async fn change(
        &self,
        task: &str,
        input: &ChangeInput,
        change: Change,
    ) -> Result<Task, Failure> {
        let name = self.calling.call.location.task(self.name, task);
        same("name", input.name.as_deref(), &name)?;
        operations::change(self.queue, task, Some(input.eta()?), change).await
    }

    /// Changes a lease, and shows the task.
    async fn changed(
        &self,
        task: &str,
        input: &ChangeInput,
        change: Change,
    ) -> Result<Response, Failure> {
        let view = input.response_view.unwrap_or_default();
        let changed = self.change(task, input, change).await?;
        let whole = match view {
            View::Basic => None,
            View::Full => self.queue.get(task).await?,
        };
        // Whoever has it leased by now has another time: the one of this change is answered.
        let body = whole.map(|task| task.body).unwrap_or_default();
        Ok(self.show(&Task { body, ..changed }, view))
    }
}
