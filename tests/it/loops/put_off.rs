//! Exit code 75: an attempt of this run failed, and its message waits for a later one.

use crate::support::emulator::Name;
use crate::support::process::Process;
use crate::support::sandbox::{Program, Run, Sandbox};
use crate::support::services;
use crate::support::sqs_queue::{Stage, counted};
use nix::sys::signal::Signal;

fn queue_of(lines: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let publish = sandbox.publish().args("stdin:?envelope --to sqlite:q.db");
    publish.stdin(lines).run().expect(0);
    sandbox
}

fn run(sandbox: &Sandbox, words: &str, script: &str) -> Run {
    let words = format!("--from sqlite:q.db --summary json {words} -- sh -c");
    sandbox.subscribe().args(&words).arg(script).run()
}

const TWO: &str = "{\"id\":\"a\",\"body\":{}}\n{\"id\":\"b\",\"body\":{}}\n";

#[test]
fn a_drain_whose_every_write_failed_says_so_and_how_many_wait() {
    for words in ["", "--once", "--max-messages 2", "--max-time 1m", "--follow --max-time 1s"] {
        let sandbox = queue_of(TWO);
        let run = run(&sandbox, &format!("--concurrency 2 {words}"), "exit 3").expect(75);
        let waits = match words {
            "--once" => 1..=2,
            _ => 2..=2,
        };
        assert!(waits.contains(&counted(&run, "left_for_later")), "{words}: {}", run.stderr);
        assert!(run.stderr.contains("failed, and wait"), "{words}: {}", run.stderr);
        assert!(run.stderr.contains("because: `sh` exited with 3"), "{run:?}");
    }
}

#[test]
fn the_summary_for_people_names_them() {
    let sandbox = queue_of(TWO);
    let run = sandbox.subscribe().args("--from sqlite:q.db -- false").run().expect(75);
    assert!(run.stderr.contains("2 left for later"), "{}", run.stderr);
    let sandbox = queue_of(TWO);
    let run = sandbox.subscribe().args("-q --from sqlite:q.db -- false").run().expect(75);
    assert!(run.stderr.starts_with("subscribe: 2 messages failed"), "{}", run.stderr);
}

#[test]
fn what_is_only_scheduled_or_beyond_the_limit_is_no_failure() {
    let due = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    let later =
        format!("{{\"id\":\"later\",\"not_before\":\"{}\",\"body\":{{}}}}\n", due.to_rfc3339());
    let sandbox = queue_of(&(TWO.to_owned() + &later));
    let one = run(&sandbox, "--max-messages 1", "true").expect(0);
    assert_eq!(counted(&one, "left_for_later"), 0);
    let rest = run(&sandbox, "", "true").expect(0);
    assert_eq!((counted(&rest, "stored"), counted(&rest, "left_for_later")), (1, 0));
    // What an earlier run has failed at is scheduled for this one.
    let sandbox = queue_of(TWO);
    run(&sandbox, "", "exit 1").expect(75);
    let idle = run(&sandbox, "", "exit 1");
    assert_eq!(idle.code, if counted(&idle, "received") == 0 { 0 } else { 75 });
}

#[test]
fn what_failed_and_was_stored_in_the_same_run_does_not_wait() {
    let sandbox = queue_of(TWO);
    let once = "[ -e $KAKEHI_ID ] || { touch $KAKEHI_ID; exit 1; }";
    let run = run(&sandbox, "--idle 10s --max-messages 4", once).expect(0);
    let (retried, stored) = (counted(&run, "retried"), counted(&run, "stored"));
    assert_eq!((retried, stored, counted(&run, "left_for_later")), (2, 2, 0));
}

#[test]
fn dead_letters_come_first_and_those_that_wait_are_named_beside_them() {
    let sandbox = queue_of(TWO);
    let run = run(&sandbox, "", "[ $KAKEHI_ID = a ] && exit 65; exit 1").expect(65);
    assert_eq!((counted(&run, "dead"), counted(&run, "left_for_later")), (1, 1));
    assert!(run.stderr.contains("1 failed and wait for a later run"), "{}", run.stderr);
}

#[test]
fn a_rehearsal_that_failed_does_not_say_that_all_is_well() {
    let sandbox = queue_of(TWO);
    run(&sandbox, "--debug", "true").expect(0);
    for script in ["exit 1", "exit 65"] {
        let run = run(&sandbox, "--debug", script).expect(75);
        assert_eq!(counted(&run, "left_for_later"), 2, "{}", run.stderr);
    }
    run(&sandbox, "--dry-run", "exit 1").expect(0);
}

#[test]
fn a_signal_that_ends_a_follower_keeps_its_exit_code() {
    let sandbox = queue_of(TWO);
    let words = "--from sqlite:q.db --follow --summary json -- sh -c";
    let follow = sandbox.subscribe().args(words).arg("touch begun; exit 1");
    let mut follower = Process::start(follow, String::new(), false);
    follower.wait_until("both failed", |it| it.said().matches("a message failed").count() >= 2);
    follower.signal(Signal::SIGTERM);
    let end = follower.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    assert_eq!(end.summary().expect("a summary")["left_for_later"], 2);
}

#[test]
fn it_is_so_on_sqs_and_on_pubsub() {
    for ending in ["", ".fifo"] {
        let stage = Stage::made(ending);
        stage.publish("stdin:?envelope").stdin(TWO).run().expect(0);
        let run = stage.subscribe("--max-messages 2 -- false").run().expect(75);
        assert_eq!(counted(&run, "left_for_later"), 2, "{}", run.stderr);
    }
    let sandbox = Sandbox::new();
    let name = Name::new("kakehi-test", "t");
    let url = format!("pubsub://kakehi-test/{name}");
    let on_emulator =
        |program: Program| program.env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator());
    let publish = on_emulator(sandbox.publish()).args("stdin:?envelope --create --to").arg(&url);
    publish.stdin(TWO).run().expect(0);
    let words = "--lease 10s --max-messages 2 --idle 30s --summary json --from";
    let subscribe = on_emulator(sandbox.subscribe()).args(words).arg(&url);
    let run = subscribe.args("-- false").run().expect(75);
    assert_eq!(counted(&run, "left_for_later"), 2, "{}", run.stderr);
}
