//! What a call to lease asks for.

use crate::queues::{Select, TaskLease};
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::limits;
use crate::serve::taskqueue::operations::validate_tag;
use crate::serve::taskqueue::query::Query;
use std::time::Duration;

/// Reads from the parameters which tasks to lease.
pub fn read_lease(query: &Query) -> Result<TaskLease, Failure> {
    let max = query.required("numTasks", limits::LEASED_TASKS)?;
    let wait = query.number(&["wait"], limits::WAIT_SECONDS)?.unwrap_or(0);
    Ok(TaskLease {
        max: usize::try_from(max).unwrap_or(0),
        max_bytes: limits::LEASED_BYTES,
        time: seconds(query, "leaseSecs")?,
        wait: Duration::from_secs(wait.unsigned_abs()),
        select: select(query)?,
    })
}

/// How long a lease is to be, from a parameter that must be there.
pub(super) fn seconds(query: &Query, name: &str) -> Result<Duration, Failure> {
    let seconds = query.required(name, limits::LEASE_SECONDS)?;
    Ok(Duration::from_secs(seconds.unsigned_abs()))
}

/// An empty tag counts as none.
fn select(query: &Query) -> Result<Select, Failure> {
    let grouped = query.flag(&["groupByTag"])?.unwrap_or(false);
    match query.any(&["tag"])? {
        Some(_) if !grouped => Err(Failure::invalid("tag is given without groupByTag=true")),
        Some(tag) => validate_tag(tag).map(|()| Select::Tag(tag.to_owned())),
        None if grouped => Ok(Select::OldestTag),
        None => Ok(Select::Any),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(query: &str) -> Result<TaskLease, Failure> {
        read_lease(&Query::read(&format!("numTasks=100&leaseSecs=3600&{query}")).unwrap())
    }

    #[test]
    fn a_lease_has_a_number_and_a_time() {
        let lease = request("wait=20").unwrap();
        assert_eq!((lease.max, lease.time), (100, Duration::from_secs(3600)));
        assert_eq!(lease.wait, Duration::from_secs(20));
        assert_eq!(request("").unwrap().wait, Duration::ZERO);
    }

    #[test]
    fn tags_need_group_by_tag() {
        let tag = |tag: &str| Some(Select::Tag(tag.to_owned()));
        for (query, select) in [
            ("", Some(Select::Any)),
            ("tag=", Some(Select::Any)),
            ("groupByTag=false", Some(Select::Any)),
            ("groupByTag=false&tag=", Some(Select::Any)),
            ("groupByTag=", Some(Select::Any)),
            ("groupByTag=true", Some(Select::OldestTag)),
            ("groupByTag=True&tag=", Some(Select::OldestTag)),
            ("groupByTag=1&tag=render", tag("render")),
            ("groupByTag=true&tag=a%20%E6%B0%B4+b", tag("a 水 b")),
            ("tag=render", None),
            ("groupByTag=false&tag=render", None),
            ("groupByTag=0&tag=render", None),
            ("groupByTag=maybe", None),
            ("groupByTag=true&groupByTag=true", None),
            ("groupByTag=true&tag=a&tag=b", None),
        ] {
            assert_eq!(request(query).ok().map(|lease| lease.select), select, "{query}");
        }
        assert!(request(&format!("groupByTag=true&tag={}", "a".repeat(500))).is_ok());
        assert!(request(&format!("groupByTag=true&tag={}", "a".repeat(501))).is_err());
    }

    #[test]
    fn numbers_beyond_the_limits_are_refused() {
        for query in [
            "numTasks=1",
            "leaseSecs=1",
            "numTasks=0&leaseSecs=1",
            "numTasks=1001&leaseSecs=1",
            "numTasks=1&leaseSecs=-1",
            "numTasks=1&leaseSecs=604801",
            "numTasks=one&leaseSecs=1",
            "numTasks=1.5&leaseSecs=1",
            "numTasks=1&leaseSecs=1&wait=-1",
            "numTasks=1&leaseSecs=1&wait=3601",
            "numTasks=1&leaseSecs=1&wait=1s",
            "numTasks=99999999999999999999&leaseSecs=1",
        ] {
            assert!(read_lease(&Query::read(query).unwrap()).is_err(), "{query}");
        }
        for query in ["numTasks=1&leaseSecs=0", "numTasks=1000&leaseSecs=604800"] {
            assert!(read_lease(&Query::read(query).unwrap()).is_ok(), "{query}");
        }
    }
}
