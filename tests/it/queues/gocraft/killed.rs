//! A pool that is killed on one side, and cleaned up after by the other.

use super::{read, stop};
use crate::support::process::Process;
use crate::support::redis_stage::{Stage, told};
use nix::sys::signal::Signal;
use serde_json::json;

fn kill(mut pool: Process) {
    pool.signal(Signal::SIGKILL);
    pool.end();
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
