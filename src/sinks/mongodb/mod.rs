//! `mongodb:`: one document per message in a collection, its `_id` the message's id.
//!
//! The URL is the driver's own connection string with three parameters of ours: `collection=NAME`
//! (`messages` without it), `dates=KEY,KEY` (RFC 3339 text under these keys, at any depth, becomes a
//! date; else `created_at`, `updated_at` and `request_at`) and `conflict=keep|replace`. Numbers
//! under `val` are doubles, other whole numbers 64-bit integers; one that would not keep its value is
//! refused. User and password come from
//! `MONGODB_USERNAME` and `MONGODB_PASSWORD` or `MONGODB_PASSWORD_FILE`, as they are. A write counts
//! when a majority has it in its journal, unless the URL says otherwise.
//!
//! With `conflict=replace` what was written last stands, so the order matters to this sink.

mod backend;
mod compression;
mod connection;
mod date;
mod document;
mod failure;
mod freshness;
mod number;
mod oddity;
mod options;
mod preflight;
mod prune;
mod same;
mod store;

pub use backend::MongoDbBackend;
pub(crate) use connection::{Connection, Use};
pub(crate) use options::MongoDbOptions;

use super::{Conflict, Outcome, Sink};
use crate::error::Result;
use crate::message::Delivery;
use async_trait::async_trait;
use document::Rules;
use mongodb::bson::raw::RawDocumentBuf;
use mongodb::bson::{Document, doc};
use mongodb::options::{ReadPreference, SelectionCriteria};
use std::time::Duration;
use store::{Store, Written};

/// A collection of a MongoDB database.
struct MongoDb {
    connection: Connection,
    store: Store,
    rules: Rules,
}

impl MongoDb {
    fn new(settings: MongoDbOptions, timeout: Duration) -> Result<Self> {
        let (rules, conflict) = (settings.rules.clone(), settings.conflict);
        let connection = Connection::new(settings, Use::Write, timeout)?;
        let store = Store { collection: connection.collection(), conflict, limit: timeout };
        Ok(Self { connection, store, rules })
    }

    async fn insert(&self, documents: Vec<RawDocumentBuf>) -> Vec<Outcome> {
        if documents.is_empty() {
            return Vec::new();
        }
        let (count, store) = (documents.len(), self.store.clone());
        let written =
            self.connection.within_limit(async move { store.write(&documents).await }).await;
        written.unwrap_or_else(|failure| Written::failed(count, &failure)).outcomes
    }
}

#[async_trait]
impl Sink for MongoDb {
    /// Asks for the primary and for one document, which proves that we may read; that we may not
    /// write shows at a write, which says so itself.
    async fn ping(&self) -> Result<()> {
        let (client, collection) = (self.connection.client.clone(), self.store.collection.clone());
        let limit = self.connection.timeout;
        let look = async move {
            let primary = || SelectionCriteria::ReadPreference(ReadPreference::Primary);
            let database = client.database(&collection.namespace().db);
            let ping: Document = doc! { "ping": 1 };
            database.run_command(ping).selection_criteria(primary()).await?;
            let look = collection.find_one(doc! { "_id": "" }).max_time(limit);
            look.selection_criteria(primary()).await.map(|_| ())
        };
        self.connection.read(look).await
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let (mut documents, mut refused) = (Vec::with_capacity(batch.len()), Vec::new());
        for (at, Delivery { message, .. }) in batch.iter().enumerate() {
            match self.rules.document(&message.id, &message.body) {
                Ok(document) => documents.push(document),
                Err(reason) => refused.push((at, Outcome::Reject(reason))),
            }
        }
        let mut outcomes = self.insert(documents).await;
        // From the front on, each place is the right one once those before it are filled.
        for (at, outcome) in refused {
            outcomes.insert(at, outcome);
        }
        outcomes
    }

    fn ordered(&self) -> bool {
        self.store.conflict == Conflict::Replace
    }

    async fn close(self: Box<Self>) -> Result<()> {
        drop(self.store);
        self.connection.close().await;
        Ok(())
    }
}
