//! Pages of jobs that have a time.

use super::json::{answer, failed, unreachable};
use crate::queues::{Jobs, TimedJob, TimedJobs};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use std::sync::Arc;

/// How many jobs a page has.
const PAGE: usize = 20;

type Shared = State<Arc<dyn Jobs>>;
type Which = Result<Query<PageNumber>, QueryRejection>;

/// Which page, as a request says.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PageNumber {
    page: Option<String>,
}

/// Jobs that are tried again.
pub(super) async fn retry(State(jobs): Shared, which: Which) -> Response {
    show(&*jobs, TimedJobs::Retry, "retry_at", which).await
}

/// Jobs that were enqueued for later.
pub(super) async fn scheduled(State(jobs): Shared, which: Which) -> Response {
    show(&*jobs, TimedJobs::Scheduled, "run_at", which).await
}

/// Jobs that were given up.
pub(super) async fn dead(State(jobs): Shared, which: Which) -> Response {
    show(&*jobs, TimedJobs::Dead, "died_at", which).await
}

async fn show(jobs: &dyn Jobs, what: TimedJobs, time: &'static str, which: Which) -> Response {
    let number = which.ok().and_then(|Query(PageNumber { page })| skipped(page.as_deref()));
    let Some(skip) = number else { return failed("the page is not a number") };
    match jobs.timed(what, skip, PAGE).await {
        Ok((jobs, count)) => {
            let jobs = jobs.iter().map(|job| Shown { time, job }).collect();
            answer(&Page { count, jobs })
        }
        Err(error) => unreachable(&error),
    }
}

/// How many jobs stand before a page: pages are numbered from 1, and 0 is the first one, too.
fn skipped(page: Option<&str>) -> Option<u64> {
    let page = page.filter(|page| !page.is_empty()).unwrap_or("1");
    if !page.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let before = page.parse::<u64>().ok()?.saturating_sub(1);
    // Redis counts as far as an `i64` does.
    before.checked_mul(PAGE.try_into().ok()?).filter(|skip| i64::try_from(*skip).is_ok())
}

#[derive(Serialize)]
struct Page<'j> {
    count: u64,
    jobs: Vec<Shown<'j>>,
}

/// A job, with the name of its time.
struct Shown<'j> {
    time: &'static str,
    job: &'j TimedJob,
}

impl Serialize for Shown<'_> {
    /// Writes the fields in the order of gocraft's, and leaves out what it leaves out.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let TimedJob { at, name, id, t, args, unique_key, fails, err, failed_at } = self.job;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(self.time, at)?;
        if !name.is_empty() {
            map.serialize_entry("name", name)?;
        }
        map.serialize_entry("id", id)?;
        map.serialize_entry("t", t)?;
        map.serialize_entry("args", args)?;
        if let Some(key) = unique_key {
            map.serialize_entry("unique", &true)?;
            if !key.is_empty() {
                map.serialize_entry("unique_key", key)?;
            }
        }
        if *fails > 0 {
            map.serialize_entry("fails", fails)?;
        }
        if !err.is_empty() {
            map.serialize_entry("err", err)?;
        }
        if *failed_at > 0 {
            map.serialize_entry("failed_at", failed_at)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_numbered_from_one() {
        for (page, skip) in [
            (None, Some(0)),
            (Some(""), Some(0)),
            (Some("0"), Some(0)),
            (Some("1"), Some(0)),
            (Some("3"), Some(40)),
            (Some("x"), None),
            (Some("-1"), None),
            (Some("+1"), None),
            (Some("18446744073709551615"), None),
            (Some("99999999999999999999"), None),
        ] {
            assert_eq!(skipped(page), skip, "{page:?}");
        }
    }

    #[test]
    fn a_job_has_gocrafts_fields_in_their_order() {
        let job = TimedJob {
            at: 9,
            name: "a".to_owned(),
            id: "1".to_owned(),
            t: 5,
            args: serde_json::json!({"n": 1}),
            unique_key: Some("k".to_owned()),
            fails: 2,
            err: "no".to_owned(),
            failed_at: 8,
        };
        let text = |job| serde_json::to_string(&Shown { time: "died_at", job }).unwrap();
        assert_eq!(
            text(&job),
            r#"{"died_at":9,"name":"a","id":"1","t":5,"args":{"n":1},"unique":true,"unique_key":"k","fails":2,"err":"no","failed_at":8}"#
        );
        let (args, name, err) = Default::default();
        let bare =
            TimedJob { unique_key: None, fails: 0, failed_at: 0, args, name, err, ..job.clone() };
        assert_eq!(text(&bare), r#"{"died_at":9,"id":"1","t":5,"args":null}"#);
    }
}
