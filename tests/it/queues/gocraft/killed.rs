//! A pool that is killed on one side, and cleaned up after by the other.

use super::{read, stop};
use crate::support::process::{End, Process};
use crate::support::redis_stage::{Stage, events, told};
use nix::sys::signal::Signal;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

fn kill(mut pool: Process) -> End {
    pool.signal(Signal::SIGKILL);
    pool.end()
}

#[test]
fn what_their_killed_pool_had_is_worked_on_here() {
    let stage = Stage::new();
    let until = stage.sandbox.path("never");
    let answers = stage.enqueue(&[json!({"job": "mail", "args": {"until": until}})]);
    let mut theirs = stage.start_work("mail,max_concurrency=1");
    theirs.wait_until("it has begun", |it| told(it, "began").len() == 1);
    stage.wait_until_there_are(1, "@worker_pools");
    kill(theirs);
    let words = "--follow --max-messages 1 --to stdout:?envelope";
    let run = stage.subscribe("job=mail&max-concurrency=1").args(words).run().expect(0);
    assert_eq!(read(&run.stdout)["id"], answers[0]["id"]);
    stage.assert_no_lock_is_left();
    stage.wait_until_there_are(0, "@worker_pools");
}

#[test]
fn what_our_killed_subscriber_had_is_worked_on_there() {
    let stage = Stage::new();
    let answers = stage.enqueue(&[json!({"job": "mail", "args": {"n": 1}})]);
    let ours = stage.subscribe("job=mail&max-concurrency=1").args("--follow -- sh -c");
    let mut ours = Process::start(ours.arg("touch begun; sleep 60"), String::new(), false);
    ours.wait_until("it has begun", |_| stage.sandbox.path("begun").exists());
    kill(ours);
    let mut theirs = stage.start_work("mail,max_concurrency=1");
    theirs.wait_until("it is worked on", |it| told(it, "ended").len() == 1);
    assert_eq!(told(&theirs, "began")[0]["id"], answers[0]["id"]);
    stage.wait_until_no_lock_is_left();
    stop(theirs);
    stage.wait_until_there_are(0, "@worker_pools");
}

#[test]
fn what_our_stopped_subscriber_had_is_there_at_once() {
    let stage = Stage::new();
    stage.enqueue(&[json!({"job": "mail", "args": {"n": 1}})]);
    let words = "--follow --grace 0s -- sh -c";
    let ours = stage.subscribe("job=mail").args(words).arg("touch begun; sleep 60");
    let mut ours = Process::start(ours, String::new(), false);
    ours.wait_until("it has begun", |_| stage.sandbox.path("begun").exists());
    stop(ours);
    assert_eq!(stage.jobs("@jobs:mail").len(), 1);
    let pools = stage.keys().into_iter().filter(|key| key.starts_with("worker"));
    assert_eq!(pools.collect::<Vec<_>>(), [""; 0]);
    stage.assert_no_lock_is_left();
    assert_eq!(stage.drain_with_theirs("mail")[0]["fails"], 0);
}

/// How often a pool of each side is killed, and how many jobs they have.
const KILLS: usize = 6;
const JOBS: u64 = 1500;

/// A subscriber that notes each job in `done`.
fn noting(stage: &Stage) -> Process {
    let words = "--follow --concurrency 3 --batch 1 -- sh -c";
    let ours = stage.subscribe("job=mail").args(words).arg(r#"echo "$(cat)" >>done"#);
    Process::start(ours, String::new(), false)
}

/// The numbers of the jobs that our subscribers noted.
fn noted(stage: &Stage) -> BTreeSet<u64> {
    let text = std::fs::read_to_string(stage.sandbox.path("done")).unwrap_or_default();
    // A line may be of two that were written at once, or the half of one.
    let jobs = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    jobs.filter_map(|job: serde_json::Value| job["n"].as_u64()).collect()
}

/// The numbers of the jobs that a pool of the original ended.
fn ended(said: &str) -> BTreeSet<u64> {
    // Numbers are floats there.
    let number = |it: &serde_json::Value| it["args"]["n"].as_f64().map(|n| n as u64);
    events(said, "ended").iter().filter_map(number).collect()
}

#[test]
fn pools_of_both_sides_that_are_killed_at_random_moments_lose_nothing() {
    let stage = Stage::new();
    let job = |n| json!({"job": "mail", "args": {"n": n, "sleep_ms": 10}});
    stage.enqueue(&(0..JOBS).map(job).collect::<Vec<_>>());
    let mut done = BTreeSet::new();
    for _ in 0..KILLS {
        let (ours, theirs) = (noting(&stage), stage.start_work("-workers 3 mail"));
        std::thread::sleep(Duration::from_millis(fastrand::u64(50..500)));
        kill(ours);
        done.append(&mut ended(&kill(theirs).stderr));
    }
    let (ours, mut theirs) = (noting(&stage), stage.start_work("-workers 3 mail"));
    theirs.wait_until("all are done", |theirs| {
        let now = [&done, &noted(&stage), &ended(&theirs.said())];
        now.into_iter().flatten().collect::<BTreeSet<_>>().len() as u64 == JOBS
    });
    stage.wait_until_no_lock_is_left();
    stop(ours);
    stop(theirs);
    stage.wait_until_there_are(0, "@worker_pools");
    for key in ["@jobs:mail", "@retry", "@dead"] {
        assert_eq!(stage.members(key), [""; 0], "{key}");
    }
}
