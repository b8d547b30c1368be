//! What an older version kept in an embedded queue's file under another name.
//!
//! A program that has the file open knows its queue by number, so nothing is moved that it may
//! still write to: a queue is given its new name, or, where there is one of that name already, a
//! name beside it. The old name may hold a secret, and is wiped out.

use super::options::SqliteOptions;
use super::schema::SCHEMA;
use crate::clients::sqlite::{Database, Reader};
use crate::error::Result;
use crate::location::Location;
use crate::queues::Options;
use rusqlite::{Connection, OptionalExtension as _, params};

/// What stands between a queue's name and the number of one beside it.
const BESIDE: &str = " (older ";

/// The names of the queues that belong to this URL's, those of older versions included, the oldest
/// first. Nothing is made or changed.
pub async fn names(url: Location, options: &Options, older: &[String]) -> Result<Vec<String>> {
    let SqliteOptions { path, name, .. } = SqliteOptions::of(url, options)?;
    let Some(reader) = Reader::open_if_there(&path, &SCHEMA).await? else { return Ok(Vec::new()) };
    let older = older.to_vec();
    reader.read(move |c| find(c, &name, &older)).await
}

/// Gives the queues of older versions names of today, and their dead letters to the queue itself.
pub async fn adopt(url: Location, options: &Options, older: &[String]) -> Result<()> {
    let there = names(url.clone(), options, older).await?;
    let there: Vec<_> = there.into_iter().filter(|name| older.contains(name)).collect();
    if there.is_empty() {
        return Ok(());
    }
    let SqliteOptions { path, name, .. } = SqliteOptions::of(url, options)?;
    let database = Database::open(&path, &SCHEMA).await?;
    let renamed = database.write(move |c| wipe_out(c, |c| rename_all(c, &there, &name))).await;
    renamed.and(database.close().await)
}

/// Does this, and leaves no trace on disk of what it takes away.
pub fn wipe_out<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.pragma_update(None, "secure_delete", true)?;
    let done = work(connection);
    connection.pragma_update(None, "secure_delete", false)?;
    done
}

fn rename_all(connection: &Connection, older: &[String], name: &str) -> rusqlite::Result<()> {
    older.iter().try_for_each(|old| rename(connection, old, name))
}

fn rename(connection: &Connection, old: &str, name: &str) -> rusqlite::Result<()> {
    let number = |name: &str| -> rusqlite::Result<Option<i64>> {
        let found = connection.prepare_cached("SELECT id FROM queues WHERE name = ?1");
        found?.query_row([name], |row| row.get(0)).optional()
    };
    // Another process may have been here first.
    let Some(id) = number(old)? else { return Ok(()) };
    let new = match number(name)? {
        None => name.to_owned(),
        Some(own) => {
            let bury = "UPDATE dead SET queue = ?1 WHERE queue = ?2";
            connection.execute(bury, [own, id])?;
            format!("{name}{BESIDE}{id})")
        }
    };
    connection.execute("UPDATE queues SET name = ?2 WHERE id = ?1", params![id, new]).map(drop)
}

fn find(connection: &Connection, name: &str, older: &[String]) -> rusqlite::Result<Vec<String>> {
    let beside = format!("{name}{BESIDE}");
    let mut statement = connection.prepare("SELECT name FROM queues ORDER BY id")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut names: Vec<_> = names.collect::<rusqlite::Result<_>>()?;
    names.retain(|it| it == name || it.starts_with(&beside) || older.contains(it));
    // The queue itself is the youngest.
    names.sort_by_key(|it| it == name);
    Ok(names)
}
