//! `store export` and `store import`.

use super::{STORE, ago, fill, snapshot, store, three_devices};
use crate::support::sandbox::Sandbox;
use crate::support::services;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a store file holds: documents by their ids.
fn held(sandbox: &Sandbox, file: &str, table: &str) -> BTreeMap<String, Value> {
    let connection = Connection::open(sandbox.path(file)).expect("a file");
    let mut select = connection.prepare(&format!("SELECT id, document FROM {table}")).unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).unwrap();
    let read = |row: rusqlite::Result<(String, String)>| {
        row.map(|(id, text)| (id, serde_json::from_str(&text).expect("JSON"))).unwrap()
    };
    rows.map(read).collect()
}

#[test]
fn lines_of_an_export_are_published_and_stored_as_they_were() {
    let sandbox = three_devices();
    let lines = store(&sandbox, &format!("export {STORE} --jsonl")).expect(0).stdout;
    assert_eq!(lines.lines().count(), 7);
    assert!(lines.lines().all(|line| line.contains("+09:00\"")), "{lines}");
    let publish = sandbox.publish().args("stdin:?envelope --to sqlite:again.db");
    publish.stdin(lines).run().expect(0);
    let subscribe = "--from sqlite:again.db --to sqlite:other.db?collection=readings";
    sandbox.subscribe().args(subscribe).run().expect(0);
    let readings = held(&sandbox, "store.db", "readings");
    assert_eq!(held(&sandbox, "other.db", "readings"), readings);
}

#[test]
fn a_table_has_a_row_for_each_reading_and_no_formula() {
    let sandbox = Sandbox::new();
    let name = "=HYPERLINK(\"http://x\")";
    fill(
        &sandbox,
        STORE,
        &[
            snapshot("d", name, ago(10), json!({"te": -1.5, "hu": 50})),
            ("other".to_owned(), json!({"a": 1})),
        ],
    );
    let run = store(&sandbox, &format!("export {STORE} --csv")).expect(0);
    let rows: Vec<_> = run.stdout.lines().collect();
    assert_eq!((rows.len(), rows[0]), (3, "time,device,name,metric,value,unit,document"));
    let row = rows.iter().find(|row| row.contains(",te,")).expect("a row");
    assert!(row.contains("+09:00,d,\"'=HYPERLINK(\"\"http://x\"\")\",te,-1.5,°C,d@"), "{row}");
    assert!(run.stderr.contains("1 document holds no reading"), "{}", run.stderr);
    store(&sandbox, &format!("export {STORE}")).expect(2);
    store(&sandbox, &format!("export {STORE} --csv --jsonl")).expect(2);
}

#[test]
fn an_import_keeps_ids_and_is_run_again_without_harm() {
    let sandbox = three_devices();
    let to = "sqlite:other.db?collection=copies";
    let run = store(&sandbox, &format!("import {STORE} --to {to}")).expect(0);
    assert_eq!(run.stdout, "7 stored, 0 duplicates, 0 refused\n");
    assert_eq!(held(&sandbox, "other.db", "copies"), held(&sandbox, "store.db", "readings"));
    let run = store(&sandbox, &format!("import {STORE} --to {to} --json")).expect(0);
    assert_eq!(run.stdout, "{\"duplicates\":7,\"refused\":0,\"stored\":0}\n");

    let changed = Connection::open(sandbox.path("other.db")).unwrap();
    let change = "UPDATE copies SET document = '{\"secret\":1}' WHERE id LIKE 'cccccccc%'";
    changed.execute(change, []).unwrap();
    let run = store(&sandbox, &format!("import {STORE} --to {to}")).expect(65);
    assert_eq!(run.stdout, "0 stored, 6 duplicates, 1 refused\n");
    assert!(run.stderr.contains("`cccccccc-3@") && run.stderr.contains("another document"));
    assert!(!run.stderr.contains("secret"), "{}", run.stderr);
}

#[test]
fn what_cannot_be_imported_is_refused_before_anything_is_written() {
    let sandbox = three_devices();
    let import = |to: &str| store(&sandbox, &format!("import {STORE} --to {to}"));
    let run = import("sqlite:./store.db?collection=readings").expect(2);
    assert!(run.stderr.contains("the same store"), "{}", run.stderr);
    for (to, queue) in [
        ("forward:sqlite:queue.db", "sqlite:queue.db"),
        ("pubsub://project/name", "pubsub://project/name"),
        ("sqs:name", "sqs:name"),
    ] {
        let run = import(to).expect(2);
        assert!(run.stderr.contains("it is a queue"), "{}", run.stderr);
        let way = format!("--jsonl` into `publish 'stdin:?envelope' --to {queue}`");
        assert!(run.stderr.contains(&way), "{}", run.stderr);
    }
    import("nonsense:x").expect(2);
    let run = store(&sandbox, "import sqlite:missing.db --to sqlite:made.db").expect(78);
    assert!(!sandbox.path("made.db").exists(), "{}", run.stderr);
}

#[test]
fn a_store_goes_to_mongodb_and_back() {
    let sandbox = three_devices();
    let mongo = services::mongodb();
    let name = format!("import_{}", uuid::Uuid::now_v7().simple());
    let source = if mongo.username.is_some() { "&authSource=admin" } else { "" };
    let url = format!("mongodb://{}/kakehi_test?collection={name}{source}", mongo.hosts);
    let run = |arguments: &str| {
        let program = sandbox.store().args(arguments).env("TZ", "Asia/Tokyo");
        let program = program.env("MONGODB_USERNAME", mongo.username.clone().unwrap_or_default());
        program.env("MONGODB_PASSWORD", mongo.password.clone().unwrap_or_default()).run()
    };
    let there = run(&format!("import {STORE} --to {url}")).expect(0);
    assert_eq!(there.stdout, "7 stored, 0 duplicates, 0 refused\n");
    let latest = run(&format!("latest {url}")).expect(0).stdout;
    assert!(latest.contains("(aaaaaaaa)") && latest.contains("17.7 °C"), "{latest}");
    run(&format!("import {url} --to sqlite:back.db?collection=readings")).expect(0);
    let numbers = |all: BTreeMap<String, Value>| -> Vec<(String, Option<f64>)> {
        let value = |body: &Value| body["newest_events"]["te"]["val"].as_f64();
        all.iter().map(|(id, body)| (id.clone(), value(body))).collect()
    };
    let first = numbers(held(&sandbox, "store.db", "readings"));
    assert_eq!(numbers(held(&sandbox, "back.db", "readings")), first);

    let would = run(&format!("prune {url} --older-than 1d")).expect(0).stdout;
    assert!(would.starts_with("would remove 1 of 7 documents"), "{would}");
    let done = run(&format!("prune {url} --older-than 1d --yes")).expect(0).stdout;
    assert!(done.starts_with("removed 1 of 7 documents"), "{done}");
    let left = run(&format!("export {url} --jsonl")).expect(0).stdout;
    assert_eq!(left.lines().count(), 6, "{left}");
    assert!(!left.contains("cccccccc-3"), "{left}");
}
