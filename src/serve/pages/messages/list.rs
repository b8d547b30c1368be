//! A page of messages.

use super::super::Pages;
use super::super::sites::{ShownQueue, within};
use super::wanted::Wanted;
use super::{PURGE, receive, table};
use crate::error::Result;
use crate::queues::{Inspect, PeekedPart};
use maud::{Markup, html};

/// How many messages a page has.
const PAGE: usize = 50;
/// What an address asks for.
pub(super) async fn content(pages: &Pages, queue: &ShownQueue, wanted: &Wanted) -> Result<Markup> {
    let inspector = queue.open().await?;
    if inspector.peek_by_receiving().is_some() {
        return receive::offer(pages, queue, &*inspector).await;
    }
    let part = within(find(&*inspector, wanted)).await?;
    let can_purge = inspector.purge().is_some() && !pages.shown.read_only;
    Ok(html! {
        (table::table(pages, queue, &part.found))
        @if let Some(next) = part.next {
            p { a.button href=(wanted.next(queue, next)) rel="next" { (more(&part)) } }
        }
        @if can_purge && wanted.id.is_none() {
            p { a.button href=(queue.address(PURGE, &[])) { "Purge…" } }
        }
    })
}

fn more(part: &PeekedPart) -> &'static str {
    if part.found.len() < PAGE { "Look further" } else { "Next page" }
}

async fn find(inspector: &dyn Inspect, wanted: &Wanted) -> Result<PeekedPart> {
    if let (Some(id), Some(by_id)) = (&wanted.id, inspector.by_id()) {
        let found = by_id.get(id).await?.into_iter().collect();
        return Ok(PeekedPart { found, next: None });
    }
    let Some(peek) = inspector.peek() else { return Ok(PeekedPart::default()) };
    let mut part = peek.peek_only(&wanted.filter, wanted.after, PAGE).await?;
    if let Some(id) = &wanted.id {
        part.found.retain(|it| it.message.id == *id);
    }
    Ok(part)
}
