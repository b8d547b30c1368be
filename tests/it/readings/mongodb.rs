//! A MongoDB, read back.

use crate::support::proxy::Proxy;
use crate::support::reading_store::{ReadingStore, all, event, line, says, snapshot, write};
use crate::support::services::{self, Mongo};
use crate::support::{mongo_client, sandbox::Sandbox, sink_options::sink_options};
use ::mongodb::Collection;
use ::mongodb::bson::{Bson, Document, doc, oid::ObjectId};
use chrono::{DateTime, TimeDelta, Utc};
use kakehi::environment::Environment;
use kakehi::readings::{self, Options, Store};
use kakehi::{Error, Kind, Location, sinks};
use serde_json::{Value, json};
use std::time::Duration;

const DATABASE: &str = "kakehi_test";

/// A collection of our own, and who we are there.
struct Bed {
    server: Mongo,
    collection: Collection<Document>,
    sandbox: Sandbox,
    /// The time, and a store to compare with.
    local: ReadingStore,
}

impl Bed {
    async fn new() -> Self {
        let server = services::mongodb();
        let client = mongo_client::connect(&server).await;
        let name = format!("readings_{}", uuid::Uuid::now_v7().simple());
        let collection = client.database(DATABASE).collection(&name);
        Self { server, collection, sandbox: Sandbox::new(), local: ReadingStore::new() }
    }

    fn url(&self, hosts: &str, more: &str) -> Location {
        let source = if self.server.username.is_some() { "&authSource=admin" } else { "" };
        let name = self.collection.name();
        let url = format!("mongodb://{hosts}/{DATABASE}?collection={name}{source}{more}");
        Location::parse(&url).unwrap()
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        let username = self.server.username.as_deref().map(|user| ("MONGODB_USERNAME", user));
        let password = self.server.password.as_deref().map(|word| ("MONGODB_PASSWORD", word));
        username.into_iter().chain(password).collect()
    }

    fn options(&self) -> Options {
        let environment: Environment = self.variables().into_iter().collect();
        Options { environment, ..self.local.options() }
    }

    async fn write(&self, documents: &[(String, Value)]) {
        let options = sink_options(&self.sandbox, &self.variables());
        let sink = sinks::open(self.url(&self.server.hosts, ""), &options).await.unwrap();
        write(&*sink, documents).await;
        sink.close().await.unwrap();
    }

    async fn open(&self, more: &str) -> Box<dyn Store> {
        readings::open(self.url(&self.server.hosts, more), &self.options()).await.unwrap()
    }

    fn now(&self) -> DateTime<Utc> {
        self.local.clock.now()
    }
}

#[tokio::test]
async fn a_collection_tells_what_the_embedded_store_tells() {
    let bed = Bed::new().await;
    let now = bed.now();
    let mut documents = Vec::new();
    for minute in (0..3 * 48).rev().map(|half_hour| half_hour * 30) {
        let time = now - TimeDelta::minutes(minute);
        let moved = now - TimeDelta::minutes(minute / 120 * 120 + 120);
        let events =
            json!({"te": event(20.0 + minute as f64 / 100.0, time), "mo": event(1.0, moved)});
        documents.push(snapshot("a", "room", time, events));
        documents.push(snapshot("b/c", "部屋", time, json!({"hu": {"val": 50}})));
    }
    let change = json!({"device_id": "z", "kind": "te", "val": 18, "created_at": "2026-05-01T11:00:00.0001Z"});
    documents.push(("z/te@2026-05-01T11:00:00.0001Z".to_owned(), change));
    bed.write(&documents).await;
    bed.local.write(&documents).await;
    let (there, here) = (bed.open("").await, bed.local.open("").await);
    assert_eq!(there.latest().await.unwrap(), here.latest().await.unwrap());
    for days in [1, 2, 40] {
        let charts = [&there, &here].map(|store| bed.local.chart(&**store, TimeDelta::days(days)));
        let [there, here] = charts;
        assert_eq!(there.await, here.await, "{days} days");
    }
    // Each comes back as it was published, whatever its numbers and dates are here.
    let mut expected = documents.clone();
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    let came = all(&*there, None).await;
    let told = |documents: &[(String, Value)]| -> Vec<(String, f64)> {
        let value = |value: &Value| value["newest_events"]["te"]["val"].as_f64().unwrap_or(0.0);
        documents.iter().map(|(id, document)| (id.clone(), value(document))).collect()
    };
    assert_eq!(told(&came), told(&expected));
    assert_eq!(came.last().unwrap().1["created_at"], "2026-05-01T11:00:00.0001Z");
    assert!(came.last().unwrap().1.get("exact_dates").is_none());
    let recent = all(&*there, Some(now - TimeDelta::minutes(45))).await;
    assert_eq!(recent.len(), 4);
    there.close().await.unwrap();
}

