//! Messages as a table.

use super::super::Pages;
use super::super::numbers::{bytes, payload, shown, time};
use super::super::sites::ShownQueue;
use super::{PAYLOAD, STATES};
use crate::queues::Peeked;
use maud::{Markup, html};

/// How many bytes of a payload are shown here.
const SHOWN_BYTES: usize = 4096;

/// Messages, as a table; what to do where there is none.
pub(super) fn table(pages: &Pages, queue: &ShownQueue, messages: &[Peeked]) -> Markup {
    html! {
        @if messages.is_empty() {
            div.empty { p { "No message here." } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Messages" {
                table.messages {
                    thead {
                        tr {
                            @for name in ["Message", "State", "Payload"] { th scope="col" { (name) } }
                            th.number scope="col" { "Attempts" }
                        }
                    }
                    tbody { @for message in messages { (row(pages, queue, message)) } }
                }
            }
        }
    }
}

fn row(pages: &Pages, queue: &ShownQueue, peeked: &Peeked) -> Markup {
    let (now, zone) = (pages.shown.options.clock.now(), pages.shown.timezone);
    let message = &peeked.message;
    html! {
        tr {
            th scope="row" {
                code { (shown(&message.id)) }
                @if let Some(at) = message.published_at { div.age { "Published " (time(at, now, zone)) } }
                (facts(peeked))
            }
            td {
                (state(peeked))
                @if let Some(until) = peeked.until { div.age { "until " (time(until, now, zone)) } }
                @if let Some(why) = &peeked.unreadable { p.error { "Cannot be read: " (shown(why)) } }
            }
            td { (body(queue, peeked)) }
            td.number { (peeked.attempts.map_or_else(|| "–".to_owned(), |it| it.to_string())) }
        }
    }
}

fn state(peeked: &Peeked) -> &'static str {
    let state = peeked.state;
    match STATES.iter().find(|(known, ..)| *known == state) {
        Some((_, _, label)) => label,
        None => "Ready: its lease has ended",
    }
}

/// Group, tag and attributes, where there are such.
fn facts(peeked: &Peeked) -> Markup {
    let message = &peeked.message;
    html! {
        @if let Some(group) = &message.group { div { span.faint { "group " } (shown(group)) } }
        @if let Some(tag) = &message.tag { div { span.faint { "tag " } (shown(tag)) } }
        @if !message.attributes.is_empty() {
            details {
                summary { "Attributes" }
                dl {
                    @for (name, value) in &message.attributes { dt { (shown(name)) } dd { (shown(value)) } }
                }
            }
        }
    }
}

fn body(queue: &ShownQueue, peeked: &Peeked) -> Markup {
    let message = &peeked.message;
    let (text, is_whole) = payload(&message.body, SHOWN_BYTES);
    let at = peeked.position.to_string();
    html! {
        pre { (text) }
        p.age {
            (bytes(message.body.len()))
            @if !is_whole { ", the beginning of it" }
            @if peeked.position > 0 {
                " · "
                a href=(queue.address(PAYLOAD, &[("at", &at), ("id", &message.id)])) download {
                    "Download" span.hidden { " the payload of " (shown(&message.id)) }
                }
            }
        }
    }
}
