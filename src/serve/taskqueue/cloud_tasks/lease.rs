//! Leases: what the calls that give, prove and change them ask for.

use super::duration::Seconds;
use super::filter;
use super::task::Timestamp;
use super::view::View;
use crate::queues::{Change, Task, TaskLease, Tasks};
use crate::serve::taskqueue::failure::{Failure, Reason};
use crate::serve::taskqueue::input::Int64;
use crate::serve::taskqueue::query::{Query, out_of_range};
use crate::serve::taskqueue::{Served, limits};
use serde::Deserialize;
use std::time::Duration;

/// The body of a call to lease.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct LeaseInput {
    /// The queue's long name.
    pub(super) parent: Option<String>,
    #[serde(alias = "max_tasks")]
    max_tasks: Option<Int64>,
    #[serde(alias = "lease_duration")]
    lease_duration: Option<Seconds>,
    filter: Option<String>,
    /// How much of the tasks is shown.
    #[serde(alias = "response_view")]
    pub(super) response_view: Option<View>,
}

impl LeaseInput {
    /// What is to be leased. How long to wait for it is a parameter of the address.
    pub fn request(&self, query: &Query) -> Result<TaskLease, Failure> {
        let Int64(max) = self.max_tasks.unwrap_or(Int64(0));
        if !limits::LEASED_TASKS.contains(&max) {
            return Err(out_of_range(&"The field maxTasks", &limits::LEASED_TASKS));
        }
        let wait = query.number(&["wait"], limits::WAIT_SECONDS)?.unwrap_or(0);
        Ok(TaskLease {
            max: usize::try_from(max).unwrap_or(0),
            max_bytes: limits::LEASED_BYTES,
            time: time(self.lease_duration)?,
            wait: Duration::from_secs(wait.unsigned_abs()),
            select: filter::read(self.filter.as_deref().unwrap_or_default())?,
        })
    }
}

/// Leases tasks; of a paused queue this protocol tells that it is one.
pub(super) async fn lease(
    served: &Served,
    queue: &dyn Tasks,
    request: TaskLease,
) -> Result<Vec<Task>, Failure> {
    let look = TaskLease { wait: Duration::ZERO, ..request.clone() };
    let leased = served.lease(queue, look).await?;
    if !leased.is_empty() {
        return Ok(leased);
    }
    match queue.settings().await?.paused {
        true => Err(Failure::new(Reason::QueueMode, "The queue is paused")),
        false if request.wait.is_zero() => Ok(leased),
        false => served.lease(queue, request).await,
    }
}

/// The body of a call on a lease.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct ChangeInput {
    /// The task's long name.
    pub(super) name: Option<String>,
    #[serde(alias = "schedule_time")]
    schedule_time: Option<Timestamp>,
    #[serde(alias = "lease_duration")]
    lease_duration: Option<Seconds>,
    /// How much of the task is shown.
    #[serde(alias = "response_view")]
    pub(super) response_view: Option<View>,
}

impl ChangeInput {
    /// Which lease is meant: when it ends, in microseconds since 1970.
    pub(super) fn eta(&self) -> Result<i64, Failure> {
        let missing = || Failure::invalid("The field scheduleTime is required");
        self.schedule_time.map(|Timestamp(eta)| eta).ok_or_else(missing)
    }

    /// A lease that ends so long from now as the body says.
    pub(super) fn renewal(&self) -> Result<Change, Failure> {
        time(self.lease_duration).map(Change::Extend)
    }

    /// A change that has no length.
    pub(super) fn without_length(&self, change: Change) -> Result<Change, Failure> {
        match self.lease_duration {
            None => Ok(change),
            Some(_) => Err(Failure::invalid("The field leaseDuration does not belong here")),
        }
    }
}

/// How long a lease is to be.
fn time(given: Option<Seconds>) -> Result<Duration, Failure> {
    let given = given.ok_or_else(|| Failure::invalid("The field leaseDuration is required"))?;
    let time = given.duration().filter(|_| limits::LEASE_SECONDS.contains(&given.0));
    time.ok_or_else(|| out_of_range(&"The field leaseDuration in seconds", &limits::LEASE_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queues::Select;
    use crate::serve::taskqueue::input;

    fn request(body: &str) -> Result<TaskLease, Failure> {
        input::read::<LeaseInput>(body.as_bytes())?.request(&Query::read("wait=5").unwrap())
    }

    #[test]
    fn a_lease_is_read_in_both_spellings() {
        for body in [
            r#"{"maxTasks": 100, "leaseDuration": "3600s", "filter": "tag=x", "responseView": 2}"#,
            r#"{"max_tasks": "100", "lease_duration": "3600.9s", "filter": "tag=\"x\"",
                "response_view": "FULL", "parent": "projects/p/locations/l/queues/q"}"#,
        ] {
            let lease = request(body).unwrap();
            assert_eq!((lease.max, lease.time.as_secs(), lease.wait.as_secs()), (100, 3600, 5));
            assert_eq!(lease.select, Select::Tag("x".to_owned()));
        }
        let lease = request(r#"{"maxTasks": 1, "leaseDuration": "0s", "filter": null}"#).unwrap();
        assert_eq!((lease.select, lease.time), (Select::Any, Duration::ZERO));
    }

    #[test]
    fn what_is_beyond_the_limits_is_refused() {
        for body in [
            "{}",
            r#"{"maxTasks": 1}"#,
            r#"{"leaseDuration": "1s"}"#,
            r#"{"maxTasks": 0, "leaseDuration": "1s"}"#,
            r#"{"maxTasks": 1001, "leaseDuration": "1s"}"#,
            r#"{"maxTasks": 1.5, "leaseDuration": "1s"}"#,
            r#"{"maxTasks": "many", "leaseDuration": "1s"}"#,
            r#"{"maxTasks": 99999999999999999999, "leaseDuration": "1s"}"#,
            r#"{"maxTasks": 1, "leaseDuration": 60}"#,
            r#"{"maxTasks": 1, "leaseDuration": "-0.1s"}"#,
            r#"{"maxTasks": 1, "leaseDuration": "604801s"}"#,
            r#"{"maxTasks": 1, "max_tasks": 1, "leaseDuration": "1s"}"#,
            r#"{"maxTasks": 1, "leaseDuration": "1s", "filter": "name=x"}"#,
            r#"{"maxTasks": 1, "leaseDuration": "1s", "filtre": "tag=x"}"#,
            r#"{"maxTasks": 1, "leaseDuration": "1s", "responseView": "ALL"}"#,
        ] {
            assert!(request(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_change_names_its_lease() {
        let change = |body: &str| input::read::<ChangeInput>(body.as_bytes());
        let whole = r#"{"scheduleTime": "1970-01-01T00:00:01.000002Z", "leaseDuration": "60s"}"#;
        let whole = change(whole).unwrap();
        assert_eq!(whole.eta().unwrap(), 1_000_002);
        assert_eq!(whole.renewal().unwrap(), Change::Extend(Duration::from_secs(60)));
        assert!(whole.without_length(Change::Acknowledge).is_err());
        let empty = ChangeInput::default();
        assert!(empty.eta().is_err() && empty.renewal().is_err());
        assert_eq!(empty.without_length(Change::Acknowledge).unwrap(), Change::Acknowledge);
    }
}
