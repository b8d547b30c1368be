//! Every example runs as it stands.

use crate::support::built::programs;
use crate::support::mongo_client::connect;
use crate::support::s3::Bucket;
use crate::support::sandbox::{Run, Sandbox};
use crate::support::services;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a script of `examples/` on the programs under test, its output in one stream.
fn example(sandbox: &Sandbox, script: &str, environment: &[(&str, &str)]) -> Run {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(script);
    let output = Command::new("bash")
        .args(["-c", "exec 2>&1; exec bash \"$0\""])
        .arg(path)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", sandbox.dir())
        .env("TMPDIR", sandbox.dir())
        .env("KAKEHI_BIN", programs())
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("bash starts");
    Run::of(output)
}

#[test]
fn an_alert_is_told_beside_the_store() {
    let sandbox = Sandbox::new();
    let run = example(&sandbox, "alert.sh", &[]).expect(0);
    for told in [
        "リビングのRemo 🏠: 17.6 °C, above 16.5 (2025-03-20T09:00:22Z)",
        "寝室: 16.8 °C, above 16.5 (2025-01-05T08:15:43Z)",
    ] {
        // Once after the snapshot; then again, and once after the changes.
        assert_eq!(run.stdout.matches(told).count(), 3, "{told}: {}", run.stdout);
    }
    assert!(run.stdout.contains("4 received, 4 stored"), "{}", run.stdout);
    assert!(run.stdout.contains("(4 in `messages`)"), "{}", run.stdout);
    assert!(!run.stdout.contains(" dead"), "{}", run.stdout);
    let left: Vec<_> = std::fs::read_dir(sandbox.dir()).expect("the sandbox").collect();
    assert!(left.is_empty(), "the example left {left:?}");
}

