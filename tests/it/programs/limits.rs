//! `queue check` with limits: its exit code and one line for each that is broken.

use crate::support::queue_file::{publish, publish_all};
use crate::support::sandbox::{Run, Sandbox};
use crate::support::services;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, Credential};
use mongodb::{Client, Collection};
use rusqlite::Connection;
use serde_json::{Value, json};

fn check(sandbox: &Sandbox, words: &str) -> Run {
    sandbox.queue().arg("check").args(words).run()
}

/// Changes what a file holds, as time would.
fn change(sandbox: &Sandbox, file: &str, sql: &str) {
    Connection::open(sandbox.path(file)).unwrap().execute_batch(sql).unwrap();
}

/// A queue of two messages, published an hour ago, and of one dead letter.
fn old_queue(sandbox: &Sandbox) {
    publish(sandbox, &[json!({"id": "bad", "body": "no object"})]);
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(65);
    publish_all(sandbox, "a b");
    change(sandbox, "q.db", "UPDATE messages SET published_at = published_at - 3600000");
}

#[test]
fn limits_that_hold_say_nothing_and_each_that_is_broken_has_a_line() {
    let sandbox = Sandbox::new();
    old_queue(&sandbox);
    let run =
        check(&sandbox, "sqlite:q.db --max-age 2h --max-ready 2 --max-dead 1 --max-spooled 0");
    let run = run.expect(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));

    let run =
        check(&sandbox, "sqlite:q.db --max-age 15m --max-ready 1 --max-dead 0 --max-spooled 0");
    let run = run.expect(1);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", run.stdout);
    assert!(lines[0].starts_with("broken  age: the oldest message is 1h"), "{}", lines[0]);
    assert!(lines[0].ends_with(" old, at most 15m"), "{}", lines[0]);
    assert_eq!(lines[1], "broken  ready: 2 messages are ready, at most 1");
    assert_eq!(lines[2], "broken  dead: 1 dead letter, at most 0");
    assert_eq!(run.stderr, "queue: 3 of 4 limits are broken: age, ready, dead\n");

    // A warning is told, and is no failure.
    let run = check(&sandbox, "--from sqlite:q.db --max-ready 1,5").expect(0);
    assert_eq!(run.stdout, "warning ready: 2 messages are ready, it warns above 1\n");

    let run = check(&sandbox, "sqlite:q.db --max-ready 1 --json").expect(1);
    let lines: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ready = lines.iter().find(|line| line["what"] == "ready").unwrap();
    assert_eq!(
        [&ready["health"], &ready["value"], &ready["most"]],
        [&json!("broken"), &json!(2), &json!(1)]
    );
    assert!(lines.iter().any(|line| line["what"] == "spooled" && line["health"] == "ok"));
}

#[test]
fn what_is_broken_is_told_once_where_that_is_asked_for() {
    let sandbox = Sandbox::new();
    old_queue(&sandbox);
    let check = |words: &str| check(&sandbox, &format!("sqlite:q.db --on-failure first {words}"));
    let run = check("--max-dead 0").expect(1);
    assert_eq!(run.stdout, "broken  dead: 1 dead letter, at most 0\n");
    let run = check("--max-dead 0").expect(1);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    // Another limit is broken, too.
    let run = check("--max-dead 0 --max-ready 1").expect(1);
    assert_eq!(run.stdout.lines().count(), 2, "{}", run.stdout);
    let run = check("--max-dead 1").expect(0);
    assert!(run.stderr.starts_with("queue: back after "), "{}", run.stderr);
    assert_eq!(check("--max-dead 1").expect(0).stderr, "");
}

#[test]
fn an_empty_queue_is_not_old() {
    let sandbox = Sandbox::new();
    publish(&sandbox, &[]);
    check(&sandbox, "sqlite:q.db --max-age 1s --max-ready 0").expect(0);
}

