//! Whole documents, in steps: between two of them others read, and the store's log may shrink.

use super::rows::{self, Row};
use super::{SKEW, Sqlite};
use crate::clients::sqlite::Reader;
use crate::error::Result;
use crate::readings::document::{Document, Steps};
use crate::readings::shape::DocumentReader;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rusqlite::Connection;
use std::sync::Arc;

/// How many documents are read in one step, at most.
const DOCUMENTS: usize = 500;
/// After how many bytes a step ends.
const BYTES: usize = 1 << 20;

/// A read of all documents since a time.
pub(super) struct Reading {
    store: Arc<Sqlite>,
    reader: Arc<Reader>,
    since: Option<DateTime<Utc>>,
    /// The number of the last row that was read; `None` before the first step.
    last: Option<i64>,
}

/// What one step gave, and the number of the last row that it has seen; `None` after the last row.
type Step = (Vec<Document>, Option<i64>);

impl Reading {
    pub(super) async fn begin(store: Arc<Sqlite>, since: Option<DateTime<Utc>>) -> Result<Self> {
        let reader = Arc::new(store.reader().await?);
        Ok(Self { store, reader, since, last: None })
    }
}

#[async_trait]
impl Steps for Reading {
    async fn next(&mut self) -> Result<Option<Vec<Document>>> {
        let (since, last) = (self.since, self.last);
        let (store, reader) = (self.store.clone(), self.reader.clone());
        let step = self.store.look_with(&reader, move |connection| {
            let behind = match last {
                Some(last) => last,
                None => store.begin_of(connection, since)?,
            };
            store.step(connection, behind, since)
        });
        let (documents, last) = step.await?;
        self.last = last;
        Ok(last.map(|_| documents))
    }
}

impl Sqlite {
    fn begin_of(
        &self,
        connection: &Connection,
        since: Option<DateTime<Utc>>,
    ) -> rusqlite::Result<i64> {
        match since.and_then(|since| since.checked_sub_signed(SKEW)) {
            Some(since) => rows::behind(connection, &self.collection, since),
            None => Ok(i64::MIN),
        }
    }

    fn step(
        &self,
        connection: &Connection,
        behind: i64,
        since: Option<DateTime<Utc>>,
    ) -> rusqlite::Result<Step> {
        let (mut documents, mut bytes, mut last) = (Vec::new(), 0, None);
        let mut reader = self.shapes.reader();
        rows::each(connection, &self.collection, (behind, i64::MAX), |row| {
            last = Some(row.number()?);
            let document = document(row, &mut reader)?;
            if since.is_none_or(|since| document.is_since(since)) {
                bytes += document.json.len();
                documents.push(document);
            }
            Ok(documents.len() < DOCUMENTS && bytes < BYTES)
        })?;
        Ok((documents, last))
    }
}

fn document(row: &Row, reader: &mut DocumentReader) -> rusqlite::Result<Document> {
    let (id, json) = (row.id()?.into_owned(), row.document()?.into_owned());
    let stored_at = row.stored_at();
    let observed = reader.read(&json, stored_at).and_then(|seen| seen.observed());
    let stored_at = stored_at.and_then(DateTime::from_timestamp_millis);
    Ok(Document { id, json, stored_at, observed })
}