#[tokio::test]
async fn what_a_python_script_left_is_read_too() {
    let bed = Bed::new().await;
    let now = bed.now();
    let left = |minutes: i64, val: Bson| {
        let time = now - TimeDelta::minutes(minutes);
        let mut bytes = [7; 12];
        bytes[..4].copy_from_slice(&u32::try_from(time.timestamp()).unwrap().to_be_bytes());
        bytes[11] = minutes as u8;
        let created_at = time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let te = doc! { "val": val, "created_at": &created_at };
        doc! {
            "_id": ObjectId::from_bytes(bytes), "name": "Tom's room", "request_at": created_at,
            "newest_events": { "te": te },
        }
    };
    bed.collection
        .insert_many([left(200, "hot".into()), left(100, 19.0.into()), left(5, 21.5.into())])
        .await
        .unwrap();
    bed.write(&[snapshot("a", "Tom's room", now, json!({"te": event(20.0, now)}))]).await;
    let store = bed.open("").await;
    let latest = store.latest().await.unwrap();
    let values: Vec<_> = latest.iter().map(|it| (&*it.series.id, it.values[0].value)).collect();
    assert_eq!(values, [("Tom's room", 21.5), ("a", 20.0)]);
    let chart = bed.local.chart(&*store, TimeDelta::days(1)).await;
    assert_eq!(line(&chart, "Tom's room", "te").total().unwrap().count, 2);
    store.close().await.unwrap();
}

#[tokio::test]
async fn keys_that_tell_no_time_cost_a_look_at_all_documents_and_nothing_else() {
    let bed = Bed::new().await;
    let now = bed.now();
    let body = |number: usize| json!({"at": now.timestamp() - 60, "n": number, "room": "den"});
    let documents: Vec<_> =
        (0..2500).map(|number| (format!("key {number}"), body(number))).collect();
    bed.write(&documents).await;
    let store = bed.open("&time=at&values=n&series=room").await;
    let chart = bed.local.chart(&*store, TimeDelta::days(1)).await;
    let total = line(&chart, "den", "n").total().unwrap();
    assert_eq!((total.count, total.low, total.high), (2500, 0.0, 2499.0));
    assert_eq!(all(&*store, None).await.len(), 2500);
    assert_eq!(store.latest().await.unwrap().len(), 1);
    store.close().await.unwrap();
}

#[tokio::test]
async fn an_empty_collection_is_empty_and_a_server_that_is_down_is_told() {
    let bed = Bed::new().await;
    let store = bed.open("").await;
    assert_eq!(store.latest().await.unwrap(), []);
    assert_eq!(all(&*store, Some(bed.now())).await, []);
    store.close().await.unwrap();
    let url = "mongodb://127.0.0.1:1/house?serverSelectionTimeoutMS=300";
    let down = readings::open(Location::parse(url).unwrap(), &bed.local.options()).await.unwrap();
    let error: Error = down.latest().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(says::<()>(Err(error)).contains("hint: check that it runs"));
    down.close().await.unwrap();
}

#[tokio::test]
async fn a_server_that_answers_no_more_is_given_up_in_time() {
    let bed = Bed::new().await;
    let proxy = Proxy::start(&bed.server.hosts);
    let options = Options { timeout: Duration::from_secs(8), ..bed.options() };
    let url = bed.url(&proxy.address(), "&directConnection=true&serverSelectionTimeoutMS=8000");
    let store = readings::open(url, &options).await.unwrap();
    assert_eq!(store.latest().await.unwrap(), []);
    proxy.stall();
    assert_eq!(store.latest().await.unwrap_err().kind(), Kind::Unreachable);
    proxy.restore();
    store.close().await.unwrap();
}
