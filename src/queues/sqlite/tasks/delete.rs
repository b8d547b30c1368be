//! Tasks are deleted by their names, whoever has them leased.

use super::add::still_counts;
use crate::queues::Deleted;
use crate::queues::sqlite::codec::integer;
use crate::queues::sqlite::settle::Ending;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// Deletes these; a name that a caller chose counts on.
pub fn delete(
    connection: &Connection,
    queue: i64,
    now: i64,
    names: &[String],
) -> rusqlite::Result<Vec<Deleted>> {
    let mut ending = Ending::new(connection, queue, now)?;
    let deleted = names
        .iter()
        .map(|name| delete_one(connection, queue, now, &mut ending, name))
        .collect::<rusqlite::Result<_>>()?;
    ending.finish()?;
    Ok(deleted)
}

fn delete_one(
    connection: &Connection,
    queue: i64,
    now: i64,
    ending: &mut Ending<'_>,
    name: &str,
) -> rusqlite::Result<Deleted> {
    let mut statement = connection.prepare_cached(FIND)?;
    let place = |row: &Row<'_>| {
        Ok((row.get(0)?, row.get(1)?, integer(row.get_ref(2)?).unwrap_or_default()))
    };
    if let Some((seq, group, remember)) =
        statement.query_row(params![queue, name], place).optional()?
    {
        return ending.forget(seq, group, remember).map(|_| Deleted::Done);
    }
    let counts = still_counts(connection, queue, now, name)?;
    Ok(if counts { Deleted::Before } else { Deleted::Unknown })
}

const FIND: &str = "SELECT seq, grp, remember FROM messages WHERE queue = ?1 AND id = ?2";

#[cfg(test)]
pub const HOT: &[&str] = &[FIND];
