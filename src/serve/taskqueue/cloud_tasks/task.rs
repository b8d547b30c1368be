//! Tasks as this API writes and reads them.

use super::names::Location;
use super::view::View;
use crate::queues::{NewTask, Task};
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::format::Format;
use crate::serve::taskqueue::input::{Base64, Object};
use crate::serve::taskqueue::payload::Standard;
use crate::times;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A task that is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskAnswer<'a> {
    name: String,
    schedule_time: String,
    create_time: String,
    status: StatusAnswer,
    view: Value,
    pull_message: MessageAnswer<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusAnswer {
    attempt_dispatch_count: u32,
}

#[derive(Debug, Serialize)]
struct MessageAnswer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Standard<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
}

/// How the tasks of a queue are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'w> {
    /// Where the queue is.
    pub(super) location: &'w Location,
    /// The queue's name.
    pub(super) queue: &'w str,
    /// How much of a task is shown.
    pub(super) view: View,
    /// The form of the response.
    pub(super) format: &'w Format,
}

impl Writer<'_> {
    /// A task in this form.
    pub(super) fn task<'a>(&self, task: &'a Task) -> TaskAnswer<'a> {
        TaskAnswer {
            name: self.location.task(self.queue, &task.name),
            schedule_time: token(task.eta),
            create_time: task.added_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            status: StatusAnswer { attempt_dispatch_count: task.leases },
            view: choice(self.format, self.view.told()),
            pull_message: MessageAnswer {
                payload: (self.view == View::Full).then_some(Standard(&task.body)),
                tag: task.tag.as_deref(),
            },
        }
    }
}

/// The time that proves a lease, as text.
fn token(eta: i64) -> String {
    let time = DateTime::from_timestamp_micros(eta).unwrap_or(DateTime::<Utc>::MAX_UTC);
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// One of a list of choices, by its name or by its number.
pub(super) fn choice(format: &Format, (name, number): (&str, u8)) -> Value {
    if format.enum_numbers { number.into() } else { name.into() }
}

/// A time, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timestamp(pub(super) i64);

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("must be a time, as 2026-01-31T12:00:00.123456Z");
        let time = times::parse(&text).ok_or_else(wrong)?;
        Ok(Self(time.timestamp_micros()))
    }
}

/// A task that came in. What only the server sets may come back with it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TaskInput {
    name: Option<String>,
    #[serde(alias = "schedule_time")]
    schedule_time: Option<Timestamp>,
    #[serde(alias = "pull_message")]
    pull_message: Option<Object<MessageInput>>,
    #[serde(alias = "app_engine_http_request", alias = "httpRequest", alias = "http_request")]
    app_engine_http_request: Option<IgnoredAny>,
    #[serde(rename = "createTime", alias = "create_time")]
    _create_time: Option<IgnoredAny>,
    #[serde(rename = "status")]
    _status: Option<IgnoredAny>,
    #[serde(rename = "view")]
    _view: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MessageInput {
    payload: Option<Base64>,
    tag: Option<String>,
}