#[test]
fn the_spool_counts_while_the_queue_cannot_be_reached() {
    let sandbox = Sandbox::new();
    let queue = "pubsub://project/topic";
    let publish = sandbox.publish().args(&format!("--to {queue} --publish-timeout 2s"));
    let publish = publish.env("PUBSUB_EMULATOR_HOST", "127.0.0.1:1").stdin("{\"a\":1}\n");
    publish.run().expect(75);
    let check = |words: &str| {
        let program = sandbox.queue().args("check").arg(queue).args(words);
        program.env("PUBSUB_EMULATOR_HOST", "127.0.0.1:1").run()
    };
    let run = check("--max-spooled 0").expect(69);
    assert_eq!(run.stdout, "broken  spooled: 1 message waits in the spool, at most 0\n");
    assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    let run = check("--max-spooled 1 --format nagios").expect(2);
    assert!(run.stdout.starts_with("KAKEHI CRITICAL - "), "{}", run.stdout);
    assert!(run.stdout.ends_with(" | spooled=1;;1;0\n"), "{}", run.stdout);
    assert_eq!((run.stdout.lines().count(), run.stderr.as_str()), (1, ""));
}

#[test]
fn a_queue_that_does_not_count_cannot_be_held_to_it() {
    let sandbox = Sandbox::new();
    let name = format!("t{}", uuid::Uuid::now_v7().simple());
    let url = format!("pubsub://kakehi-test/{name}");
    let queue = |words: &str| {
        let program = sandbox.queue().args(words);
        program.env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator()).run()
    };
    queue(&format!("create {url}?topic={name}")).expect(0);
    let run = queue(&format!("check {url} --max-ready 5")).expect(78);
    assert!(run.stdout.starts_with("unknown ready: nobody knows how many"), "{}", run.stdout);
    assert!(run.stderr.contains("1 of 1 limits cannot be looked at"), "{}", run.stderr);
    let run = queue(&format!("check {url} --max-ready 5 --format nagios")).expect(3);
    assert!(run.stdout.starts_with("KAKEHI UNKNOWN - nobody knows how many"), "{}", run.stdout);
}

#[test]
fn a_monitoring_system_gets_one_line_its_codes_and_numbers() {
    let sandbox = Sandbox::new();
    old_queue(&sandbox);
    let nagios = |words: &str| check(&sandbox, &format!("sqlite:q.db --format nagios {words}"));
    let run = nagios("").expect(0);
    assert!(run.stdout.starts_with("KAKEHI OK - the oldest message is 1h"), "{}", run.stdout);
    assert!(run.stdout.contains(" ready=2;;;0 dead=1;;;0 spooled=0;;;0\n"), "{}", run.stdout);
    let run = nagios("--max-ready 1,5").expect(1);
    assert!(run.stdout.starts_with("KAKEHI WARNING - 2 messages are ready"), "{}", run.stdout);
    let run = nagios("--max-dead 0 --max-ready 1,5").expect(2);
    let told =
        "KAKEHI CRITICAL - 2 messages are ready, it warns above 1; 1 dead letter, at most 0 |";
    assert!(run.stdout.starts_with(told), "{}", run.stdout);
    let run = check(&sandbox, "sqlite:none.db --format nagios").expect(2);
    assert!(run.stdout.starts_with("KAKEHI CRITICAL - there is no"), "{}", run.stdout);
    let run = check(&sandbox, "sqlite:q.db?nobody=1 --format nagios").expect(3);
    assert!(run.stdout.starts_with("KAKEHI UNKNOWN - "), "{}", run.stdout);
    check(&sandbox, "sqlite:q.db --format nagios --json").expect(2);
    check(&sandbox, "sqlite:q.db --from sqlite:q.db --max-dead 0").expect(2);
    check(&sandbox, "--source stdin: --max-dead 0").expect(2);
}

