//! Messages that kill whoever works on them: each dies after its attempts, and takes no other along.

use crate::support::process::Process;
use crate::support::queue_file::{publish_all, stats, subscribe};
use crate::support::sandbox::{Program, Sandbox};
use crate::support::sqs_queue::{Stage, counted};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

/// Notes what it works on; what is named `bad` kills the program that has started it.
const ONE: &str = "echo $KAKEHI_ID >>ran; case $KAKEHI_ID in bad*) kill -9 $PPID; sleep 9;; esac";

/// A command that reads lines of JSON, and kills its worker at a bad one.
const LINES: &str = r#"while read -r line; do
  id=${line#*\"id\":\"}; id=${id%%\"*}; echo "$id" >>ran
  case $id in bad*) kill -9 $PPID; sleep 9;; esac
done"#;

/// By then everything has gone its way.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often each message was worked on.
fn ran(sandbox: &Sandbox) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for id in fs::read_to_string(sandbox.path("ran")).unwrap_or_default().lines() {
        *times.entry(id.to_owned()).or_default() += 1;
    }
    times
}

/// Whether all that is left in the queue is so many dead letters.
fn is_done(sandbox: &Sandbox, dead: usize) -> bool {
    let stats = stats(sandbox);
    let left = ["ready", "waiting", "scheduled", "leased"].map(|it| stats[it].as_u64().unwrap());
    assert!(stats["dead"].as_u64().unwrap() <= dead as u64, "{stats}");
    left == [0; 4] && stats["dead"] == dead
}

/// Starts the program again whenever it was killed; tells how often that was.
fn until_done(sandbox: &Sandbox, start: impl Fn() -> Program, dead: usize) -> usize {
    let deadline = Instant::now() + PATIENCE;
    let mut kills = 0;
    while !is_done(sandbox, dead) {
        assert!(Instant::now() < deadline, "not done: {} {:?}", stats(sandbox), ran(sandbox));
        let end = Process::start(start(), String::new(), false).end();
        assert!([0, 65, 75, 137].contains(&end.code), "{}: {}", end.code, end.stderr);
        kills += usize::from(end.code == 137);
    }
    kills
}

/// Each bad one has had its three attempts, and each other one was stored. An attempt whose worker
/// was killed by another message may end before its command begins.
fn check(sandbox: &Sandbox, good: usize, bad: usize, kills: usize) {
    let ran = ran(sandbox);
    assert_eq!(ran.len(), good + bad, "{ran:?}");
    assert!(ran.iter().all(|(id, times)| !id.starts_with("bad") || *times <= 3), "{ran:?}");
    assert!(kills <= 3 * bad, "{kills} kills of {bad} messages");
    let dead = sandbox.queue().args("dead list sqlite:q.db --json").run().expect(0).stdout;
    let dead: Vec<serde_json::Value> =
        dead.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(dead.len(), bad);
    for letter in dead {
        let reason = letter["reason"].as_str().unwrap();
        assert!(letter["id"].as_str().unwrap().starts_with("bad"), "{letter}");
        assert!(
            reason.starts_with("gave up after 3 attempts: in 3 of them the program"),
            "{reason}"
        );
        assert_eq!(letter["attempts"], 3, "{letter}");
    }
}

#[test]
fn killers_among_others_die_alone_after_their_attempts() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1 2 bad1 3 4 5 6 bad2 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23");
    let start = || subscribe(&sandbox, "--lease 1s --max-attempts 3", ONE);
    let kills = until_done(&sandbox, start, 2);
    check(&sandbox, 23, 2, kills);
}

#[test]
fn a_killer_in_a_group_holds_up_its_group_only() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a1@a a2@a bad1@a a3@a a4@a b1@b b2@b bad2@b b3@b c1@c c2@c x y z");
    let start = || subscribe(&sandbox, "--lease 1s --max-attempts 3", ONE);
    let kills = until_done(&sandbox, start, 2);
    check(&sandbox, 12, 2, kills);
    let order = fs::read_to_string(sandbox.path("ran")).unwrap();
    let last = |id: &str| order.lines().rev().position(|line| line == id).unwrap();
    for group in [["a1", "a2", "bad1", "a3", "a4"], ["b1", "b2", "bad2", "b3", "b3"]] {
        assert!(group.windows(2).all(|pair| last(pair[0]) >= last(pair[1])), "{order}");
    }
}

#[test]
fn a_killer_in_a_batch_takes_the_others_along_once() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1 2 bad1 3 4 5 6 7 8 9 10 11 12@g bad2@g 13@g");
    let start = || subscribe(&sandbox, "--batch 5 --lease 1s --max-attempts 3", LINES);
    let kills = until_done(&sandbox, start, 2);
    check(&sandbox, 13, 2, kills);
}

#[test]
fn what_is_written_one_by_one_after_a_kill_is_told_of() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1 2 3 bad1");
    let told = "to be written one by one, for a run died while it wrote them: 1 message\n";
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "nothing is told: {}", stats(&sandbox));
        let program = subscribe(&sandbox, "--batch 4 --lease 1s --max-attempts 3 -v", LINES);
        let said = Process::start(program, String::new(), false).end().stderr;
        if said.contains(told) {
            break;
        }
        assert!(!said.contains("one by one"), "{said}");
    }
}

#[test]
fn a_follower_that_is_started_again_gets_past_its_killers() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1 bad1 2 3 bad2@g 4@g 5@g bad3 6 7 8 9");
    let flags = "--follow --lease 1s --max-attempts 3";
    let deadline = Instant::now() + PATIENCE;
    let mut kills = 0;
    loop {
        let mut process = Process::start(subscribe(&sandbox, flags, ONE), String::new(), false);
        while !process.has_ended() && !is_done(&sandbox, 3) {
            assert!(Instant::now() < deadline, "not done: {:?}", ran(&sandbox));
            std::thread::sleep(Duration::from_millis(50));
        }
        process.signal(Signal::SIGTERM);
        match process.end().code {
            137 => kills += 1,
            _ => break,
        }
    }
    check(&sandbox, 9, 3, kills);
}

#[test]
fn a_killer_on_sqs_is_counted_here() {
    for ending in ["", ".fifo"] {
        let stage = Stage::made(ending);
        let line = |id: &str| format!("{{\"id\":\"{id}\",\"room\":\"r{}\"}}\n", id.len() % 2);
        let lines: String = ["1", "bad1", "2", "3", "44"].map(line).concat();
        stage.publish_lines(lines);
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "not done: {:?}", ran(&stage.sandbox));
            let flags = "--lease 2s --idle 5s --max-attempts 2 -- sh -c";
            let run = stage.subscribe(flags).arg(ONE).run();
            if run.code != 137 && counted(&run, "dead") == 1 {
                break;
            }
        }
        assert_eq!(ran(&stage.sandbox).len(), 5);
        assert!(ran(&stage.sandbox)["bad1"] <= 2, "{:?}", ran(&stage.sandbox));
        let dead = stage.dead();
        let reason = dead[0]["reason"].as_str().unwrap();
        assert!(reason.starts_with("gave up after 2 attempts: in 2 of them"), "{reason}");
    }
}