impl TaskInput {
    /// The task that is to be added to a queue of this long name. An empty name or tag counts as none.
    pub fn new_task(self, queue: &str) -> Result<NewTask, Failure> {
        if self.app_engine_http_request.is_some() {
            return Err(Failure::invalid(
                "A task of a pull queue has a pullMessage, and no request",
            ));
        }
        let parent = format!("{queue}/tasks");
        let name = self.name.filter(|name| !name.is_empty());
        let name =
            name.map(|name| super::names::last("task.name", &name, &parent).map(str::to_owned));
        let Object(message) = self.pull_message.unwrap_or_default();
        Ok(NewTask {
            name: name.transpose()?,
            body: message.payload.map(|Base64(bytes)| bytes.into()).unwrap_or_default(),
            tag: message.tag.filter(|tag| !tag.is_empty()),
            eta: self.schedule_time.and_then(|Timestamp(eta)| DateTime::from_timestamp_micros(eta)),
            limits: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::taskqueue::input;
    use crate::serve::taskqueue::partial::Mask;
    use serde_json::json;

    const QUEUE: &str = "projects/p/locations/l/queues/q";

    fn written(view: View, enum_numbers: bool, tag: Option<&str>) -> Value {
        let location = Location { project: "p".to_owned(), location: "l".to_owned() };
        let format = Format { mask: Mask::Whole, pretty: false, enum_numbers };
        let writer = Writer { location: &location, queue: "q", view, format: &format };
        let task = Task {
            name: "t".to_owned(),
            body: b"\xfb\xff".as_slice().into(),
            tag: tag.map(str::to_owned),
            added_at: DateTime::from_timestamp_micros(1_500_000_000_999_999).unwrap(),
            eta: 1_600_000_000_000_001,
            leased: true,
            leases: 2,
            limits: None,
        };
        serde_json::to_value(writer.task(&task)).unwrap()
    }

    #[test]
    fn a_task_is_written_as_clients_read_it() {
        let mut expected = json!({
            "name": format!("{QUEUE}/tasks/t"),
            "scheduleTime": "2020-09-13T12:26:40.000001Z",
            "createTime": "2017-07-14T02:40:00Z",
            "status": {"attemptDispatchCount": 2},
            "view": "FULL",
            "pullMessage": {"payload": "+/8=", "tag": "x"},
        });
        assert_eq!(written(View::Full, false, Some("x")), expected);
        expected["view"] = 1.into();
        expected["pullMessage"] = json!({});
        assert_eq!(written(View::Basic, true, None), expected);
    }

    fn read(body: &str) -> Result<NewTask, Failure> {
        input::read::<TaskInput>(body.as_bytes())?.new_task(QUEUE)
    }

    #[test]
    fn a_task_is_read_in_both_spellings() {
        for (time, message) in [("scheduleTime", "pullMessage"), ("schedule_time", "pull_message")]
        {
            let body = format!(
                r#"{{"name": "{QUEUE}/tasks/t", "{time}": "2020-09-13T12:26:40.000001999Z",
                "{message}": {{"payload": "-_8", "tag": "x"}}, "view": 2, "status": {{}}}}"#
            );
            let task = read(&body).unwrap();
            assert_eq!(task.name.as_deref(), Some("t"));
            assert_eq!(task.eta.unwrap().timestamp_micros(), 1_600_000_000_000_001);
            assert_eq!((&task.body[..], task.tag.as_deref()), (&b"\xfb\xff"[..], Some("x")));
        }
        assert_eq!(read("{}").unwrap(), NewTask::default());
        assert_eq!(read(r#"{"name":"","pullMessage":{"tag":""}}"#).unwrap(), NewTask::default());
    }

    #[test]
    fn what_is_no_task_is_refused() {
        for body in [
            r#"{"name": "t"}"#,
            r#"{"name": "projects/other/locations/l/queues/q/tasks/t"}"#,
            r#"{"name": "projects/p/locations/l/queues/qq/tasks/t"}"#,
            r#"{"scheduleTime": "tomorrow"}"#,
            r#"{"scheduleTime": 5}"#,
            r#"{"scheduleTime": "12000-01-01T00:00:00Z"}"#,
            r#"{"scheduleTime": "2020-09-13T12:26:40Z", "schedule_time": "2020-09-13T12:26:40Z"}"#,
            r##"{"pullMessage": {"payload": "#"}}"##,
            r#"{"pullMessage": ["aGk="]}"#,
            r#"{"pullMessage": {"body": "aGk="}}"#,
            r#"{"httpRequest": {"url": "http://a"}}"#,
            r#"{"app_engine_http_request": {}}"#,
            r#"{"payload": "aGk="}"#,
        ] {
            assert!(read(body).is_err(), "{body}");
        }
    }
}
