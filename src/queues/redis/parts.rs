//! What one call enqueues, as few commands: one for each name of a job, and one for all that is due
//! later.

use super::codec::Packed;
use super::error::{ErrorClass, ServiceError};
use super::keys::Keys;
use super::unique::LIFE;
use crate::queues::Published;
use redis::{Cmd, FromRedisValue as _, Value};
use std::collections::BTreeMap;

/// The script that enqueues unique jobs.
const ENQUEUE_UNIQUE: &str = include_str!("scripts/enqueue_unique.lua");

/// A job, and its message's place in the batch.
pub(super) type Placed = (usize, Packed);

/// Jobs that one command enqueues.
#[derive(Debug)]
pub(super) struct Part {
    /// The positions of their messages in the batch.
    pub(super) positions: Vec<usize>,
    pub(super) cmd: Cmd,
    kind: Kind,
}

/// Where jobs go together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// The ready list of this name.
    Ready(String),
    /// All that is due later.
    Scheduled,
    /// Jobs of this name, each unless one like it waits.
    Unique(String),
}

impl Kind {
    fn of(job: &Packed) -> Self {
        match job {
            Packed { unique: Some(_), name, .. } => Self::Unique(name.clone()),
            Packed { due: Some(_), .. } => Self::Scheduled,
            Packed { name, .. } => Self::Ready(name.clone()),
        }
    }
}

/// Jobs as commands; those of one command stay in their order.
pub(super) fn parts(jobs: &[Placed], keys: &Keys) -> Vec<Part> {
    let mut kinds: BTreeMap<Kind, Vec<&Placed>> = BTreeMap::new();
    for placed in jobs {
        kinds.entry(Kind::of(&placed.1)).or_default().push(placed);
    }
    let part = |(kind, jobs): (Kind, Vec<&Placed>)| {
        let positions = jobs.iter().map(|(at, _)| *at).collect();
        let jobs: Vec<_> = jobs.iter().map(|(_, job)| job).collect();
        let cmd = match &kind {
            Kind::Ready(name) => ready(&keys.ready(name), &jobs),
            Kind::Scheduled => scheduled(&keys.scheduled(), &jobs),
            Kind::Unique(name) => unique(&keys.ready(name), &keys.scheduled(), &jobs),
        };
        Part { positions, cmd, kind }
    };
    kinds.into_iter().map(part).collect()
}

fn ready(list: &str, jobs: &[&Packed]) -> Cmd {
    let mut cmd = redis::cmd("LPUSH");
    cmd.arg(list);
    for job in jobs {
        cmd.arg(&job.bytes);
    }
    cmd
}

fn scheduled(set: &str, jobs: &[&Packed]) -> Cmd {
    let mut cmd = redis::cmd("ZADD");
    cmd.arg(set);
    for job in jobs {
        cmd.arg(job.due).arg(&job.bytes);
    }
    cmd
}

/// The script goes with its text: among several commands none can load what the server forgot.
fn unique(list: &str, set: &str, jobs: &[&Packed]) -> Cmd {
    let mut cmd = redis::cmd("EVAL");
    cmd.arg(ENQUEUE_UNIQUE).arg(2 + jobs.len()).arg(list).arg(set);
    let keys = jobs.iter().filter_map(|job| job.unique.as_ref());
    for unique in keys.clone() {
        cmd.arg(&unique.key);
    }
    cmd.arg(LIFE);
    for (job, unique) in jobs.iter().zip(keys) {
        let held = if unique.holds_job { "" } else { "1" };
        let due = job.due.map_or_else(String::new, |due| due.to_string());
        cmd.arg(&job.bytes).arg(held).arg(due);
    }
    cmd
}

impl Part {
    /// What became of each job, by the server's answer.
    pub(super) fn read(&self, answer: Value) -> Result<Vec<Published>, ServiceError> {
        if !matches!(self.kind, Kind::Unique(_)) {
            return Ok(vec![Published::Accepted; self.positions.len()]);
        }
        let flags = Vec::<u8>::from_redis_value(answer).ok();
        let flags = flags.filter(|flags| flags.len() == self.positions.len());
        let flags = flags.ok_or_else(|| {
            ServiceError::new(ErrorClass::Misconfigured, "the server's answer is none of a script")
        })?;
        let published = |flag: u8| match flag {
            0 => Published::Duplicate,
            _ => Published::Accepted,
        };
        Ok(flags.into_iter().map(published).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queues::redis::unique::UniqueKey;

    fn job(name: &str, body: &str, due: Option<i64>) -> Packed {
        Packed { name: name.to_owned(), bytes: body.into(), due, unique: None }
    }

    fn told(jobs: Vec<Packed>) -> Vec<(Vec<usize>, String)> {
        let jobs: Vec<_> = jobs.into_iter().enumerate().collect();
        let words = |cmd: &Cmd| {
            let words = cmd.args_iter().map(|arg| match arg {
                redis::Arg::Simple(bytes) if bytes == ENQUEUE_UNIQUE.as_bytes() => "script".into(),
                redis::Arg::Simple(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                _ => "?".to_owned(),
            });
            words.collect::<Vec<_>>().join(" ")
        };
        let parts = parts(&jobs, &Keys::of("n"));
        parts.iter().map(|part| (part.positions.clone(), words(&part.cmd))).collect()
    }

    #[test]
    fn a_batch_is_one_command_for_each_name_and_one_for_later() {
        let jobs = vec![
            job("b", "1", None),
            job("a", "2", None),
            job("b", "3", None),
            job("a", "4", Some(7)),
            job("b", "5", Some(8)),
        ];
        let expected = [
            (vec![1], "LPUSH n:jobs:a 2"),
            (vec![0, 2], "LPUSH n:jobs:b 1 3"),
            (vec![3, 4], "ZADD n:scheduled 7 4 8 5"),
        ];
        assert_eq!(told(jobs), expected.map(|(positions, words)| (positions, words.to_owned())));
    }

    #[test]
    fn unique_jobs_of_a_name_go_together() {
        let unique = |key: &str, holds_job| Some(UniqueKey { key: key.to_owned(), holds_job });
        let jobs = vec![
            Packed { unique: unique("k1", false), ..job("a", "1", None) },
            Packed { unique: unique("k2", true), ..job("a", "2", Some(7)) },
        ];
        let words = "EVAL script 4 n:jobs:a n:scheduled k1 k2 86400 1 1  2  7";
        assert_eq!(told(jobs), [(vec![0, 1], words.to_owned())]);
    }
}
