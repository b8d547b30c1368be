//! `store prune`: shown first, done with `--yes`, beside a running `subscribe`.

use super::{STORE, ago, fill, snapshot, store, three_devices};
use crate::support::process::Process;
use crate::support::sandbox::Sandbox;
use nix::sys::signal::Signal;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

fn count(sandbox: &Sandbox, condition: &str) -> i64 {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = Connection::open_with_flags(sandbox.path("store.db"), flags).expect("a store");
    let select = format!("SELECT count(*) FROM readings WHERE {condition}");
    connection.query_row(&select, [], |row| row.get(0)).expect("a count")
}

#[test]
fn what_is_old_is_shown_first_and_removed_with_yes() {
    let sandbox = three_devices();
    let prune = |more: &str| store(&sandbox, &format!("prune {STORE} --older-than 2d {more}"));
    let run = prune("").expect(0);
    assert!(run.stdout.starts_with("would remove 1 of 7 documents: older than "), "{}", run.stdout);
    assert!(run.stdout.ends_with("nothing was changed: `--yes` does it\n"), "{}", run.stdout);
    assert_eq!(count(&sandbox, "1"), 7);
    let run = prune("--yes --json").expect(0);
    let told: serde_json::Value = serde_json::from_str(&run.stdout).expect("a line of JSON");
    assert_eq!((&told["removed"], &told["done"]), (&json!(1), &json!(true)));
    assert_eq!((count(&sandbox, "1"), count(&sandbox, "id LIKE 'cccccccc%'")), (6, 0));
    let run = prune("--yes").expect(0);
    assert!(run.stdout.starts_with("removed 0 of 6 documents"), "{}", run.stdout);
}

#[test]
fn a_document_without_a_time_of_its_own_is_as_old_as_its_row() {
    let sandbox = Sandbox::new();
    fill(&sandbox, STORE, &["a", "b", "c"].map(|id| (id.to_owned(), json!({"x": 1}))));
    let connection = Connection::open(sandbox.path("store.db")).unwrap();
    let old = "UPDATE readings SET stored_at = '2020-01-01T00:00:00.000Z' WHERE id = 'a'";
    connection.execute(old, []).unwrap();
    connection.execute("UPDATE readings SET stored_at = 'once' WHERE id = 'b'", []).unwrap();
    let run = store(&sandbox, &format!("prune {STORE} --older-than 365d --yes")).expect(0);
    assert!(run.stdout.contains("removed 1 of 3"), "{}", run.stdout);
    assert!(run.stdout.contains("1 document has no time, and stays"), "{}", run.stdout);
    assert_eq!(count(&sandbox, "id = 'a'"), 0);
}

#[test]
fn what_is_not_named_or_not_there_is_refused() {
    let sandbox = three_devices();
    store(&sandbox, "prune --older-than 1d").expect(2);
    store(&sandbox, &format!("prune {STORE}")).expect(2);
    store(&sandbox, &format!("prune {STORE} --older-than 99999999y")).expect(2);
    store(&sandbox, "prune sqlite:missing.db --older-than 1d --yes").expect(78);
    assert!(!sandbox.path("missing.db").exists());
    assert_eq!(count(&sandbox, "1"), 7);
}

#[test]
fn a_drain_beside_it_goes_on_and_loses_nothing() {
    let sandbox = Sandbox::new();
    let old: Vec<_> = (0..5000)
        .map(|at| snapshot("d", "Room", ago(400 * 24 * 60 + at), json!({"te": 20})))
        .collect();
    fill(&sandbox, STORE, &old);
    let subscribe = sandbox.subscribe().args("--from sqlite:queue.db --create --follow --to");
    let mut drain = Process::start(subscribe.arg(STORE), String::new(), false);
    let publish = |from: i64| {
        let one = |at: i64| snapshot("n", "Room", ago(at), json!({"te": 21}));
        let line = |(id, body)| format!("{}\n", json!({"id": id, "body": body}));
        let lines: String = (from..from + 300).map(one).map(line).collect();
        let publish = sandbox.publish().args("stdin:?envelope --to sqlite:queue.db");
        publish.stdin(lines).run().expect(0);
    };
    publish(0);
    let run = store(&sandbox, &format!("prune {STORE} --older-than 365d --yes")).expect(0);
    publish(300);
    assert!(run.stdout.starts_with("removed 5000 of "), "{}", run.stdout);
    drain.wait_until("all are stored", |_| count(&sandbox, "id LIKE 'n@%'") == 600);
    assert_eq!(count(&sandbox, "id LIKE 'd@%'"), 0);
    drain.signal(Signal::SIGTERM);
    assert_eq!(drain.end().code, 143);
}

