//! The main job's second half: `subscribe` from Pub/Sub into MongoDB, against the slower of Google's
//! client alone (the same streams) and the driver's `insert_many` alone (the same batches), on the
//! same servers in the same run: `cargo bench --bench pipeline`.
//!
//! Prints messages a second and their ratio. Asserts nothing.

#[allow(dead_code)]
mod bare;
#[path = "../tests/it/support/services.rs"]
#[allow(dead_code)]
mod services;

use bare::{BATCH, PubSub, fill, rate};
use kakehi::Message;
use mongodb::bson::{Document, doc};
use std::process::Command;
use std::time::Instant;

const MESSAGES: usize = 30_000;
/// The default of `?streams`.
const STREAMS: usize = 8;
const DATABASE: &str = "kakehi_bench";

#[tokio::main]
async fn main() {
    let (pubsub, server) = (PubSub::find(), services::mongodb());
    println!("{MESSAGES} readings of 150 bytes, batches of {BATCH}, {STREAMS} streams, /s");
    let stream = pubsub.receive(&filled(&pubsub).await, MESSAGES, STREAMS).await;
    println!("{:>40} {stream:>9.0}", "bare streaming pull");
    let insert = insert_many(&server).await;
    println!("{:>40} {insert:>9.0}", "bare insert_many");
    let whole = subscribe(&pubsub, &server).await;
    let slower = stream.min(insert);
    println!("{:>40} {whole:>9.0}   {:.2} of the slower", "`subscribe`", whole / slower);
}

fn message(n: usize) -> Message {
    let filler = "x".repeat(80);
    let body = format!(r#"{{"device":"d{n:06}","te":{{"val":21.5}},"filler":"{filler}"}}"#);
    Message::new(format!("reading-{n}"), body.into_bytes())
}

async fn filled(pubsub: &PubSub) -> String {
    let (name, publisher) = pubsub.publisher().await;
    fill(publisher.into(), MESSAGES, 4, message).await;
    name
}

async fn insert_many(server: &services::Mongo) -> f64 {
    let client = bare::connect(server).await;
    let name = uuid::Uuid::now_v7().simple().to_string();
    let collection = client.database(DATABASE).collection::<Document>(&name);
    let document = |n: usize| {
        doc! {
            "_id": format!("reading-{n}"),
            "device": format!("d{n:06}"),
            "te": { "val": 21.5 },
            "filler": "x".repeat(80),
        }
    };
    let start = Instant::now();
    for from in (0..MESSAGES).step_by(BATCH) {
        let batch: Vec<_> = (from..from + BATCH).map(document).collect();
        collection.insert_many(batch).ordered(false).await.expect("the server takes them");
    }
    let rate = rate(MESSAGES, start);
    collection.drop().await.expect("the server drops it");
    client.shutdown().await;
    rate
}

/// The whole program, from its start to the end of the last message: it ends by their number.
async fn subscribe(pubsub: &PubSub, server: &services::Mongo) -> f64 {
    let name = filled(pubsub).await;
    let source = if server.username.is_some() { "&authSource=admin" } else { "" };
    let to = format!("mongodb://{}/{DATABASE}?collection={name}{source}", server.hosts);
    let mut command = Command::new(env!("CARGO_BIN_EXE_subscribe"));
    command
        .args(["--from", &format!("pubsub://kakehi-bench/{name}"), "--to", &to])
        .args(["--batch", &BATCH.to_string(), "--idle", "1s", "--summary", "json"])
        .env("PUBSUB_EMULATOR_HOST", &pubsub.host);
    if let (Some(username), Some(password)) = (&server.username, &server.password) {
        command.env("MONGODB_USERNAME", username).env("MONGODB_PASSWORD", password);
    }
    let output = command.output().expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let summary = stderr.lines().last().expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(summary).expect("JSON");
    assert_eq!(summary["stored"], MESSAGES, "{summary}");
    let client = bare::connect(server).await;
    client.database(DATABASE).collection::<Document>(&name).drop().await.expect("dropped");
    // It waited for one more second before it called the subscription empty.
    MESSAGES as f64 / (summary["seconds"].as_f64().expect("a time") - 1.0)
}
