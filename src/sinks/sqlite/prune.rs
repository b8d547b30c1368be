//! Documents taken out of a collection, a transaction a step.

use super::{SCHEMA, SqliteOptions};
use crate::clients::sqlite::Database;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::sinks::Options;
use crate::sinks::prune::{Prune, Remover, Stored};
use crate::times;
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _};
use std::sync::Arc;

#[async_trait]
impl Prune for super::SqliteBackend {
    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Remover>> {
        let SqliteOptions { path, collection, .. } = SqliteOptions::of(url, options)?;
        match Database::open_if_there(&path, &SCHEMA).await? {
            Some(database) => Ok(Box::new(Collection { database, name: collection })),
            None => Err(Error::new(
                Kind::Configuration,
                format!("there is no store in `{}`", path.display()),
            )
            .hint("name the file of a store that is there")),
        }
    }
}

struct Collection {
    database: Arc<Database>,
    /// A name that needs no quotes.
    name: String,
}

#[async_trait]
impl Remover for Collection {
    async fn remove(&self, documents: &[Stored]) -> Result<u64> {
        let (name, documents) = (self.name.clone(), documents.to_vec());
        self.database.write(move |c| remove(c, &name, &documents)).await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.database.give_back_pages().await;
        self.database.close().await
    }
}

fn remove(connection: &Connection, table: &str, documents: &[Stored]) -> rusqlite::Result<u64> {
    let mut find =
        connection.prepare_cached(&format!("SELECT stored_at FROM \"{table}\" WHERE id = ?1"))?;
    let mut delete =
        connection.prepare_cached(&format!("DELETE FROM \"{table}\" WHERE id = ?1"))?;
    let mut removed = 0;
    for Stored { id, stored_at } in documents {
        let found = find.query_row([id], |row| row.get::<_, Option<String>>(0)).optional()?;
        let is_it = found.is_some_and(|found| {
            let found = found.and_then(|text| times::parse(&text));
            found.map(|at| at.timestamp_millis()) == stored_at.map(|at| at.timestamp_millis())
        });
        if is_it {
            removed += delete.execute([id])? as u64;
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replaced_since_it_was_seen_stays() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE \"r\" (id TEXT PRIMARY KEY, document TEXT NOT NULL, stored_at TEXT);
                 INSERT INTO r VALUES ('old', '{}', '2020-01-01T00:00:00.000Z'),
                   ('new', '{}', '2026-01-01T00:00:00.000Z'), ('odd', '{}', 'yesterday');",
            )
            .unwrap();
        let seen = |id: &str, at: Option<&str>| Stored {
            id: id.to_owned(),
            stored_at: at.and_then(times::parse),
        };
        let at = Some("2020-01-01T09:00:00+09:00");
        let documents = [seen("old", at), seen("new", at), seen("odd", None), seen("none", None)];
        assert_eq!(remove(&connection, "r", &documents).unwrap(), 2);
        let left: String = connection.query_row("SELECT id FROM r", [], |row| row.get(0)).unwrap();
        assert_eq!(left, "new");
    }
}
