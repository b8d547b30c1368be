//! The stores of the overview: the newest values of each device, and whether they are those of now.

use super::super::Pages;
use super::super::frame::error_box;
use super::super::numbers::{things, time};
use super::super::readings::newest;
use super::super::stores::{ShownStore, State};
use super::super::words::length;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

/// A table for each store.
pub(super) fn tables(pages: &Pages) -> Markup {
    html! {
        @for (at, store) in pages.stores.all().iter().enumerate() {
            section.store {
                h2 { "Readings" " " small { (store.told()) } }
                (content(pages, at, &store.state()))
            }
        }
    }
}

fn content(pages: &Pages, store: usize, state: &State) -> Markup {
    let (now, zone) = (pages.shown.options.clock.now(), pages.shown.timezone);
    html! {
        @if let Some(failure) = &state.failure {
            (error_box(&failure.error))
            p.as-of { "Since " (time(failure.since, now, zone)) }
        }
        @match &state.newest {
            _ if state.failure.is_some() => (newest::last(pages, store)),
            None => p.faint { "Looking…" },
            Some((_, latest)) if latest.is_empty() => (empty()),
            Some((_, latest)) => (newest::table(store, latest, now)),
        }
    }
}

fn empty() -> Markup {
    html! {
        div.empty {
            p { "No readings yet." }
            p { "Fill the store: " code { "publish nature-remo:" } " and then " code { "subscribe" } }
        }
    }
}

/// How all stores are in a sentence each, and whether that is well.
pub(super) fn sentences(stores: &[ShownStore], now: DateTime<Utc>) -> (bool, Vec<String>) {
    let told: Vec<_> = stores.iter().map(|store| sentence(&store.state(), now)).collect();
    (
        told.iter().all(|(is_well, _)| *is_well),
        told.into_iter().filter_map(|(_, said)| said).collect(),
    )
}

fn sentence(state: &State, now: DateTime<Utc>) -> (bool, Option<String>) {
    if state.failure.is_some() {
        return (false, Some("A store cannot be read.".to_owned()));
    }
    let latest = state.newest.as_ref().map(|(_, latest)| &**latest).unwrap_or_default();
    let Some(newest) = latest.iter().map(|one| one.age(now)).min() else { return (true, None) };
    let stale = latest.iter().filter(|one| one.stale(now).is_some()).count() as u64;
    let newest = length(newest);
    match stale {
        0 => (true, Some(format!("Readings arrive: the newest is {newest} old."))),
        _ => (
            false,
            Some(format!("{} not up to date; the newest reading is {newest} old.", are(stale))),
        ),
    }
}

fn are(devices: u64) -> String {
    format!("{} {}", things(devices, "device"), if devices == 1 { "is" } else { "are" })
}
