//! The embedded queue's tables, and what its states mean.
//!
//! A message is `ready`, `waiting` (behind an earlier message of its group), `scheduled` or
//! `leased`. Each state has partial indexes of its own, so that no question looks at messages of
//! another state; SQLite takes a partial index only where the query names the state literally.
//!
//! Of a group at most one run is leased at a time. While nothing of it is leased, its first message
//! is ready or scheduled and all others wait; so a group costs the ready index one entry, however
//! many messages it has.
//!
//! Dead letters have a table of their own: they take part in nothing, and their ids do not count.

use crate::sqlite::{Purpose, Schema};
use rusqlite::Connection;

/// The file of the embedded queue.
pub static SCHEMA: Schema = Schema {
    purpose: Purpose::Queue,
    version: 1,
    tables: "
CREATE TABLE queues (
  id   INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
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
  attempts     INTEGER NOT NULL DEFAULT 0,
  first_at     INTEGER                      -- the first delivery
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
  reason       TEXT NOT NULL
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
",
};

/// The number of a queue in its file; a queue that is not there is made.
pub fn queue_number(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.execute("INSERT INTO queues (name) VALUES (?1) ON CONFLICT DO NOTHING", [name])?;
    connection.query_row("SELECT id FROM queues WHERE name = ?1", [name], |row| row.get(0))
}
