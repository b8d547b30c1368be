//! `Add` and `BulkAdd`.

use super::error::{Code, Fault};
use super::messages::{
    AddRequest, AddResponse, BulkAddRequest, BulkAddResponse, BulkAddResult, PULL, RetryParameters,
};
use super::queue::{find, shown, tag, text_of};
use crate::queues::{Added, NewTask, RetryLimits};
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::operations::refusal;
use crate::serve::taskqueue::{Served, limits};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::collections::HashSet;
use std::time::Duration;

/// The most tasks of a call.
const MOST: usize = 100;

/// `Add`.
pub(super) async fn one(served: &Served, request: AddRequest) -> Result<AddResponse, Fault> {
    let queue = find(served, request.queue.as_deref().unwrap_or_default()).await?;
    let task = new_task(&request, served.clock.now())?;
    let chooses = task.name.is_none();
    let added = queue.add(vec![task]).await?.into_iter().next();
    let added = added.unwrap_or_else(|| Added::Refused("the queue did not answer".to_owned()));
    let name = name_of(added)?;
    Ok(AddResponse { name: chooses.then_some(name) })
}

/// `BulkAdd`: where one task is bad, none is added.
pub(super) async fn several(
    served: &Served,
    request: BulkAddRequest,
) -> Result<BulkAddResponse, Fault> {
    let Some(name) = queue_of(&request.tasks)? else { return Ok(BulkAddResponse::default()) };
    let queue = match find(served, name).await {
        Ok(queue) => queue,
        // Of these, each task is told.
        Err(Fault::Application(code @ (Code::UnknownQueue | Code::InvalidQueueName), _)) => {
            return Ok(results(request.tasks.iter().map(|_| (code, None))));
        }
        Err(fault) => return Err(fault),
    };
    let tasks = match validated(&request.tasks, served.clock.now()) {
        Ok(tasks) => tasks,
        Err(codes) => return Ok(results(codes.into_iter().map(|code| (code, None)))),
    };
    let chooses: Vec<bool> = tasks.iter().map(|task| task.name.is_none()).collect();
    let added = queue.add(tasks).await?.into_iter().zip(chooses);
    Ok(results(added.map(|(added, chooses)| result_of(added, chooses))))
}

/// The one queue of all these tasks; `None` where there are none.
fn queue_of(tasks: &[AddRequest]) -> Result<Option<&[u8]>, Fault> {
    if tasks.len() > MOST {
        let why = format!("a call adds at most {MOST} tasks");
        return Err(Fault::Application(Code::TooManyTasks, why));
    }
    let Some(first) = tasks.first() else { return Ok(None) };
    if tasks.iter().any(|task| task.queue != first.queue) {
        return Err(Fault::invalid("the tasks of a call go into one queue"));
    }
    Ok(Some(first.queue.as_deref().unwrap_or_default()))
}

/// What is told of a task of a call, with its name where that was chosen.
fn result_of(added: Added, chooses: bool) -> (Code, Option<Bytes>) {
    match name_of(added) {
        Ok(name) => (Code::Ok, chooses.then_some(name)),
        Err(fault) => (fault.code(), None),
    }
}

fn results(of: impl Iterator<Item = (Code, Option<Bytes>)>) -> BulkAddResponse {
    let result = |(code, name): (Code, _)| BulkAddResult { result: code.number(), name };
    BulkAddResponse { results: of.map(result).collect() }
}

/// All tasks of a call, or what is to be told of each: what is wrong, and `Skipped` of the others.
fn validated(requests: &[AddRequest], now: DateTime<Utc>) -> Result<Vec<NewTask>, Vec<Code>> {
    let mut names = HashSet::new();
    let each: Vec<Result<NewTask, Fault>> = requests
        .iter()
        .map(|request| {
            let task = new_task(request, now)?;
            let is_new = task.name.as_ref().is_none_or(|name| names.insert(name.clone()));
            is_new.then_some(task).ok_or_else(|| twice(request))
        })
        .collect();
    if each.iter().all(Result::is_ok) {
        return Ok(each.into_iter().flatten().collect());
    }
    Err(each
        .into_iter()
        .map(|it| it.map_or_else(|fault| fault.code(), |_| Code::Skipped))
        .collect())
}

fn twice(request: &AddRequest) -> Fault {
    let name = shown(request.name.as_deref().unwrap_or_default());
    Fault::Application(Code::DuplicateTaskName, format!("`{name}` stands twice in the call"))
}

