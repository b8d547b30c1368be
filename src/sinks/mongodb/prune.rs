//! Documents taken out of a collection of a MongoDB.

use super::failure::Failure;
use super::{MongoDb, MongoDbBackend, MongoDbOptions};
use crate::error::Result;
use crate::location::Location;
use crate::sinks::Options;
use crate::sinks::prune::{Prune, Remover, Stored};
use async_trait::async_trait;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, doc};

#[async_trait]
impl Prune for MongoDbBackend {
    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Remover>> {
        let settings = MongoDbOptions::read(url, options).await?;
        Ok(Box::new(MongoDb::new(settings, options.write_timeout)?))
    }
}

#[async_trait]
impl Remover for MongoDb {
    /// When a document was stored MongoDB does not keep: one goes by its id alone.
    async fn remove(&self, documents: &[Stored]) -> Result<u64> {
        let ids: Vec<_> = documents.iter().flat_map(|document| keys(&document.id)).collect();
        let (these, collection) = (doc! { "_id": { "$in": ids } }, self.store.collection.clone());
        let removed =
            self.connection.within_limit(async move { collection.delete_many(these).await }).await;
        match removed {
            Ok(Ok(removed)) => Ok(removed.deleted_count),
            Ok(Err(cause)) => Err(self.connection.explain(&Failure::of(&cause))),
            Err(failure) => Err(self.connection.explain(&failure)),
        }
    }

    async fn close(self: Box<Self>) -> Result<()> {
        crate::sinks::Sink::close(self).await
    }
}

/// The keys that an id may be: a text, or an ObjectId as another program's driver made it.
fn keys(id: &str) -> impl Iterator<Item = Bson> {
    let made = ObjectId::parse_str(id).ok().map(Bson::ObjectId);
    std::iter::once(Bson::String(id.to_owned())).chain(made)
}
