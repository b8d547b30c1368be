//! A Redis that stops, is killed, forgets scripts, ends connections, and is replaced by another one.

mod connections;
mod several;

use crate::support::process::Process;
use crate::support::redis_server::RedisServer;
use crate::support::redis_stage::Stage;
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long a server stands still: longer than any answer is waited for, and than a lease lasts.
const STANDSTILL: Duration = Duration::from_secs(12);

/// A body each.
fn lines(count: usize) -> String {
    (0..count).map(|n| format!("{{\"n\":{n}}}\n")).collect()
}

/// The ids of the jobs that are ready.
fn ids(stage: &Stage) -> BTreeSet<String> {
    let id = |job: &serde_json::Value| job["id"].as_str().expect("an id").to_owned();
    stage.jobs("@jobs:mail").iter().map(id).collect()
}

#[test]
fn jobs_outlast_a_kill_of_a_server_that_keeps_a_log() {
    let mut server = RedisServer::start("--appendonly yes --appendfsync always");
    let stage = Stage::on(&server);
    stage.publish("job=mail", "stdin:").stdin(lines(500)).run().expect(0);
    let before = stage.members("@jobs:mail");
    server.start_again();
    stage.connect_again(&server);
    assert_eq!(stage.members("@jobs:mail"), before);
    assert_eq!(stage.drain_with_theirs("mail").len(), 500);
}

#[test]
fn what_a_server_that_stands_still_did_not_take_waits_in_the_spool() {
    let server = RedisServer::start("");
    let stage = Stage::on(&server);
    server.signal(Signal::SIGSTOP);
    let stopped = stage.publish("job=mail", "stdin:").stdin(lines(20)).run();
    server.signal(Signal::SIGCONT);
    stopped.expect(75);
    stage.publish("job=mail", "stdin:").stdin("{\"last\":true}\n").run().expect(0);
    assert_eq!(stage.jobs("@jobs:mail").len(), ids(&stage).len(), "none is there twice");
    assert_eq!(ids(&stage).len(), 21);
}

#[test]
fn a_server_that_stands_still_in_mid_publish_has_each_job_in_the_end() {
    const COUNT: usize = 50_000;
    let server = RedisServer::start("");
    let stage = Stage::on(&server);
    let publish = stage.publish("job=mail", "stdin: --batch 10 --summary json");
    let mut publish = Process::start(publish, lines(COUNT), false);
    publish.wait_until("some are there", |_| stage.ask::<usize>(&["LLEN", "@jobs:mail"]) > 0);
    server.signal(Signal::SIGSTOP);
    stand_still(&mut publish);
    server.signal(Signal::SIGCONT);
    let end = publish.end();
    assert!([0, 75].contains(&end.code), "{}", end.stderr);
    // What was left in the spool goes first.
    stage.publish("job=mail", "stdin:").run().expect(0);
    let numbers = stage.jobs("@jobs:mail").into_iter().map(|job| job["args"]["n"].as_u64());
    assert_eq!(numbers.collect::<BTreeSet<_>>().len(), COUNT);
}

#[test]
fn a_server_that_stands_still_while_jobs_are_worked_on_loses_none() {
    const COUNT: usize = 400;
    let server = RedisServer::start("");
    let stage = Stage::on(&server);
    stage.publish("job=mail", "stdin:").stdin(lines(COUNT)).run().expect(0);
    let mut subscribe = worker(&stage, "job=mail");
    subscribe.wait_until("some are done", |_| done(&stage).len() > 20);
    server.signal(Signal::SIGSTOP);
    stand_still(&mut subscribe);
    server.signal(Signal::SIGCONT);
    end_with_all(&stage, subscribe, COUNT);
}

#[test]
fn a_server_that_is_killed_while_jobs_are_worked_on_loses_none() {
    const COUNT: usize = 400;
    let mut server = RedisServer::start("--appendonly yes --appendfsync always");
    let stage = Stage::on(&server);
    stage.publish("job=mail", "stdin:").stdin(lines(COUNT)).run().expect(0);
    let mut subscribe = worker(&stage, "job=mail");
    subscribe.wait_until("some are done", |_| done(&stage).len() > 20);
    server.start_again();
    stage.connect_again(&server);
    end_with_all(&stage, subscribe, COUNT);
}

/// A subscriber that notes each job in `done`.
fn worker(stage: &Stage, parameters: &str) -> Process {
    let words = "--follow --concurrency 2 --max-attempts 100 -- sh -c";
    let program = stage.subscribe(parameters).args(words).arg(r#"echo "$(cat)" >>done"#);
    Process::start(program, String::new(), false)
}

/// The bodies that were noted so far.
fn done(stage: &Stage) -> Vec<String> {
    let text = std::fs::read_to_string(stage.sandbox.path("done")).unwrap_or_default();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Waits until each job was worked on and no lock is left, and ends the subscriber.
#[track_caller]
fn end_with_all(stage: &Stage, mut subscribe: Process, count: usize) {
    subscribe.wait_until("all are done", |_| {
        done(stage).into_iter().collect::<BTreeSet<_>>().len() == count
    });
    stage.wait_until_no_lock_is_left();
    subscribe.signal(Signal::SIGTERM);
    let end = subscribe.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    for key in ["@jobs:mail", "@retry", "@dead"] {
        assert_eq!(stage.members(key), [""; 0], "{key}");
    }
}

/// Lets the time of an outage go by, longer than an answer may take; or until the program has ended.
fn stand_still(program: &mut Process) {
    let over = Instant::now() + STANDSTILL;
    while Instant::now() < over && !program.has_ended() {
        std::thread::sleep(Duration::from_millis(20));
    }
}
