//! The dead letters of a queue: grouped by their reasons, redriven or dropped one by one, those that are
//! selected, or all that match.
//!
//! | path | what it is |
//! |---|---|
//! | `/dead-letters?queue=&reason=&id=&after=` | the page |
//! | `/dead-letters/payload?queue=&letter=&id=` | a payload, whole |
//! | `/dead-letters/redrive`, `/dead-letters/drop` | the question, and what it was about once it is answered |
//! | `/dead-letters/receive` | a look by receiving, where there is no other |

mod act;
mod groups;
mod list;
mod matching;
mod payload;
mod question;
mod reasons;
mod received;
mod result;
mod scan;

use super::fields::Fields;
use super::frame::{Frame, Section};
use super::messages::{self, no_queue};
use super::numbers::shown;
use super::sites::{ShownQueue, within};
use super::{Pages, choice, paths};
use crate::error::Result;
use crate::inspect::{DeadLetterAction, lacks};
use crate::queues::Contents;
use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use matching::Matching;
use maud::{Markup, html};
use std::sync::Arc;

/// Where the page is.
const PATH: &str = paths::DEAD_LETTERS;
const PAYLOAD: &str = "/dead-letters/payload";
const REDRIVE: &str = "/dead-letters/redrive";
const DROP: &str = "/dead-letters/drop";
const RECEIVE: &str = "/dead-letters/receive";

const FRAME: Frame = Frame { title: "Dead letters", section: Section::DeadLetters };

/// The routes.
pub(super) fn routes() -> Router<Arc<Pages>> {
    Router::new()
        .route(PATH, get(show))
        .route(PAYLOAD, get(payload::download))
        .route(REDRIVE, post(act::redrive))
        .route(DROP, post(act::drop))
        .route(RECEIVE, post(received::receive))
}

/// What is done, as a button says it.
fn verb(action: DeadLetterAction) -> &'static str {
    match action {
        DeadLetterAction::Redrive => "Redrive",
        DeadLetterAction::Drop => "Drop",
    }
}

/// Where a form goes that does this.
fn path_of(action: DeadLetterAction) -> &'static str {
    match action {
        DeadLetterAction::Redrive => REDRIVE,
        DeadLetterAction::Drop => DROP,
    }
}

async fn show(State(pages): State<Arc<Pages>>, uri: Uri) -> Response {
    let fields = Fields::of(&uri);
    let queue = match pages.sites.find(&fields).await {
        Ok(Some(queue)) => queue,
        Ok(None) => return FRAME.page(&pages, &no_queue("Dead letters")).into_response(),
        Err(error) => return FRAME.failed(&pages, &error),
    };
    let matching = Matching::of(&fields);
    let (error, part) = match content(&pages, &queue, &matching, &fields).await {
        Ok(part) => (None, part),
        Err(error) => (Some(error), html! {}),
    };
    FRAME.page_of(&pages, &html! { (head(&pages, &queue)) (part) }, error.as_ref())
}

/// The heading, and the ways to other queues.
fn head(pages: &Pages, queue: &ShownQueue) -> Markup {
    html! {
        h1 { "Dead letters of " span.name { (shown(&queue.label)) } }
        (choice::queues(&pages.sites.queues(), PATH, queue))
        p { a href=(queue.address(paths::MESSAGES, &[])) { "Its messages" } }
    }
}

async fn content(
    pages: &Pages,
    queue: &ShownQueue,
    matching: &Matching,
    fields: &Fields,
) -> Result<Markup> {
    let inspector = queue.open().await?;
    if inspector.peek_by_receiving().is_some() {
        let what = Contents::DeadLetters;
        return messages::receive_button(pages, queue, &*inspector, what, RECEIVE).await;
    }
    let store = inspector.dead_letters().ok_or_else(|| lacks("keep dead letters"))?;
    let after = fields.get("after").filter(|it| !it.is_empty());
    let found = within(scan::look(store, matching, after)).await?;
    Ok(html! {
        (search(queue, matching))
        (groups::table(pages, queue, &found.groups, matching))
        (list::page(pages, queue, &found, matching))
    })
}

/// The form that finds a dead letter by its id.
fn search(queue: &ShownQueue, matching: &Matching) -> Markup {
    html! {
        form.search role="search" action=(PATH) {
            input type="hidden" name="queue" value=(queue.label);
            label {
                "Id " input type="search" name="id" autocomplete="off"
                    value=(matching.id.as_deref().unwrap_or_default());
            }
            button type="submit" { "Search" }
            @if *matching != Matching::default() { a href=(queue.address(PATH, &[])) { "All of them" } }
        }
    }
}
