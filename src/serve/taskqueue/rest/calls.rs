//! The calls, from request to response.

use super::route::{Action, Call};
use super::task::{TaskAnswer, TaskInput, TasksAnswer};
use super::{discovery, errors, lease, queue, update};
use crate::queues::Tasks;
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::format::Format;
use crate::serve::taskqueue::input;
use crate::serve::taskqueue::query::Query;
use crate::serve::taskqueue::request::{self, Incoming};
use crate::serve::taskqueue::{Served, operations};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

/// How many tasks a list has at most.
const LISTED: usize = 100;

/// Answers a request below the base of this API.
pub(super) async fn serve(State(served): State<Served>, request: Request) -> Response {
    let incoming = match request::read(request, Call::find).await {
        Ok(incoming) => incoming,
        Err(failure) => return errors::response(&failure),
    };
    let Incoming { call, query, headers, body } = incoming;
    let operation = call.operation();
    let answered = Calling { served, call, query, headers }.answer(body).await;
    let mut response = answered.unwrap_or_else(|failure| errors::response(&failure));
    response.extensions_mut().insert(operation);
    response
}

/// A call at work.
struct Calling {
    served: Served,
    call: Call,
    query: Query,
    headers: HeaderMap,
}

impl Calling {
    async fn answer(&self, body: Body) -> Result<Response, Failure> {
        let Self { served, call, query, .. } = self;
        let format = Format::read(query)?;
        discovery::validate(&format.mask, &call.action)?;
        let queue = served.queue(&call.queue).await?;
        let queue = &*queue;
        match &call.action {
            Action::GetQueue => Ok(format.render(&queue::get(served, queue, call, query).await?)),
            Action::List => self.list(queue, &format).await,
            Action::Insert => self.insert(queue, &format, self.task(body).await?).await,
            Action::Lease => self.lease(queue, &format).await,
            Action::Get(name) => {
                let task = operations::get(queue, name).await?;
                Ok(format.render(&TaskAnswer::whole(&task, &call.queue)))
            }
            Action::Delete(name) => {
                operations::delete(queue, name).await?;
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            Action::Patch(name) => {
                let task = self.task(body).await?;
                let changed = update::patch(queue, call, (name, &task), query).await?;
                Ok(format.render(&TaskAnswer::head(&changed, &call.queue)))
            }
            Action::Update(name) => {
                let task = self.task(body).await?;
                let changed = update::update(queue, call, (name, &task), query).await?;
                Ok(format.render(&TaskAnswer::head(&changed, &call.queue)))
            }
        }
    }

    /// The task in the body.
    async fn task(&self, body: Body) -> Result<TaskInput, Failure> {
        input::read(&request::bytes(&self.headers, body).await?)
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
        input.validate_queue(&self.call)?;
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
