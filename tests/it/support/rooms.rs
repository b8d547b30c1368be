//! A home whose rooms are measured: a store of readings as `nature-remo:` and `subscribe` leave them.

use crate::support::sandbox::Sandbox;
use chrono::{DateTime, SecondsFormat, TimeDelta, Timelike as _, Utc};
use kakehi::environment::Environment;
use kakehi::sinks::{self, Options};
use kakehi::{Delivery, Location, Message, Receipt};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::f64::consts::TAU;

/// A room with a Remo in it.
#[derive(Debug, Clone)]
pub struct Room {
    pub id: &'static str,
    pub name: &'static str,
    /// The mean temperature.
    pub warmth: f64,
    /// Whether only the temperature is measured.
    pub is_mini: bool,
    /// For how long nothing has come from it, up to now, in minutes.
    pub silent: i64,
}

/// The rooms of a home, under names that people give.
pub const HOME: [Room; 5] = [
    Room {
        id: "0f3a9c52-6b1e-4d7a-9c40",
        name: "リビング 🏠",
        warmth: 22.0,
        is_mini: false,
        silent: 0,
    },
    Room {
        id: "1b7e2d90-3c55-4f12-8a6b",
        name: "Bedroom",
        warmth: 18.5,
        is_mini: false,
        silent: 0,
    },
    Room {
        id: "2c90f7a1-77de-4e0b-b3c8",
        name: "Tom's room",
        warmth: 20.0,
        is_mini: true,
        silent: 0,
    },
    Room {
        id: "3da4b1c6-0a2f-49f3-9e1d",
        name: "Study \"Lapis\"",
        warmth: 21.0,
        is_mini: true,
        silent: 0,
    },
    Room {
        id: "4ea8d2f7-52cc-4c67-a0b9",
        name: "Hallway",
        warmth: 15.0,
        is_mini: true,
        silent: 190,
    },
];

/// A store in a sandbox, to be filled.
pub struct Rooms {
    connection: Connection,
    now: DateTime<Utc>,
}

impl Rooms {
    /// An empty store in `store.db`, in its collection `readings`.
    pub async fn new(sandbox: &Sandbox) -> Self {
        let url = format!("sqlite:{}?collection=readings", sandbox.path("store.db").display());
        let options = Options::new(Environment::default(), sandbox.path("data"));
        let store = sinks::open(Location::parse(&url).expect("a URL"), &options).await;
        let store = store.expect("a store");
        let message = Message::new("first", "{}");
        let first = Delivery { message, attempts: Some(1), lost: 0, receipt: Receipt("".into()) };
        store.write(&[first]).await;
        store.close().await.expect("a whole file");
        let connection = Connection::open(sandbox.path("store.db")).expect("the file");
        connection.execute("DELETE FROM readings", []).expect("an empty table");
        Self { connection, now: Utc::now() }
    }

    /// What each room measured in the last so many days, every so many minutes; and the meter.
    pub fn live(&mut self, rooms: &[Room], days: i64, minutes: i64) -> &mut Self {
        let polls = days * 24 * 60 / minutes;
        let transaction = self.connection.transaction().expect("a transaction");
        for poll in (0..polls).rev() {
            let at = self.now - TimeDelta::minutes(poll * minutes) - TimeDelta::seconds(40);
            for room in rooms.iter().filter(|room| poll * minutes >= room.silent) {
                put(&transaction, &snapshot(room, at), room.id, at);
            }
            put(&transaction, &meter(at), "meter-1", at);
        }
        transaction.commit().expect("all of it");
        self
    }

    /// Stores this document.
    pub fn put(&mut self, id: &str, document: &Value) -> &mut Self {
        put(&self.connection, document, id, self.now);
        self
    }
}

fn put(connection: &Connection, document: &Value, id: &str, at: DateTime<Utc>) {
    let mut insert =
        connection.prepare_cached("INSERT INTO readings VALUES (?1, ?2, ?3)").expect("a statement");
    let id = format!("{id}@{}", told(at));
    insert.execute(params![id, document.to_string(), told(at)]).expect("a new row");
}

fn told(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A wave that passes through zero at `shift` hours, once a day.
fn daily(at: DateTime<Utc>, shift: f64) -> f64 {
    let hours = f64::from(at.num_seconds_from_midnight()) / 3600.0;
    (TAU * (hours - shift) / 24.0).sin()
}

/// What looks like chance, and is the same for a room and a time.
fn noise(room: &Room, at: DateTime<Utc>) -> f64 {
    let seed = room.id.bytes().map(u64::from).fold(0, |sum: u64, byte| sum.wrapping_mul(31) + byte);
    fastrand::Rng::with_seed(seed.wrapping_add(at.timestamp().cast_unsigned() / 300)).f64() - 0.5
}

fn snapshot(room: &Room, at: DateTime<Utc>) -> Value {
    let season = (TAU * at.timestamp() as f64 / (365.25 * 86_400.0)).cos();
    let round = |value: f64, step: f64| (value / step).round() * step;
    let te = room.warmth - 2.0 * season + 1.6 * daily(at, 1.0) + 0.5 * noise(room, at);
    let event = |value: f64, age: i64| json!({ "val": value, "created_at": told(at - TimeDelta::seconds(age)) });
    let mut events = json!({ "te": event((te * 10.0).round() / 10.0, 30) });
    if !room.is_mini {
        let light = (90.0 * daily(at, 21.0)).max(0.0) + 8.0 + 10.0 * noise(room, at);
        events["hu"] = event(round(52.0 - 9.0 * daily(at, 2.0) + 3.0 * noise(room, at), 1.0), 30);
        events["il"] = event(round(light.max(0.0), 1.0), 30);
        events["mo"] = event(1.0, moved(room, at));
    }
    json!({
        "type": "snapshot", "device_id": room.id, "name": room.name, "request_at": told(at),
        "temperature_offset": 0, "humidity_offset": 0, "newest_events": events,
    })
}

/// How long ago somebody moved in a room, in seconds: in a morning and an evening now and then.
fn moved(room: &Room, at: DateTime<Utc>) -> i64 {
    let is_home = |at: DateTime<Utc>| {
        let hour = (at.hour() + 9) % 24;
        ((6..9).contains(&hour) || (18..23).contains(&hour)) && noise(room, at) > 0.1
    };
    let round = at.timestamp().div_euclid(300) * 300;
    let start = DateTime::from_timestamp(round, 0).expect("a time");
    let ago = (0..288).find(|ago| is_home(start - TimeDelta::minutes(ago * 5))).unwrap_or(288);
    at.timestamp() - (round - ago * 300)
}

fn meter(at: DateTime<Utc>) -> Value {
    let used = 420.0 + 180.0 * daily(at, 3.0) + 300.0 * noise(&HOME[0], at).max(0.2);
    let bought = (at.timestamp() - 1_700_000_000) as f64 * 0.45 / 3600.0;
    json!({
        "type": "smart_meter", "appliance_id": "a1b2c3d4-0000-4000-8000", "name": "スマートメーター",
        "request_at": told(at), "power_w": used.round(), "bought_kwh": (bought * 10.0).round() / 10.0,
    })
}
