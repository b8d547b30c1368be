//! Messages enter the embedded queue, many by one statement where nothing is to be asked of any of them.

use super::enqueue::{Entry, Row};
use crate::queues::Published;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, ToSql, params};
use std::iter;
use std::sync::LazyLock;

/// How many messages enter by one statement.
const TOGETHER: usize = 32;

/// Puts messages into this queue and no other, in this order; what no queue can hold is refused.
pub fn insert(
    connection: &Connection,
    entry: Entry,
    rows: &[Result<Row, String>],
) -> rusqlite::Result<Vec<Published>> {
    let good: Vec<_> = rows.iter().filter_map(|row| row.as_ref().ok()).collect();
    let mut entered = enter(connection, entry, &good)?.into_iter();
    let answers = rows.iter().map(|row| match row {
        Ok(_) => entered.next().expect("an answer for each that was entered"),
        Err(reason) => Published::Refused(reason.clone()),
    });
    Ok(answers.collect())
}

/// Puts messages into this queue and no other, in this order.
pub fn enter(
    connection: &Connection,
    entry: Entry,
    rows: &[&Row],
) -> rusqlite::Result<Vec<Published>> {
    forget(connection, entry.now)?;
    let mut entering = Entering::new(connection, entry)?;
    let mut answers = Vec::with_capacity(rows.len());
    let (together, rest) = rows.as_chunks::<TOGETHER>();
    for rows in together {
        match entering.may_enter_together(rows) {
            true => entering.enter_together(rows, &mut answers)?,
            false => entering.enter_each(rows, &mut answers)?,
        }
    }
    entering.enter_each(rest, &mut answers)?;
    Ok(answers)
}

/// Messages on their way into one queue. What is asked for each of them is prepared once.
struct Entering<'c> {
    connection: &'c Connection,
    entry: Entry,
    /// Whether there is any id that outlives its message.
    any_remembered: bool,
    insert: CachedStatement<'c>,
    insert_body: CachedStatement<'c>,
}

impl<'c> Entering<'c> {
    fn new(connection: &'c Connection, entry: Entry) -> rusqlite::Result<Self> {
        let any: Option<i64> = connection
            .prepare_cached(ANY_REMEMBERED)?
            .query_row([], |row| row.get(0))
            .optional()?;
        let insert = connection.prepare_cached(INSERT)?;
        let insert_body = connection.prepare_cached(INSERT_BODY)?;
        Ok(Self { connection, entry, any_remembered: any.is_some(), insert, insert_body })
    }

    /// Whether there is no id to be looked for before any of these enters, and no group in which one may
    /// have to wait.
    fn may_enter_together(&self, rows: &[&Row]) -> bool {
        !self.any_remembered && rows.iter().all(|row| row.group.is_none())
    }