/// How many readings a chart of a year has counted.
fn charted(sandbox: &Sandbox) -> u64 {
    let chart = format!("chart {STORE} --field te --since 365d --json");
    let line = store(sandbox, &chart).expect(0).stdout;
    let line: serde_json::Value = serde_json::from_str(&line).expect("a line of JSON");
    let points = line["points"].as_array().expect("points").iter();
    points.filter_map(|point| point["count"].as_u64()).sum()
}

/// Readings of `d`, a hundred days old and of the last two days, in a table whose numbers are so far
/// apart that its hours are kept.
fn with_kept_hours(old: i64) -> Sandbox {
    let sandbox = Sandbox::new();
    let minutes = (0..old).map(|at| 100 * 24 * 60 + at).chain((0..48).map(|hour| hour * 60));
    let one = |minutes| snapshot("d", "Room", ago(minutes), json!({"te": 20}));
    fill(&sandbox, STORE, &minutes.map(one).collect::<Vec<_>>());
    let connection = Connection::open(sandbox.path("store.db")).unwrap();
    let apart = "UPDATE readings SET rowid = rowid + 1000000 WHERE rowid > ?1";
    connection.execute(apart, [old]).unwrap();
    sandbox
}

#[test]
fn a_chart_knows_at_once_what_was_pruned() {
    let sandbox = with_kept_hours(48);
    assert_eq!((charted(&sandbox), charted(&sandbox)), (96, 96));
    store(&sandbox, &format!("prune {STORE} --older-than 90d --yes")).expect(0);
    assert_eq!(charted(&sandbox), 48);
}

#[test]
fn a_prune_that_is_killed_beside_a_drain_leaves_no_count_of_what_is_gone() {
    for point in ["prune-removed=kill@1", "prune-removed=kill@3", "prune-closed=kill@1"] {
        let sandbox = with_kept_hours(1600);
        assert_eq!(charted(&sandbox), 1648);
        let subscribe = sandbox.subscribe().args("--from sqlite:queue.db --create --follow --to");
        let mut drain = Process::start(subscribe.arg(STORE), String::new(), false);
        let lines: String = (0..300)
            .map(|at| snapshot("n", "Room", ago(at), json!({"hu": 50})))
            .map(|(id, body)| format!("{}\n", json!({"id": id, "body": body})))
            .collect();
        let publish = sandbox.publish().args("stdin:?envelope --to sqlite:queue.db");
        publish.stdin(lines).run().expect(0);
        let prune = || sandbox.store().args(&format!("prune {STORE} --older-than 90d --yes"));
        prune().env("KAKEHI_FAILPOINTS", point).run().expect(137);
        let left = count(&sandbox, "id LIKE 'd@%'");
        assert!(left < 1648, "{point}: nothing was removed");
        assert_eq!(charted(&sandbox), left.cast_unsigned(), "{point}");
        drain.wait_until("all are stored", |_| count(&sandbox, "id LIKE 'n@%'") == 300);
        prune().run().expect(0);
        assert_eq!((count(&sandbox, "id LIKE 'd@%'"), charted(&sandbox)), (48, 48), "{point}");
        drain.signal(Signal::SIGTERM);
        assert_eq!(drain.end().code, 143);
    }
}