#[test]
fn an_upload_is_answered_once_store_and_queue_have_it() {
    let sandbox = Sandbox::new();
    let run = example(&sandbox, "upload.sh", &[]).expect(0);
    assert_eq!(run.stdout.matches("{\"success\":true,").count(), 3, "{}", run.stdout);
    assert_eq!(run.stdout.matches(r#""ids":["my-upload-1"]"#).count(), 2, "{}", run.stdout);
    assert!(run.stdout.contains("are not taken here"), "{}", run.stdout);
    assert!(
        run.stdout.contains("2 published") && run.stdout.contains("1 duplicate"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("2 received, 2 stored"), "{}", run.stdout);
}

/// Columns in a terminal: what is not Latin here is Japanese or an emoji, each two wide.
fn width(line: &str) -> usize {
    line.chars().map(|c| if c < '\u{2000}' { 1 } else { 2 }).sum()
}

#[test]
fn nature_remo_shows_what_was_stored_in_80_columns() {
    let sandbox = Sandbox::new();
    let run = example(&sandbox, "nature-remo.sh", &[]).expect(0);
    for device in ["リビングのRemo 🏠", "Tom's room", "寝室", "Remo E lite"] {
        assert!(run.stdout.contains(device), "{device} is not in\n{}", run.stdout);
    }
    assert!(run.stdout.contains("(4 in `readings`)"), "{}", run.stdout);
    // Nine sensor values in the fixture, published twice.
    assert!(run.stdout.contains("(9 in `events`)"), "{}", run.stdout);
    let (_, table) = run.stdout.split_once("$ store latest").expect("a table at the end");
    assert!(table.contains("17.6") && table.contains("16.8"), "temperatures: {table}");
    for hint in ["cargo install --path . ", "NATURE_REMO_TOKEN", "pubsub://", "mongodb://"] {
        assert!(run.stdout.contains(hint), "{hint} is not in\n{}", run.stdout);
    }
    for line in run.stdout.lines() {
        assert!(width(line) <= 80, "wider than a terminal: {line}");
    }
    let left: Vec<_> = std::fs::read_dir(sandbox.dir()).expect("the sandbox").collect();
    assert!(left.is_empty(), "the example left {left:?}");
}

#[test]
fn announcements_are_published_an_hour_ahead_and_once() {
    let sandbox = Sandbox::new();
    let run = example(&sandbox, "announcements.sh", &[]).expect(0);
    for told in [
        r#"{"id":"1/weather/2026-11-26T09:53:00Z","attributes":{"source":"sql"},"body":{"uid":1,"#,
        "2 read, 2 published",
        "1 read, 1 published",
        "no row was found from 2026-11-26T18:55:00+09:00 to 2026-11-26T18:56:00+09:00",
        "2 read, 0 published, 2 duplicate",
        r#""at":"2026-11-26T19:00:00+09:00""#,
        "announcements/1/weather/2026-11-26T18:53:00+09:00.wav",
        "announcements/4/weather/2026-11-26T19:00:00+09:00.wav",
        "2 received, 0 stored, 2 duplicate",
    ] {
        assert!(run.stdout.contains(told), "{told} is not in\n{}", run.stdout);
    }
    let left: Vec<_> = std::fs::read_dir(sandbox.dir()).expect("the sandbox").collect();
    assert!(left.is_empty(), "the example left {left:?}");
}

#[test]
fn a_pull_queue_is_used_over_http_and_from_the_command_line() {
    let sandbox = Sandbox::new();
    let run = example(&sandbox, "pull-queue.sh", &[]).expect(0);
    for told in [
        // By HTTP and from the command line: by tag, and by the tag of the oldest.
        r#"{"items":[{"id":"render-1","retry_count":1,"tag":"render"}]}"#,
        r#""tag":"render","published_at":"#,
        r#"{"items":[{"id":"parse-1","retry_count":1,"tag":"parse"}]}"#,
        r#""tag":"parse","published_at":"#,
        // The lease of a worker that died, and the end of all leases.
        r#"{"items":[{"id":"again","retry_count":2}]}"#,
        "hopeless",
        "it was leased 2 times, as often as its limit allows",
    ] {
        assert!(run.stdout.contains(told), "{told} is not in\n{}", run.stdout);
    }
    let left: Vec<_> = std::fs::read_dir(sandbox.dir()).expect("the sandbox").collect();
    assert!(left.is_empty(), "the example left {left:?}");
}

#[test]
fn background_jobs_are_enqueued_worked_on_and_brought_back() {
    let sandbox = Sandbox::new();
    let run = example(&sandbox, "background-jobs.sh", &[]).expect(0);
    for told in [
        "sent: {\"address\":\"a@example.com\"",
        "sent: {\"address\":\"b@example.com\"",
        "0 published, 1 duplicate",
        "reminded: {\"customer\":42}",
        "gave up after 2 attempts",
        "charged: {\"card\":\"expired\"}",
        "done: {\"customer\":42}",
    ] {
        assert!(run.stdout.contains(told), "{told} is not in\n{}", run.stdout);
    }
    let at = |told: &str| run.stdout.find(told).unwrap_or_else(|| panic!("{}", run.stdout));
    assert!(at("\nalarm: {\"n\":2") < at("\nreport: {\"n\":1"), "{}", run.stdout);
    let left: Vec<_> = std::fs::read_dir(sandbox.dir()).expect("the sandbox").collect();
    assert!(left.is_empty(), "the example left {left:?}");
}

#[tokio::test]
async fn pubsub_to_mongodb_stores_each_reading_once() {
    let sandbox = Sandbox::new();
    let name = format!("example-{}", uuid::Uuid::now_v7().simple());
    let mongo = services::mongodb();
    let emulator = services::pubsub_emulator();
    let mut environment =
        vec![("PUBSUB_EMULATOR_HOST", emulator.as_str()), ("PUBSUB_PROJECT", name.as_str())];
    let uri = format!("mongodb://{}/{name}?authSource=admin", mongo.hosts);
    environment.push(("MONGODB_URI", &uri));
    if let (Some(username), Some(password)) = (&mongo.username, &mongo.password) {
        environment.push(("MONGODB_USERNAME", username));
        environment.push(("MONGODB_PASSWORD", password));
    }

    let run = example(&sandbox, "pubsub-to-mongodb.sh", &environment).expect(0);

    if let Some(password) = &mongo.password {
        assert!(!run.stdout.contains(password), "the password is in\n{}", run.stdout);
    }
    let database = connect(&mongo).await.database(&name);
    let readings = database.collection::<mongodb::bson::Document>("readings");
    let stored = readings.count_documents(mongodb::bson::doc! {}).await.expect("a count");
    let first = mongodb::bson::doc! { "_id": "garden@2025-03-20T09:01:00Z" };
    let found = readings.find_one(first).await.expect("an answer");
    database.drop().await.expect("the database goes");
    assert_eq!(stored, 5, "{}", run.stdout);
    assert!(found.is_some(), "{}", run.stdout);
}

#[test]
fn pubsub_to_mongodb_says_what_it_needs() {
    let sandbox = Sandbox::new();
    let run = example(&sandbox, "pubsub-to-mongodb.sh", &[]).expect(1);
    assert!(run.stdout.contains("MONGODB_URI is not set"), "{}", run.stdout);
    let mongodb = ("MONGODB_URI", "mongodb://127.0.0.1:1/x");
    let run = example(&sandbox, "pubsub-to-mongodb.sh", &[mongodb]).expect(1);
    assert!(run.stdout.contains("PUBSUB_EMULATOR_HOST"), "{}", run.stdout);
}

#[test]
fn the_library_carries_a_message_from_a_queue_into_a_store() {
    let sandbox = Sandbox::new();
    let mut library = Command::new(programs().join("examples/library"));
    let run = Run::of(library.arg(sandbox.dir()).output().expect("it runs")).expect(0);
    assert!(run.stdout.contains("received: 1, stored: 1"), "{}", run.stdout);
    let store = rusqlite::Connection::open(sandbox.path("store.db")).expect("a store");
    let te = "select document ->> 'te' from readings where id = 'livingroom@9:00'";
    let te: f64 = store.query_row(te, [], |row| row.get(0)).expect("a reading");
    assert_eq!(te, 21.5);
}

#[test]
fn thumbnails_are_beside_their_pictures() {
    let sandbox = Sandbox::new();
    let run = example(&sandbox, "thumbnails.sh", &[]).expect(0);
    for line in ["garden.jpg", "tower.jpg", "logo.png"] {
        assert!(run.stdout.lines().any(|it| it == line), "{line} is not in\n{}", run.stdout);
    }
    let reason = "`notes.jpg`: it is no JPEG, PNG, WebP or GIF";
    assert!(run.stdout.contains(reason), "{}", run.stdout);
    let left: Vec<_> = std::fs::read_dir(sandbox.dir()).expect("the sandbox").collect();
    assert!(left.is_empty(), "the example left {left:?}");
}

#[test]
fn thumbnails_go_through_sqs_and_s3() {
    let sandbox = Sandbox::new();
    let bucket = Bucket::new();
    let endpoint = services::sqs();
    assert_eq!(endpoint, services::s3(), "the example knows one address");
    let variables =
        [("AWS_ENDPOINT_URL", endpoint.as_str()), ("KAKEHI_EXAMPLE_BUCKET", bucket.name.as_str())];
    let run = example(&sandbox, "thumbnails.sh", &variables).expect(0);
    let reason = "`notes.jpg`: it is no JPEG, PNG, WebP or GIF";
    assert!(run.stdout.contains(reason), "{}", run.stdout);
    let keys = bucket.objects();
    for name in ["garden.jpg", "tower.jpg", "logo.png"] {
        assert!(keys.contains_key(&format!("thumbnail/{name}")), "{keys:?}");
    }
    let left: Vec<_> = std::fs::read_dir(sandbox.dir()).expect("the sandbox").collect();
    assert!(left.is_empty(), "the example left {left:?}");
}
