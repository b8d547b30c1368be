//! The sink `mongodb:` against the driver's bare `insert_many` of the same documents, ready made.
//!
//! `cargo bench --bench mongodb`; the server is that of the tests: `TEST_MONGODB_URI` and friends.
//! Both sides take turns on one server in one run, so that its other load weighs on both. Nothing
//! is asserted.

#[allow(dead_code)]
mod bare;
#[path = "../tests/it/support/services.rs"]
#[allow(dead_code)]
mod services;

use kakehi::message::{Delivery, Message, Receipt};
use kakehi::sinks::{self, Options, Outcome, Sink};
use kakehi::{Location, Result};
use mongodb::bson::raw::RawDocumentBuf;
use mongodb::bson::{DateTime, rawdoc};
use std::time::{Duration, Instant};

const BATCH: usize = 1_000;
const ROUNDS: usize = 20;
const DATABASE: &str = "kakehi_bench";

/// Seconds per batch, one per round.
#[derive(Default)]
struct Times(Vec<f64>);

impl Times {
    fn add(&mut self, since: Instant) {
        self.0.push(since.elapsed().as_secs_f64());
    }

    fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    fn show(&self, what: &str) {
        let (rate, millis) = (BATCH as f64 / self.median(), self.median() * 1e3);
        println!("{what:<44} {rate:>9.0}/s {millis:>8.2} ms a batch (median)");
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let server = services::mongodb();
    let client = bare::connect(&server).await;
    let run = uuid::Uuid::now_v7().simple().to_string();
    let collection = |name: &str| format!("{name}_{run}");
    let inserted = client.database(DATABASE).collection::<RawDocumentBuf>(&collection("bare"));
    let ours = client.database(DATABASE).collection::<RawDocumentBuf>(&collection("ours"));
    let sink = open(&server, ours.name()).await?;
    sink.ping().await?;

    println!("{ROUNDS} batches of {BATCH} readings each on {}", server.hosts);
    let [mut insert_many, mut write] = [const { Times(Vec::new()) }; 2];
    for round in 0..ROUNDS {
        let batch = readings(round);
        let since = Instant::now();
        assert!(sink.write(&batch).await.iter().all(|one| *one == Outcome::Stored));
        write.add(since);

        let documents: Vec<_> = (0..BATCH).map(|device| ready_made(round, device)).collect();
        let since = Instant::now();
        inserted.insert_many(&documents).ordered(false).await.expect("the server takes them");
        insert_many.add(since);
    }
    insert_many.show("bare insert_many of ready documents");
    write.show("sink, from JSON");
    println!("sink / insert_many: {:.0} %", 100.0 * insert_many.median() / write.median());

    sink.close().await?;
    for collection in [inserted, ours] {
        collection.drop().await.expect("the server drops it");
    }
    client.shutdown().await;
    Ok(())
}

async fn open(server: &services::Mongo, collection: &str) -> Result<Box<dyn Sink>> {
    let source = if server.username.is_some() { "&authSource=admin" } else { "" };
    let hosts = &server.hosts;
    let url = format!("mongodb://{hosts}/{DATABASE}?collection={collection}{source}");
    let login = [
        ("MONGODB_USERNAME", server.username.clone()),
        ("MONGODB_PASSWORD", server.password.clone()),
    ];
    let environment = login.into_iter().filter_map(|(n, v)| Some((n, v?))).collect();
    let options = Options {
        write_timeout: Duration::from_secs(60),
        ..Options::new(environment, std::env::temp_dir())
    };
    sinks::open(Location::parse(&url)?, &options).await
}

fn device_id(device: usize) -> String {
    format!("2c90f7a1-77de-4e0b-b3c8-{device:012}")
}

fn message_id(round: usize, device: usize) -> String {
    format!("{}@2025-03-20T09:{round:02}:00Z", device_id(device))
}

/// What a house with a thousand sensors would publish in one poll.
fn readings(round: usize) -> Vec<Delivery> {
    let reading = |device: usize| {
        let body = serde_json::json!({
            "device_id": device_id(device),
            "name": "リビングのRemo 🏠",
            "newest_events": {
                "hu": { "val": 50, "created_at": "2025-03-20T09:26:24Z" },
                "il": { "val": device, "created_at": "2025-03-20T09:07:06Z" },
                "mo": { "val": 1, "created_at": "2025-01-24T11:40:02Z" },
                "te": { "val": 17.6, "created_at": "2025-03-20T09:00:22Z" },
            },
            "updated_at": "2024-09-16T05:02:31Z",
            "request_at": format!("2025-03-20T18:{round:02}:00+09:00"),
            "temperature_offset": 0,
            "humidity_offset": 0,
            "firmware_version": "Remo/1.14.8",
            "online": true,
        });
        let message = Message::new(message_id(round, device), body.to_string().into_bytes());
        Delivery { message, attempts: Some(1), lost: 0, receipt: Receipt("".into()) }
    };
    (0..BATCH).map(reading).collect()
}

/// The document that the sink makes of the same reading.
fn ready_made(round: usize, device: usize) -> RawDocumentBuf {
    let date = |text: &str| DateTime::parse_rfc3339_str(text).expect("a date");
    rawdoc! {
        "_id": message_id(round, device),
        "device_id": device_id(device),
        "name": "リビングのRemo 🏠",
        "newest_events": {
            "hu": { "val": 50.0, "created_at": date("2025-03-20T09:26:24Z") },
            "il": { "val": device as f64, "created_at": date("2025-03-20T09:07:06Z") },
            "mo": { "val": 1.0, "created_at": date("2025-01-24T11:40:02Z") },
            "te": { "val": 17.6, "created_at": date("2025-03-20T09:00:22Z") },
        },
        "updated_at": date("2024-09-16T05:02:31Z"),
        "request_at": date(&format!("2025-03-20T09:{round:02}:00Z")),
        "temperature_offset": 0_i64,
        "humidity_offset": 0_i64,
        "firmware_version": "Remo/1.14.8",
        "online": true,
    }
}
