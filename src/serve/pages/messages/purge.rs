//! Emptying a queue: whoever wants that types its name.

use super::super::Pages;
use super::super::fields::Fields;
use super::super::numbers::{shown, things};
use super::super::sites::{ShownQueue, within};
use super::{FRAME, PATH, PURGE};
use crate::error::Result;
use crate::inspect::lacks;
use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use std::sync::Arc;

/// The question.
pub(super) async fn ask(State(pages): State<Arc<Pages>>, uri: Uri) -> Response {
    let fields = Fields::of(&uri);
    answer(&pages, question_of(&pages, &fields, None).await)
}

/// Empties the queue where its name was typed; else asks again.
pub(super) async fn purge(
    State(pages): State<Arc<Pages>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    answer(&pages, carry_out(&pages, &fields).await)
}

fn answer(pages: &Pages, content: Result<Markup>) -> Response {
    match content {
        Ok(content) => FRAME.page(pages, &content).into_response(),
        Err(error) => FRAME.failed(pages, &error),
    }
}

async fn question_of(pages: &Pages, fields: &Fields, why: Option<&str>) -> Result<Markup> {
    let queue = pages.sites.named(fields).await?;
    let removed = removed(&queue).await?;
    Ok(question(pages, &queue, removed, why))
}

/// How many messages a purge would remove; `None` where nobody knows.
async fn removed(queue: &ShownQueue) -> Result<Option<u64>> {
    let inspector = queue.open().await?;
    let purge = inspector.purge().ok_or_else(|| lacks("be emptied"))?;
    Ok(purge.removes(&within(inspector.stats()).await?))
}

fn question(pages: &Pages, queue: &ShownQueue, removed: Option<u64>, why: Option<&str>) -> Markup {
    let what = removed.map_or_else(|| "all messages".to_owned(), |it| things(it, "message"));
    html! {
        h1 { "Purge " span.name { (shown(&queue.label)) } "?" }
        @if let Some(why) = why { p.error role="alert" { (why) } }
        p { "This removes " strong { (what) } " for good, those included that are leased now. Dead letters stay." }
        form method="post" action=(PURGE) {
            (pages.form_token())
            input type="hidden" name="queue" value=(queue.label);
            input type="hidden" name="count" value=[removed];
            label {
                "Type the queue’s name, " code { (shown(&queue.queue.name)) } " "
                input type="text" name="typed" autocomplete="off" required;
            }
            button.danger type="submit" { "Purge" }
            a href=(queue.address(PATH, &[])) { "Cancel" }
        }
    }
}

async fn carry_out(pages: &Pages, fields: &Fields) -> Result<Markup> {
    let queue = pages.sites.named(fields).await?;
    if fields.get("typed") != Some(shown(&queue.queue.name).as_str()) {
        let why = "That is not its name: nothing was removed.";
        return question_of(pages, fields, Some(why)).await;
    }
    let now = removed(&queue).await?;
    let before: Option<u64> = fields.get("count").and_then(|count| count.parse().ok());
    if now > before {
        let why = "There are more messages by now: nothing was removed.";
        return Ok(question(pages, &queue, now, Some(why)));
    }
    let inspector = queue.open().await?;
    let purge = inspector.purge().ok_or_else(|| lacks("be emptied"))?;
    let purged = purge.purge().await;
    let closed = inspector.close().await;
    queue.site.was_changed();
    let purged = purged?;
    closed?;
    let what = purged.map_or_else(|| "All messages".to_owned(), |it| things(it, "message"));
    Ok(html! {
        h1 { "Messages of " span.name { (shown(&queue.label)) } }
        p.done role="status" { (what) " purged." }
        p { a href=(queue.address(PATH, &[])) { "Back to the queue" } }
    })
}
