//! The calls, from request to response.

use super::route::{Action, Call};
use super::task::{TaskAnswer, TaskInput, TasksAnswer};
use super::{discovery, errors, lease, queue, update};
use crate::queues::Tasks;
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::format::Format;
use crate::serve::taskqueue::input;
use crate::serve::taskqueue::query::Query;
use crate::serve::taskqueue::{Served, operations, request};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};

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
        let task = self.served.add(queue, input.new_task()?).await?;
        Ok(format.render(&TaskAnswer::whole(&task, &self.call.queue)))
    }

    async fn lease(&self, queue: &dyn Tasks, format: &Format) -> Result<Response, Failure> {
        let tasks = self.served.lease(queue, lease::read_lease(&self.query)?).await?;
        let name = self.call.long_name();
        let whole = tasks.iter().map(|task| TaskAnswer::whole(task, &name));
        Ok(format.render(&TasksAnswer::new(whole.collect())))
    }
}
