//! Queues as this API writes and reads them.

use super::duration::Seconds;
use super::names::Location;
use super::task::choice;
use crate::queues::{RetryLimits, TaskSettings};
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::format::Format;
use crate::serve::taskqueue::input::{Int64, Object};
use crate::serve::taskqueue::query::out_of_range;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::ops::RangeInclusive;
use std::time::Duration;

/// How many leases a task can be given at most.
const ATTEMPTS: RangeInclusive<i64> = 1..=2_147_483_647;

/// A queue that is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QueueAnswer {
    name: String,
    pull_target: Empty,
    retry_config: RetryAnswer,
    state: Value,
}

#[derive(Debug, Serialize)]
struct Empty {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RetryAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unlimited_attempts: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_retry_duration: Option<Seconds>,
}

impl QueueAnswer {
    /// A queue of this name, set so.
    pub(super) fn new(
        location: &Location,
        queue: &str,
        settings: TaskSettings,
        format: &Format,
    ) -> Self {
        let RetryLimits { leases, age } = settings.limits;
        let seconds = |age: Duration| Seconds(age.as_secs().try_into().unwrap_or(i64::MAX));
        Self {
            name: location.queue(queue),
            pull_target: Empty {},
            retry_config: RetryAnswer {
                max_attempts: leases,
                unlimited_attempts: leases.is_none().then_some(true),
                max_retry_duration: age.map(seconds),
            },
            state: choice(format, if settings.paused { ("PAUSED", 2) } else { ("RUNNING", 1) }),
        }
    }
}

/// A queue that came in. What only the server sets may come back with it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct QueueInput {
    /// The queue's long name.
    pub(super) name: Option<String>,
    #[serde(rename = "pullTarget", alias = "pull_target")]
    _pull_target: Option<Object<IgnoredAny>>,
    #[serde(alias = "retry_config")]
    retry_config: Option<Object<RetryInput>>,
    #[serde(rename = "state")]
    _state: Option<IgnoredAny>,
    #[serde(rename = "purgeTime", alias = "purge_time")]
    _purge_time: Option<IgnoredAny>,
    #[serde(rename = "stats")]
    _stats: Option<IgnoredAny>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct RetryInput {
    #[serde(alias = "max_attempts")]
    max_attempts: Option<Int64>,
    #[serde(alias = "unlimited_attempts")]
    unlimited_attempts: Option<bool>,
    #[serde(alias = "max_retry_duration")]
    max_retry_duration: Option<Seconds>,
}

impl RetryInput {
    fn leases(&self) -> Result<Option<u32>, Failure> {
        let unlimited = self.unlimited_attempts.unwrap_or(false);
        match self.max_attempts {
            // As older and newer versions of this API say that there is no limit.
            None | Some(Int64(-1)) => Ok(None),
            Some(_) if unlimited => {
                Err(Failure::invalid("maxAttempts and unlimitedAttempts exclude each other"))
            }
            Some(Int64(count)) => {
                let leases = u32::try_from(count).ok().filter(|_| ATTEMPTS.contains(&count));
                let wrong = || out_of_range(&"The field maxAttempts", &ATTEMPTS);
                leases.map(Some).ok_or_else(wrong)
            }
        }
    }

    /// No time at all means without end.
    fn age(&self) -> Result<Option<Duration>, Failure> {
        let wrong = || Failure::invalid("The field maxRetryDuration is negative");
        let age = self.max_retry_duration.map(|age| age.duration().ok_or_else(wrong));
        Ok(age.transpose()?.filter(|age| !age.is_zero()))
    }
}

impl QueueInput {
    /// What a queue is set to by it that was set so before. A mask names what is set; without one,
    /// it is what the body holds.
    pub(super) fn limits(&self, before: RetryLimits, mask: &str) -> Result<RetryLimits, Failure> {
        let Object(retry) = self.retry_config.clone().unwrap_or_default();
        let mut limits = RetryLimits { leases: retry.leases()?, age: retry.age()? };
        let (mut sets_leases, mut sets_age) = (
            retry.max_attempts.is_some() || retry.unlimited_attempts.is_some(),
            retry.max_retry_duration.is_some(),
        );
        if !mask.is_empty() {
            (sets_leases, sets_age) = masked(mask)?;
        }
        if !sets_leases {
            limits.leases = before.leases;
        }
        if !sets_age {
            limits.age = before.age;
        }
        Ok(limits)
    }
}

