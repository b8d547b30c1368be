//! The pools of workers, and what their workers do.

use super::super::Pages;
use super::super::numbers::{count, payload, shown, time};
use super::super::sites::ShownQueue;
use crate::error::Result;
use crate::queues::{BusyWorker, WorkerPool};
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

/// After so long without a heartbeat a pool counts as dead.
const DEAD_AFTER: TimeDelta = TimeDelta::seconds(10);
/// How many bytes of arguments are shown.
const SHOWN_BYTES: usize = 1024;

/// The pools.
pub(super) async fn pools(pages: &Pages, queue: &ShownQueue) -> Result<Markup> {
    let mut pools = queue.open_jobs().await?.pools().await?;
    pools.sort_by_key(|pool| std::cmp::Reverse(pool.heartbeat_at));
    let rows: Vec<_> = pools.iter().map(|pool| pool_row(pages, pool)).collect();
    let heads = ["Pool", "Host", "Workers", "Jobs", "Started", "Heartbeat"];
    Ok(super::table("Pools of workers", &heads, &rows, "No pool of workers is at work."))
}

/// A unix second as a time, with its age.
pub(super) fn second(pages: &Pages, second: i64) -> Markup {
    let (now, zone) = (pages.shown.options.clock.now(), pages.shown.timezone);
    match DateTime::<Utc>::from_timestamp(second, 0).filter(|_| second > 0) {
        Some(at) => time(at, now, zone),
        None => html! { span.faint { "–" } },
    }
}

fn pool_row(pages: &Pages, pool: &WorkerPool) -> Markup {
    let now = pages.shown.options.clock.now().timestamp();
    let is_dead = now.saturating_sub(pool.heartbeat_at) >= DEAD_AFTER.num_seconds();
    let names = pool.job_names.as_deref().unwrap_or_default().join(", ");
    html! {
        tr.stale[is_dead] {
            th scope="row" { code { (shown(&pool.worker_pool_id)) } }
            td { (shown(&pool.host)) @if pool.pid > 0 { div.age { "process " (pool.pid) } } }
            td.number { (count(pool.concurrency.try_into().unwrap_or_default())) }
            td { (shown(&names)) }
            td { (second(pages, pool.started_at)) }
            td {
                (second(pages, pool.heartbeat_at))
                @if is_dead { div.error { "no heartbeat: its jobs will be given to others" } }
            }
        }
    }
}

/// The workers that are at work, with what they say of it.
pub(super) async fn busy(pages: &Pages, queue: &ShownQueue) -> Result<Markup> {
    let mut workers = queue.open_jobs().await?.busy().await?;
    workers.sort_by_key(|worker| worker.started_at);
    let rows: Vec<_> = workers.iter().map(|worker| worker_row(pages, worker)).collect();
    let heads = ["Job", "Worker", "Arguments", "Started", "Check-in"];
    Ok(super::table("Busy workers", &heads, &rows, "No worker is at work."))
}

fn worker_row(pages: &Pages, worker: &BusyWorker) -> Markup {
    let (arguments, _) = payload(worker.args_json.as_bytes(), SHOWN_BYTES);
    html! {
        tr {
            th scope="row" { (shown(&worker.job_name)) div { code { (shown(&worker.job_id)) } } }
            td { code { (shown(&worker.worker_id)) } }
            td { pre { (arguments) } }
            td { (second(pages, worker.started_at)) }
            td {
                @if !worker.checkin.is_empty() {
                    (shown(&worker.checkin)) div { (second(pages, worker.checkin_at)) }
                }
            }
        }
    }
}
