//! Tasks enter an embedded queue.

use super::eta;
use super::settings;
use crate::message::Message;
use crate::queues::sqlite::enqueue::{Entry, Row};
use crate::queues::sqlite::fan_out;
use crate::queues::sqlite::limits::columns;
use crate::queues::{Added, NewTask, Published, RetryLimits, Task};
use crate::text;
use crate::times;
use rusqlite::{Connection, params};
use std::time::Duration;

/// A task on its way in: the message that it is, and what a message has not.
pub struct Adding {
    message: Message,
    row: Result<Row, String>,
    limits: Option<RetryLimits>,
    /// The caller chose the name: it counts on after the task is deleted.
    is_named: bool,
}

impl Adding {
    /// Makes ready what can be before the file is written, at a time in milliseconds.
    pub fn of(task: NewTask, now: i64) -> Self {
        let is_named = task.name.is_some();
        let mut message = Message::new(task.name.unwrap_or_else(|| name(now)), task.body);
        (message.tag, message.not_before) = (task.tag, task.eta);
        let row = Row::of(&message);
        Self { message, row, limits: task.limits, is_named }
    }
}

/// What bounds all tasks that are added.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How long the name of a deleted task counts that a caller chose.
    pub dedupe: Duration,
    /// How many bytes the file may hold.
    pub storage: Option<u64>,
}

/// A name that nobody can guess, for a task that is added now. It begins with the time, so that the index
/// of names grows at its end: names in no order would write a page for each of them.
fn name(now: i64) -> String {
    let mut random = [0; 16];
    // What cannot be had from the system cannot be made up.
    getrandom::fill(&mut random).expect("the system gives random numbers");
    format!("{now:012x}{}", text::hex(random))
}

/// Adds these, in their order.
pub fn add(
    connection: &Connection,
    queue: i64,
    now: i64,
    bounds: Bounds,
    tasks: &[Adding],
) -> rusqlite::Result<Vec<Added>> {
    if settings::is_full(connection, bounds.storage)? {
        return Ok(vec![Added::NoRoom; tasks.len()]);
    }
    tasks.iter().map(|task| add_one(connection, queue, now, bounds.dedupe, task)).collect()
}

fn add_one(
    connection: &Connection,
    queue: i64,
    now: i64,
    dedupe: Duration,
    task: &Adding,
) -> rusqlite::Result<Added> {
    let remember = if task.is_named { dedupe } else { Duration::ZERO };
    let entry = Entry { queue, now, available_at: now, remember, hold: true };
    let row = match &task.row {
        Ok(row) => row,
        Err(why) => return Ok(Added::Refused(why.clone())),
    };
    let name = &task.message.id;
    if still_counts(connection, queue, now, name)? {
        return Ok(Added::Deleted);
    }
    if fan_out::publish_one(connection, entry, row)? != Published::Accepted {
        return Ok(Added::Exists);
    }
    if let Some(limits) = task.limits {
        let (leases, age) = columns(limits);
        connection.prepare_cached(LIMIT)?.execute(params![queue, name, leases, age])?;
    }
    Ok(Added::Added(added(task, row, now)))
}

/// Whether a task of this name was deleted, and the name still counts.
pub fn still_counts(
    connection: &Connection,
    queue: i64,
    now: i64,
    name: &str,
) -> rusqlite::Result<bool> {
    connection.prepare_cached(IS_REMEMBERED)?.exists(params![queue, name, now])
}

fn added(task: &Adding, row: &Row, now: i64) -> Task {
    let Message { id, body, tag, not_before, .. } = task.message.clone();
    let available_at = row.due().unwrap_or(now);
    Task {
        name: id,
        body,
        tag,
        added_at: times::from_millis(now).unwrap_or_default(),
        eta: eta::of_availability(available_at, not_before.map(|time| time.timestamp_micros())),
        leased: false,
        leases: 0,
        limits: task.limits,
    }
}

const IS_REMEMBERED: &str = "SELECT 1 FROM remembered WHERE queue = ?1 AND id = ?2 AND until > ?3";
const LIMIT: &str =
    "UPDATE messages SET retry_limit = ?3, age_limit = ?4 WHERE queue = ?1 AND id = ?2";

#[cfg(test)]
pub const HOT: &[&str] = &[IS_REMEMBERED, LIMIT];
