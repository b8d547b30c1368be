//! The embedded store: each message once, in a file that every tool reads.

use chrono::{DateTime, TimeDelta, Utc};
use kakehi::clock::{Clock, ClockControl};
use kakehi::environment::Environment;
use kakehi::sinks::{self, Options, Outcome, Sink};
use kakehi::{Delivery, Error, Kind, Location, Message, Receipt};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

struct Shed {
    folder: TempDir,
    options: Options,
    control: ClockControl,
}

impl Shed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let start = DateTime::parse_from_rfc3339("2026-05-01T12:00:00Z").unwrap();
        let (clock, control) = Clock::manual(start.with_timezone(&Utc));
        let options = Options {
            write_timeout: Duration::from_secs(30),
            clock,
            ..Options::new(Environment::default(), folder.path().join("data"))
        };
        Self { folder, options, control }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    async fn try_open(&self, query: &str) -> Result<Box<dyn Sink>, Error> {
        let url = format!("sqlite:{}{query}", self.path().display());
        sinks::open(Location::parse(&url).unwrap(), &self.options).await
    }

    async fn open(&self, query: &str) -> Box<dyn Sink> {
        self.try_open(query).await.unwrap()
    }

    /// What the stock command line says, in a process that may only read.
    fn sqlite3(&self, sql: &str) -> String {
        let output = Command::new("sqlite3")
            .arg("-readonly")
            .arg(self.path())
            .arg(sql)
            .output()
            .expect("the tests need `sqlite3`: install it with the system's packages");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }
}

fn delivery(id: &str, body: &str) -> Delivery {
    let message = Message::new(id, body.as_bytes().to_vec());
    Delivery { message, attempts: Some(1), lost: 0, receipt: Receipt("".into()) }
}

fn differs() -> Outcome {
    Outcome::Reject("another document is stored under the same id".to_owned())
}

