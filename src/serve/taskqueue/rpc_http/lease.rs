//! `QueryAndOwnTasks` and `ModifyTaskLease`.

use super::error::{Code, Fault};
use super::messages::{
    LeaseRequest, LeaseResponse, LeasedTask, ModifyLeaseRequest, ModifyLeaseResponse,
};
use super::queue::{find, tag, text_of};
use crate::queues::{Change, Select, Task, TaskLease};
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::{Served, limits, operations};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The most payload of an answer, in bytes. With names and tags, a thousand tasks stay below 32 MB.
const MOST_BYTES: usize = 28_000_000;

/// What a request leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leasing {
    /// At most so many tasks: 1 to 1000.
    pub max: usize,
    /// For how long: up to a week.
    pub time: Duration,
    /// Which ones.
    pub select: Select,
}

/// What a request leases.
///
/// # Errors
/// What is beyond the limits, each with its code.
pub fn leasing(request: &LeaseRequest) -> Result<Leasing, Fault> {
    let max = request.max.filter(|max| limits::LEASED_TASKS.contains(max));
    let max = max.and_then(|max| usize::try_from(max).ok());
    let max = max.ok_or_else(|| beyond("max_tasks", &limits::LEASED_TASKS))?;
    let time = time(request.seconds.unwrap_or_default())?;
    Ok(Leasing { max, time, select: select(request)? })
}

fn time(seconds: f64) -> Result<Duration, Fault> {
    let longest = Duration::from_secs(limits::LEASE_SECONDS.end().unsigned_abs());
    let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| *time <= longest);
    time.ok_or_else(|| beyond("lease_seconds", &limits::LEASE_SECONDS))
}

fn beyond(field: &str, limits: &RangeInclusive<i64>) -> Fault {
    Fault::invalid(format!("`{field}` must be from {} to {}", limits.start(), limits.end()))
}

fn select(request: &LeaseRequest) -> Result<Select, Fault> {
    match (request.group_by_tag.unwrap_or_default(), request.tag.as_deref().unwrap_or_default()) {
        (false, b"") => Ok(Select::Any),
        (false, _) => Err(Fault::invalid("`tag` selects only together with `group_by_tag`")),
        (true, b"") => Ok(Select::OldestTag),
        (true, bytes) => tag(bytes).map(Select::Tag),
    }
}

/// `QueryAndOwnTasks`. Nothing is waited for: these clients ask again.
pub(super) async fn lease(served: &Served, request: LeaseRequest) -> Result<LeaseResponse, Fault> {
    let queue = find(served, request.queue.as_deref().unwrap_or_default()).await?;
    let Leasing { max, time, select } = leasing(&request)?;
    let wait = Duration::ZERO;
    let tasks = queue.lease(TaskLease { max, max_bytes: MOST_BYTES, time, wait, select }).await?;
    if tasks.is_empty() && queue.settings().await?.paused {
        let why = "the queue is paused: nothing is leased from it".to_owned();
        return Err(Fault::Application(Code::QueuePaused, why));
    }
    Ok(LeaseResponse { tasks: tasks.into_iter().map(leased).collect() })
}

fn leased(task: Task) -> LeasedTask {
    LeasedTask {
        name: task.name.into(),
        eta: task.eta,
        leases: Some(i32::try_from(task.leases).unwrap_or(i32::MAX)),
        body: Some(task.body),
        tag: task.tag.map(Into::into),
    }
}

