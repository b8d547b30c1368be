//! What the operations on tasks cost, in steps of SQLite's machine: a cost that grows with what lies
//! in the file shows without a clock.

use super::add::{self, Adding, Bounds};
use super::{change, delete, lease, row, settings};
use crate::queues::sqlite::clock::Now;
use crate::queues::sqlite::schema::tests::{file, steps};
use crate::queues::{Added, Change, Changed, Deleted, NewTask, Select, Task, TaskLease};
use rusqlite::{Connection, params};
use std::time::Duration;

const NOW: Now = Now { day: 1000, lease: 1000 };
const BOUNDS: Bounds = Bounds { dedupe: Duration::from_secs(60), storage: None };

/// Tasks of each kind that could be in the way, two with each tag.
const CROWD: &str = "
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?1)
INSERT INTO messages (queue, id, state, tag, grp, due, span, token, digest, published_at, remember)
SELECT 1, 'crowd' || n,
       CASE n % 5 WHEN 2 THEN 2 WHEN 3 THEN 3 WHEN 4 THEN n % 50 > 4 ELSE 0 END,
       CASE WHEN n % 5 NOT IN (1, 4) THEN 'tag' || (n / 5 % ?2) END,
       CASE n % 5 WHEN 4 THEN 'group' || (n / 50) END,
       CASE n % 5 WHEN 2 THEN 1000000000000 WHEN 3 THEN 1000000000000 END,
       CASE n % 5 WHEN 3 THEN 1000000000000 END,
       CASE n % 5 WHEN 3 THEN n END,
       x'', 0, 0
FROM numbers";

/// A file with so many tasks, a tenth as many tags, and without these indexes.
fn crowded(tasks: i64, without: &[&str]) -> Connection {
    let connection = file();
    // All statements stay, so that their steps are counted.
    connection.set_prepared_statement_cache_capacity(512);
    connection.execute(CROWD, params![tasks, tasks / 10]).unwrap();
    connection.execute_batch("INSERT INTO bodies SELECT seq, x'' FROM messages").unwrap();
    for index in without {
        connection.execute_batch(&format!("DROP INDEX {index}")).unwrap();
    }
    connection
}

fn lease(connection: &Connection, now: Now, max: usize, select: Select) -> Vec<Task> {
    let (time, wait) = (Duration::from_secs(3600), Duration::ZERO);
    let request = TaskLease { max, max_bytes: usize::MAX, time, wait, select };
    lease::lease(connection, 1, now, &request).unwrap().0
}

fn add(connection: &Connection, count: usize) {
    let task = |number| NewTask {
        name: Some(format!("own{number}")),
        tag: (number % 2 == 0).then(|| "own".to_owned()),
        ..NewTask::default()
    };
    let tasks: Vec<_> = (0..count).map(|number| Adding::of(task(number), NOW.day)).collect();
    let added = add::add(connection, 1, NOW.day, BOUNDS, &tasks).unwrap();
    assert!(added.iter().all(|it| matches!(it, Added::Added(_))));
}

/// Every operation, on what was just added and on what was there.
fn work(connection: &Connection) {
    add(connection, 20);
    let mine = lease(connection, NOW, 5, Select::Tag("own".to_owned()));
    let oldest = lease(connection, NOW, 5, Select::OldestTag);
    let grouped = lease(connection, NOW, 40, Select::Any);
    assert_eq!((mine.len(), oldest.len(), grouped.len()), (5, 2, 40));
    assert!(lease(connection, NOW, 5, Select::Tag("nobody's".to_owned())).is_empty());
    for (at, task) in mine.iter().chain(&oldest).chain(&grouped).enumerate() {
        let change = match at % 3 {
            0 => Change::Extend(Duration::from_secs(60)),
            1 => Change::Extend(Duration::ZERO),
            _ => Change::Acknowledge,
        };
        let changed = change::change(connection, 1, NOW, &task.name, Some(task.eta), change);
        assert!(matches!(changed.unwrap(), Changed::Done(_)));
    }
    // What was made to last a minute comes back.
    let later = Now { day: NOW.day + 60_000, lease: NOW.lease + 60_000 };
    assert_eq!(lease(connection, later, 10, Select::Any).len(), 10);
    let names: Vec<_> = (10..30).map(|number| format!("crowd{number}")).collect();
    let deleted = delete::delete(connection, 1, NOW.day, &names).unwrap();
    assert!(deleted.contains(&Deleted::Done));
    for name in names.iter().map(String::as_str).chain(["own1", "own3"]) {
        row::find(connection, 1, name, true, NOW).unwrap();
    }
    let settings = settings::of(connection, 1).unwrap();
    settings::set(connection, 1, settings, settings).unwrap();
}

fn cost(tasks: i64, without: &[&str]) -> i32 {
    let connection = crowded(tasks, without);
    steps(&connection);
    work(&connection);
    steps(&connection)
}

#[test]
fn no_operation_costs_more_with_1_000_000_tasks_of_100_000_tags() {
    let (few, many) = (cost(1000, &[]), cost(1_000_000, &[]));
    assert!(many <= few + few / 20, "{few} steps among 1,000, {many} among 1,000,000");
}

#[test]
fn without_any_one_of_the_indexes_the_cost_grows() {
    for index in [
        "messages_scheduled",
        "messages_leased",
        "messages_suspect",
        "messages_ready",
        "messages_ready_tagged",
        "messages_ready_tag",
        "messages_group",
    ] {
        let (few, many) = (cost(500, &[index]), cost(10_000, &[index]));
        assert!(many > 2 * few, "{index}: {few} steps among 500, {many} among 10,000");
    }
}
