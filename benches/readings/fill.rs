//! A store as years of `nature-remo:` leave it.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use kakehi::environment::Environment;
use kakehi::{Location, sinks};
use serde_json::{Value, json};
use std::path::Path;

/// Fills a store with snapshots of so many devices, one each five minutes of so many days, and tells how
/// many these are.
pub async fn fill(path: &Path, now: DateTime<Utc>, devices: usize, days: i64) -> usize {
    let url = format!("sqlite:{}?collection=readings", path.display());
    let options = sinks::Options::new(Environment::default(), path.to_owned());
    let url = Location::parse(&url).expect("a URL");
    let sink = sinks::open(url, &options).await.expect("a store");
    sink.close().await.expect("it closes");
    let mut file = rusqlite::Connection::open(path).expect("the file");
    let all = file.transaction().expect("a transaction");
    for step in (1..=days * 288).rev() {
        (0..devices).for_each(|device| put(&all, device, now - TimeDelta::minutes(5 * step)));
    }
    all.commit().expect("it commits");
    days as usize * 288 * devices
}

/// Adds the poll of the present.
pub fn one_more(path: &Path, now: DateTime<Utc>) {
    let file = rusqlite::Connection::open(path).expect("the file");
    put(&file, 0, now - TimeDelta::seconds(1));
}

fn put(file: &rusqlite::Connection, device: usize, time: DateTime<Utc>) {
    let mut insert =
        file.prepare_cached("INSERT INTO readings VALUES (?1, ?2, ?3)").expect("the table");
    let id = format!("0f3a9c52-6b1e-4d7a-9c40-5a1e7b2d8c{device:02}");
    let stored_at = text(time);
    let document = document(&id, device, time).to_string();
    insert.execute([format!("{id}@{stored_at}"), document, stored_at]).expect("a row");
}

fn document(id: &str, device: usize, time: DateTime<Utc>) -> Value {
    let minute = time.timestamp() / 60;
    let wave = ((minute % 1440) as f64 / 1440.0 * std::f64::consts::TAU).sin();
    let event = |val: f64, ago: i64| {
        let created_at = time - TimeDelta::minutes(minute % ago);
        json!({"val": (val * 10.0).round() / 10.0, "created_at": seconds(created_at)})
    };
    json!({
        "device_id": id,
        "name": format!("部屋 {device}"),
        "newest_events": {
            "hu": event(50.0 + 10.0 * wave, 15),
            "il": event(100.0 + 90.0 * wave, 30),
            "mo": event(1.0, 45 + device as i64),
            "te": event(20.0 + device as f64 + 3.0 * wave, 10),
        },
        "updated_at": "2024-09-16T05:02:31Z",
        "request_at": text(time),
        "temperature_offset": 0,
        "humidity_offset": 0,
        "firmware_version": "Remo/1.14.8",
        "online": true,
    })
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn seconds(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
