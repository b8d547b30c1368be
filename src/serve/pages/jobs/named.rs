//! The jobs by their names.

use super::super::Pages;
use super::super::numbers::{count, shown, things};
use super::super::sites::ShownQueue;
use super::super::{paths, words};
use super::request::{Act, Request};
use crate::error::Result;
use crate::queues::{JobStats, TimedJobs};
use chrono::TimeDelta;
use maud::{Markup, html};

/// What the columns count.
const HEADS: [&str; 10] = [
    "Job",
    "Ready",
    "Scheduled",
    "Retries",
    "Leased",
    "Dead",
    "Oldest",
    "Limit",
    "Pools",
    "Actions",
];

/// A row for each name, and what was moved aside because it could not be read.
pub(super) async fn table(pages: &Pages, queue: &ShownQueue) -> Result<Markup> {
    let stats = queue.open().await?.stats().await?;
    let rows: Vec<_> = stats.jobs.iter().map(|job| row(pages, queue, job)).collect();
    let poison = stats.poison();
    Ok(html! {
        @if poison > 0 {
            p.error {
                (things(poison, "job")) " could not be read and " (if poison == 1 { "was" } else { "were" })
                " moved aside: "
                a href=(queue.address(paths::MESSAGES, &[("state", "set-aside")])) { "Set aside" }
            }
        }
        (super::table("Jobs by name", &HEADS, &rows, "No job was enqueued here yet."))
    })
}

fn row(pages: &Pages, queue: &ShownQueue, job: &JobStats) -> Markup {
    html! {
        tr {
            th scope="row" {
                (shown(&job.job))
                @if job.paused { " " span.badge { "paused" } }
                @if job.poison > 0 { div.error { (count(job.poison)) " moved aside" } }
            }
            @for (head, cell) in HEADS.iter().skip(1).zip(cells(job)) {
                td.number data-label=(head) { (cell) }
            }
            td { (buttons(pages, queue, job)) }
        }
    }
}

/// What stands below the heads, from `Ready` to `Pools`.
fn cells(job: &JobStats) -> [Markup; 8] {
    let number = |number: u64| html! { (count(number)) };
    let limit = job.limit.map_or_else(|| "–".to_owned(), count);
    [
        number(job.ready),
        number(job.scheduled),
        number(job.retry),
        leased(job),
        number(job.dead),
        html! { (oldest(job.oldest_seconds)) },
        html! { (limit) },
        number(job.pools),
    ]
}

/// How many are leased, and where the lock says otherwise, that.
fn leased(job: &JobStats) -> Markup {
    html! {
        (count(job.leased))
        @if i64::try_from(job.leased) != Ok(job.lock) {
            div.error { "lock " (job.lock) ": drifted" }
        }
    }
}

fn oldest(seconds: Option<u64>) -> String {
    let length = seconds.and_then(|it| TimeDelta::try_seconds(it.try_into().ok()?));
    length.map_or_else(|| "–".to_owned(), words::length)
}

fn buttons(pages: &Pages, queue: &ShownQueue, job: &JobStats) -> Markup {
    let pausing = if job.paused { Act::Resume } else { Act::Pause };
    let acts = [
        (pausing, 1),
        (Act::Run(TimedJobs::Scheduled), job.scheduled),
        (Act::Delete(TimedJobs::Scheduled), job.scheduled),
        (Act::Run(TimedJobs::Retry), job.retry),
        (Act::Delete(TimedJobs::Retry), job.retry),
        (Act::Run(TimedJobs::Dead), job.dead),
        (Act::Delete(TimedJobs::Dead), job.dead),
    ];
    html! {
        @for (act, _) in acts.into_iter().filter(|(_, jobs)| *jobs > 0) {
            (Request::of_job(act, &job.job).button(pages, queue, &job.job))
        }
    }
}
