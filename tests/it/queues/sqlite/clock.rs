//! Leases of the embedded queue between real processes that wait for one another, while the clock
//! jumps: nobody takes what another one holds, nor what is its own.

use crate::support::process::Process;
use crate::support::queue_file::{publish_all, stats, subscribe};
use crate::support::sandbox::{Program, Run, Sandbox};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};

const HOUR: i64 = 3_600_000;

/// The program reads a clock that is off by as many milliseconds as a file of the sandbox says.
fn by_the_set_clock(sandbox: &Sandbox, program: Program) -> Program {
    let file = sandbox.path("clock");
    program.env("KAKEHI_FAILPOINTS", format!("clock-read=return({})", file.display()))
}

fn set_clock(sandbox: &Sandbox, millis: i64) {
    // In one step: nobody reads half of it.
    sandbox.write("clock.new", millis.to_string());
    fs::rename(sandbox.path("clock.new"), sandbox.path("clock")).unwrap();
}

fn ids(run: &Run) -> Vec<String> {
    let id = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned()
    };
    run.stdout.lines().map(id).collect()
}

/// What the commands noted, a line each.
fn noted(sandbox: &Sandbox) -> Vec<String> {
    let text = fs::read_to_string(sandbox.path("runs")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Has this many workers lease one message at a time, together `leases` times.
fn lease_side_by_side(sandbox: &Sandbox, workers: usize, leases: usize) -> Vec<String> {
    let work = |_| {
        let lease = || {
            let lease = sandbox.queue().args("lease sqlite:q.db -n 1 --for 10m --json");
            ids(&lease.run().expect(0))
        };
        (0..leases / workers).flat_map(|_| lease()).collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|n| scope.spawn(move || work(n))).collect();
        threads.into_iter().flat_map(|it| it.join().unwrap()).collect()
    })
}

fn numbers(count: usize) -> String {
    (0..count).map(|n| format!("m{n} ")).collect()
}

#[test]
fn leases_that_wait_for_one_another_get_each_message_once() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, &numbers(120));
    let leased = lease_side_by_side(&sandbox, 6, 120);
    assert_eq!(leased.len(), 120);
    assert_eq!(leased.into_iter().collect::<BTreeSet<_>>().len(), 120);
}

#[test]
fn leases_beside_a_subscriber_take_nothing_of_it() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, &numbers(2000));
    let drain = subscribe(&sandbox, "--batch 5 --summary json --lease 10m", "cat >/dev/null");
    let drain = Process::start(drain.args(""), String::new(), true);
    let leased = lease_side_by_side(&sandbox, 6, 60);
    let end = drain.end();
    let summary = end.summary().unwrap();
    assert_eq!(summary["lease_lost"], 0, "{}", end.stderr);
    let all = leased.len() as u64 + summary["stored"].as_u64().unwrap();
    assert_eq!(all, 2000, "each once: {}", end.stderr);
    assert_eq!(leased.iter().collect::<BTreeSet<_>>().len(), leased.len());
}

#[test]
fn a_jump_of_the_clock_runs_nothing_twice_and_keeps_the_order_of_groups() {
    let sandbox = Sandbox::new();
    let words: String = (0..80).map(|n| format!("{n:03}@g{} ", n % 8)).collect();
    publish_all(&sandbox, &words);
    // Each run notes its message, and does not end before the gate is open.
    let gate = File::create(sandbox.path("gate")).unwrap();
    gate.lock().unwrap();
    let script = "echo $KAKEHI_ID $KAKEHI_GROUP >>runs; flock gate true";
    let follow = subscribe(
        &sandbox,
        "--follow --concurrency 4 --max-in-flight 200 --lease 30s --summary json",
        script,
    );
    let mut follow = Process::start(by_the_set_clock(&sandbox, follow), String::new(), true);
    follow.wait_until("all are leased", |_| stats(&sandbox)["leased"] == 80);
    follow.wait_until("some run", |_| !noted(&sandbox).is_empty());
    for (at, millis) in [HOUR, -HOUR, -HOUR - 3, 25 * HOUR].into_iter().enumerate() {
        set_clock(&sandbox, millis);
        // It looks once more, to lease this one.
        publish_all(&sandbox, &format!("9{at:02}@h{at}"));
        follow.wait_until("it has looked", |_| stats(&sandbox)["leased"] == 81 + at);
        let lease = sandbox.queue().args("lease sqlite:q.db -n 100 --json");
        let other = by_the_set_clock(&sandbox, lease).run().expect(0);
        assert_eq!(other.stdout, "", "another process takes nothing either, at {millis}");
    }
    gate.unlock().unwrap();
    follow.wait_until("all have run", |_| noted(&sandbox).len() >= 84);
    follow.wait_until("all are acknowledged", |_| stats(&sandbox)["leased"] == 0);
    follow.signal(Signal::SIGTERM);
    let end = follow.end();
    assert_eq!(end.summary().unwrap()["lease_lost"], 0, "{}", end.stderr);
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in noted(&sandbox) {
        let (id, group) = line.split_once(' ').unwrap();
        groups.entry(group.to_owned()).or_default().push(id.to_owned());
    }
    assert_eq!(groups.values().map(Vec::len).sum::<usize>(), 84, "each ran once");
    assert!(groups.values().all(|ids| ids.is_sorted()), "{groups:?}");
}

#[test]
fn what_a_dead_process_held_comes_in_its_time_though_the_clock_was_set_back() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    let lease = sandbox.queue().args("lease sqlite:q.db --for 1s --json");
    assert_eq!(ids(&by_the_set_clock(&sandbox, lease).run().expect(0)), ["a"]);
    set_clock(&sandbox, -9 * HOUR);
    let follow = subscribe(&sandbox, "--follow", "echo $KAKEHI_ID >>runs");
    let mut follow = Process::start(by_the_set_clock(&sandbox, follow), String::new(), true);
    follow.wait_until("it runs", |_| noted(&sandbox) == ["a"]);
    follow.signal(Signal::SIGTERM);
    follow.end();
}
