//! When something was last stored in a collection.

use super::{SCHEMA, SqliteOptions};
use crate::clients::sqlite::Reader;
use crate::error::Result;
use crate::location::Location;
use crate::sinks::Options;
use crate::sinks::freshness::{Freshness, Newest};
use crate::times;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

/// How many of the rows that were made last are looked at before all are: one that was replaced is newer
/// than its place says.
const LAST: u32 = 1000;

#[async_trait]
impl Freshness for super::SqliteBackend {
    async fn newest(
        &self,
        url: Location,
        options: &Options,
        enough: DateTime<Utc>,
    ) -> Result<Newest> {
        let SqliteOptions { path, collection, .. } = SqliteOptions::of(url, options)?;
        let Some(reader) = Reader::open_if_there(&path, &SCHEMA).await? else {
            return Ok(Newest::Never);
        };
        reader.read(move |connection| newest(connection, &collection, enough)).await
    }
}

fn newest(connection: &Connection, table: &str, enough: DateTime<Utc>) -> rusqlite::Result<Newest> {
    let is_there = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
    if !connection.prepare(is_there)?.exists([table])? {
        return Ok(Newest::Never);
    }
    // What stands behind the digits is no time of ours.
    let last = format!(
        "SELECT max(stored_at) FROM (SELECT stored_at FROM \"{table}\" ORDER BY rowid DESC LIMIT ?1)
         WHERE stored_at < ':'"
    );
    let last = time(connection.query_row(&last, params![LAST], |row| row.get(0))?);
    if let Some(last) = last.filter(|last| *last >= enough) {
        return Ok(Newest::At(last));
    }
    let all = format!("SELECT max(stored_at) FROM \"{table}\" WHERE stored_at < ':'");
    let newest = time(connection.query_row(&all, [], |row| row.get(0))?);
    Ok(match newest {
        Some(newest) => Newest::At(newest),
        None if any(connection, table)? => Newest::Unknown,
        None => Newest::Never,
    })
}

fn any(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    connection.prepare(&format!("SELECT 1 FROM \"{table}\" LIMIT 1"))?.exists([])
}

fn time(text: Option<String>) -> Option<DateTime<Utc>> {
    text.and_then(|text| times::parse(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        times::parse(text).unwrap()
    }

    #[test]
    fn the_newest_is_found_wherever_it_stands() {
        let connection = Connection::open_in_memory().unwrap();
        let newest = |enough| newest(&connection, "r", at(enough)).unwrap();
        assert_eq!(newest("2026-01-01T00:00:00Z"), Newest::Never);
        connection
            .execute_batch(
                "CREATE TABLE r (id TEXT PRIMARY KEY, document TEXT NOT NULL, stored_at TEXT NOT NULL)",
            )
            .unwrap();
        assert_eq!(newest("2026-01-01T00:00:00Z"), Newest::Never);
        connection.execute("INSERT INTO r VALUES ('odd', '{}', 'yesterday')", []).unwrap();
        assert_eq!(newest("2026-01-01T00:00:00Z"), Newest::Unknown);
        // The oldest row was replaced, and is the newest document.
        connection
            .execute_batch(
                "UPDATE r SET stored_at = '2026-03-01T00:00:00.000Z';
                 WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1500)
                 INSERT INTO r SELECT n, '{}', '2026-02-01T00:00:00.000Z' FROM n",
            )
            .unwrap();
        let (february, march) = (at("2026-02-01T00:00:00Z"), at("2026-03-01T00:00:00Z"));
        assert_eq!(newest("2026-02-01T00:00:00Z"), Newest::At(february));
        assert_eq!(newest("2026-02-02T00:00:00Z"), Newest::At(march));
        assert_eq!(newest("2026-04-01T00:00:00Z"), Newest::At(march));
    }
}
