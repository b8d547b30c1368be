//! `store`: what arrived, shown, exported, imported and pruned.

mod chart;
mod moving;
mod prune;
mod shown;

use crate::support::sandbox::{Run, Sandbox};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

/// The store that most of these tests have.
const STORE: &str = "sqlite:store.db?collection=readings";

/// What `store` says to these arguments in Tokyo.
fn store(sandbox: &Sandbox, arguments: &str) -> Run {
    sandbox.store().args(arguments).env("TZ", "Asia/Tokyo").run()
}

/// A time so many minutes before now.
fn ago(minutes: i64) -> DateTime<Utc> {
    Utc::now() - TimeDelta::minutes(minutes)
}

fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A snapshot as `nature-remo:` publishes it, with its id.
fn snapshot(device: &str, name: &str, at: DateTime<Utc>, events: Value) -> (String, Value) {
    let mut events = events;
    for event in events.as_object_mut().expect("events").values_mut() {
        *event = json!({"val": event.take(), "created_at": written(at)});
    }
    let body = json!({
        "device_id": device, "name": name, "newest_events": events, "request_at": written(at),
        "temperature_offset": 0, "humidity_offset": 0,
    });
    (format!("{device}@{}", written(at)), body)
}

/// Brings documents into a store, by way of a queue.
fn fill(sandbox: &Sandbox, sink: &str, documents: &[(String, Value)]) {
    let line = |(id, body): &(String, Value)| format!("{}\n", json!({"id": id, "body": body}));
    let lines: String = documents.iter().map(line).collect();
    let publish = sandbox.publish().args("stdin:?envelope --to sqlite:filling.db");
    publish.stdin(lines).run().expect(0);
    let subscribe = sandbox.subscribe().args("--from sqlite:filling.db --to");
    subscribe.arg(sink).run().expect(0);
}

/// A store of two devices of one name, and one that was not heard of for three days.
fn three_devices() -> Sandbox {
    let sandbox = Sandbox::new();
    let events = |te: f64| json!({"te": te, "hu": 50, "il": 21, "mo": 1});
    let mut documents = Vec::new();
    for minutes in [62, 32, 2] {
        let at = ago(minutes);
        documents.push(snapshot("aaaaaaaa-1", "寝室", at, events(17.5 + minutes as f64 / 10.0)));
        documents.push(snapshot("bbbbbbbb-2", "寝室", at, json!({"te": 30.5})));
    }
    let strange = "<script>alert(1)</script>\u{1b}[2J\u{202e}";
    documents.push(snapshot("cccccccc-3", strange, ago(3 * 24 * 60), json!({"te": -3})));
    fill(&sandbox, STORE, &documents);
    sandbox
}
