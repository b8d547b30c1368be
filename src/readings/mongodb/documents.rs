//! Whole documents, in steps: between two of them others read.

use super::keys::Keys;
use super::{Cursor, MongoDb, Question, json};
use crate::error::Result;
use crate::readings::document::{Document, Steps};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mongodb::bson::raw::{RawBsonRef, RawDocument, RawDocumentBuf};
use mongodb::bson::{self, doc};
use std::sync::Arc;

/// A read of all documents since a time.
pub(super) struct Reading {
    store: Arc<MongoDb>,
    since: Option<DateTime<Utc>>,
    /// What is still to be asked; the last comes first.
    due: Vec<Question>,
    cursor: Option<Cursor>,
}

impl Reading {
    pub(super) async fn begin(store: Arc<MongoDb>, since: Option<DateTime<Utc>>) -> Result<Self> {
        let keys = match since {
            Some(_) => {
                let _turn = store.turn.lock().await;
                store.keys().await?
            }
            None => vec![Keys::All],
        };
        let question = |keys: &Keys| Question {
            filter: keys.between(since, None),
            fields: doc! {},
            order: 1,
            limit: None,
        };
        let due = keys.iter().rev().map(question).collect();
        Ok(Self { store, since, due, cursor: None })
    }

    fn document(&self, raw: &RawDocumentBuf) -> Document {
        let (id, json) = json::of(raw);
        let (json, stored_at) = (json.to_string(), made_at(raw));
        let millis = stored_at.map(|at| at.timestamp_millis());
        let observed = self.store.shapes.read(&json, millis).and_then(|seen| seen.observed());
        Document { id, json, stored_at, observed }
    }
}

/// When a document was stored, where its key tells.
fn made_at(document: &RawDocument) -> Option<DateTime<Utc>> {
    match document.get("_id") {
        Ok(Some(RawBsonRef::ObjectId(id))) => made(id),
        _ => None,
    }
}

fn made(id: bson::oid::ObjectId) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(id.timestamp().timestamp_millis())
}

#[async_trait]
impl Steps for Reading {
    async fn next(&mut self) -> Result<Option<Vec<Document>>> {
        let Some(question) = self.due.last() else { return Ok(None) };
        let _turn = self.store.turn.lock().await;
        let Some(batch) = self.store.batch(question, &mut self.cursor).await? else {
            (self.cursor, _) = (None, self.due.pop());
            return Ok(Some(Vec::new()));
        };
        let documents = batch.iter().map(|raw| self.document(raw));
        let wanted = |document: &Document| self.since.is_none_or(|since| document.is_since(since));
        Ok(Some(documents.filter(wanted).collect()))
    }
}
