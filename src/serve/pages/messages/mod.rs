//! The messages of a queue, by their state: fifty a page, found by id, group and tag.
//!
//! | path | what it is |
//! |---|---|
//! | `/messages?queue=&state=&group=&tag=&id=&after=` | the page |
//! | `/messages/payload?queue=&at=&id=` | a payload, whole |
//! | `/messages/receive` | a look by receiving, where there is no other |
//! | `/messages/purge` | emptying a queue |

mod list;
mod payload;
mod purge;
mod receive;
mod table;
mod wanted;

use super::fields::Fields;
use super::frame::{Frame, Section};
use super::numbers::{count, shown};
use super::sites::ShownQueue;
use super::{Pages, choice, paths, states};
use crate::queues::MessageState;
use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use std::sync::Arc;
use wanted::Wanted;

pub(super) use payload::file;
pub(super) use receive::{LIMITS, button as receive_button};

/// Where the page is.
const PATH: &str = paths::MESSAGES;
const PAYLOAD: &str = "/messages/payload";
const RECEIVE: &str = "/messages/receive";
const PURGE: &str = "/messages/purge";

const FRAME: Frame = Frame { title: "Messages", section: Section::Messages };

/// The states, and what each is called in addresses.
const STATES: [(MessageState, &str, &str); 5] = [
    (MessageState::Ready, "ready", "Ready"),
    (MessageState::Waiting, "waiting", "Waiting"),
    (MessageState::Scheduled, "scheduled", "Scheduled"),
    (MessageState::Leased, "leased", "Leased"),
    (MessageState::SetAside, "set-aside", "Set aside"),
];

/// The routes.
pub(super) fn routes() -> Router<Arc<Pages>> {
    Router::new()
        .route(PATH, get(show))
        .route(PAYLOAD, get(payload::download))
        .route(RECEIVE, post(receive::receive))
        .route(PURGE, get(purge::ask).post(purge::purge))
}

/// What a state is called in addresses.
pub(super) fn name(state: MessageState) -> &'static str {
    let state = state.counted();
    STATES.iter().find(|(known, ..)| *known == state).map_or("", |(_, name, _)| name)
}

async fn show(State(pages): State<Arc<Pages>>, uri: Uri) -> Response {
    let fields = Fields::of(&uri);
    let queue = match pages.sites.find(&fields).await {
        Ok(Some(queue)) => queue,
        Ok(None) => return FRAME.page(&pages, &no_queue(FRAME.title)).into_response(),
        Err(error) => return FRAME.failed(&pages, &error),
    };
    let wanted = Wanted::of(&fields);
    let (error, part) = match list::content(&pages, &queue, &wanted).await {
        Ok(part) => (None, part),
        Err(error) => (Some(error), html! {}),
    };
    let content = html! { (head(&pages, &queue, &wanted)) (part) };
    FRAME.page_of(&pages, &content, error.as_ref())
}

/// The page where there is no queue.
pub(super) fn no_queue(title: &str) -> Markup {
    html! {
        h1 { (title) }
        div.empty {
            p { "No queue yet." }
            p { "The first message makes one: " code { "date | publish --from stdin: --to sqlite:queue.db" } }
        }
    }
}

/// The heading, and the ways to other queues and states.
fn head(pages: &Pages, queue: &ShownQueue, wanted: &Wanted) -> Markup {
    let stats = states::stats(queue);
    let stats = stats.as_deref();
    let counted = |state| match state {
        MessageState::SetAside => None,
        state => stats.and_then(|stats| states::counted(stats, state)),
    };
    html! {
        h1 { "Messages of " span.name { (shown(&queue.label)) } }
        (choice::queues(&pages.sites.queues(), PATH, queue))
        nav.choices aria-label="States" {
            a href=(queue.address(PATH, &[])) aria-current=[wanted.is_state(None).then_some("true")] { "All" }
            @for (state, name, label) in STATES {
                a href=(queue.address(PATH, &[("state", name)]))
                    aria-current=[wanted.is_state(Some(state)).then_some("true")] {
                    (label) (number(counted(state)))
                }
            }
            a href=(queue.address(paths::DEAD_LETTERS, &[])) {
                "Dead letters" (number(stats.and_then(|stats| stats.dead)))
            }
        }
        @if let Some(stats) = stats { div.states-box { (states::bar(stats)) } }
        (wanted.search(queue))
    }
}

/// A count beside a link's name; the bar below tells it to those who do not see it.
fn number(of: Option<u64>) -> Markup {
    html! { @if let Some(of) = of { span.count aria-hidden="true" { (count(of)) } } }
}
