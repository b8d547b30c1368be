//! What the clock enqueues.

use super::super::Pages;
use super::super::numbers::shown;
use super::super::sites::ShownQueue;
use super::request::{Act, Request};
use super::workers::second;
use crate::error::Result;
use crate::queues::PeriodicJob;
use maud::{Markup, html};

/// A row for each.
pub(super) async fn table(pages: &Pages, queue: &ShownQueue) -> Result<Markup> {
    let periodic = queue.open_jobs().await?.periodic().await?;
    let rows: Vec<_> = periodic.iter().map(|job| row(pages, queue, job)).collect();
    let none = "No job is enqueued by the clock within the next minutes, and none is paused.";
    Ok(html! {
        (super::table("Periodic jobs", &["Job", "Times", "Next run", "Actions"], &rows, none))
        p.hint { "Shown are those whose next run is within minutes, and those that are paused." }
    })
}

fn row(pages: &Pages, queue: &ShownQueue, job: &PeriodicJob) -> Markup {
    let act = if job.paused { Act::ResumePeriodic } else { Act::PausePeriodic };
    let entry = format!("{}:{}", job.job, job.times);
    html! {
        tr {
            th scope="row" { (shown(&job.job)) @if job.paused { " " span.badge { "paused" } } }
            td { code { (shown(&job.times)) } }
            td { (second(pages, job.next.unwrap_or_default())) }
            td { (Request::of_job(act, &entry).button(pages, queue, &entry)) }
        }
    }
}
