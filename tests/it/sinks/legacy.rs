//! What the first publisher, in Python, left in its topic. The fixtures were made by Python itself.

use crate::support::pubsub_stage::{PATIENT, Stage, count};
use crate::support::sandbox::Sandbox;
use crate::support::services;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use google_cloud_auth::credentials::anonymous;
use google_cloud_pubsub::client::Publisher as BarePublisher;
use google_cloud_pubsub::model::Message as Wire;
use kakehi::sinks::legacy::to_json;
use mongodb::bson::{Bson, doc};
use serde_json::{Value, json};

const CASES: &str = include_str!("../../fixtures/legacy/cases.jsonl");
const READINGS: &str = include_str!("../../fixtures/legacy/readings.txt");
const TOKYO: &str = "legacy&legacy-timezone=Asia/Tokyo";

/// The readings as they should have been published: a fixture's own line with its true time.
fn readings() -> Vec<Value> {
    let cases = CASES.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let readings = cases.filter(|case| case["json"]["request_at"].is_string());
    readings
        .map(|mut case| {
            assert_eq!(case["json"]["request_at"], "2021-11-22T08:59:59Z");
            case["json"]["request_at"] = "2021-11-21T23:59:59Z".into();
            case["json"].take()
        })
        .collect()
}

/// Publishes bodies as they are, under the ids `0`, `1`, ...
fn publish<'b>(sandbox: &Sandbox, bodies: impl IntoIterator<Item = &'b str>) {
    let line = |(at, body): (usize, &str)| {
        json!({"id": at.to_string(), "body_base64": BASE64_STANDARD.encode(body)}).to_string()
            + "\n"
    };
    let lines: String = bodies.into_iter().enumerate().map(line).collect();
    sandbox.publish().args("stdin:?envelope --to sqlite:q.db").stdin(lines).run().expect(0);
}

/// What is stored under the ids `0`, `1`, ...
fn stored(sandbox: &Sandbox) -> Vec<Value> {
    let store = rusqlite::Connection::open(sandbox.path("s.db")).expect("the store");
    let query = "SELECT document FROM messages ORDER BY CAST(id AS INTEGER)";
    let mut rows = store.prepare(query).expect("a statement");
    let documents = rows.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    documents.map(|text| serde_json::from_str(&text.expect("text")).expect("JSON")).collect()
}

#[test]
fn what_python_writes_is_read_as_python_means_it() {
    let mut seen = 0;
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).expect("JSON");
        let python = case["python"].as_str().expect("text");
        let json = to_json(python, None).unwrap_or_else(|why| panic!("{python}: {why}"));
        assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON"), case["json"], "{python}");
        assert_eq!(to_json(python, None), Ok(json));
        seen += 1;
    }
    assert!(seen > 150);
}

#[test]
fn a_name_stays_a_name_and_makes_no_keys() {
    for (line, reading) in READINGS.lines().zip(readings()) {
        let json: Value =
            serde_json::from_str(&to_json(line, None).expect("a dict")).expect("JSON");
        assert_eq!(json["name"], reading["name"]);
        let keys: Vec<_> = json.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["name", "newest_events", "request_at", "updated_at"], "{line}");
    }
    // By hand, without the escapes that Python makes: no name can end and begin again.
    for body in [
        "{'name': 'x', 'owner': 'attacker', 'name': 'y'}",
        "{'name': 'x' 'y'}",
        "{'name': 'x'', 'owner': 'attacker'}",
        "{'name': \"x\\\", 'owner': 'attacker'}",
        "{'name': 'x'} {'owner': 'attacker'}",
        "{'name': __import__('os').system('id')}",
    ] {
        assert!(to_json(body, None).is_err(), "{body}");
    }
}

#[test]
fn old_readings_are_stored_with_their_true_times_once_however_often_they_come() {
    let sandbox = Sandbox::new();
    let to = format!("sqlite:s.db?{TOKYO}");
    let lines: Vec<_> = READINGS.lines().collect();
    for outcome in [format!("{} stored", lines.len()), "0 stored".to_owned()] {
        publish(&sandbox, lines.iter().copied());
        let run = sandbox.subscribe().args("--from sqlite:q.db --to").arg(&to).run().expect(0);
        assert!(run.stderr.contains(&outcome), "{}", run.stderr);
        assert_eq!(stored(&sandbox), readings());
    }
}

