//! The calls, from request to response.

use super::route::{Action, Call};
use super::task::{TaskAnswer, TaskInput, TasksAnswer};
use super::{discovery, errors, lease, queue, update};
use crate::queues::{NewTask, Tasks};
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::format::Format;
use crate::serve::taskqueue::input::{self, Base64, Int64};
use crate::serve::taskqueue::query::Query;
use crate::serve::taskqueue::{Served, operations, request};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};

/// How many tasks a list has at most.
const LISTED: usize = 100;

/// Answers a request below the base of this API.
pub(super) async fn serve(State(served): State<Served>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let method = request::method(&head);
    let call = method.and_then(|method| Ok((Call::find(&method, head.uri.path())?, method)));
    let (call, method) = match call {
        Ok(found) => found,
        Err(failure) => return errors::response(&failure),
    };
    let answered = match request::query(&head, &method, body).await {
        Ok((query, body)) => Calling { served, call: &call, query, head }.answer(body).await,
        Err(failure) => Err(failure),
    };
    let mut response = answered.unwrap_or_else(|failure| errors::response(&failure));
    response.extensions_mut().insert(call.operation());
    response
}

/// A call at work.
struct Calling<'c> {
    served: Served,
    call: &'c Call,
    query: Query,
    head: Parts,
}

impl Calling<'_> {
    async fn answer(&self, body: Body) -> Result<Response, Failure> {
        let format = Format::read(&self.query)?;
        discovery::validate(&format.mask, &self.call.action)?;
        let queue = self.served.queue(&self.call.queue).await?;
        let queue = &*queue;
        match &self.call.action {
            Action::GetQueue => {
                let answer = queue::get(&self.served, queue, self.call, &self.query).await?;
                Ok(format.render(&answer))
            }
            Action::List => self.list(queue, &format).await,
            Action::Insert => self.insert(queue, &format, self.task(body).await?).await,
            Action::Lease => self.lease(queue, &format).await,
            Action::Get(name) => {
                let task = operations::get(queue, name).await?;
                Ok(format.render(&TaskAnswer::whole(&task, &self.call.queue)))
            }
            Action::Delete(name) => {
                operations::delete(queue, name).await?;
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            Action::Patch(name) => {
                let input = self.task(body).await?;
                let task = update::patch(queue, self.call, (name, &input), &self.query).await?;
                Ok(format.render(&TaskAnswer::head(&task, &self.call.queue)))
            }
            Action::Update(name) => {
                let input = self.task(body).await?;
                let task = update::update(queue, self.call, (name, &input), &self.query).await?;
                Ok(format.render(&TaskAnswer::head(&task, &self.call.queue)))
            }
        }
    }

    /// The task in the body.
    async fn task(&self, body: Body) -> Result<TaskInput, Failure> {
        input::read(&request::bytes(&self.head.headers, body).await?)
    }

    async fn list(&self, queue: &dyn Tasks, format: &Format) -> Result<Response, Failure> {
        let tasks = queue.list(0, LISTED).await?;
        let heads = tasks.iter().map(|(_, task)| TaskAnswer::head(task, &self.call.queue));
        Ok(format.render(&TasksAnswer::new(heads.collect())))
    }

    async fn insert(
        &self,
        queue: &dyn Tasks,
        format: &Format,
        input: TaskInput,
    ) -> Result<Response, Failure> {
        input.validate_queue(self.call)?;
        let task = self.served.add(queue, new_task(input)?).await?;
        Ok(format.render(&TaskAnswer::whole(&task, &self.call.queue)))
    }

    async fn lease(&self, queue: &dyn Tasks, format: &Format) -> Result<Response, Failure> {
        let tasks = self.served.lease(queue, lease::read(&self.query)?).await?;
        let name = self.call.long_name();
        let whole = tasks.iter().map(|task| TaskAnswer::whole(task, &name));
        Ok(format.render(&TasksAnswer::new(whole.collect())))
    }
}

/// The task that is to be added; an empty name or tag counts as none, and the time 0 as now.
fn new_task(input: TaskInput) -> Result<NewTask, Failure> {
    let eta = input.lease_timestamp.filter(|Int64(eta)| *eta != 0).map(eta).transpose()?;
    Ok(NewTask {
        name: input.id.filter(|id| !id.is_empty()),
        body: input.payload_base64.map(|Base64(bytes)| bytes.into()).unwrap_or_default(),
        tag: input.tag.filter(|tag| !tag.is_empty()),
        eta,
        limits: None,
    })
}

fn eta(Int64(micros): Int64) -> Result<DateTime<Utc>, Failure> {
    let time = DateTime::from_timestamp_micros(micros).filter(|_| micros > 0);
    time.ok_or_else(|| Failure::invalid("leaseTimestamp is no time in microseconds since 1970"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<NewTask, Failure> {
        new_task(input::read(body.as_bytes())?)
    }

    #[test]
    fn a_new_task_is_read() {
        assert_eq!(read("{}").unwrap(), NewTask::default());
        assert_eq!(read(r#"{"id":"","tag":"","leaseTimestamp":0}"#).unwrap(), NewTask::default());
        let task =
            read(r#"{"id":"a","tag":"x","leaseTimestamp":"1000000","payloadBase64":"aGk="}"#);
        let task = task.unwrap();
        assert_eq!(task.name.as_deref(), Some("a"));
        assert_eq!(task.tag.as_deref(), Some("x"));
        assert_eq!(task.eta.unwrap().timestamp(), 1);
        assert_eq!(task.body, "hi");
    }

    #[test]
    fn a_time_that_is_none_is_refused() {
        for time in ["-1", "\"-1\"", "9223372036854775807999", "1.5", "true", "\"soon\""] {
            assert!(read(&format!(r#"{{"leaseTimestamp":{time}}}"#)).is_err(), "{time}");
        }
    }
}
