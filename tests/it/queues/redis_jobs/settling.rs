//! What becomes of a job after it was worked on, or was not.

use super::job;
use crate::support::process::Process;
use crate::support::redis_server::{RedisServer, wait_for};
use crate::support::redis_stage::Stage;
use crate::support::sqlite_files;
use nix::sys::signal::Signal;

#[test]
fn a_drain_works_on_all_that_is_ready_in_order_and_leaves_nothing() {
    let stage = Stage::new();
    let ids: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    let jobs: Vec<_> = ids.iter().map(|id| job("a", id)).collect();
    stage.enqueue_raw("a", &jobs);
    let run = stage.subscribe("job=a").args("--to stdout:").run().expect(0);
    let bodies: Vec<_> = ids.iter().map(|id| format!("{{\"id\":\"{id}\"}}\n")).collect();
    assert_eq!(run.stdout, bodies.concat());
    stage.assert_no_lock_is_left();
    assert_eq!(stage.keys(), ["jobs:a:lock", "known_jobs"]);
}

#[test]
fn what_a_command_sees_is_the_job() {
    let stage = Stage::new();
    let texts = [
        r#"{"name":"a","id":"1","t":5,"args":{"n": 12345678901234567890},"fails":2,"err":"no"}"#,
        r#"{"name":"a","id":"2","t":5}"#,
        r#"{"args":null,"t":5,"x":[1],"id":"3","name":"a"}"#,
    ];
    stage.enqueue_raw("a", &texts.map(str::to_owned));
    let script = r#"echo "$KAKEHI_ID $KAKEHI_ATTEMPT $KAKEHI_TAG $(cat)""#;
    let said = stage.work_by("job=a", "--concurrency 1", script, 0);
    assert_eq!(said, "1 3 a {\"n\": 12345678901234567890}\n2 1 a null\n3 1 a null\n");
}

#[test]
fn a_failure_waits_in_retry_and_keeps_all_that_we_do_not_know() {
    let stage = Stage::new();
    let text = r#"{"d":7,"name":"a","id":"1","t":1700000000,"args":{"n":9007199254740993,"s":"\/"},"trace":{"x":[]}}"#;
    stage.enqueue_raw("a", &[text.to_owned()]);
    let before = chrono::Utc::now().timestamp();
    stage.work_by("job=a", "", "exit 1", 75);
    let after = chrono::Utc::now().timestamp();
    let retry = stage.members("@retry").remove(0);
    let same = text.strip_suffix('}').unwrap();
    assert!(retry.starts_with(&format!("{same},\"fails\":1,\"err\":")), "{retry}");
    let failed_at = stage.only("@retry")["failed_at"].as_i64().unwrap();
    assert!((before..=after).contains(&failed_at));
    let due: i64 = stage.ask(&["ZSCORE", "@retry", &retry]);
    assert!((failed_at + 16..=failed_at + 74).contains(&due), "{due} after {failed_at}");
    stage.assert_no_lock_is_left();
}

#[test]
fn the_fourth_failure_and_a_rejection_are_the_last() {
    let stage = Stage::new();
    let text = r#"{"name":"a","id":"1","t":5,"args":null,"fails":3,"err":"x","failed_at":7}"#;
    stage.enqueue_raw("a", &[text.to_owned()]);
    stage.work_by("job=a", "", "exit 1", 65);
    let dead = stage.only("@dead");
    assert_eq!(dead["fails"], 4);
    stage.ask::<i64>(&["DEL", "@dead"]);
    stage.enqueue_raw("a", &[job("a", "2")]);
    stage.work_by("job=a", "", "exit 65", 65);
    assert_eq!(stage.only("@dead")["fails"], 1);
    assert_eq!(stage.jobs("@retry"), Vec::<serde_json::Value>::new());
    stage.assert_no_lock_is_left();
}

#[test]
fn an_outage_of_the_sink_spends_no_attempt() {
    let stage = Stage::new();
    let jobs = [job("a", "1"), job("a", "2"), job("a", "3")];
    stage.enqueue_raw("a", &jobs);
    stage.work_by("job=a", "--concurrency 1", "exit 75", 69);
    assert_eq!(stage.members("@jobs:a"), jobs);
    stage.assert_no_lock_is_left();
}

