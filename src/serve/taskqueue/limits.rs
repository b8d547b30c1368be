//! What App Engine's pull queues took: names, sizes and times. Whatever goes beyond is refused, in
//! each protocol by its own error.

use chrono::{DateTime, TimeDelta, Utc};
use std::ops::RangeInclusive;

/// How many bytes the payload of a task has at most.
pub const PAYLOAD_BYTES: usize = 1024 * 1024;

/// How many bytes of a request's body are read, after it was unpacked: a task with a payload of the
/// largest size is well below.
pub const BODY_BYTES: usize = 4 * 1024 * 1024;

/// How many characters a tag has at most.
pub const TAG_CHARACTERS: usize = 500;

/// How many tasks one call leases.
pub const LEASED_TASKS: RangeInclusive<i64> = 1..=1000;

/// How many bytes of payload one call leases at most, unless a single task has more: in base64, with
/// the tasks' heads, that stays below 32 MB.
pub const LEASED_BYTES: usize = 20 * 1024 * 1024;

/// How many seconds a lease is.
pub const LEASE_SECONDS: RangeInclusive<i64> = 0..=604_800;

/// How many seconds a call waits for the first task, where it may.
pub const WAIT_SECONDS: RangeInclusive<i64> = 0..=3600;

/// How far ahead the time may be from which a task can be leased.
pub const ETA_AHEAD: TimeDelta = TimeDelta::days(30);

/// Whether a queue may be given this name: 1 to 100 of `A-Z`, `a-z`, `0-9` and `-`.
pub fn is_queue_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=100).contains(&name.len()) && name.bytes().all(allowed)
}

/// Whether a task may be given this name: 1 to 500 of `A-Z`, `a-z`, `0-9`, `_` and `-`.
pub fn is_task_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=500).contains(&name.len()) && name.bytes().all(allowed)
}

/// Whether a task may have this tag.
pub fn is_tag(tag: &str) -> bool {
    // No character has fewer than one byte.
    tag.len() <= TAG_CHARACTERS || tag.chars().count() <= TAG_CHARACTERS
}

/// Whether a task may wait until then.
pub fn is_eta(eta: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now.checked_add_signed(ETA_AHEAD).is_some_and(|last| eta <= last)
}

/// A project's name without the mark of its region: of `s~name`, `e~name` and `b~name` the `name`.
pub fn project(name: &str) -> &str {
    ["s~", "e~", "b~"].iter().find_map(|mark| name.strip_prefix(mark)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_long_and_of_such_letters_as_app_engine_took() {
        for (name, queue, task) in [
            ("a", true, true),
            ("pull-queue-7", true, true),
            ("pull_queue", false, true),
            ("", false, false),
            ("a.b", false, false),
            ("a b", false, false),
            ("é", false, false),
            ("a/b", false, false),
            (&"a".repeat(100), true, true),
            (&"a".repeat(101), false, true),
            (&"a".repeat(500), false, true),
            (&"a".repeat(501), false, false),
        ] {
            assert_eq!((is_queue_name(name), is_task_name(name)), (queue, task), "{name}");
        }
    }

    #[test]
    fn a_tag_is_measured_in_characters() {
        assert!(is_tag("") && is_tag(&"é".repeat(500)) && is_tag(&"a".repeat(500)));
        assert!(!is_tag(&"é".repeat(501)) && !is_tag(&"a".repeat(501)));
    }

    #[test]
    fn a_task_waits_for_thirty_days_at_most() {
        let now = DateTime::UNIX_EPOCH;
        assert!(is_eta(now + TimeDelta::days(30), now) && is_eta(now - TimeDelta::days(900), now));
        assert!(!is_eta(now + TimeDelta::days(30) + TimeDelta::microseconds(1), now));
        assert!(!is_eta(now, DateTime::<Utc>::MAX_UTC));
    }

    #[test]
    fn a_project_is_known_without_its_region() {
        for (name, plain) in
            [("s~p", "p"), ("e~p", "p"), ("b~p", "p"), ("p", "p"), ("x~p", "x~p"), ("s~", "")]
        {
            assert_eq!(project(name), plain);
        }
    }
}
