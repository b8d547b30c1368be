//! Changes jobs, once somebody has agreed to it.

use super::super::Pages;
use super::super::fields::Fields;
use super::super::numbers::{shown, things};
use super::super::sites::{ShownQueue, within};
use super::super::tally::Tally;
use super::request::{Act, Request};
use super::work::Work;
use super::{FRAME, PATH};
use crate::error::{Error, Kind, Result};
use crate::inspect::lacks_jobs;
use crate::queues::{self, Paused};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use std::sync::Arc;

/// Asks, or does what was agreed to.
pub(super) async fn act(
    State(pages): State<Arc<Pages>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    match answer(&pages, &fields).await {
        Ok(content) => FRAME.page(&pages, &content).into_response(),
        Err(error) => FRAME.failed(&pages, &error),
    }
}

async fn answer(pages: &Pages, fields: &Fields) -> Result<Markup> {
    let queue = pages.sites.named(fields).await?;
    let request = Request::of(fields)
        .ok_or_else(|| Error::new(Kind::Usage, "the form says nothing that could be done"))?;
    match request.act {
        Act::Pause | Act::Resume => pausing(pages, &queue, request, "job").await,
        Act::PausePeriodic | Act::ResumePeriodic => {
            pausing(pages, &queue, request, "periodic").await
        }
        Act::Run(_) | Act::Delete(_) => working(pages, &queue, request).await,
    }
}

/// Pauses or resumes what a parameter of the queue's URL names.
async fn pausing(
    pages: &Pages,
    queue: &ShownQueue,
    request: Request,
    parameter: &str,
) -> Result<Markup> {
    let name = request.job.clone().unwrap_or_default();
    if request.agreed.is_none() {
        return Ok(question(
            pages,
            queue,
            &Request { agreed: Some(1), ..request },
            &shown(&name),
            false,
        ));
    }
    let url = queue.queue.url.clone().with(parameter, Some(&name), "the page")?;
    let inspector = within(queues::open_inspector(url, queue.options())).await?;
    let pausing = inspector.pausing().ok_or_else(|| lacks_jobs("be paused"))?;
    let changed = within(async {
        match request.act {
            Act::Pause | Act::PausePeriodic => pausing.pause().await,
            _ => pausing.resume().await,
        }
    });
    let changed = changed.await?;
    Ok(result(queue, &html! { @for it in &changed { (paused(it, request.act)) } }))
}

fn paused(paused: &Paused, act: Act) -> Markup {
    html! {
        p.done role="status" {
            (shown(&paused.what)) @if !paused.changed { " was already" } " " (act.done()) "."
        }
    }
}

/// Runs or deletes jobs.
async fn working(pages: &Pages, queue: &ShownQueue, request: Request) -> Result<Markup> {
    let inspector = queue.open().await?;
    let work = Work::of(&*inspector, &request)?;
    let jobs = within(work.count()).await?;
    if request.agreed.is_none_or(|agreed| jobs > agreed) {
        let what = match &request.id {
            Some(id) if jobs == 1 => shown(id),
            _ => told(&request, jobs),
        };
        let grown = request.agreed.is_some();
        let request = Request { agreed: Some(jobs), ..request };
        return Ok(question(pages, queue, &request, &what, grown));
    }
    let mut tally = Tally::default();
    let carried_out = work.carry_out(&mut tally).await;
    queue.site.was_changed();
    carried_out?;
    Ok(result(queue, &tally.told("job", request.act.done())))
}

fn told(request: &Request, jobs: u64) -> String {
    let kind = request.act.kind().trim();
    let name = request.job.as_deref().map_or_else(String::new, |job| format!(" of {}", shown(job)));
    format!("{}{name} ({kind})", things(jobs, "job"))
}

fn question(
    pages: &Pages,
    queue: &ShownQueue,
    request: &Request,
    what: &str,
    grown: bool,
) -> Markup {
    let verb = request.act.verb();
    html! {
        h1 { (verb) ": " (what) "?" }
        p { "In " span.name { (shown(&queue.label)) } "." }
        @if grown {
            p.error role="alert" { "There are more by now than when you were asked: nothing was changed." }
        }
        (request.form(pages, queue, &html! { (verb) }))
        p { a href=(queue.address(PATH, &[])) { "Cancel" } }
    }
}

fn result(queue: &ShownQueue, told: &Markup) -> Markup {
    queue.site.was_changed();
    html! {
        h1 { "Jobs of " span.name { (shown(&queue.label)) } }
        (told)
        p { a href=(queue.address(PATH, &[])) { "Back to the jobs" } }
    }
}
