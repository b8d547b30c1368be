//! Jobs that have a time: tried again, enqueued for later, or given up.

use super::super::Pages;
use super::super::fields::Fields;
use super::super::numbers::{count, payload, shown, things};
use super::super::sites::ShownQueue;
use super::request::{Act, Request};
use super::workers::second;
use super::{PATH, VIEWS, View};
use crate::error::Result;
use crate::queues::{TimedJob, TimedJobs};
use maud::{Markup, html};

/// How many jobs a page has.
const PAGE: usize = 50;
/// How many bytes of arguments are shown.
const SHOWN_BYTES: usize = 4096;

/// One page of them, by their times.
pub(super) async fn page(
    pages: &Pages,
    queue: &ShownQueue,
    jobs: TimedJobs,
    fields: &Fields,
) -> Result<Markup> {
    let number = fields.get("page").and_then(|it| it.parse().ok()).unwrap_or(1_u32).max(1);
    let skip = u64::from(number - 1) * PAGE as u64;
    let (found, all) = queue.open_jobs().await?.timed(jobs, skip, PAGE).await?;
    let rows: Vec<_> = found.iter().map(|job| row(pages, queue, jobs, job)).collect();
    let heads = ["Job", "Times", "Arguments", "Failed", "Actions"];
    let has_more = skip + u64::try_from(found.len()).unwrap_or_default() < all;
    Ok(html! {
        p.as-of { (things(all, "job")) ", page " (count(number.into())) }
        (super::table("Jobs", &heads, &rows, none(jobs)))
        (ways(queue, jobs, number, has_more))
    })
}

fn when(jobs: TimedJobs) -> &'static str {
    match jobs {
        TimedJobs::Retry => "Next try",
        TimedJobs::Scheduled => "Due",
        TimedJobs::Dead => "Died",
    }
}

fn none(jobs: TimedJobs) -> &'static str {
    match jobs {
        TimedJobs::Retry => "No job waits to be tried again.",
        TimedJobs::Scheduled => "No job is enqueued for later.",
        TimedJobs::Dead => "No job was given up.",
    }
}

/// What is known of a job's way, in the order in which it was.
fn times(pages: &Pages, jobs: TimedJobs, job: &TimedJob) -> Markup {
    let steps = [("Enqueued", job.t), ("Failed last", job.failed_at), (when(jobs), job.at)];
    html! {
        ol.times {
            @for (name, at) in steps.into_iter().filter(|(_, at)| *at > 0) {
                li { span.faint { (name) " " } (second(pages, at)) }
            }
        }
    }
}

fn row(pages: &Pages, queue: &ShownQueue, jobs: TimedJobs, job: &TimedJob) -> Markup {
    let (arguments, _) = payload(job.args.to_string().as_bytes(), SHOWN_BYTES);
    html! {
        tr {
            th scope="row" { (shown(&job.name)) div { code { (shown(&job.id)) } } }
            td { (times(pages, jobs, job)) }
            td { pre { (arguments) } }
            td {
                @if job.fails > 0 || !job.err.is_empty() {
                    (things(job.fails.into(), "time")) div.error { (shown(&job.err)) }
                }
            }
            td {
                @for act in [Act::Run(jobs), Act::Delete(jobs)] {
                    (Request::of_one(act, &job.id).button(pages, queue, &job.id))
                }
            }
        }
    }
}

fn ways(queue: &ShownQueue, jobs: TimedJobs, number: u32, has_more: bool) -> Markup {
    let name = VIEWS.iter().find(|it| it.0 == View::Timed(jobs)).map_or("", |it| it.1);
    let address =
        |number: u32| queue.address(PATH, &[("view", name), ("page", &number.to_string())]);
    html! {
        p {
            @if number > 1 { a.button rel="prev" href=(address(number - 1)) { "Previous page" } " " }
            @if has_more { a.button rel="next" href=(address(number + 1)) { "Next page" } }
        }
    }
}
