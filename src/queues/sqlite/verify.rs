//! Verifies the file of an embedded queue: SQLite's own structure, and what our tables promise.

use super::codec::Reading;
use super::schema::SCHEMA;
use crate::clients::sqlite::Reader;
use crate::error::Result;
use crate::queues::Verified;
use rusqlite::{Connection, OptionalExtension as _};
use std::path::Path;

/// Verifies all queues of a file at one moment, through a connection that cannot write. It reads
/// the whole file: some seconds a gigabyte. Other programs work on meanwhile, but the log grows.
///
/// What is found is no error; a file that cannot be read, or is no queue's, is one.
pub async fn verify(path: &Path) -> Result<Vec<Verified>> {
    let reader = Reader::open(path, &SCHEMA).await?;
    reader.read(verified).await
}

/// Verifies the tables behind this connection.
pub fn verified(connection: &Connection) -> rusqlite::Result<Vec<Verified>> {
    let mut all = vec![integrity(connection)?];
    // In a file whose pages are damaged, counts say nothing.
    if all[0].wrong == 0 {
        for (what, sql) in PROMISES {
            all.push(promise(connection, what, sql)?);
        }
        // Older versions have no such table.
        if connection.table_exists(None, "runs")? {
            all.push(promise(connection, RUNS.0, RUNS.1)?);
        }
        all.push(readable(connection)?);
    }
    Ok(all)
}

fn integrity(connection: &Connection) -> rusqlite::Result<Verified> {
    let mut statement = connection.prepare("PRAGMA integrity_check(100)")?;
    let found: Vec<String> =
        statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let wrong: Vec<_> = found.into_iter().filter(|line| line != "ok").collect();
    let what = "pages, indexes and rows are whole";
    Ok(Verified { what, wrong: wrong.len() as u64, first: wrong.into_iter().next() })
}

/// Counts the rows that break a promise; each is named by its first column.
fn promise(connection: &Connection, what: &'static str, sql: &str) -> rusqlite::Result<Verified> {
    let count = format!("SELECT count(*) FROM ({sql})");
    let wrong: i64 = connection.query_row(&count, [], |row| row.get(0))?;
    let first = match wrong {
        0 => None,
        _ => connection.query_row(&format!("{sql} LIMIT 1"), [], |row| row.get(0)).optional()?,
    };
    Ok(Verified { what, wrong: wrong.unsigned_abs(), first })
}

/// Reads every row as whoever receives or looks does.
fn readable(connection: &Connection) -> rusqlite::Result<Verified> {
    let mut check =
        Verified { what: "every message and dead letter can be read", wrong: 0, first: None };
    for (what, sql) in READABLE {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(fault) = Reading::of(row)?.fault {
                let name = format!("{what} {}: {fault}", row.get::<_, i64>(0)?);
                check.wrong += 1;
                check.first.get_or_insert(name);
            }
        }
    }
    Ok(check)
}

/// The columns of a `Reading`. A body is not fetched, only its type.
const READABLE: [(&str, &str); 2] = [
    (
        "message",
        "SELECT seq, id, grp, tag, attributes, published_at, not_before, attempts,
                CASE WHEN typeof(body) IN ('blob', 'text') THEN x'' END
         FROM messages LEFT JOIN bodies USING (seq)",
    ),
    (
        "dead letter",
        "SELECT seq, id, grp, tag, attributes, published_at, not_before, attempts,
                CASE WHEN typeof(body) IN ('blob', 'text') THEN x'' END
         FROM dead",
    ),
];

/// What should be so, and the rows where it is not.
const PROMISES: &[(&str, &str)] = &[
    (
        "every message has a body",
        "SELECT 'message ' || seq FROM messages WHERE seq NOT IN (SELECT seq FROM bodies)",
    ),
    (
        "every body has a message",
        "SELECT 'body ' || seq FROM bodies WHERE seq NOT IN (SELECT seq FROM messages)",
    ),
    (
        "every message is in a queue",
        "SELECT 'queue ' || queue || ', message ' || seq FROM messages
         WHERE queue NOT IN (SELECT id FROM queues)",
    ),
    (
        "every dead letter is in a queue",
        "SELECT 'queue ' || queue || ', dead letter ' || seq FROM dead
         WHERE queue NOT IN (SELECT id FROM queues)",
    ),
    (
        "every message is ready, waiting, scheduled or leased",
        "SELECT 'message ' || seq FROM messages WHERE state NOT IN (0, 1, 2, 3)",
    ),
    (
        "a lease has an end, a length and a token, and nothing else has",
        "SELECT 'message ' || seq FROM messages
         WHERE CASE state WHEN 3 THEN typeof(due) <> 'integer' OR span IS NULL OR token IS NULL
                          ELSE span IS NOT NULL OR token IS NOT NULL END",
    ),
    (
        "what is scheduled has a time",
        "SELECT 'message ' || seq FROM messages WHERE state = 2 AND typeof(due) <> 'integer'",
    ),
    (
        "what waits has a group",
        "SELECT 'message ' || seq FROM messages WHERE state = 1 AND grp IS NULL",
    ),
    (
        "of every group one is offered, or some are leased",
        // The offered one alone, or leased ones alone; behind them any number.
        "SELECT 'the group of message ' || min(seq) FROM messages WHERE grp IS NOT NULL
         GROUP BY queue, grp
         HAVING NOT ((sum(state IN (0, 2)) = 1 AND sum(state = 3) = 0)
                  OR (sum(state IN (0, 2)) = 0 AND sum(state = 3) > 0))",
    ),
    (
        "attributes are a JSON object",
        "SELECT 'message ' || seq FROM messages
         WHERE attributes IS NOT NULL AND NOT (json_valid(attributes) AND json_type(attributes) = 'object')
         UNION ALL
         SELECT 'dead letter ' || seq FROM dead
         WHERE attributes IS NOT NULL AND NOT (json_valid(attributes) AND json_type(attributes) = 'object')",
    ),
    (
        "counts by state agree with the count of messages",
        "SELECT states || ' by state, ' || messages || ' in all' FROM (
           SELECT (SELECT count(*) FROM messages WHERE state = 0 AND tag IS NULL)
                + (SELECT count(*) FROM messages WHERE state = 0 AND tag IS NOT NULL)
                + (SELECT count(*) FROM messages WHERE state = 1)
                + (SELECT count(*) FROM messages WHERE state = 2)
                + (SELECT count(*) FROM messages WHERE state = 3) AS states,
                (SELECT count(*) FROM messages) AS messages)
         WHERE states <> messages",
    ),
];