/// The task that a request describes, at this time.
///
/// # Errors
/// What is beyond the limits of a pull task, each with its code.
pub fn new_task(request: &AddRequest, now: DateTime<Utc>) -> Result<NewTask, Fault> {
    if request.mode != Some(PULL) {
        let why = "the task is one of push mode: only pull tasks are served";
        return Err(Fault::Application(Code::InvalidQueueMode, why.to_owned()));
    }
    if request.transaction.is_some() || request.datastore_transaction.is_some() {
        return Err(Fault::invalid("a task cannot be part of a transaction of the datastore"));
    }
    let body = request.body.clone().unwrap_or_default();
    if body.len() > limits::PAYLOAD_BYTES {
        let most = limits::PAYLOAD_BYTES;
        let why = format!("its payload has {} bytes: at most {most} are taken", body.len());
        return Err(Fault::Application(Code::TaskTooLarge, why));
    }
    Ok(NewTask {
        name: name(request.name.as_deref().unwrap_or_default())?,
        body,
        tag: request.tag.as_deref().filter(|tag| !tag.is_empty()).map(tag).transpose()?,
        eta: Some(eta(request.eta.unwrap_or_default(), now)?),
        limits: request.retry.as_ref().map(retry_limits).transpose()?,
    })
}

/// The name that the client gives; an empty one is to be chosen.
fn name(bytes: &[u8]) -> Result<Option<String>, Fault> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let text = text_of(bytes).filter(|text| limits::is_task_name(text));
    let invalid = || Fault::Application(Code::InvalidTaskName, Failure::task_name().message);
    text.map(|text| Some(text.to_owned())).ok_or_else(invalid)
}

fn eta(micros: i64, now: DateTime<Utc>) -> Result<DateTime<Utc>, Fault> {
    let time = DateTime::from_timestamp_micros(micros).filter(|_| micros >= 0);
    time.filter(|time| limits::is_eta(*time, now)).ok_or_else(|| {
        let days = limits::ETA_AHEAD.num_days();
        let why = format!("its time is before 1970, or more than {days} days ahead");
        Fault::Application(Code::InvalidEta, why)
    })
}

fn retry_limits(retry: &RetryParameters) -> Result<RetryLimits, Fault> {
    let invalid = |why: &str| Fault::Application(Code::InvalidRetryParameters, why.to_owned());
    let leases = retry.limit.map(u32::try_from).transpose();
    let leases = leases.map_err(|_| invalid("its retry limit is negative"))?;
    let seconds = retry.age.map(u64::try_from).transpose();
    let seconds = seconds.ok().filter(|seconds| *seconds != Some(0));
    let seconds = seconds.ok_or_else(|| invalid("its age limit is not a time"))?;
    Ok(RetryLimits { leases, age: seconds.map(Duration::from_secs) })
}

