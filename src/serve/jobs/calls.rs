//! The calls, but for those that show pages.

use super::json::{answer, done, failed, refusal, unreachable};
use crate::error::Error;
use crate::queues::Jobs;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;

type Shared = State<Arc<dyn Jobs>>;

/// The ready jobs.
pub(super) async fn queues(State(jobs): Shared) -> Response {
    jobs.ready().await.map_or_else(|error| unreachable(&error), |ready| answer(&ready))
}

/// The pools of workers.
pub(super) async fn pools(State(jobs): Shared) -> Response {
    jobs.pools().await.map_or_else(|error| unreachable(&error), |pools| answer(&pools))
}

/// The workers that are at work: Go writes an empty list that nobody has made as `null`.
pub(super) async fn busy(State(jobs): Shared) -> Response {
    let busy = jobs.busy().await.map(|busy| Some(busy).filter(|busy| !busy.is_empty()));
    busy.map_or_else(|error| unreachable(&error), |busy| answer(&busy))
}

/// Forgets a dead job.
pub(super) async fn drop(
    State(jobs): Shared,
    Path((died_at, id)): Path<(String, String)>,
) -> Response {
    match named(&died_at) {
        Ok(died_at) => of_count(jobs.drop_dead(died_at, &id).await, "nothing deleted"),
        Err(unread) => unread.answer(),
    }
}

/// Puts a dead job back.
pub(super) async fn redrive(
    State(jobs): Shared,
    Path((died_at, id)): Path<(String, String)>,
) -> Response {
    match named(&died_at) {
        Ok(died_at) => of_count(jobs.redrive_dead(died_at, &id).await, "nothing retried"),
        Err(unread) => unread.answer(),
    }
}

/// Forgets all that is dead.
pub(super) async fn drop_all(State(jobs): Shared) -> Response {
    jobs.drop_all_dead().await.map_or_else(|error| unreachable(&error), |()| done())
}

/// Puts all back that is dead.
pub(super) async fn redrive_all(State(jobs): Shared) -> Response {
    jobs.redrive_all_dead().await.map_or_else(|error| unreachable(&error), |()| done())
}

/// Why a time in a path is none.
#[derive(Debug, PartialEq, Eq)]
enum Unread {
    /// The path is none of ours: it has no number there.
    NoPath,
    /// The number is none that a time can be.
    NoTime,
}

impl Unread {
    fn answer(&self) -> Response {
        match self {
            Self::NoPath => refusal(StatusCode::NOT_FOUND, ""),
            Self::NoTime => failed("the time of death is no unix second"),
        }
    }
}

/// The unix second of a death, as a path has it.
fn named(died_at: &str) -> Result<i64, Unread> {
    match died_at.starts_with(|char: char| char.is_ascii_digit()) {
        true => died_at.parse().map_err(|_| Unread::NoTime),
        false => Err(Unread::NoPath),
    }
}

fn of_count(count: Result<u64, Error>, nothing: &str) -> Response {
    match count {
        Ok(0) => failed(nothing),
        Ok(_) => done(),
        Err(error) => unreachable(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_second() {
        for (text, read) in [
            ("1795289862", Ok(1_795_289_862)),
            ("0", Ok(0)),
            ("x", Err(Unread::NoPath)),
            ("-1", Err(Unread::NoPath)),
            ("12x", Err(Unread::NoTime)),
            ("99999999999999999999", Err(Unread::NoTime)),
        ] {
            assert_eq!(named(text), read, "{text}");
        }
    }
}
