//! When something was last stored in a collection: MongoDB keeps no such time, so it is the newest
//! that a key holds.
//!
//! Keys with times are ObjectIds, UUIDs of version 7, which is what `publish` gives by itself, and
//! `DEVICE@TIME`, as those of readings are. Each kind is asked for its last one by the index of keys.

use super::{MongoDb, MongoDbBackend, MongoDbOptions};
use crate::error::Result;
use crate::location::Location;
use crate::sinks::freshness::{Freshness, Newest};
use crate::sinks::{Options, Sink as _};
use crate::times;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{ReadPreference, SelectionCriteria};
use uuid::Uuid;

/// How many keys without a time are passed over before it is given up.
const LOOSE: usize = 64;
/// The first key behind all UUIDs of version 7 until the year 2248.
const BEHIND_UUIDS: &str = "02";

#[async_trait]
impl Freshness for MongoDbBackend {
    async fn newest(
        &self,
        url: Location,
        options: &Options,
        enough: DateTime<Utc>,
    ) -> Result<Newest> {
        let settings = MongoDbOptions::read(url, options).await?;
        let sink = Box::new(MongoDb::new(settings, options.write_timeout)?);
        let newest = sink.newest(enough).await;
        sink.close().await.and(newest)
    }
}

impl MongoDb {
    async fn newest(&self, enough: DateTime<Utc>) -> Result<Newest> {
        let object_ids = doc! { "_id": { "$type": "objectId" } };
        let mut newest = self.end(object_ids, -1).await?.as_ref().and_then(time_of);
        let (mut from, mut loose) = (String::new(), 0);
        while newest.is_none_or(|newest| newest < enough) && loose < LOOSE {
            let Some(Bson::String(key)) = self.end(doc! { "_id": { "$gte": &from } }, 1).await?
            else {
                break;
            };
            match stretch(&key) {
                Some((begin, end)) => {
                    let keys = doc! { "_id": { "$gte": begin, "$lt": &end } };
                    newest = newest.max(self.end(keys, -1).await?.as_ref().and_then(time_of));
                    from = end;
                }
                None => {
                    loose += 1;
                    from = format!("{key}\0");
                }
            }
        }
        match newest {
            Some(newest) if loose == 0 || newest >= enough => Ok(Newest::At(newest)),
            None if self.end(doc! {}, 1).await?.is_none() => Ok(Newest::Never),
            _ => Ok(Newest::Unknown),
        }
    }

    /// The first key that fits, or by -1 the last one.
    async fn end(&self, filter: Document, order: i32) -> Result<Option<Bson>> {
        let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
        let collection = self.store.collection.clone_with_type::<Document>();
        let limit = self.connection.timeout;
        let look = async move {
            let find = collection.find_one(filter).projection(doc! { "_id": 1 });
            let find = find.sort(doc! { "_id": order }).max_time(limit);
            find.selection_criteria(primary).await
        };
        let found = self.connection.read(look).await?;
        Ok(found.and_then(|mut found| found.remove("_id")))
    }
}

/// The time in a key.
fn time_of(key: &Bson) -> Option<DateTime<Utc>> {
    match key {
        Bson::ObjectId(id) => times::from_millis(id.timestamp().timestamp_millis()),
        Bson::String(key) => time_at_end(key).or_else(|| time_of_uuid(key)),
        _ => None,
    }
}

fn time_at_end(key: &str) -> Option<DateTime<Utc>> {
    times::parse(key.rsplit_once('@')?.1)
}

fn time_of_uuid(key: &str) -> Option<DateTime<Utc>> {
    let uuid = Uuid::parse_str(key).ok().filter(|uuid| uuid.get_version_num() == 7)?;
    let (seconds, nanos) = uuid.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

/// The keys among which the last one has the newest time: those that begin as this one does.
fn stretch(key: &str) -> Option<(String, String)> {
    if time_at_end(key).is_some() {
        let device = key.rsplit_once('@')?.0;
        // `A` follows `@`.
        return Some((format!("{device}@"), format!("{device}A")));
    }
    let uuid = key < BEHIND_UUIDS && time_of_uuid(key).is_some();
    uuid.then(|| (key.to_owned(), BEHIND_UUIDS.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_time_where_it_has_one() {
        let of = |key: &str| time_of(&Bson::String(key.to_owned())).map(|at| at.timestamp());
        assert_eq!(of("d@2026-05-01T12:00:00Z"), Some(1_777_636_800));
        assert_eq!(of("019de368-f600-7000-8000-000000000000"), Some(1_777_636_800));
        for key in ["a@b", "queue/17", "", "9f0f1f7a-7c0e-4f0e-8f0e-0f0e0f0e0f0e"] {
            assert_eq!((of(key), stretch(key)), (None, None), "{key}");
        }
        let (begin, end) = stretch("d@2026-05-01T12:00:00Z").unwrap();
        assert_eq!((begin.as_str(), end.as_str()), ("d@", "dA"));
        let id = mongodb::bson::oid::ObjectId::parse_str("69f49600000000000000000a").unwrap();
        assert_eq!(time_of(&Bson::ObjectId(id)).unwrap().timestamp(), 0x69f4_9600);
    }
}