#[tokio::test]
async fn the_plain_sqlite3_reads_what_was_stored() {
    let shed = Shed::new();
    let store = shed.open("?collection=readings").await;
    store.ping().await.unwrap();
    let batch = [
        delivery("a", r#"{"name":"Wohnzimmer ü","val":21.5}"#),
        delivery("b", "{\n \"name\": \"kitchen\" }\n"),
    ];
    assert_eq!(store.write(&batch).await, [Outcome::Stored, Outcome::Stored]);
    let names = "select document ->> 'name' from readings order by id";
    assert_eq!(shed.sqlite3(names), "Wohnzimmer ü\nkitchen", "while the store is open");
    store.close().await.unwrap();
    assert!(!shed.path().with_file_name("store.db-wal").exists());
    assert_eq!(shed.sqlite3(names), "Wohnzimmer ü\nkitchen", "right after a run");
    let types = "select typeof(id), typeof(document), stored_at from readings where id = 'a'";
    assert_eq!(shed.sqlite3(types), "text|text|2026-05-01T12:00:00.000Z");
    assert_eq!(shed.sqlite3("pragma integrity_check"), "ok");
}

#[tokio::test]
async fn the_same_content_is_a_duplicate_and_other_content_is_rejected() {
    let shed = Shed::new();
    let store = shed.open("").await;
    let batch = [
        delivery("a", r#"{"x":1,"y":[1.0]}"#),
        delivery("a", r#"{"y":[1],"x":1}"#),
        delivery("a", r#"{"x":2}"#),
        delivery("b", r#"{"x":2}"#),
    ];
    let expected = [Outcome::Stored, Outcome::Duplicate, differs(), Outcome::Stored];
    assert_eq!(store.write(&batch).await, expected, "twice in one batch");
    let again = store.write(&batch).await;
    let expected = [Outcome::Duplicate, Outcome::Duplicate, differs(), Outcome::Duplicate];
    assert_eq!(again, expected);
    assert_eq!(
        shed.sqlite3("select document from messages where id = 'a'"),
        r#"{"x":1,"y":[1.0]}"#
    );
}

#[tokio::test]
async fn keep_keeps_the_first_and_replace_takes_the_last() {
    let shed = Shed::new();
    let batch = [delivery("a", r#"{"x":1}"#), delivery("a", r#"{"x":2}"#)];
    let keep = shed.open("?collection=kept&conflict=keep").await;
    assert_eq!(keep.write(&batch).await, [Outcome::Stored, Outcome::Duplicate]);
    assert_eq!(shed.sqlite3("select document from kept"), r#"{"x":1}"#);
    let replace = shed.open("?collection=replaced&conflict=replace").await;
    assert_eq!(replace.write(&batch).await, [Outcome::Stored, Outcome::Stored]);
    shed.control.advance(TimeDelta::seconds(1));
    assert_eq!(replace.write(&batch[1..]).await, [Outcome::Duplicate]);
    let row = "select document, stored_at from replaced";
    assert_eq!(shed.sqlite3(row), r#"{"x":2}|2026-05-01T12:00:00.000Z"#);
}

#[tokio::test]
async fn what_is_not_an_object_is_rejected_alone_and_never_quoted() {
    let shed = Shed::new();
    let store = shed.open("").await;
    let deep = "[".repeat(200) + &"]".repeat(200);
    let deep = format!(r#"{{"a":{deep}}}"#);
    let bodies =
        ["secret", "[1]", "\"secret\"", "null", "", r#"{"a":secret}"#, r#"{"a":1} {"b":2}"#, &deep];
    let mut batch: Vec<_> = bodies.iter().map(|body| delivery("bad", body)).collect();
    let mut latin = delivery("bad", "");
    latin.message.body = b"{\"a\":\"\xfc\"}".to_vec().into();
    batch.push(latin);
    batch.insert(3, delivery("good", r#"{"secret":1}"#));
    for (delivery, outcome) in batch.iter().zip(store.write(&batch).await) {
        match outcome {
            Outcome::Stored => assert_eq!(delivery.message.id, "good"),
            Outcome::Reject(why) => {
                assert_eq!(delivery.message.id, "bad");
                assert!(!why.contains("secret"), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(shed.sqlite3("select id from messages"), "good");
}

#[tokio::test]
async fn a_lock_that_is_held_makes_it_unavailable_and_stores_nothing_of_the_batch() {
    let shed = Shed::new();
    let store = shed.open("").await;
    let other = rusqlite::Connection::open(shed.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let batch = [delivery("a", r#"{"x":1}"#), delivery("b", "no object")];
    let outcomes = store.write(&batch).await;
    assert!(matches!(&outcomes[..], [Outcome::Unavailable(_), Outcome::Unavailable(_)]));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.write(&batch[..1]).await, [Outcome::Stored]);
}

#[tokio::test]
async fn a_name_that_needs_quotes_is_refused() {
    let shed = Shed::new();
    for name in ["1a", "a-b", "a%20b", "sqlite_x", "SQLite_X", "ü", "a%22b"] {
        let error = shed.try_open(&format!("?collection={name}")).await.err().unwrap();
        assert_eq!(error.kind(), Kind::Usage, "{name}");
    }
    // Words of SQL are names too.
    let store = shed.open("?collection=select").await;
    assert_eq!(store.write(&[delivery("a", "{}")]).await, [Outcome::Stored]);
    let error = shed.try_open("?conflict=fight").await.err().unwrap();
    assert_eq!(error.kind(), Kind::Usage);
    let error = shed.try_open("?colection=x").await.err().unwrap();
    assert_eq!(error.kind(), Kind::Usage);
}

#[tokio::test]
async fn a_queue_is_not_taken_for_a_store() {
    let shed = Shed::new();
    let options = kakehi::queues::Options {
        lease: Duration::from_secs(30),
        in_flight: 1,
        in_flight_bytes: 1,
        max_messages: None,
        publish_timeout: Duration::from_secs(30),
        hold: true,
        passes_on: false,
        create: false,
        environment: Environment::default(),
        data_dir: shed.options.data_dir.clone(),
        clock: shed.options.clock.clone(),
        ..kakehi::queues::Options::new(Default::default(), Default::default())
    };
    let url = Location::parse(&format!("sqlite:{}", shed.path().display())).unwrap();
    let queue = kakehi::queues::open_publisher(url, &options).await.unwrap();
    for _ in 0..2 {
        let error = shed.try_open("").await.err().unwrap();
        assert_eq!(error.kind(), Kind::Configuration);
        let text = error.to_string();
        assert!(text.contains("it is a queue, not a store"), "{text}");
        assert!(text.contains("hint: queue and store are two files"), "{text}");
    }
    queue.close().await.unwrap();
}
