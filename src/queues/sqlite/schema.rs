//! The embedded queue's tables, and what its states mean.
//!
//! A message is `ready`, `waiting` (behind an earlier message of its group), `scheduled` or
//! `leased`. Each state has partial indexes of its own, so that no question looks at messages of
//! another state; SQLite takes a partial index only where the query names the state literally.
//!
//! At most one run of a group is leased at a time. While nothing of it is leased, its first message
//! is ready or scheduled and all others wait; so a group costs the ready index one entry, however
//! many messages it has.
//!
//! Dead letters have a table of their own: they take part in nothing, and their ids do not count.

use crate::clients::sqlite::{Purpose, Schema};
use rusqlite::Connection;

/// The file of the embedded queue.
pub static SCHEMA: Schema = Schema {
    purpose: Purpose::Queue,
    version: 3,
    tables: "
CREATE TABLE queues (
  id    INTEGER PRIMARY KEY,
  name  TEXT NOT NULL UNIQUE,
  topic TEXT                                -- what is published to the queue of this name comes here too
);

-- Times are milliseconds since 1970, except `not_before`, which goes out as it came in (RFC 3339).
CREATE TABLE messages (
  seq          INTEGER PRIMARY KEY,         -- the order of publishing
  queue        INTEGER NOT NULL,
  state        INTEGER NOT NULL,            -- 0 ready, 1 waiting, 2 scheduled, 3 leased
  id           TEXT NOT NULL,
  grp          TEXT,
  tag          TEXT,
  attributes   TEXT,                        -- a JSON object; NULL where there are none
  digest       BLOB NOT NULL,               -- of the content: tells a duplicate from an imposter
  not_before   TEXT,
  published_at INTEGER NOT NULL,
  remember     INTEGER NOT NULL,            -- how long the id counts after settling
  due          INTEGER,                     -- waiting, scheduled: not before; leased: the lease's end
  span         INTEGER,                     -- leased: the lease's length
  token        INTEGER,                     -- leased: who may settle it
  attempts     INTEGER NOT NULL DEFAULT 0,  -- that failed, or lost their lease in mid-work
  first_at     INTEGER,                     -- the first delivery
  lost         INTEGER NOT NULL DEFAULT 0   -- leases that were lost in mid-work
);
CREATE UNIQUE INDEX messages_id ON messages (queue, id);
CREATE INDEX messages_ready ON messages (queue, seq) WHERE state = 0 AND tag IS NULL;
CREATE INDEX messages_ready_tagged ON messages (queue, seq) WHERE state = 0 AND tag IS NOT NULL;
CREATE INDEX messages_ready_tag ON messages (queue, tag, seq) WHERE state = 0 AND tag IS NOT NULL;
CREATE INDEX messages_scheduled ON messages (queue, due) WHERE state = 2;
CREATE INDEX messages_leased ON messages (queue, due) WHERE state = 3;
CREATE INDEX messages_group ON messages (queue, grp, state, seq) WHERE grp IS NOT NULL;

-- Apart from the messages, so that a change of state does not write the body again.
CREATE TABLE bodies (
  seq  INTEGER PRIMARY KEY,
  body BLOB NOT NULL
);

CREATE TABLE dead (
  seq          INTEGER PRIMARY KEY,         -- the order of dying
  queue        INTEGER NOT NULL,
  id           TEXT NOT NULL,
  grp          TEXT,
  tag          TEXT,
  attributes   TEXT,
  body         BLOB NOT NULL,
  not_before   TEXT,
  published_at INTEGER NOT NULL,
  attempts     INTEGER NOT NULL,
  first_at     INTEGER,                     -- the first delivery
  died_at      INTEGER NOT NULL,            -- the end of the last delivery
  reason       TEXT NOT NULL,
  digest       BLOB                         -- as in `messages`; NULL where version 1 wrote it
);
CREATE INDEX dead_queue ON dead (queue, seq);
CREATE INDEX dead_id ON dead (queue, id);

-- The ids of acknowledged messages that still count.
CREATE TABLE remembered (
  queue  INTEGER NOT NULL,
  id     TEXT NOT NULL,
  digest BLOB NOT NULL,
  until  INTEGER NOT NULL,
  PRIMARY KEY (queue, id)
) WITHOUT ROWID;
CREATE INDEX remembered_until ON remembered (until);
CREATE INDEX queues_topic ON queues (topic) WHERE topic IS NOT NULL;

-- What may kill its worker: offered one at a time.
CREATE INDEX messages_suspect ON messages (queue, lost, seq) WHERE state = 0 AND lost > 0;
-- What is being worked on: see `begun.rs`.
CREATE TABLE begun (
  token INTEGER NOT NULL,                   -- of the lease
  seqs  TEXT NOT NULL                       -- of the messages, each followed by a space
);
CREATE INDEX begun_token ON begun (token);
-- How leases are measured: see `clock`. One row, of this start of the machine.
CREATE TABLE lease_time (
  epoch TEXT PRIMARY KEY,                   -- from when the monotonic clock counts
  ahead INTEGER NOT NULL                    -- the time of leases less the monotonic time
) WITHOUT ROWID;
",
    upgrades: &[
        // A program of version 1 that has the file open goes on with it, and knows no topics. So
        // the first topic of such a file is made while nobody else has it open: see `fan_out`.
        "
ALTER TABLE queues ADD COLUMN topic TEXT;
ALTER TABLE dead ADD COLUMN digest BLOB;
CREATE INDEX queues_topic ON queues (topic) WHERE topic IS NOT NULL;
CREATE TABLE upgraded (version INTEGER NOT NULL);
INSERT INTO upgraded VALUES (1);
",
        // A program of version 2 that has the file open goes on with it: it counts what it fetches
        // ahead, takes suspects among the others, and measures leases by the time of day. While that
        // does not jump, both measures mean the same.
        "
ALTER TABLE messages ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
CREATE INDEX messages_suspect ON messages (queue, lost, seq) WHERE state = 0 AND lost > 0;
CREATE TABLE begun (token INTEGER NOT NULL, seqs TEXT NOT NULL);
CREATE INDEX begun_token ON begun (token);
CREATE TABLE lease_time (epoch TEXT PRIMARY KEY, ahead INTEGER NOT NULL) WITHOUT ROWID;
",
    ],
};

