use super::*;
use crate::message::Message;
use crate::queues::sqlite::begun;
use crate::queues::sqlite::claim::expiry;
use crate::queues::sqlite::claim::glance;
use crate::queues::sqlite::claim::{self, Look, Suspects};
use crate::queues::sqlite::clock::{self, Now};
use crate::queues::sqlite::enqueue::{Entry, Row};
use crate::queues::sqlite::lease::Claim;
use crate::queues::sqlite::settle::{self, settle};
use crate::queues::sqlite::{bury, by_id, entering, fan_out, limits, tasks};
use crate::queues::{Published, Receive, Select, Settled, Verdict};
use chrono::DateTime;
use rusqlite::StatementStatus;
use std::time::Duration;

/// An empty file in memory.
pub fn file() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(SCHEMA.tables).unwrap();
    connection
}

fn statements() -> impl Iterator<Item = &'static str> {
    let rooms = [
        claim::HOT,
        glance::HOT,
        begun::HOT,
        clock::HOT,
        expiry::HOT,
        limits::HOT,
        entering::HOT,
        settle::HOT,
        fan_out::HOT,
        bury::HOT,
        by_id::HOT,
    ];
    rooms.into_iter().chain(tasks::HOT.iter().copied()).flatten().copied()
}

#[test]
fn every_hot_statement_goes_straight_to_what_it_wants() {
    let connection = file();
    for sql in statements() {
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let count = plan.parameter_count();
        for at in 1..=count {
            plan.raw_bind_parameter(at, 1).unwrap();
        }
        let mut rows = plan.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get(3).unwrap();
            // Whether anything is remembered takes the first row; a constant row is none.
            let first = step.contains("remembered") && sql.ends_with("LIMIT 1");
            let walks = step.starts_with("SCAN") && !first && step != "SCAN CONSTANT ROW";
            assert!(!walks && !step.contains("TEMP B-TREE"), "{step}\n{sql}");
        }
    }
}

/// The steps that SQLite's machine has taken since the last question: a cost that grows shows
/// without a clock.
pub fn steps(connection: &Connection) -> i32 {
    let steps = |sql| {
        let statement = connection.prepare_cached(sql).unwrap();
        statement.reset_status(StatementStatus::VmStep)
    };
    statements().map(steps).sum()
}

fn publish(connection: &Connection, count: usize, make: impl Fn(usize) -> Message) {
    let rows: Vec<_> = (0..count).map(|n| Row::of(&make(n))).collect();
    let entry = Entry { queue: 1, now: 0, available_at: 0, remember: Duration::ZERO, hold: true };
    let answers = fan_out::publish(connection, entry, &rows).unwrap();
    assert!(answers.iter().all(|it| *it == Published::Accepted));
}

fn claim(connection: &Connection, now: i64, max: usize, select: Select) -> Vec<Claim> {
    let request = Receive { max, max_bytes: usize::MAX, wait: Duration::ZERO, select };
    let look = Look {
        queue: 1,
        lease: 1000,
        token: fastrand::i64(1..),
        suspects: Suspects::Last,
        counts_leases: false,
        request,
        group: None,
    };
    let found = look.run(connection, Now { day: now, lease: now }).unwrap();
    found.deliveries.into_iter().map(|taken| taken.claim).collect()
}

fn settle_all(connection: &Connection, claims: &[Claim], verdict: &Verdict) {
    let batch: Vec<_> = claims.iter().map(|claim| (Some(*claim), verdict.clone())).collect();
    let settled = settle(connection, 1, 0, Duration::ZERO, &batch).unwrap();
    assert!(settled.iter().all(|it| *it == Settled::Done));
}

/// A file with `count` messages of each kind that could be in the way.
fn crowded(count: usize) -> Connection {
    let connection = file();
    connection.set_prepared_statement_cache_capacity(64);
    let named = |kind: &'static str| move |n| Message::new(format!("{kind}{n}"), "x");
    let stuck = move |n| {
        let mut message = named("stuck")(n);
        message.group = Some("stuck".to_owned());
        message
    };
    publish(&connection, count, stuck);
    assert_eq!(claim(&connection, 0, 2, Select::Any).len(), 2);
    publish(&connection, count, |n| {
        let mut message = named("scheduled")(n);
        message.not_before = DateTime::from_timestamp(3600, 0);
        message
    });
    publish(&connection, count, |n| {
        let mut message = named("tagged")(n);
        message.tag = Some("other".to_owned());
        message
    });
    publish(&connection, count, named("ready"));
    let dead = claim(&connection, 0, count / 2, Select::Tag("other".to_owned()));
    settle_all(&connection, &dead, &Verdict::Bury("x".to_owned()));
    connection
}

