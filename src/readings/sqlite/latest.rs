//! The newest values: those of the last documents of each device.

use super::{Sqlite, rows};
use crate::readings::Latest;
use crate::readings::keys::{LOOSE, NEWEST, behind, prefix};
use crate::readings::shape::millis;
use crate::readings::tally::Newest;
use rusqlite::{Connection, OptionalExtension as _, params};

/// A document, and when it was stored.
type Stored = (String, Option<i64>);

impl Sqlite {
    /// The newest values of each series. Where keys are `DEVICE@TIME`, each device's last documents are
    /// looked up; else, and of a small table, all rows are read.
    pub(super) fn newest(&self, connection: &Connection) -> rusqlite::Result<Vec<Latest>> {
        let mut newest = Newest::default();
        let few = rows::ends(connection, &self.collection)?
            .is_none_or(|(first, last)| last - first < rows::FEW);
        let documents = if few { None } else { self.last_documents(connection)? };
        match documents {
            Some(documents) => self.add(&documents, &mut newest),
            None => self.each_seen(connection, rows::ALL, |_, seen| {
                seen.into_iter().for_each(|seen| newest.add(seen));
            })?,
        }
        Ok(newest.finish())
    }

    fn add(&self, documents: &[Stored], newest: &mut Newest) {
        let mut reader = self.shapes.reader();
        let seen = documents.iter().filter_map(|(json, stored)| reader.read(json, *stored));
        let mut seen: Vec<_> = seen.collect();
        seen.sort_by_key(|seen| seen.at);
        seen.iter().for_each(|seen| newest.add(seen));
    }

    /// The last documents of each device; `None` where many keys do not tell a device and a time.
    fn last_documents(&self, connection: &Connection) -> rusqlite::Result<Option<Vec<Stored>>> {
        let table = &self.collection;
        let first = format!("SELECT id FROM \"{table}\" WHERE id >= ?1 ORDER BY id LIMIT 1");
        let last = format!(
            "SELECT document, stored_at FROM \"{table}\" WHERE id >= ?1 AND id < ?2 \
             ORDER BY id DESC LIMIT ?3"
        );
        let (mut first, mut last) = (connection.prepare(&first)?, connection.prepare(&last)?);
        let (mut documents, mut loose, mut from) = (Vec::new(), 0, String::new());
        loop {
            let key = first.query_row([&from], |row| row.get::<_, String>(0)).optional()?;
            let Some(key) = key else { return Ok(Some(documents)) };
            let (start, end) = match prefix(&key) {
                Some(prefix) => (prefix.to_owned(), behind(prefix)),
                None if loose == LOOSE => return Ok(None),
                None => (key.clone(), format!("{key}\0")),
            };
            loose += usize::from(start == key);
            let found = last.query_map(params![start, end, NEWEST], |row| {
                let stored: Option<String> = row.get(1)?;
                Ok((row.get(0)?, stored.and_then(|stored| millis(&stored))))
            })?;
            documents.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
            from = end;
        }
    }
}
