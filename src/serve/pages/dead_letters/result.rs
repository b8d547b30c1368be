//! What came of dead letters that were redriven or dropped.

use super::super::Pages;
use super::super::numbers::{count, shown};
use super::super::sites::ShownQueue;
use super::super::tally::Tally;
use super::PATH;
use super::question::Request;
use crate::inspect::DeadLetterAction;
use maud::{Markup, html};

/// What came of it, and how to go on where it is not over.
pub(super) fn result(
    pages: &Pages,
    queue: &ShownQueue,
    request: &Request,
    tally: &Tally,
    goes_on: bool,
) -> Markup {
    queue.site.was_changed();
    let done = match request.action {
        DeadLetterAction::Redrive => "redriven",
        DeadLetterAction::Drop => "dropped",
    };
    html! {
        h1 { "Dead letters of " span.name { (shown(&queue.label)) } }
        (tally.told("dead letter", done))
        @if goes_on {
            p { (count(request.done)) " so far, and there are more." }
            (request.form(pages, queue, &html! { "Go on" }))
        }
        p { a href=(queue.address(PATH, &[])) { "Back to the dead letters" } }
    }
}
