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

use crate::clients::sqlite::{Purpose, Schema, Upgrade};
use rusqlite::Connection;

/// The file of the embedded queue.
pub static SCHEMA: Schema = Schema {
    purpose: Purpose::Queue,
    version: 4,
    tables: "
CREATE TABLE queues (
  id    INTEGER PRIMARY KEY,
  name  TEXT NOT NULL UNIQUE,
  topic TEXT,                               -- what is published to the queue of this name comes here too
  retry_limit INTEGER,                      -- how many leases a message has; NULL: any number
  age_limit   INTEGER,                      -- and not before it is so old
  paused      INTEGER NOT NULL DEFAULT 0    -- 1: nothing is delivered
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
  lost         INTEGER NOT NULL DEFAULT 0,  -- leases that were lost in mid-work
  available_at INTEGER NOT NULL DEFAULT 0,  -- from when it could be had: the order of delivery
  leases       INTEGER NOT NULL DEFAULT 0,  -- that were given by name, and count whatever became of them
  retry_limit  INTEGER,                     -- as in `queues`; either is there: in place of the queue's
  age_limit    INTEGER
);
CREATE UNIQUE INDEX messages_id ON messages (queue, id);
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
CREATE INDEX messages_scheduled ON messages (queue, due) WHERE state = 2;
CREATE INDEX messages_leased ON messages (queue, due) WHERE state = 3;
-- What may kill its worker: offered one at a time.
CREATE INDEX messages_suspect ON messages (queue, lost, seq) WHERE state = 0 AND lost > 0;

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

CREATE INDEX messages_ready ON messages (queue, available_at, seq) WHERE state = 0 AND tag IS NULL;
CREATE INDEX messages_ready_tagged ON messages (queue, available_at, seq)
  WHERE state = 0 AND tag IS NOT NULL;
CREATE INDEX messages_ready_tag ON messages (queue, tag, available_at, seq)
  WHERE state = 0 AND tag IS NOT NULL;
-- All that is in a group, in its order: a lease changes nothing here.
CREATE INDEX messages_group ON messages (queue, grp, seq) WHERE grp IS NOT NULL;
-- The groups of which something is leased: no more of a group is, until that has ended.
CREATE TABLE runs (
  queue INTEGER NOT NULL,
  grp   TEXT NOT NULL,
  last  INTEGER NOT NULL,                   -- the last message that was leased with the others
  PRIMARY KEY (queue, grp)
) WITHOUT ROWID;
-- How many leases were given by name, second by second since 1970.
CREATE TABLE leases_given (
  queue  INTEGER NOT NULL,
  second INTEGER NOT NULL,
  count  INTEGER NOT NULL,
  PRIMARY KEY (queue, second)
) WITHOUT ROWID;
",
    upgrades: &[
        Upgrade::beside_others(
            "
ALTER TABLE queues ADD COLUMN topic TEXT;
ALTER TABLE dead ADD COLUMN digest BLOB;
CREATE INDEX queues_topic ON queues (topic) WHERE topic IS NOT NULL;
",
        ),
        Upgrade::beside_others(
            "
ALTER TABLE messages ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
CREATE INDEX messages_suspect ON messages (queue, lost, seq) WHERE state = 0 AND lost > 0;
CREATE TABLE begun (token INTEGER NOT NULL, seqs TEXT NOT NULL);
CREATE INDEX begun_token ON begun (token);
CREATE TABLE lease_time (epoch TEXT PRIMARY KEY, ahead INTEGER NOT NULL) WITHOUT ROWID;
",
        ),
        // A program of an older version would go on to deliver in the order of publishing. What it
        // has published comes first, in that order.
        Upgrade::alone(
            "
DROP TABLE IF EXISTS upgraded;
ALTER TABLE queues ADD COLUMN retry_limit INTEGER;
ALTER TABLE queues ADD COLUMN age_limit INTEGER;
ALTER TABLE queues ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN available_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN leases INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN retry_limit INTEGER;
ALTER TABLE messages ADD COLUMN age_limit INTEGER;
UPDATE messages SET available_at = due WHERE state IN (1, 2) AND typeof(due) = 'integer';
DROP INDEX messages_ready;
DROP INDEX messages_ready_tagged;
DROP INDEX messages_ready_tag;
DROP INDEX messages_group;
CREATE INDEX messages_ready ON messages (queue, available_at, seq) WHERE state = 0 AND tag IS NULL;
CREATE INDEX messages_ready_tagged ON messages (queue, available_at, seq)
  WHERE state = 0 AND tag IS NOT NULL;
CREATE INDEX messages_ready_tag ON messages (queue, tag, available_at, seq)
  WHERE state = 0 AND tag IS NOT NULL;
CREATE INDEX messages_group ON messages (queue, grp, seq) WHERE grp IS NOT NULL;
CREATE TABLE runs (
  queue INTEGER NOT NULL, grp TEXT NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (queue, grp)
) WITHOUT ROWID;
INSERT INTO runs SELECT queue, grp, max(seq) FROM messages
WHERE state = 3 AND grp IS NOT NULL GROUP BY queue, grp;
CREATE TABLE leases_given (
  queue INTEGER NOT NULL, second INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (queue, second)
) WITHOUT ROWID;
",
        ),
    ],
};

/// The number of a queue in its file; a queue that is not there is made.
pub fn queue_number(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.execute("INSERT INTO queues (name) VALUES (?1) ON CONFLICT DO NOTHING", [name])?;
    connection.query_row("SELECT id FROM queues WHERE name = ?1", [name], |row| row.get(0))
}

#[cfg(test)]
pub(super) mod tests;
