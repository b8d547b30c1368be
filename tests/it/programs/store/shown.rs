//! `store latest` and `store list`.

use super::{STORE, ago, fill, snapshot, store, three_devices};
use crate::support::sandbox::Sandbox;
use serde_json::{Value, json};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn the_newest_values_of_each_device_stand_in_a_line() {
    let sandbox = three_devices();
    let run = store(&sandbox, &format!("latest {STORE}")).expect(0);
    let rows: Vec<_> = run.stdout.lines().collect();
    assert!(rows[0].starts_with("device") && rows[0].ends_with("age"), "{}", run.stdout);
    let row = |words: &str| rows.iter().find(|row| row.contains(words)).expect("a row");
    assert!(row("(aaaaaaaa)").contains("17.7 °C      50 %"), "{}", run.stdout);
    assert!(row("(bbbbbbbb)").contains("30.5 °C"), "{}", run.stdout);
    assert!(row("-3 °C").ends_with("3 d stale"), "{}", run.stdout);
    assert!(row("stale: ").ends_with("nothing new is stored"), "{}", run.stdout);
    assert!(!run.stdout.contains(['\u{1b}', '\u{202e}']), "{:?}", run.stdout);
    assert!(run.stdout.lines().all(|row| row.chars().count() <= 80), "{}", run.stdout);

    let all = lines(&store(&sandbox, &format!("latest {STORE} --json")).expect(0).stdout);
    assert_eq!(all.len(), 3);
    let one = all.iter().find(|one| one["id"] == "aaaaaaaa-1").expect("the device");
    assert_eq!((one["name"].as_str(), one["stale"].as_str()), (Some("寝室"), None));
    assert_eq!(one["values"][0]["value"], 17.7);
}

#[test]
fn a_store_without_readings_says_what_to_do() {
    let sandbox = Sandbox::new();
    let run = store(&sandbox, "latest sqlite:missing.db").expect(78);
    assert!(run.stderr.contains("missing.db") && run.stderr.contains("hint: "), "{}", run.stderr);
    assert!(!sandbox.path("missing.db").exists());
    sandbox.publish().args("--to sqlite:queue.db").stdin("{}\n").run().expect(0);
    let run = store(&sandbox, "latest sqlite:queue.db").expect(78);
    assert!(run.stderr.contains("it is a queue, not a store"), "{}", run.stderr);

    fill(&sandbox, STORE, &[("a".to_owned(), json!({"t": 20.5, "room": "hall"}))]);
    let run = store(&sandbox, &format!("latest {STORE}")).expect(0);
    assert!(run.stdout.contains("no readings") && run.stdout.contains("values="), "{}", run.stdout);
    let named = format!("latest {STORE}&values=t&series=room");
    let run = store(&sandbox, &named).expect(0);
    assert!(run.stdout.contains("hall") && run.stdout.contains("20.5"), "{}", run.stdout);
    let run = store(&sandbox, &format!("chart {STORE}")).expect(0);
    assert!(run.stdout.contains("values="), "{}", run.stdout);
}

#[test]
fn documents_are_listed_by_time_and_by_what_is_in_them() {
    let sandbox = three_devices();
    let list = |more: &str| store(&sandbox, &format!("list {STORE} {more}"));
    assert_eq!(list("").expect(0).stdout.lines().count(), 2 * 7);
    assert_eq!(list("--since 24h").expect(0).stdout.lines().count(), 2 * 6);
    assert_eq!(list("--since 24h -n 2").expect(0).stdout.lines().count(), 2 * 2);
    let warm = list("--where .newest_events.te.val>30").expect(0).stdout;
    assert_eq!(warm.matches("bbbbbbbb-2@").count(), 3, "{warm}");
    assert_eq!(warm.matches("aaaaaaaa-1@").count(), 0, "{warm}");
    assert!(warm.contains("+09:00  "), "{warm}");
    let run = list("--where .newest_events.te.val.x").expect(0);
    assert!(run.stderr.contains("fails on 7 documents"), "{}", run.stderr);
    let run = list("--where .a[").expect(2);
    assert!(run.stderr.contains("`--where` is no jq program"), "{}", run.stderr);
    assert!(!list("").stdout.contains('\u{1b}'));
}

#[test]
fn a_smart_meter_and_a_change_are_readings_too() {
    let sandbox = Sandbox::new();
    let at = super::written(ago(5));
    let meter = json!({"appliance_id": "m", "name": "Meter", "power_w": 432, "request_at": at});
    let change = json!({"device_id": "d", "kind": "te", "val": 21.25, "created_at": at});
    let documents = [("m@1".to_owned(), meter), ("d/te@1".to_owned(), change)];
    fill(&sandbox, STORE, &documents);
    fill(&sandbox, STORE, &[snapshot("e", "Hall", ago(1), json!({}))]);
    let run = store(&sandbox, &format!("latest {STORE}")).expect(0);
    assert!(run.stdout.contains("432 W") && run.stdout.contains("21.25 °C"), "{}", run.stdout);
}
