//! `mongodb://HOST/DB?collection=NAME`: a collection, read by ranges of its keys.
//!
//! Nothing but `find` is asked of the server, with the fields that are needed; all is counted here. Where
//! keys are `DEVICE@TIME`, as those of `nature-remo:` are, or ObjectIds, only the documents of the range
//! are read; else all of them are.

mod documents;
mod json;
mod keys;

use super::keys::{LOOSE, NEWEST, behind, prefix};
use super::tally::{Newest, Tally};
use super::{Backend, Chart, Documents, Latest, Options, Range, Shapes, Store};
use crate::error::Result;
use crate::location::Location;
use crate::sinks;
use crate::sinks::mongodb::{Connection, MongoDbOptions, Use};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use documents::Reading;
use keys::Keys;
use mongodb::Collection;
use mongodb::bson::raw::RawDocumentBuf;
use mongodb::bson::{Document, doc};
use std::sync::Arc;
use tokio::sync::Mutex;

/// How many documents are taken from the server at once.
const BATCH: u32 = 1000;
/// How many of the newest documents under ObjectIds are looked at.
const NEWEST_OF_ALL: i64 = 2000;

/// The kind of store that is a collection of a MongoDB.
pub struct MongoDbBackend;

#[async_trait]
impl Backend for MongoDbBackend {
    /// The server is not asked for anything yet; for `mongodb+srv:` the name server is.
    async fn open(&self, mut url: Location, options: &Options) -> Result<Box<dyn Store>> {
        let collection = url.get("collection").unwrap_or("messages").to_owned();
        let shapes = Shapes::take(&mut url, &collection)?;
        let mut asked = sinks::Options::new(options.environment.clone(), options.data_dir.clone());
        asked.write_timeout = options.timeout;
        let settings = MongoDbOptions::read(url, &asked).await?;
        let connection = Connection::new(settings, Use::Read, options.timeout)?;
        let words = format!("mongodb {}", connection.namespace());
        Ok(Box::new(Shared(Arc::new(MongoDb {
            connection,
            shapes,
            words,
            turn: Mutex::default(),
        }))))
    }
}

struct MongoDb {
    connection: Connection,
    shapes: Shapes,
    words: String,
    /// Held by whoever reads: others wait.
    turn: Mutex<()>,
}

/// A store, as several look at it at a time.
struct Shared(Arc<MongoDb>);

/// What is read of documents, and in which order.
#[derive(Debug, Clone)]
struct Question {
    filter: Document,
    fields: Document,
    /// 1 for the oldest key first, -1 for the newest.
    order: i32,
    limit: Option<i64>,
}

impl MongoDb {
    /// Which keys there are. The first key is looked for, then the first behind all of its device, and
    /// so on: one question a device.
    async fn keys(&self) -> Result<Vec<Keys>> {
        let (mut keys, mut loose, mut from) = (Vec::new(), 0, String::new());
        while let Some(key) = self.first_key(doc! { "_id": { "$gte": &from } }).await? {
            match prefix(&key) {
                Some(prefix) => {
                    from = behind(prefix);
                    keys.push(Keys::Of(prefix.to_owned()));
                }
                None if loose == LOOSE => return Ok(vec![Keys::All]),
                None => {
                    loose += 1;
                    from = format!("{key}\0");
                }
            }
        }
        let others = doc! { "_id": { "$not": { "$type": ["string", "objectId"] } } };
        if loose > 0 || self.first_key(others).await?.is_some() {
            return Ok(vec![Keys::All]);
        }
        let object_id = self.first_key(doc! { "_id": { "$type": "objectId" } }).await?;
        keys.extend(object_id.map(|_| Keys::ObjectIds));
        Ok(keys)
    }

    /// The first key that fits, as a text.
    async fn first_key(&self, filter: Document) -> Result<Option<String>> {
        let question = Question { filter, fields: doc! { "_id": 1 }, order: 1, limit: Some(1) };
        let found = self.all(question).await?;
        Ok(found.first().map(|document| json::of(document).0))
    }

