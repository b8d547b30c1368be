//! A look at messages where looking is receiving: behind a button that says what it costs.

use super::super::fields::Fields;
use super::super::numbers::shown;
use super::super::one_thread::in_one_thread;
use super::super::sites::{ShownQueue, within};
use super::super::{Pages, choice};
use super::{FRAME, PATH, RECEIVE, table};
use crate::error::Result;
use crate::inspect::{self, ReceiveLimits};
use crate::queues::{Contents, Inspect, Peeked};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use std::sync::Arc;
use std::time::Duration;

/// How much is received, and how long nothing may come before it is over.
pub(in super::super) const LIMITS: ReceiveLimits =
    ReceiveLimits { max: 50, idle: Duration::from_secs(2) };

/// The button, and what it costs to press it.
pub(super) async fn offer(
    pages: &Pages,
    queue: &ShownQueue,
    inspector: &dyn Inspect,
) -> Result<Markup> {
    button(pages, queue, inspector, Contents::Messages, RECEIVE).await
}

/// A button that receives, and what that costs.
pub(in super::super) async fn button(
    pages: &Pages,
    queue: &ShownQueue,
    inspector: &dyn Inspect,
    what: Contents,
    path: &str,
) -> Result<Markup> {
    let Some(receiving) = inspector.peek_by_receiving() else { return Ok(html! {}) };
    let cost = within(receiving.cost(what)).await?;
    Ok(html! {
        div.empty {
            p { "To look is to receive here: " (shown(&cost)) }
            @if pages.shown.read_only {
                p { "This server only shows, so it does not." }
            } @else {
                form method="post" action=(path) {
                    (pages.form_token())
                    input type="hidden" name="queue" value=(queue.label);
                    button type="submit" { "Receive and show " (LIMITS.max) " at most" }
                }
            }
        }
    })
}

/// Receives messages, shows them, and gives all of them back.
pub(super) async fn receive(
    State(pages): State<Arc<Pages>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let looking = pages.clone();
    let looked = in_one_thread(move || async move { look(&looking, &fields).await });
    let (queue, found) = match looked.await {
        Ok(found) => found,
        Err(error) => return FRAME.failed(&pages, &error),
    };
    let content = html! {
        h1 { "Messages of " span.name { (shown(&queue.label)) } }
        (choice::queues(&pages.sites.queues(), PATH, &queue))
        p.as-of { (found.len()) " received, and given back." }
        (table::table(&pages, &queue, &found))
    };
    FRAME.page(&pages, &content).into_response()
}

async fn look(pages: &Pages, fields: &Fields) -> Result<(ShownQueue, Vec<Peeked>)> {
    let queue = pages.sites.named(fields).await?;
    let inspector = queue.open().await?;
    let mut found = Vec::new();
    if let Some(receiving) = inspector.peek_by_receiving() {
        let show = |page: &[Peeked]| {
            found.extend_from_slice(page);
            Ok(true)
        };
        inspect::peek_by_receiving(receiving, LIMITS, std::future::pending(), show).await?;
    }
    Ok((queue, found))
}
