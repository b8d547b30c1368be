//! The calls, from request to response.

use super::errors;
use super::route::{Action, Call};
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::format::Format;
use crate::serve::taskqueue::query::Query;
use crate::serve::taskqueue::request::{self, Incoming};
use crate::serve::taskqueue::{Served, input};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

/// A call at work.
pub(super) struct Calling {
    pub(super) served: Served,
    pub(super) call: Call,
    pub(super) query: Query,
    pub(super) format: Format,
    headers: HeaderMap,
}

/// Answers a request below the base of this API.
pub(super) async fn serve(State(served): State<Served>, request: Request) -> Response {
    let incoming = match request::read(request, Call::find).await {
        Ok(incoming) => incoming,
        Err(failure) => return errors::response(&failure),
    };
    let operation = incoming.call.operation();
    let answered = answer(served, incoming).await;
    let mut response = answered.unwrap_or_else(|failure| errors::response(&failure));
    response.extensions_mut().insert(operation);
    response
}

async fn answer(served: Served, incoming: Incoming<Call>) -> Result<Response, Failure> {
    let Incoming { call, query, headers, body } = incoming;
    let format = Format::read(&query)?;
    let calling = Calling { served, call, query, format, headers };
    match &calling.call.action {
        Action::ListQueues => calling.list_queues().await,
        Action::CreateQueue => calling.create_queue(calling.input(body).await?).await,
        Action::Queue(name, on) => calling.queue(name, *on, body).await,
        Action::Tasks(name, on) => calling.tasks(name, on, body).await,
    }
}

impl Calling {
    /// What the body says; an empty one says nothing.
    pub(super) async fn input<T>(&self, body: Body) -> Result<T, Failure>
    where
        T: Default + for<'de> Deserialize<'de>,
    {
        let body = request::bytes(&self.headers, body).await?;
        if body.is_empty() { Ok(T::default()) } else { input::read(&body) }
    }

    /// How many things a page has: what is wanted, and not more than may be.
    pub(super) fn page_size(&self, most: usize) -> Result<usize, Failure> {
        let wanted = self.query.number(&["pageSize", "page_size"], 0..=i64::from(i32::MAX))?;
        let wanted = wanted.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
        Ok(wanted.map_or(most, |size| size.min(most)))
    }
}