/// Publishes, claims and ends ten messages in every way, those of the stuck group included.
fn work(connection: &Connection) {
    publish(connection, 10, |n| {
        let mut message = Message::new(format!("new{n}"), "x");
        message.group = (n % 2 == 0).then(|| format!("g{}", n % 4));
        message.tag = (n % 2 == 1).then(|| "mine".to_owned());
        message
    });
    let mine = claim(connection, 0, 10, Select::Tag("mine".to_owned()));
    settle_all(
        connection,
        &mine,
        &Verdict::Retry { after: Duration::from_secs(1), why: "x".to_owned() },
    );
    for verdict in [Verdict::Release, Verdict::Ack, Verdict::Bury("x".to_owned())] {
        settle_all(connection, &claim(connection, 0, 10, Select::OldestTag), &verdict);
        settle_all(connection, &claim(connection, 0, 10, Select::Any), &verdict);
    }
    // The lease of the stuck group's head ends, so that its run is offered and leased again.
    let stuck = claim(connection, 1000, 10, Select::Any);
    settle_all(connection, &stuck, &Verdict::Release);
    let more = [Message::new("late", "x")].map(|mut message| {
        message.group = Some("stuck".to_owned());
        message
    });
    publish(connection, 1, |n| more[n].clone());
    assert!(!stuck.is_empty());
}

/// The tables with their columns, and the indexes.
fn layout(connection: &Connection) -> Vec<String> {
    let columns = "SELECT m.name || '.' || c.name || ' ' || c.type || c.\"notnull\" || c.pk
                   FROM sqlite_schema m, pragma_table_info(m.name) c
                   WHERE m.type = 'table' ORDER BY m.name, c.cid";
    let indexes = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL
                   ORDER BY name";
    [all(connection, columns), all(connection, indexes)].concat()
}

/// Where the trees begin that a repair reads: if nothing tells it any more, it looks where they
/// are in a fresh file.
fn roots(connection: &Connection) -> Vec<String> {
    let roots = "SELECT rootpage || ' ' || name FROM sqlite_schema
                 WHERE tbl_name IN ('queues', 'bodies', 'dead', 'remembered')
                 OR name IN ('messages', 'messages_id') ORDER BY rootpage";
    all(connection, roots)
}

fn all(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn an_upgraded_file_is_laid_out_like_a_fresh_one() {
    let empty = || {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").unwrap();
        connection
    };
    let (old, fresh) = (empty(), empty());
    fresh.execute_batch(SCHEMA.tables).unwrap();
    old.execute_batch(include_str!("../../../../tests/fixtures/queue-version-1.sql")).unwrap();
    assert_eq!(SCHEMA.upgrades.len() + 1, SCHEMA.version.unsigned_abs() as usize);
    SCHEMA.upgrades.iter().for_each(|step| old.execute_batch(step.sql).unwrap());
    assert_eq!(layout(&old), layout(&fresh));
    assert_eq!(roots(&old), roots(&fresh));
}

#[test]
fn without_topics_fan_out_costs_one_look_a_batch() {
    let connection = file();
    publish(&connection, 1, |_| Message::new("first", "x"));
    let cost = |count| {
        steps(&connection);
        publish(&connection, count, |n| Message::new(format!("{count}-{n}"), "x"));
        let look = connection.prepare_cached(fan_out::HOT[0]).unwrap();
        look.reset_status(StatementStatus::VmStep)
    };
    // The queue's number has a name now, and other queues have other topics.
    let others = "INSERT INTO queues (id, name) VALUES (1, 'own'), (2, 'other');
                  INSERT INTO queues (name, topic) SELECT 'q' || value, 'other'
                  FROM json_each('[1, 2, 3, 4, 5, 6, 7, 8, 9]')";
    connection.execute_batch(others).unwrap();
    let (one, many) = (cost(1), cost(1000));
    assert!(one > 0 && one == many && many < 30, "{one} steps, {many} among 1000");
}

#[test]
fn no_operation_costs_more_where_there_is_more() {
    let cost = |count| {
        let connection = crowded(count);
        steps(&connection);
        work(&connection);
        steps(&connection)
    };
    let (few, many) = (cost(100), cost(4000));
    assert!(many <= few + few / 20, "{few} steps among 100, {many} among 4000");
}
