//! The calls, from request to response.

use super::errors;
use super::route::{Action, Call};
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::format::Format;
use crate::serve::taskqueue::query::Query;
use crate::serve::taskqueue::{Served, input, request};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

/// A call at work.
pub(super) struct Calling<'c> {
    pub(super) served: Served,
    pub(super) call: &'c Call,
    pub(super) query: Query,
    pub(super) format: Format,
    headers: HeaderMap,
}

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
        Ok((query, body)) => answer(served, &call, query, head.headers, body).await,
        Err(failure) => Err(failure),
    };
    let mut response = answered.unwrap_or_else(|failure| errors::response(&failure));
    response.extensions_mut().insert(call.operation());
    response
}

async fn answer(
    served: Served,
    call: &Call,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let format = Format::read(&query)?;
    let calling = Calling { served, call, query, format, headers };
    match &call.action {
        Action::ListQueues => calling.list_queues().await,
        Action::CreateQueue => calling.create_queue(calling.input(body).await?).await,
        Action::Queue(name, on) => calling.queue(name, *on, body).await,
        Action::Tasks(name, on) => calling.tasks(name, on, body).await,
    }
}

impl Calling<'_> {
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
