//! The jobs of a namespace: by name, with their locks and what was moved aside; the pools and workers
//! that are at work on them; what is tried again, waits for its time, was given up, or comes by the
//! clock.
//!
//! | path | what it is |
//! |---|---|
//! | `/jobs?queue=&view=&page=` | the page |
//! | `/jobs/act` | the question before a change, and the change once it is answered |

mod act;
mod named;
mod periodic;
mod request;
mod timed;
mod work;
mod workers;

use super::fields::Fields;
use super::frame::{Frame, Section};
use super::numbers::shown;
use super::sites::{ShownQueue, within};
use super::{Pages, choice, paths};
use crate::error::Result;
use crate::queues::TimedJobs;
use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use std::sync::Arc;

/// Where the page is.
const PATH: &str = paths::JOBS;
const ACT: &str = "/jobs/act";

const FRAME: Frame = Frame { title: "Jobs", section: Section::Jobs };

/// What a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    /// Counts by the names of the jobs.
    Names,
    Busy,
    Pools,
    Timed(TimedJobs),
    Periodic,
}

/// The views, what each is called in addresses, and what by people.
const VIEWS: [(View, &str, &str); 7] = [
    (View::Names, "", "By name"),
    (View::Busy, "busy", "Busy workers"),
    (View::Pools, "pools", "Pools"),
    (View::Timed(TimedJobs::Retry), "retries", "Retries"),
    (View::Timed(TimedJobs::Scheduled), "scheduled", "Scheduled"),
    (View::Timed(TimedJobs::Dead), "dead", "Dead"),
    (View::Periodic, "periodic", "Periodic"),
];

/// The routes.
pub(super) fn routes() -> Router<Arc<Pages>> {
    Router::new().route(PATH, get(show)).route(ACT, post(act::act))
}

async fn show(State(pages): State<Arc<Pages>>, uri: Uri) -> Response {
    let fields = Fields::of(&uri);
    let queue = match find(&pages, &fields).await {
        Ok(Some(queue)) => queue,
        Ok(None) => return FRAME.page(&pages, &no_jobs()).into_response(),
        Err(error) => return FRAME.failed(&pages, &error),
    };
    let view = view(&fields);
    let (error, part) = match within(content(&pages, &queue, view, &fields)).await {
        Ok(part) => (None, part),
        Err(error) => (Some(error), html! {}),
    };
    FRAME.page_of(&pages, &html! { (head(&pages, &queue, view)) (part) }, error.as_ref())
}

/// The queue that fields name; where they name none, the first one that has jobs.
async fn find(pages: &Pages, fields: &Fields) -> Result<Option<ShownQueue>> {
    if fields.get("queue").is_some() {
        return pages.sites.named(fields).await.map(Some);
    }
    pages.sites.find(fields).await?;
    Ok(pages.sites.queues().into_iter().find(|it| it.queue.has_jobs))
}

fn view(fields: &Fields) -> View {
    let name = fields.get("view").unwrap_or_default();
    VIEWS.iter().find(|(_, known, _)| *known == name).map_or(View::Names, |(view, ..)| *view)
}

fn no_jobs() -> Markup {
    html! {
        h1 { "Jobs" }
        div.empty {
            p { "No queue of jobs is shown." }
            p { "Start the server with one: " code { "queue serve 'redis://localhost?namespace=NAME'" } }
        }
    }
}

fn head(pages: &Pages, queue: &ShownQueue, view: View) -> Markup {
    let with_jobs: Vec<_> =
        pages.sites.queues().into_iter().filter(|it| it.queue.has_jobs).collect();
    html! {
        h1 { "Jobs of " span.name { (shown(&queue.label)) } }
        (choice::queues(&with_jobs, PATH, queue))
        nav.choices aria-label="Views" {
            @for (known, name, label) in VIEWS {
                a href=(queue.address(PATH, &[("view", name)]))
                    aria-current=[(known == view).then_some("true")] { (label) }
            }
        }
        p { a href=(queue.address(paths::MESSAGES, &[])) { "All of them as messages" } }
    }
}

async fn content(pages: &Pages, queue: &ShownQueue, view: View, fields: &Fields) -> Result<Markup> {
    match view {
        View::Names => named::table(pages, queue).await,
        View::Busy => workers::busy(pages, queue).await,
        View::Pools => workers::pools(pages, queue).await,
        View::Timed(jobs) => timed::page(pages, queue, jobs, fields).await,
        View::Periodic => periodic::table(pages, queue).await,
    }
}

/// A table in a frame that it may be wider than; where it has no row, what that means.
fn table(label: &str, heads: &[&str], rows: &[Markup], none: &str) -> Markup {
    html! {
        @if rows.is_empty() {
            div.empty { p { (none) } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(label) {
                table.jobs {
                    thead { tr { @for head in heads { th scope="col" { (head) } } } }
                    tbody { @for row in rows { (row) } }
                }
            }
        }
    }
}