/// The number of a queue in its file; a queue that is not there is made.
pub fn queue_number(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.execute("INSERT INTO queues (name) VALUES (?1) ON CONFLICT DO NOTHING", [name])?;
    connection.query_row("SELECT id FROM queues WHERE name = ?1", [name], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::queues::sqlite::begun;
    use crate::queues::sqlite::claim::expiry;
    use crate::queues::sqlite::claim::glance;
    use crate::queues::sqlite::claim::{self, Look, Suspects};
    use crate::queues::sqlite::clock::{self, Now};
    use crate::queues::sqlite::enqueue::{self, Entry, Row};
    use crate::queues::sqlite::lease::Claim;
    use crate::queues::sqlite::settle::{self, settle};
    use crate::queues::sqlite::{bury, by_id, fan_out};
    use crate::queues::{Published, Receive, Select, Settled, Verdict};
    use chrono::DateTime;
    use rusqlite::StatementStatus;
    use std::time::Duration;

    fn file() -> Connection {
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
            enqueue::HOT,
            settle::HOT,
            fan_out::HOT,
            bury::HOT,
            by_id::HOT,
        ];
        rooms.into_iter().flatten().copied()
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
    fn steps(connection: &Connection) -> i32 {
        let steps = |sql| {
            let statement = connection.prepare_cached(sql).unwrap();
            statement.reset_status(StatementStatus::VmStep)
        };
        statements().map(steps).sum()
    }

    fn publish(connection: &Connection, count: usize, make: impl Fn(usize) -> Message) {
        let rows: Vec<_> = (0..count).map(|n| Row::of(&make(n))).collect();
        let entry = Entry { queue: 1, now: 0, remember: Duration::ZERO, hold: true };
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
            request,
            group: None,
        };
        let found = look.run(connection, Now { day: now, lease: now }).unwrap();
        found.deliveries.into_iter().map(|(claim, _)| claim).collect()
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

    /// The tables with their columns, and the indexes, in their order in the file.
    fn layout(connection: &Connection) -> Vec<String> {
        let mut all = Vec::new();
        let mut add = |sql: &str| {
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
            all.extend(rows.map(Result::unwrap));
        };
        add("SELECT m.name || '.' || c.name || ' ' || c.type || c.\"notnull\" || c.pk
             FROM sqlite_schema m, pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name <> 'upgraded' ORDER BY m.rowid, c.cid");
        add("SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL ORDER BY rowid");
        all
    }

    #[test]
    fn an_upgraded_file_is_laid_out_like_a_fresh_one() {
        let old = Connection::open_in_memory().unwrap();
        let version_1 = include_str!("../../../tests/fixtures/queue-version-1.sql");
        old.execute_batch(version_1).unwrap();
        assert_eq!(SCHEMA.upgrades.len() + 1, SCHEMA.version.unsigned_abs() as usize);
        SCHEMA.upgrades.iter().for_each(|step| old.execute_batch(step).unwrap());
        assert_eq!(layout(&old), layout(&file()));
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
}