    /// All that a question finds: few documents.
    async fn all(&self, question: Question) -> Result<Vec<RawDocumentBuf>> {
        let mut all = Vec::new();
        let mut cursor = None;
        while let Some(batch) = self.batch(&question, &mut cursor).await? {
            all.extend(batch);
        }
        Ok(all)
    }

    /// The next documents of a question, which is asked where there is no cursor yet; `None` after the
    /// last.
    async fn batch(
        &self,
        question: &Question,
        cursor: &mut Option<Cursor>,
    ) -> Result<Option<Vec<RawDocumentBuf>>> {
        let (collection, question, open) =
            (self.connection.collection(), question.clone(), cursor.take());
        let read = async move {
            let mut cursor = match open {
                Some(cursor) => cursor,
                None => question.ask(&collection).await?,
            };
            let mut batch = Vec::new();
            while batch.len() < BATCH as usize && cursor.advance().await? {
                batch.push(cursor.current().to_owned());
            }
            Ok((batch, cursor))
        };
        let (batch, open) = self.connection.read(read).await?;
        *cursor = Some(open);
        Ok((!batch.is_empty()).then_some(batch))
    }

    /// Shows the JSON of each document that a question finds.
    async fn each(&self, question: Question, mut show: impl FnMut(&str)) -> Result<()> {
        let mut cursor = None;
        while let Some(batch) = self.batch(&question, &mut cursor).await? {
            batch.iter().for_each(|document| show(&json::of(document).1.to_string()));
        }
        Ok(())
    }

    /// The fields of a document that tell of readings.
    fn fields(&self) -> Document {
        self.shapes.fields().into_iter().map(|field| (field, 1.into())).collect()
    }

    /// The newest documents of these keys.
    fn newest(&self, keys: &Keys) -> Question {
        let limit = match keys {
            Keys::Of(_) => Some(NEWEST),
            Keys::ObjectIds => Some(NEWEST_OF_ALL),
            Keys::All => None,
        };
        Question { filter: keys.between(None, None), fields: self.fields(), order: -1, limit }
    }
}

type Cursor = mongodb::Cursor<RawDocumentBuf>;

impl Question {
    async fn ask(self, collection: &Collection<RawDocumentBuf>) -> mongodb::error::Result<Cursor> {
        let find = collection.find(self.filter).projection(self.fields);
        let find = find.sort(doc! { "_id": self.order }).batch_size(BATCH);
        match self.limit {
            Some(limit) => find.limit(limit).await,
            None => find.await,
        }
    }
}

#[async_trait]
impl Store for Shared {
    fn describe(&self) -> &str {
        &self.0.words
    }

    async fn latest(&self) -> Result<Vec<Latest>> {
        let store = &self.0;
        let _turn = store.turn.lock().await;
        let mut documents = Vec::new();
        for keys in store.keys().await? {
            store.each(store.newest(&keys), |json| documents.push(json.to_owned())).await?;
        }
        let mut reader = store.shapes.reader();
        let mut seen: Vec<_> =
            documents.iter().filter_map(|json| reader.read(json, None)).collect();
        seen.sort_by_key(|seen| seen.at);
        let mut newest = Newest::default();
        seen.iter().for_each(|seen| newest.add(seen));
        Ok(newest.finish())
    }

    async fn chart(&self, range: Range, cells: usize, metrics: &[&str]) -> Result<Chart> {
        let store = &self.0;
        let _turn = store.turn.lock().await;
        let (mut tally, mut reader) = (Tally::new(range, cells, metrics), store.shapes.reader());
        for keys in store.keys().await? {
            let filter = keys.between(Some(range.from()), Some(range.to()));
            let question = Question { filter, fields: store.fields(), order: 1, limit: None };
            store.each(question, |json| tally.add(reader.read(json, None).as_ref())).await?;
        }
        Ok(tally.finish())
    }

    async fn documents(&self, since: Option<DateTime<Utc>>) -> Result<Documents> {
        Ok(Documents::of(Reading::begin(self.0.clone(), since).await?))
    }

    async fn close(self: Box<Self>) -> Result<()> {
        if let Some(store) = Arc::into_inner(self.0) {
            store.connection.close().await;
        }
        Ok(())
    }
}