/// What of a group is leased, and what the file notes of it.
const RUNS: (&str, &str) = (
    "of every group it is noted how far it is leased",
    "SELECT 'message ' || seq FROM messages
     WHERE state = 3 AND grp IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM runs
       WHERE runs.queue = messages.queue AND runs.grp = messages.grp AND seq <= last)
     UNION ALL
     SELECT 'the run up to message ' || last FROM runs WHERE NOT EXISTS (
       SELECT 1 FROM messages
       WHERE messages.queue = runs.queue AND messages.grp = runs.grp AND state = 3)",
);

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA.tables).unwrap();
        let good = "
            INSERT INTO queues (id, name) VALUES (1, 'default');
            INSERT INTO messages (seq, queue, state, id, grp, digest, published_at, remember, due, span, token)
            VALUES (1, 1, 0, 'a', NULL, x'', 0, 0, NULL, NULL, NULL),
                   (2, 1, 0, 'b', 'g', x'', 0, 0, NULL, NULL, NULL),
                   (3, 1, 1, 'c', 'g', x'', 0, 0, NULL, NULL, NULL),
                   (4, 1, 2, 'd', NULL, x'', 0, 0, 9, NULL, NULL),
                   (5, 1, 3, 'e', 'h', x'', 0, 0, 9, 9, 9);
            INSERT INTO runs (queue, grp, last) VALUES (1, 'h', 5);
            INSERT INTO bodies SELECT seq, x'' FROM messages;
            INSERT INTO dead (seq, queue, id, attributes, body, published_at, attempts, died_at, reason)
            VALUES (1, 1, 'x', '{}', x'', 0, 1, 0, '');";
        connection.execute_batch(good).unwrap();
        connection
    }

    fn broken(connection: &Connection) -> Vec<(&'static str, u64)> {
        let checks = verified(connection).unwrap();
        checks.into_iter().filter(|it| it.wrong > 0).map(|it| (it.what, it.wrong)).collect()
    }

    #[test]
    fn a_good_file_keeps_every_promise() {
        assert_eq!(broken(&file()), []);
        assert_eq!(verified(&file()).unwrap().len(), PROMISES.len() + 3);
    }

    #[test]
    fn each_promise_can_be_broken() {
        let harm = [
            "DELETE FROM bodies WHERE seq = 1",
            "INSERT INTO bodies VALUES (99, x'')",
            "UPDATE messages SET queue = 7 WHERE seq = 1",
            "UPDATE dead SET queue = 7",
            "UPDATE messages SET state = 8 WHERE seq = 1",
            "UPDATE messages SET token = NULL WHERE seq = 5",
            "UPDATE messages SET due = NULL WHERE seq = 4",
            "UPDATE messages SET state = 1 WHERE seq = 1",
            "UPDATE messages SET state = 1 WHERE seq = 2",
            "UPDATE dead SET attributes = '[]'",
        ];
        for (at, sql) in harm.iter().enumerate() {
            let connection = file();
            connection.execute_batch(sql).unwrap();
            let broken = broken(&connection);
            assert!(broken.contains(&(PROMISES[at].0, 1)), "{sql}: {broken:?}");
        }
    }

    #[test]
    fn a_run_that_is_noted_otherwise_than_it_is_leased_is_named() {
        for (sql, named) in [
            ("DELETE FROM runs", "message 5"),
            ("UPDATE runs SET last = 4", "message 5"),
            ("INSERT INTO runs (queue, grp, last) VALUES (1, 'g', 2)", "the run up to message 2"),
        ] {
            let connection = file();
            connection.execute_batch(sql).unwrap();
            let checks = verified(&connection).unwrap();
            let check = checks.iter().find(|check| check.what == RUNS.0).unwrap();
            assert_eq!((check.wrong, check.first.as_deref()), (1, Some(named)), "{sql}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (sql, named) in [
            (
                "UPDATE messages SET not_before = '+12000-01-01T00:00:00Z' WHERE seq = 2",
                "message 2: its `not_before`",
            ),
            ("UPDATE messages SET id = CAST(x'ff' AS TEXT) WHERE seq = 3", "message 3: its id"),
            ("UPDATE messages SET attempts = -1 WHERE seq = 5", "message 5: its count of attempts"),
            ("UPDATE dead SET attributes = '{\"k\":1}'", "dead letter 1: its attributes"),
        ] {
            let connection = file();
            connection.execute_batch(sql).unwrap();
            let check = verified(&connection).unwrap().pop().unwrap();
            assert_eq!((check.wrong, check.first.as_deref()), (1, Some(named)), "{sql}");
        }
    }
}