#[test]
fn a_store_that_gets_nothing_any_more_is_told() {
    let sandbox = Sandbox::new();
    let run = check(&sandbox, "--to sqlite:s.db --stored-within 15m").expect(1);
    assert_eq!(run.stdout, "broken  stored: nothing was ever stored\n");
    publish_all(&sandbox, "a");
    let drain = "--from sqlite:q.db --to sqlite:s.db";
    sandbox.subscribe().args(drain).run().expect(0);
    let run = check(&sandbox, "--to sqlite:s.db --stored-within 15m").expect(0);
    assert_eq!(run.stdout, "");
    change(&sandbox, "s.db", "UPDATE messages SET stored_at = '2020-01-01T00:00:00.000Z'");
    let run = check(&sandbox, "--to sqlite:s.db --stored-within 15m").expect(1);
    assert!(run.stdout.starts_with("broken  stored: something was stored "), "{}", run.stdout);
    assert!(run.stdout.ends_with(" ago, at most 15m\n"), "{}", run.stdout);
    let run = check(&sandbox, "--to sqlite:s.db --collection other --stored-within 1m").expect(1);
    assert!(run.stdout.contains("nothing was ever stored"), "{}", run.stdout);
    let run = check(&sandbox, "--to stdout: --stored-within 15m").expect(2);
    assert!(run.stderr.contains("does not tell when it stored last"), "{}", run.stderr);
    let run = check(&sandbox, "sqlite:q.db --to sqlite:s.db --stored-within 15m --format nagios");
    let run = run.expect(2);
    assert!(run.stdout.contains(" stored=") && run.stdout.contains("s;;900;0"), "{}", run.stdout);
}

struct Bed {
    sandbox: Sandbox,
    server: services::Mongo,
    collection: Collection<Document>,
}

impl Bed {
    async fn new() -> Self {
        let server = services::mongodb();
        let uri = format!("mongodb://{}/", server.hosts);
        let mut settings = ClientOptions::parse(uri).await.unwrap();
        settings.credential = server.username.clone().map(|username| {
            Credential::builder().username(username).password(server.password.clone()).build()
        });
        let database = Client::with_options(settings).unwrap().database("kakehi_limits");
        let name = format!("t{}", uuid::Uuid::now_v7().simple());
        Self { sandbox: Sandbox::new(), server, collection: database.collection(&name) }
    }

    fn stored_within(&self, time: &str) -> Run {
        let source = if self.server.username.is_some() { "&authSource=admin" } else { "" };
        let url = format!(
            "mongodb://{}/kakehi_limits?collection={}{source}&directConnection=true",
            self.server.hosts,
            self.collection.name()
        );
        let program = self.sandbox.queue().args("check --to").arg(url).arg("--stored-within");
        let user = self.server.username.clone().unwrap_or_default();
        let password = self.server.password.clone().unwrap_or_default();
        let program = program.env("MONGODB_USERNAME", user).env("MONGODB_PASSWORD", password);
        program.arg(time).run()
    }

    async fn insert(&self, documents: impl IntoIterator<Item = Document>) {
        self.collection.insert_many(documents).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_key_of_a_collection_tells_whether_anything_arrives() {
    let bed = Bed::new().await;
    let run = bed.stored_within("15m").expect(1);
    assert_eq!(run.stdout, "broken  stored: nothing was ever stored\n");
    let old = ObjectId::parse_str("5e0be1000000000000000000").unwrap();
    bed.insert([
        doc! { "_id": "a@2020-01-01T00:00:00Z" },
        doc! { "_id": "b@2020-01-02T00:00:00Z" },
        doc! { "_id": "0192f3a4-b5c6-7000-8000-000000000000" },
        doc! { "_id": old },
    ])
    .await;
    let run = bed.stored_within("15m").expect(1);
    assert!(
        run.stdout.starts_with("broken  stored: something was stored 2years"),
        "{}",
        run.stdout
    );
    for fresh in [
        format!("b@{}", chrono::Utc::now().to_rfc3339()).into(),
        uuid::Uuid::now_v7().to_string().into(),
        mongodb::bson::Bson::from(ObjectId::new()),
    ] {
        bed.insert([doc! { "_id": &fresh }]).await;
        bed.stored_within("15m").expect(0);
        bed.collection.delete_one(doc! { "_id": fresh }).await.unwrap();
    }
    bed.stored_within("15m").expect(1);
    // What has no time may have been stored just now.
    bed.insert([doc! { "_id": "queue/17" }]).await;
    let run = bed.stored_within("15m").expect(78);
    assert!(run.stdout.starts_with("unknown stored: "), "{}", run.stdout);
    bed.collection.drop().await.unwrap();
}