/// Whether a mask names the number of leases, and whether it names the age.
fn masked(mask: &str) -> Result<(bool, bool), Failure> {
    let mut named = (false, false);
    for path in mask.split(',').map(str::trim) {
        let plain = path.replace('_', "").to_ascii_lowercase();
        let (leases, age) = match plain.as_str() {
            "retryconfig" => (true, true),
            "retryconfig.maxattempts" | "retryconfig.unlimitedattempts" => (true, false),
            "retryconfig.maxretryduration" => (false, true),
            "name" | "pulltarget" => (false, false),
            _ => return Err(Failure::invalid("updateMask names what cannot be set")),
        };
        named = (named.0 || leases, named.1 || age);
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::taskqueue::input;
    use crate::serve::taskqueue::partial::Mask;
    use serde_json::json;

    #[test]
    fn a_queue_is_written_as_clients_read_it() {
        let location = Location { project: "p".to_owned(), location: "l".to_owned() };
        let written = |limits, paused, enum_numbers| {
            let format = Format { mask: Mask::Whole, pretty: false, enum_numbers };
            let settings = TaskSettings { limits, paused };
            serde_json::to_value(QueueAnswer::new(&location, "q", settings, &format)).unwrap()
        };
        let name = "projects/p/locations/l/queues/q";
        assert_eq!(
            written(RetryLimits::default(), false, false),
            json!({"name": name, "pullTarget": {}, "retryConfig": {"unlimitedAttempts": true},
                "state": "RUNNING"})
        );
        let limits = RetryLimits { leases: Some(5), age: Some(Duration::from_secs(60)) };
        assert_eq!(
            written(limits, true, true),
            json!({"name": name, "pullTarget": {},
                "retryConfig": {"maxAttempts": 5, "maxRetryDuration": "60s"}, "state": 2})
        );
    }

    fn limits(body: &str, mask: &str) -> Result<(Option<u32>, Option<u64>), Failure> {
        let before = RetryLimits { leases: Some(7), age: Some(Duration::from_secs(70)) };
        let limits = input::read::<QueueInput>(body.as_bytes())?.limits(before, mask)?;
        Ok((limits.leases, limits.age.map(|age| age.as_secs())))
    }

    #[test]
    fn a_mask_names_what_is_set() {
        let five = r#"{"retryConfig": {"maxAttempts": 5}, "pullTarget": {}, "state": "PAUSED"}"#;
        let unlimited = r#"{"retry_config": {"unlimited_attempts": true}}"#;
        let age = r#"{"retryConfig": {"maxRetryDuration": "9.5s"}}"#;
        for (body, mask, expected) in [
            (five, "", (Some(5), Some(70))),
            (unlimited, "", (None, Some(70))),
            (r#"{"retryConfig": {"maxAttempts": -1}}"#, "", (None, Some(70))),
            (age, "", (Some(7), Some(9))),
            ("{}", "", (Some(7), Some(70))),
            (five, "retryConfig", (Some(5), None)),
            (five, "retry_config.max_attempts", (Some(5), Some(70))),
            (five, "retryConfig.maxRetryDuration", (Some(7), None)),
            (age, "retryConfig.unlimitedAttempts, retryConfig.maxRetryDuration", (None, Some(9))),
            (five, "name,pullTarget", (Some(7), Some(70))),
        ] {
            assert_eq!(limits(body, mask).unwrap(), expected, "{body} {mask}");
        }
    }

    #[test]
    fn what_cannot_be_set_is_refused() {
        for (body, mask) in [
            ("{}", "state"),
            ("{}", "rateLimits"),
            ("{}", ","),
            (r#"{"rateLimits": {}}"#, ""),
            (r#"{"pullTarget": []}"#, ""),
            (r#"{"retryConfig": {"maxAttempts": 0}}"#, ""),
            (r#"{"retryConfig": {"maxAttempts": -2}}"#, ""),
            (r#"{"retryConfig": {"maxAttempts": 2147483648}}"#, ""),
            (r#"{"retryConfig": {"maxAttempts": 5, "unlimitedAttempts": true}}"#, ""),
            (r#"{"retryConfig": {"maxRetryDuration": "-1s"}}"#, ""),
            (r#"{"retryConfig": {"minBackoff": "1s"}}"#, ""),
        ] {
            assert!(limits(body, mask).is_err(), "{body} {mask}");
        }
    }
}
