//! A page of dead letters.

use super::super::Pages;
use super::super::fields::sealed;
use super::super::numbers::{bytes, payload, shown, time};
use super::super::sites::ShownQueue;
use super::matching::Matching;
use super::scan::Found;
use super::{PATH, PAYLOAD, groups, path_of, verb};
use crate::inspect::DeadLetterAction;
use crate::queues::DeadLetter;
use maud::{Markup, html};

/// How many bytes of a payload are shown here.
const SHOWN_BYTES: usize = 4096;

/// How a form names a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamedBy {
    /// By its own name, which the queue knows.
    Name,
    /// By the id of its message, as its name is gone with the lease.
    MessageId,
}

/// The dead letters of a page, with what can be done to each, to those that are selected, and to all
/// that match.
pub(super) fn page(
    pages: &Pages,
    queue: &ShownQueue,
    found: &Found,
    matching: &Matching,
) -> Markup {
    html! {
        @if found.letters.is_empty() {
            div.empty { p { "No dead letters. What fails too often, or is refused, comes here with its reason." } }
        } @else {
            h2 { "Letters" }
            @if *matching != Matching::default() { (groups::forms(pages, queue, matching, found.matching)) }
            (table(pages, queue, &found.letters, NamedBy::Name))
            @if let Some(last) = found.letters.last().filter(|_| found.has_more) {
                @let [reason, id] = matching.fields();
                p {
                    a.button rel="next" href=(queue.address(PATH, &[reason, id, ("after", &last.head.name.0)])) {
                        "Next page"
                    }
                }
            }
        }
    }
}

/// Dead letters as a form, whose buttons are about one of them or about those that are selected.
pub(super) fn table(
    pages: &Pages,
    queue: &ShownQueue,
    letters: &[DeadLetter],
    by: NamedBy,
) -> Markup {
    let acts = !pages.shown.read_only;
    html! {
        form.letters method="post" action=(path_of(DeadLetterAction::Redrive)) {
            (pages.form_token())
            input type="hidden" name="queue" value=(queue.label);
            @if acts { (selected_buttons()) }
            div.scroll tabindex="0" role="region" aria-label="Dead letters" {
                table {
                    (head(acts))
                    tbody { @for letter in letters { (row(pages, queue, letter, by)) } }
                }
            }
        }
    }
}

fn selected_buttons() -> Markup {
    html! {
        p.actions {
            @for action in [DeadLetterAction::Redrive, DeadLetterAction::Drop] {
                button type="submit" formaction=(path_of(action)) { (verb(action)) " selected" }
            }
        }
    }
}

fn head(acts: bool) -> Markup {
    html! {
        thead {
            tr {
                @if acts { th scope="col" { span.hidden { "Selected" } } }
                @for name in ["Message", "Reason", "Payload"] { th scope="col" { (name) } }
                th.number scope="col" { "Attempts" }
                @if acts { th scope="col" { span.hidden { "Actions" } } }
            }
        }
    }
}

fn row(pages: &Pages, queue: &ShownQueue, letter: &DeadLetter, by: NamedBy) -> Markup {
    let head = &letter.head;
    let name = &sealed(match by {
        NamedBy::Name => &head.name.0,
        NamedBy::MessageId => &head.id,
    });
    let id = shown(&head.id);
    html! {
        tr {
            @if !pages.shown.read_only {
                td { input type="checkbox" name="letter" value=(name) aria-label=(format!("Select {id}")); }
            }
            th scope="row" { code { (id) } (times(pages, letter)) }
            td { (reason(letter)) }
            td { (body(queue, letter, by)) }
            td.number { (head.attempts.map_or_else(|| "–".to_owned(), |it| it.to_string())) }
            @if !pages.shown.read_only { td { (row_buttons(name, &id)) } }
        }
    }
}

fn times(pages: &Pages, letter: &DeadLetter) -> Markup {
    let (now, zone) = (pages.shown.options.clock.now(), pages.shown.timezone);
    let said = [("Died", letter.head.died_at), ("Published", letter.message.published_at)];
    html! {
        @for (what, at) in said {
            @if let Some(at) = at { div.age { (what) " " (time(at, now, zone)) } }
        }
        @if let Some(group) = &letter.message.group { div { span.faint { "group " } (shown(group)) } }
        @if let Some(tag) = &letter.message.tag { div { span.faint { "tag " } (shown(tag)) } }
        @if let Some(from) = &letter.head.from { div { span.faint { "from " } (shown(from)) } }
    }
}

fn reason(letter: &DeadLetter) -> Markup {
    html! {
        (shown(&letter.head.reason))
        @if let Some(why) = &letter.unreadable { p.error { "Cannot be read: " (shown(why)) } }
    }
}

fn body(queue: &ShownQueue, letter: &DeadLetter, by: NamedBy) -> Markup {
    let message = &letter.message;
    let (text, is_whole) = payload(&message.body, SHOWN_BYTES);
    let fields = [("letter", letter.head.name.0.as_str()), ("id", &letter.head.id)];
    html! {
        pre { (text) }
        p.age {
            (bytes(message.body.len()))
            @if !is_whole { ", the beginning of it" }
            @if by == NamedBy::Name {
                " · "
                a href=(queue.address(PAYLOAD, &fields)) download {
                    "Download" span.hidden { " the payload of " (shown(&message.id)) }
                }
            }
        }
    }
}

fn row_buttons(name: &str, id: &str) -> Markup {
    html! {
        @for action in [DeadLetterAction::Redrive, DeadLetterAction::Drop] {
            button type="submit" name="one" value=(name) formaction=(path_of(action)) {
                (verb(action)) span.hidden { " " (id) }
            }
            " "
        }
    }
}