    fn enter_together(
        &mut self,
        rows: &[&Row; TOGETHER],
        answers: &mut Vec<Published>,
    ) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare_cached(&INSERT_TOGETHER)?;
        for (row, first) in rows.iter().zip((1..).step_by(COLUMNS)) {
            bind(&mut insert, first, self.entry, row, state(row, self.entry))?;
        }
        let entered = insert.raw_execute()?;
        let last = self.connection.last_insert_rowid();
        if entered == TOGETHER {
            answers.extend(iter::repeat_n(Published::Accepted, TOGETHER));
            return self.insert_bodies(rows, last);
        }
        // What has entered has numbers that follow one another, in this order.
        let mut next = last + 1 - i64::try_from(entered).unwrap_or(0);
        for row in rows {
            if next <= last && self.is_at(next, row)? {
                self.insert_body.execute(params![next, &row.body[..]])?;
                answers.push(Published::Accepted);
                next += 1;
            } else {
                answers.push(self.judge_live(row)?);
            }
        }
        Ok(())
    }

    /// Whether the message of that number is this one.
    fn is_at(&self, seq: i64, row: &Row) -> rusqlite::Result<bool> {
        self.connection.prepare_cached(IS_AT)?.exists(params![seq, row.id])
    }

    /// Puts in the bodies of messages whose numbers end with this one.
    fn insert_bodies(&self, rows: &[&Row; TOGETHER], last: i64) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare_cached(&INSERT_BODIES)?;
        for ((row, parameter), seq) in
            rows.iter().zip((1..).step_by(2)).zip(last + 1 - TOGETHER as i64..)
        {
            insert.raw_bind_parameter(parameter, seq)?;
            insert.raw_bind_parameter(parameter + 1, &row.body[..])?;
        }
        insert.raw_execute().map(drop)
    }

    fn enter_each(&mut self, rows: &[&Row], answers: &mut Vec<Published>) -> rusqlite::Result<()> {
        for row in rows {
            answers.push(self.enter(row)?);
        }
        Ok(())
    }

    fn enter(&mut self, row: &Row) -> rusqlite::Result<Published> {
        let (connection, queue) = (self.connection, self.entry.queue);
        if self.any_remembered
            && let Some(known) = find(connection, REMEMBERED, queue, &row.id)?
        {
            return Ok(judge(row, &known, "was acknowledged"));
        }
        let state = match &row.group {
            Some(group) if has_messages(connection, queue, group)? => WAITING,
            _ => state(row, self.entry),
        };
        bind(&mut self.insert, 1, self.entry, row, state)?;
        // How many messages this one became: none, where its id is there.
        if self.insert.raw_execute()? == 0 {
            return self.judge_live(row);
        }
        let seq = connection.last_insert_rowid();
        self.insert_body.execute(params![seq, &row.body[..]])?;
        Ok(Published::Accepted)
    }

    /// What a message is whose id is in the queue.
    fn judge_live(&self, row: &Row) -> rusqlite::Result<Published> {
        let known = find(self.connection, LIVE, self.entry.queue, &row.id)?;
        Ok(judge(row, &known.unwrap_or_default(), "is in the queue"))
    }
}

/// As in the file: see `schema`.
const READY: i64 = 0;
const WAITING: i64 = 1;
const SCHEDULED: i64 = 2;

/// When a message may be had first, where it is held back, in milliseconds.
fn due(row: &Row, entry: Entry) -> Option<i64> {
    row.due().filter(|_| entry.hold)
}

/// The state of a message that waits for no other.
fn state(row: &Row, entry: Entry) -> i64 {
    if due(row, entry).is_some_and(|due| due > entry.now) { SCHEDULED } else { READY }
}

/// Gives a statement the columns of a message, from this parameter on.
fn bind(
    insert: &mut CachedStatement<'_>,
    first: usize,
    entry: Entry,
    row: &Row,
    state: i64,
) -> rusqlite::Result<()> {
    let due = due(row, entry);
    let columns: [&dyn ToSql; COLUMNS] = [
        &entry.queue,
        &state,
        &row.id,
        &row.group,
        &row.tag,
        &row.attributes,
        &row.digest,
        &row.not_before.as_ref().map(|(text, _)| text),
        &entry.now,
        &i64::try_from(entry.remember.as_millis()).unwrap_or(i64::MAX),
        &due,
        &due.unwrap_or(entry.available_at),
    ];
    for (column, parameter) in columns.into_iter().zip(first..) {
        insert.raw_bind_parameter(parameter, column)?;
    }
    Ok(())
}

/// What a message is whose id is known: with the content that is there it is that message; with other
/// content it is a mistake that must not pass for success.
fn judge(row: &Row, known: &[u8], place: &str) -> Published {
    match known == row.digest {
        true => Published::Duplicate,
        false => Published::Refused(format!("another message with the same id {place}")),
    }
}

fn find(
    connection: &Connection,
    sql: &str,
    queue: i64,
    id: &str,
) -> rusqlite::Result<Option<Vec<u8>>> {
    // One that cannot be read fits no message.
    let digest =
        |row: &rusqlite::Row<'_>| Ok(row.get_ref(0)?.as_blob().map_or(Vec::new(), <[u8]>::to_vec));
    connection.prepare_cached(sql)?.query_row(params![queue, id], digest).optional()
}

fn has_messages(connection: &Connection, queue: i64, group: &str) -> rusqlite::Result<bool> {
    connection.prepare_cached(GROUP_HAS_ANY)?.exists(params![queue, group])
}

/// Forgets ids whose time is over, a bounded number at a time.
fn forget(connection: &Connection, now: i64) -> rusqlite::Result<()> {
    connection.prepare_cached(FORGET)?.execute([now]).map(drop)
}

