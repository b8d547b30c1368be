//! Tasks as this API writes and reads them.

use super::route::Call;
use crate::queues::{NewTask, Task};
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::input::{Base64, Int64};
use crate::serve::taskqueue::limits;
use crate::serve::taskqueue::payload::UrlSafe;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

/// A task that is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskAnswer<'a> {
    kind: &'static str,
    id: &'a str,
    queue_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<UrlSafe<'a>>,
    #[serde(serialize_with = "text")]
    enqueue_timestamp: i64,
    #[serde(serialize_with = "text")]
    lease_timestamp: i64,
    #[serde(rename = "retry_count")]
    retry_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
}

impl<'a> TaskAnswer<'a> {
    /// A task with its payload.
    pub(super) fn whole(task: &'a Task, queue_name: &'a str) -> Self {
        let payload_base64 = Some(UrlSafe(&task.body));
        Self { payload_base64, ..Self::head(task, queue_name) }
    }

    /// A task without its payload.
    pub(super) fn head(task: &'a Task, queue_name: &'a str) -> Self {
        Self {
            kind: "taskqueues#task",
            id: &task.name,
            queue_name,
            payload_base64: None,
            enqueue_timestamp: task.added_at.timestamp_micros(),
            lease_timestamp: task.eta,
            retry_count: task.leases,
            tag: task.tag.as_deref(),
        }
    }
}

/// Several tasks that are answered; `items` is not there where there are none.
#[derive(Debug, Serialize)]
pub(super) struct TasksAnswer<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<TaskAnswer<'a>>,
}

impl<'a> TasksAnswer<'a> {
    /// These tasks.
    pub(super) fn new(items: Vec<TaskAnswer<'a>>) -> Self {
        Self { kind: "taskqueues#tasks", items }
    }
}

/// A whole number of 64 bits as a string, since not each client's numbers hold it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives it so")]
fn text<S: Serializer>(number: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// A task that came in. Fields that nobody knows are passed over; those that only a server sets have
/// to be of their types, since clients send back what they were given.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskInput {
    /// The task's name.
    pub(super) id: Option<String>,
    /// The queue's name, short or with the project's.
    pub(super) queue_name: Option<String>,
    /// The payload.
    pub(super) payload_base64: Option<Base64>,
    /// The end of the lease, or the time from which the task can be leased, in microseconds.
    pub(super) lease_timestamp: Option<Int64>,
    /// The tag.
    pub(super) tag: Option<String>,
    #[serde(rename = "kind")]
    _kind: Option<String>,
    #[serde(rename = "enqueueTimestamp")]
    _enqueue_timestamp: Option<Int64>,
    #[serde(rename = "retry_count")]
    _retry_count: Option<Int64>,
}

impl TaskInput {
    /// The task that is to be added. An empty name or tag counts as none, and the time 0 as now.
    pub fn new_task(self) -> Result<NewTask, Failure> {
        let eta = self.lease_timestamp.filter(|Int64(eta)| *eta != 0).map(eta).transpose()?;
        Ok(NewTask {
            name: self.id.filter(|id| !id.is_empty()),
            body: self.payload_base64.map(|Base64(bytes)| bytes.into()).unwrap_or_default(),
            tag: self.tag.filter(|tag| !tag.is_empty()),
            eta,
            limits: None,
        })
    }

    /// The task's name, where one is given.
    pub(super) fn name(&self) -> Option<&str> {
        self.id.as_deref().filter(|id| !id.is_empty())
    }

    /// Whether the task is of the queue that is called, as far as it says so.
    pub(super) fn validate_queue(&self, call: &Call) -> Result<(), Failure> {
        let given = self.queue_name.as_deref().filter(|name| !name.is_empty());
        match given.is_none_or(|name| is_queue(name, call)) {
            true => Ok(()),
            false => Err(Failure::invalid("The task's queueName is not that of the request")),
        }
    }
}

fn eta(Int64(micros): Int64) -> Result<DateTime<Utc>, Failure> {
    let time = DateTime::from_timestamp_micros(micros).filter(|_| micros > 0);
    time.ok_or_else(|| Failure::invalid("leaseTimestamp is no time in microseconds since 1970"))
}

/// Whether a short or long name is that of the queue that is called.
fn is_queue(name: &str, call: &Call) -> bool {
    let long = name.strip_prefix("projects/").and_then(|name| name.split_once("/taskqueues/"));
    match long {
        Some((project, queue)) => {
            queue == call.queue && limits::project(project) == limits::project(&call.project)
        }
        None => name == call.queue,
    }
}

