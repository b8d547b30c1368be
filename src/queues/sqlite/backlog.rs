//! Whether anything is left in an embedded queue, at a cost that does not grow with how much.

use super::clock::{self, Now, TOLERATED};
use super::lookup;
use super::options::SqliteOptions;
use super::schema::SCHEMA;
use crate::clients::sqlite::Reader;
use crate::error::Result;
use crate::location::Location;
use crate::queues::{Backlog, Options};
use rusqlite::{Connection, params};

/// Counts at most so many messages. Makes nothing: a queue that is not there holds none.
pub async fn backlog(url: Location, options: &Options, at_most: u64) -> Result<Backlog> {
    let SqliteOptions { path, name, .. } = SqliteOptions::of(url, options)?;
    let Some(reader) = Reader::open_if_there(&path, &SCHEMA).await? else {
        return Ok(Backlog::default());
    };
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    let clock = options.clock.clone();
    let found = reader.read(move |c| match lookup::find(c, &name)? {
        Some((number, _)) => count(c, number, at_most, clock::look(c, &clock)?),
        None => Ok(Backlog::default()),
    });
    found.await
}

fn count(connection: &Connection, queue: i64, at_most: i64, now: Now) -> rusqlite::Result<Backlog> {
    let messages: i64 =
        connection.prepare_cached(COUNT)?.query_row(params![queue, at_most], |row| row.get(0))?;
    let live = params![queue, now.lease, now.lease + TOLERATED];
    let leased = connection.prepare_cached(ANY_LEASED)?.exists(live)?;
    Ok(Backlog { messages: messages.unsigned_abs(), leased })
}

const COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM messages WHERE queue = ?1 LIMIT ?2)";
/// A lease has ended when its time is over, or when it was given by a clock that has since been set
/// back.
const ANY_LEASED: &str = "SELECT 1 FROM messages
  WHERE queue = ?1 AND state = 3 AND due > ?2 AND due - span <= ?3 LIMIT 1";

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::StatementStatus;

    const FILL: &str = "
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
INSERT INTO messages (queue, state, id, digest, published_at, remember, due, span)
SELECT 1, CASE WHEN n % 2 = 0 THEN 3 ELSE 0 END, n, x'', 0, 0, 5000, 1000 FROM numbers";

    /// A queue of this many messages, half of them leased from the fourth second to the fifth.
    fn filled(messages: i64) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA.tables).unwrap();
        connection.execute(FILL, [messages]).unwrap();
        connection
    }

    fn steps(connection: &Connection) -> i32 {
        let steps =
            |sql| connection.prepare_cached(sql).unwrap().reset_status(StatementStatus::VmStep);
        steps(COUNT) + steps(ANY_LEASED)
    }

    #[test]
    fn it_counts_as_far_as_it_is_asked_to() {
        let connection = filled(5);
        let is = |queue, at_most, messages, leased| {
            let expected = Backlog { messages, leased };
            assert_eq!(count(&connection, queue, at_most, at(4500)).unwrap(), expected);
        };
        is(1, 0, 0, true);
        is(1, 1, 1, true);
        is(1, 5, 5, true);
        is(1, 9, 5, true);
        is(2, 9, 0, false);
    }

    fn at(lease: i64) -> Now {
        Now { lease, day: 0 }
    }

    #[test]
    fn a_lease_that_has_ended_is_nobodys() {
        let connection = filled(4);
        for (now, leased) in [(4999, true), (5000, false), (4000 - TOLERATED - 1, false)] {
            assert_eq!(count(&connection, 1, 1, at(now)).unwrap().leased, leased, "{now}");
        }
    }

    #[test]
    fn whether_anything_waits_costs_the_same_however_much_it_is() {
        let cost = |messages| {
            let connection = filled(messages);
            steps(&connection);
            assert_eq!(count(&connection, 1, 1, at(9000)).unwrap().messages, 1);
            steps(&connection)
        };
        let (few, many) = (cost(10), cost(100_000));
        assert_eq!(few, many);
    }
}