const INSERT: &str = "
INSERT INTO messages
  (queue, state, id, grp, tag, attributes, digest, not_before, published_at, remember, due, available_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
ON CONFLICT (queue, id) DO NOTHING";
/// How many columns of a message are given.
const COLUMNS: usize = 12;
const INSERT_BODY: &str = "INSERT INTO bodies (seq, body) VALUES (?1, ?2)";
const IS_AT: &str = "SELECT 1 FROM messages WHERE seq = ?1 AND id = ?2";
const LIVE: &str = "SELECT digest FROM messages WHERE queue = ?1 AND id = ?2";
const REMEMBERED: &str = "SELECT digest FROM remembered WHERE queue = ?1 AND id = ?2";
const ANY_REMEMBERED: &str = "SELECT 1 FROM remembered LIMIT 1";
const GROUP_HAS_ANY: &str = "
SELECT 1 FROM messages WHERE queue = ?1 AND grp = ?2 LIMIT 1";
const FORGET: &str = "
DELETE FROM remembered WHERE (queue, id) IN
  (SELECT queue, id FROM remembered WHERE until <= ?1 ORDER BY until LIMIT 2000)";

/// A statement of one row as one of many.
fn together(one: &str, columns: usize) -> String {
    let (head, rest) = one.split_once("VALUES ").expect("a statement of one row");
    let (_, tail) = rest.split_once(')').expect("its values end");
    let row = format!("({})", vec!["?"; columns].join(", "));
    format!("{head}VALUES {}{tail}", vec![row.as_str(); TOGETHER].join(", "))
}

static INSERT_TOGETHER: LazyLock<String> = LazyLock::new(|| together(INSERT, COLUMNS));
static INSERT_BODIES: LazyLock<String> = LazyLock::new(|| together(INSERT_BODY, 2));

#[cfg(test)]
pub const HOT: &[&str] =
    &[INSERT, INSERT_BODY, IS_AT, LIVE, REMEMBERED, ANY_REMEMBERED, GROUP_HAS_ANY, FORGET];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::queues::sqlite::schema::SCHEMA;
    use proptest::prelude::*;
    use std::time::Duration;

    const ENTRY: Entry =
        Entry { queue: 1, now: 1000, available_at: 0, remember: Duration::ZERO, hold: true };

    fn file() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA.tables).unwrap();
        connection.execute("INSERT INTO queues (id, name) VALUES (1, 'q')", []).unwrap();
        connection
    }

    /// All that is in the tables that messages enter.
    fn content(connection: &Connection) -> Vec<String> {
        let sql =
            "SELECT json_array(m.seq, state, id, grp, tag, attributes, hex(digest), not_before,
                   published_at, remember, due, available_at, hex(body))
                   FROM messages AS m LEFT JOIN bodies USING (seq) ORDER BY m.seq";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn row((id, body, group, due): (u8, bool, bool, bool)) -> Row {
        let mut message = Message::new(format!("id-{id}"), if body { "one" } else { "another" });
        message.group = group.then(|| "g".to_owned());
        message.not_before = due.then(|| "2026-01-01T00:00:00Z".parse().unwrap());
        Row::of(&message).unwrap()
    }

    proptest! {
        #[test]
        fn together_they_enter_as_one_by_one(
            // Few ids are met twice, or many; groups are rare, as they part what enters together.
            ids in 40u8..=u8::MAX,
            parts in prop::collection::vec((any::<u8>(), prop::bool::weighted(0.9),
                prop::bool::weighted(0.02), any::<bool>()), 0..140),
            remembered in prop::bool::weighted(0.1),
        ) {
            let parts = parts.into_iter().map(|(id, body, group, due)| (id % ids, body, group, due));
            let rows: Vec<_> = parts.map(row).collect();
            let (one_by_one, together) = (file(), file());
            if remembered {
                for connection in [&one_by_one, &together] {
                    let known = "INSERT INTO remembered VALUES (1, 'id-1', x'00', 5000)";
                    connection.execute(known, []).unwrap();
                }
            }
            let mut expected = Vec::new();
            for row in &rows {
                expected.extend(enter(&one_by_one, ENTRY, &[row]).unwrap());
            }
            let all: Vec<_> = rows.iter().collect();
            prop_assert_eq!(enter(&together, ENTRY, &all).unwrap(), expected);
            prop_assert_eq!(content(&together), content(&one_by_one));
        }
    }
}
