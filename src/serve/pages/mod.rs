//! Pages for people, beside what is served to programs: how much waits, what arrived, what was given
//! up, and what can be done about it. They are made here as HTML and work without a script; the script
//! only spares a reload.
//!
//! | path | page |
//! |---|---|
//! | `/` | the overview |
//! | `/readings`, `/readings.csv` | charts of what the stores hold, and its values |
//! | `/messages` | the messages of a queue by state |
//! | `/dead-letters` | dead letters by reason, redriven and dropped |
//! | `/jobs` | the jobs of a namespace |
//! | `/sign-in`, `/sign-out` | the server's token for a session, where it has one |
//! | `/assets/…` | the style sheet, the script and the icon |

mod assets;
mod choice;
mod dead_letters;
mod fields;
mod frame;
mod guard;
mod jobs;
mod messages;
mod numbers;
mod one_thread;
mod overview;
mod paths;
mod readings;
mod sessions;
mod sign_in;
mod sites;
mod stale;
mod states;
mod stores;
mod tally;
mod words;

use crate::http_server::Guard;
use crate::location::Location;
use crate::queues;
use crate::readings::Store;
use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::get;
use chrono_tz::Tz;
use guard::PageGuard;
use sites::Sites;
use std::path::PathBuf;
use std::sync::Arc;
use stores::Stores;
use tokio_util::sync::CancellationToken;

/// What the pages show, and to whom they show it how.
#[derive(Clone)]
pub struct Shown {
    /// The places whose queues are shown.
    pub queues: Vec<Location>,
    /// What these are opened with.
    pub options: queues::Options,
    /// The stores whose readings are shown.
    pub stores: Vec<Arc<dyn Store>>,
    /// The spool of `publish`; `None` where there is no folder for it.
    pub spool: Option<PathBuf>,
    /// The zone of all times and days.
    pub timezone: Tz,
    /// No page changes anything.
    pub read_only: bool,
}

/// All that a page is made from.
pub(super) struct Pages {
    shown: Shown,
    guard: PageGuard,
    sites: Sites,
    stores: Stores,
}

impl Pages {
    pub(super) fn new(shown: Shown, guard: &Guard) -> Self {
        let clock = shown.options.clock.clone();
        let guard = PageGuard::new(guard.clone(), shown.read_only, clock);
        let (sites, stores) = (Sites::new(&shown), Stores::new(&shown));
        Self { shown, guard, sites, stores }
    }

    /// Watches what pages show, until `stop`.
    pub(super) async fn watch(&self, stop: &CancellationToken) {
        tokio::join!(self.sites.watch(stop), self.stores.watch(stop));
    }
}

/// The routes of all pages, behind their own guard: a person signs in where a program shows the token.
pub(super) fn routes(pages: &Arc<Pages>, guard: &Guard) -> Router {
    let router = Router::new()
        .route(paths::OVERVIEW, get(overview::show))
        .merge(messages::routes())
        .merge(dead_letters::routes())
        .merge(jobs::routes())
        .merge(sign_in::routes())
        .merge(readings::routes())
        .layer(from_fn_with_state(pages.clone(), guard::admit))
        .merge(assets::routes())
        .with_state(pages.clone());
    guard.by_name().protect(router, frame::refusal).layer(map_response(guard::add_headers))
}

#[cfg(test)]
mod tests;