/// `ModifyTaskLease`: what the client knows of the end of its lease is what proves it.
pub(super) async fn modify(
    served: &Served,
    request: ModifyLeaseRequest,
) -> Result<ModifyLeaseResponse, Fault> {
    let queue = find(served, request.queue.as_deref().unwrap_or_default()).await?;
    let time = time(request.seconds.unwrap_or_default())?;
    let name = request.name.unwrap_or_default();
    let name = text_of(&name)
        .ok_or_else(|| Fault::Application(Code::InvalidTaskName, Failure::task_name().message))?;
    let change = Change::Extend(time);
    let task = operations::change(&*queue, name, Some(request.eta.unwrap_or_default()), change);
    Ok(ModifyLeaseResponse { eta: task.await?.eta })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use prost::Message as _;

    fn request() -> LeaseRequest {
        LeaseRequest {
            queue: Some("q".into()),
            seconds: Some(3600.0),
            max: Some(100),
            ..LeaseRequest::default()
        }
    }

    #[test]
    fn a_request_says_which_tasks_and_for_how_long() {
        let tags = |group, tag: Option<&'static str>| LeaseRequest {
            group_by_tag: group,
            tag: tag.map(Bytes::from),
            ..request()
        };
        for (request, select) in [
            (request(), Select::Any),
            (tags(Some(false), Some("")), Select::Any),
            (tags(Some(true), None), Select::OldestTag),
            (tags(Some(true), Some("")), Select::OldestTag),
            (tags(Some(true), Some("render")), Select::Tag("render".to_owned())),
        ] {
            let leasing = leasing(&request).unwrap();
            assert_eq!(leasing, Leasing { max: 100, time: Duration::from_secs(3600), select });
        }
        let none = leasing(&tags(Some(false), Some("render"))).unwrap_err();
        assert_eq!(none.code(), Code::InvalidRequest);
        let long = LeaseRequest {
            group_by_tag: Some(true),
            tag: Some("t".repeat(501).into()),
            ..request()
        };
        assert_eq!(leasing(&long).unwrap_err().code(), Code::InvalidTag);
    }

    #[test]
    fn a_lease_is_of_a_thousand_tasks_and_a_week_at_most() {
        for (max, seconds, good) in [
            (1, 0.0, true),
            (1000, 604_800.0, true),
            (1, 0.5, true),
            (1, -0.0, true),
            (0, 1.0, false),
            (-1, 1.0, false),
            (1001, 1.0, false),
            (i64::MAX, 1.0, false),
            (i64::MIN, 1.0, false),
            (1, -1.0, false),
            (1, 604_800.1, false),
            (1, f64::NAN, false),
            (1, f64::INFINITY, false),
            (1, f64::NEG_INFINITY, false),
            (1, f64::MAX, false),
        ] {
            let request = LeaseRequest { max: Some(max), seconds: Some(seconds), ..request() };
            match leasing(&request) {
                Ok(_) => assert!(good, "{max} {seconds}"),
                Err(fault) => {
                    assert!(!good, "{max} {seconds}");
                    assert_eq!(fault.code(), Code::InvalidRequest);
                }
            }
        }
    }

    #[test]
    fn a_leased_task_is_a_group() {
        let task = Task {
            name: "t".to_owned(),
            body: "hi".into(),
            tag: Some("x".to_owned()),
            added_at: chrono::DateTime::UNIX_EPOCH,
            eta: 5,
            leased: true,
            leases: 1,
            limits: None,
        };
        let response = LeaseResponse { tasks: vec![leased(task.clone())] };
        let bytes = b"\x0b\x12\x01t\x18\x05\x20\x01\x2a\x02hi\x32\x01x\x0c";
        assert_eq!(response.encode_to_vec(), bytes);
        let bare = leased(Task { tag: None, eta: 0, body: Bytes::new(), ..task });
        // What must be there is there; a payload always, a tag only where there is one.
        let bytes = b"\x0b\x12\x01t\x18\x00\x20\x01\x2a\x00\x0c";
        assert_eq!(LeaseResponse { tasks: vec![bare] }.encode_to_vec(), bytes);
    }

    #[test]
    fn the_largest_answer_is_below_32_mb() {
        // The longest name, and a tag of characters of four bytes each.
        let task = LeasedTask {
            name: "n".repeat(500).into(),
            eta: i64::MAX,
            leases: Some(i32::MAX),
            body: Some(vec![0; MOST_BYTES / 1000].into()),
            tag: Some("🏠".repeat(500).into()),
        };
        let response = LeaseResponse { tasks: vec![task; 1000] };
        assert!(response.encoded_len() < 32_000_000, "{}", response.encoded_len());
    }
}