#[test]
fn what_is_not_finished_goes_back_to_where_it_was_as_it_was() {
    let stage = Stage::new();
    let jobs: Vec<_> = (0..9).map(|number| job("a", &number.to_string())).collect();
    stage.enqueue_raw("a", &jobs);
    let mut pool = stage.follow("job=a", "--concurrency 2 --grace 0s", "echo began >&2; sleep 600");
    pool.wait_until("two have begun", |it| it.said().matches("began").count() == 2);
    pool.signal(Signal::SIGTERM);
    pool.end();
    assert_eq!(stage.members("@jobs:a"), jobs);
    stage.assert_no_lock_is_left();
    assert_eq!(stage.keys(), ["jobs:a", "jobs:a:lock", "known_jobs"]);
}

#[test]
fn poison_is_moved_aside_and_blocks_nobody() {
    let stage = Stage::new();
    let odd =
        ["", "{", "[]", r#"{"id":"x"}"#, r#"{"name":"a","t":1.5}"#, r#"{"name":"a","args":[]}"#];
    let mut jobs = odd.map(str::to_owned).to_vec();
    jobs.push(job("a", "1"));
    stage.enqueue_raw("a", &jobs);
    let run = stage.subscribe("job=a").args("--to stdout:").run().expect(65);
    assert_eq!(run.stdout, "{\"id\":\"1\"}\n");
    let mut aside = stage.members("@kakehi:poison:jobs:a");
    aside.sort_unstable();
    let mut odd = odd.to_vec();
    odd.sort_unstable();
    assert_eq!(aside, odd);
    stage.assert_no_lock_is_left();
}

#[test]
fn a_job_of_another_name_is_dead_as_the_original_has_it() {
    let stage = Stage::new();
    stage.enqueue_raw("a", &[job("z", "1")]);
    stage.subscribe("job=a,b").args("--to stdout:").run().expect(65);
    assert_eq!(stage.only("@dead")["err"], "stray job: no handler");
    stage.enqueue_raw("a", &[job("b", "2")]);
    let run = stage.subscribe("job=a,b").args("--to stdout:").run().expect(0);
    assert_eq!(run.stdout, "{\"id\":\"2\"}\n");
    stage.assert_no_lock_is_left();
}

#[test]
fn the_same_bytes_twice_are_two_jobs() {
    let stage = Stage::new();
    stage.enqueue_raw("a", &[job("a", "1"), job("a", "1")]);
    stage.work_by("job=a", "", "exit 1", 75);
    assert_eq!(stage.members("@retry").len() + stage.members("@jobs:a").len(), 2);
    stage.assert_no_lock_is_left();
    stage.ask::<i64>(&["DEL", "@retry"]);
    stage.enqueue_raw("a", &[job("a", "2"), job("a", "2")]);
    let said = stage.work_by("job=a", "", "echo $KAKEHI_ID", 0);
    assert_eq!(said.matches('2').count(), 2, "{said}");
    stage.assert_no_lock_is_left();
}

#[test]
fn a_lease_is_the_pools_and_cannot_be_asked_for() {
    let stage = Stage::new();
    let run = stage.subscribe("job=a").args("--lease 60s --to stdout:").run().expect(78);
    assert!(run.stderr.contains("leave `--lease` out"), "{}", run.stderr);
}

#[test]
fn a_script_flush_and_cut_connections_lose_nothing() {
    let server = RedisServer::start("");
    let stage = Stage::on(&server);
    let jobs: Vec<_> = (0..300).map(|number| job("a", &number.to_string())).collect();
    stage.enqueue_raw("a", &jobs);
    let store = "sqlite:store.db";
    let program = stage.subscribe("job=a").args("--follow --batch 3 --max-in-flight 9 --to");
    let mut pool = Process::start(program.arg(store), String::new(), false);
    let mut before = 301;
    wait_for("all are worked on", || {
        let left: i64 = stage.ask(&["LLEN", "@jobs:a"]);
        // Only where something was done since: nobody gets on whose every command is cut.
        if left < before {
            stage.ask::<String>(&["SCRIPT", "FLUSH"]);
            stage.ask::<i64>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            before = left;
        }
        (left == 0).then_some(())
    });
    pool.signal(Signal::SIGTERM);
    pool.end();
    // What was given back at the end is the rest.
    stage.subscribe("job=a").arg("--to").arg(store).run().expect(0);
    assert_eq!(sqlite_files::store(&stage.sandbox).len(), 300);
    stage.assert_no_lock_is_left();
}