#[test]
fn what_is_json_stays_and_what_is_neither_is_rejected_with_its_bytes() {
    let sandbox = Sandbox::new();
    let new = r#"{"name":"new","request_at":"2021-11-22T08:59:59Z"}"#;
    publish(&sandbox, [new, "{'name': nan}", "{'a': 'b'}"]);
    let to = format!("sqlite:s.db?{TOKYO}");
    let run = sandbox.subscribe().args("--from sqlite:q.db --to").arg(&to).run().expect(65);
    assert!(run.stderr.contains("2 stored, 1 dead"), "{}", run.stderr);
    assert_eq!(stored(&sandbox), [serde_json::from_str(new).expect("JSON"), json!({"a": "b"})]);
    let dead = sandbox.queue().args("dead list sqlite:q.db --json").run().expect(0);
    let dead: Value = serde_json::from_str(&dead.stdout).expect("one letter");
    assert_eq!(dead["body_base64"], BASE64_STANDARD.encode("{'name': nan}"));
    let reason = dead["reason"].as_str().expect("a reason");
    assert!(reason.contains("not JSON") && reason.contains("no literal at byte 9"), "{reason}");
}

#[test]
fn without_the_flag_they_become_dead_letters_that_can_be_redriven_with_it() {
    let sandbox = Sandbox::new();
    publish(&sandbox, READINGS.lines());
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(65);
    assert_eq!(stored(&sandbox), [] as [Value; 0]);
    sandbox.queue().args("dead redrive sqlite:q.db --all --yes").run().expect(0);
    let to = format!("sqlite:s.db?{TOKYO}");
    sandbox.subscribe().args("--from sqlite:q.db --to").arg(&to).run().expect(0);
    assert_eq!(stored(&sandbox), readings());
}

#[test]
fn a_command_and_standard_output_get_json_too() {
    let sandbox = Sandbox::new();
    for to in ["stdout:?legacy", "exec:cat?legacy"] {
        publish(&sandbox, ["{'a': None}"]);
        let run = sandbox.subscribe().args("--from sqlite:q.db --to").arg(to).run().expect(0);
        assert_eq!(run.stdout.trim_end(), r#"{"a":null}"#);
    }
    for (to, what) in [
        ("stdout:?legacy-timezone=Asia/Tokyo", "`legacy-timezone` without `legacy`"),
        ("stdout:?legacy&legacy-timezone=JST-9", "is no time zone"),
        ("stdout:?legacy=maybe", "is a flag"),
    ] {
        let run = sandbox.subscribe().args("--from sqlite:q.db --to").arg(to).run().expect(2);
        assert!(run.stderr.contains(what), "{}", run.stderr);
    }
}

#[tokio::test]
async fn what_was_left_in_pubsub_comes_to_mongodb() {
    let stage = Stage::new();
    stage.create().await;
    let topic = stage.queue().replace("pubsub://", "projects/").replacen("/p-", "/topics/p-", 1);
    let publisher = BarePublisher::builder(topic)
        .with_endpoint(format!("http://{}", services::pubsub_emulator()))
        .with_credentials(anonymous::Builder::new().build())
        .build()
        .await
        .expect("a publisher without an id of ours");
    for line in READINGS.lines() {
        publisher.publish(Wire::new().set_data(line.to_owned())).await.expect("it is taken");
    }
    let bounded = format!("{PATIENT} --max-messages {}", READINGS.lines().count());
    let run = stage.subscribe_to(&format!("&{TOKYO}"), &bounded).run().expect(0);
    assert_eq!(count(&run, "stored"), READINGS.lines().count() as u64);
    let stored = stage.stored().await;
    for reading in readings() {
        let name = reading["name"].as_str().expect("a name");
        let found = stored.find_one(doc! { "name": name }).await.expect("an answer");
        let found = found.unwrap_or_else(|| panic!("nothing is named {name:?}"));
        assert_eq!(
            found.keys().collect::<Vec<_>>(),
            ["_id", "name", "newest_events", "updated_at", "request_at"]
        );
        let Some(Bson::DateTime(at)) = found.get("request_at") else { panic!("{found}") };
        assert_eq!(at.try_to_rfc3339_string().expect("a time"), "2021-11-21T23:59:59Z");
    }
}