/// The name of a task that was added, or why it was not.
fn name_of(added: Added) -> Result<Bytes, Fault> {
    match added {
        Added::Added(task) => Ok(task.name.into()),
        refused => Err(refusal(refused).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    /// In microseconds.
    const THIRTY_DAYS: i64 = 30 * 86_400 * 1_000_000;

    fn request() -> AddRequest {
        AddRequest {
            queue: Some("q".into()),
            name: Some("".into()),
            eta: Some(0),
            mode: Some(PULL),
            ..AddRequest::default()
        }
    }

    fn named(name: &'static str) -> AddRequest {
        AddRequest { name: Some(name.into()), ..request() }
    }

    #[test]
    fn a_task_is_what_its_request_says() {
        let retry = RetryParameters { limit: Some(3), age: Some(60) };
        let task = new_task(
            &AddRequest {
                name: Some("a_B-9".into()),
                eta: Some(1_500_000),
                body: Some("hello".into()),
                retry: Some(retry),
                tag: Some("render".into()),
                ..request()
            },
            NOW,
        );
        let limits = RetryLimits { leases: Some(3), age: Some(Duration::from_secs(60)) };
        let expected = NewTask {
            name: Some("a_B-9".to_owned()),
            body: "hello".into(),
            tag: Some("render".to_owned()),
            eta: DateTime::from_timestamp_micros(1_500_000),
            limits: Some(limits),
        };
        assert_eq!(task, Ok(expected));
        let bare = NewTask { eta: Some(NOW), ..NewTask::default() };
        assert_eq!(new_task(&request(), NOW), Ok(bare.clone()));
        // An empty tag is none.
        assert_eq!(new_task(&AddRequest { tag: Some("".into()), ..request() }, NOW), Ok(bare));
    }

    #[test]
    fn what_is_beyond_the_limits_has_its_code() {
        let with = |change: fn(&mut AddRequest)| {
            let mut request = request();
            change(&mut request);
            new_task(&request, NOW).map_err(|fault| fault.code()).map(drop)
        };
        type Changed = fn(&mut AddRequest);
        let cases: &[(Changed, Result<(), Code>)] = &[
            (|it| it.mode = None, Err(Code::InvalidQueueMode)),
            (|it| it.mode = Some(0), Err(Code::InvalidQueueMode)),
            (|it| it.mode = Some(7), Err(Code::InvalidQueueMode)),
            (|it| it.transaction = Some("".into()), Err(Code::InvalidRequest)),
            (|it| it.datastore_transaction = Some("t".into()), Err(Code::InvalidRequest)),
            (|it| it.body = Some(vec![0; limits::PAYLOAD_BYTES].into()), Ok(())),
            (
                |it| it.body = Some(vec![0; limits::PAYLOAD_BYTES + 1].into()),
                Err(Code::TaskTooLarge),
            ),
            (|it| it.name = Some("a b".into()), Err(Code::InvalidTaskName)),
            (|it| it.name = Some("日".into()), Err(Code::InvalidTaskName)),
            (|it| it.name = Some("n".repeat(500).into()), Ok(())),
            (|it| it.name = Some("n".repeat(501).into()), Err(Code::InvalidTaskName)),
            (|it| it.tag = Some("t".repeat(500).into()), Ok(())),
            (|it| it.tag = Some("t".repeat(501).into()), Err(Code::InvalidTag)),
            (|it| it.tag = Some(b"\xff"[..].into()), Err(Code::InvalidTag)),
            (|it| it.eta = Some(-1), Err(Code::InvalidEta)),
            (|it| it.eta = Some(i64::MIN), Err(Code::InvalidEta)),
            (|it| it.eta = Some(i64::MAX), Err(Code::InvalidEta)),
            (|it| it.eta = Some(THIRTY_DAYS), Ok(())),
            (|it| it.eta = Some(THIRTY_DAYS + 1), Err(Code::InvalidEta)),
        ];
        for (at, (change, expected)) in cases.iter().enumerate() {
            assert_eq!(with(*change), *expected, "case {at}");
        }
    }

    #[test]
    fn retry_limits_are_numbers_and_times() {
        let retry = |limit, age| Some(RetryParameters { limit, age });
        for (retry, expected) in [
            (retry(None, None), Ok(())),
            (retry(Some(0), None), Ok(())),
            (retry(Some(-1), None), Err(Code::InvalidRetryParameters)),
            (retry(None, Some(0)), Err(Code::InvalidRetryParameters)),
            (retry(None, Some(-1)), Err(Code::InvalidRetryParameters)),
            (retry(Some(1), Some(i64::MAX)), Ok(())),
        ] {
            let request = AddRequest { retry: retry.clone(), ..request() };
            let result = new_task(&request, NOW).map(drop).map_err(|fault| fault.code());
            assert_eq!(result, expected, "{retry:?}");
        }
    }

    #[test]
    fn where_one_task_is_bad_the_others_are_skipped() {
        let bad = AddRequest { eta: Some(-1), ..request() };
        let codes = validated(&[named("a"), bad, named("b"), named("a")], NOW).unwrap_err();
        let expected = [Code::Skipped, Code::InvalidEta, Code::Skipped, Code::DuplicateTaskName];
        assert_eq!(codes, expected);
        // Names that are to be chosen are not alike.
        assert_eq!(validated(&[request(), request(), named("a")], NOW).unwrap().len(), 3);
    }

    #[test]
    fn what_became_of_a_task_has_its_code() {
        for (added, code) in [
            (Added::Exists, Code::TaskAlreadyExists),
            (Added::Deleted, Code::TombstonedTask),
            (Added::NoRoom, Code::TransientError),
            (Added::Refused("no".to_owned()), Code::InvalidRequest),
        ] {
            assert_eq!(name_of(added).unwrap_err().code(), code);
        }
    }
}