#[cfg(test)]
mod tests {
    use super::super::route::Action;
    use super::*;
    use crate::serve::taskqueue::input;
    use chrono::DateTime;
    use serde_json::json;

    fn call() -> Call {
        Call { project: "s~p".to_owned(), queue: "q".to_owned(), action: Action::Insert }
    }

    fn task(tag: Option<&str>) -> Task {
        Task {
            name: "t".to_owned(),
            body: b"\xfb\xff".as_slice().into(),
            tag: tag.map(str::to_owned),
            added_at: DateTime::from_timestamp_micros(1_500_000_000_123_456).unwrap(),
            eta: 1_600_000_000_000_001,
            leased: true,
            leases: 2,
            limits: None,
        }
    }

    #[test]
    fn a_task_is_written_as_clients_read_it() {
        let mut whole = json!({
            "kind": "taskqueues#task",
            "id": "t",
            "queueName": "q",
            "payloadBase64": "-_8=",
            "enqueueTimestamp": "1500000000123456",
            "leaseTimestamp": "1600000000000001",
            "retry_count": 2,
            "tag": "x",
        });
        let tagged = task(Some("x"));
        assert_eq!(serde_json::to_value(TaskAnswer::whole(&tagged, "q")).unwrap(), whole);
        let object = whole.as_object_mut().unwrap();
        object.remove("tag");
        object.remove("payloadBase64");
        assert_eq!(serde_json::to_value(TaskAnswer::head(&task(None), "q")).unwrap(), whole);
    }

    #[test]
    fn no_tasks_are_no_items() {
        let tasks = serde_json::to_value(TasksAnswer::new(vec![])).unwrap();
        assert_eq!(tasks, json!({"kind": "taskqueues#tasks"}));
    }

    #[test]
    fn a_task_is_read_as_clients_write_it() {
        let body = r#"{"id": "t", "kind": "taskqueues#task", "queueName": "projects/p/taskqueues/q",
            "payloadBase64": "+/8", "leaseTimestamp": "12", "enqueueTimestamp": "1", "tag": null,
            "retry_count": 3, "groupByTag": true}"#;
        let task: TaskInput = input::read(body.as_bytes()).unwrap();
        assert_eq!(task.name(), Some("t"));
        assert_eq!(task.payload_base64, Some(Base64(b"\xfb\xff".to_vec())));
        assert_eq!((task.lease_timestamp, task.tag), (Some(Int64(12)), None));
    }

    fn new_task(body: &str) -> Result<NewTask, Failure> {
        input::read::<TaskInput>(body.as_bytes())?.new_task()
    }

    #[test]
    fn a_new_task_is_read() {
        assert_eq!(new_task("{}").unwrap(), NewTask::default());
        let empty = r#"{"id":"","tag":"","leaseTimestamp":0}"#;
        assert_eq!(new_task(empty).unwrap(), NewTask::default());
        let task = r#"{"id":"a","tag":"x","leaseTimestamp":"1000000","payloadBase64":"aGk="}"#;
        let task = new_task(task).unwrap();
        assert_eq!((task.name.as_deref(), task.tag.as_deref()), (Some("a"), Some("x")));
        assert_eq!(task.eta.unwrap().timestamp(), 1);
        assert_eq!(task.body, "hi");
    }

    #[test]
    fn a_time_that_is_none_is_refused() {
        for time in ["-1", "\"-1\"", "9223372036854775807999", "1.5", "true", "\"soon\""] {
            assert!(new_task(&format!(r#"{{"leaseTimestamp":{time}}}"#)).is_err(), "{time}");
        }
    }

    #[test]
    fn a_task_may_name_its_queue_short_or_long() {
        for (name, right) in [
            (None, true),
            (Some(""), true),
            (Some("q"), true),
            (Some("projects/p/taskqueues/q"), true),
            (Some("projects/s~p/taskqueues/q"), true),
            (Some("projects/other/taskqueues/q"), false),
            (Some("projects/p/taskqueues/other"), false),
            (Some("projects/p/queues/q"), false),
            (Some("Q"), false),
        ] {
            let task = TaskInput { queue_name: name.map(str::to_owned), ..TaskInput::default() };
            assert_eq!(task.validate_queue(&call()).is_ok(), right, "{name:?}");
        }
    }
}
