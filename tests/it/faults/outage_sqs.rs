//! Outages of SQS as the programs meet them: nothing is lost, nothing is stored twice, no good
//! message dies.

use crate::support::endings::{kept_in_the_spool, stall_and_end};
use crate::support::process::{End, Process};
use crate::support::proxy::{Proxy, Way};
use crate::support::sandbox::Program;
use crate::support::services;
use crate::support::sqlite_files;
use crate::support::sqs_queue::{PATIENCE, Stage, counted, line, lines};
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

fn proxy() -> Proxy {
    Proxy::start(services::sqs().trim_start_matches("http://"))
}

fn through(program: Program, proxy: &Proxy) -> Program {
    program.env("AWS_ENDPOINT_URL", format!("http://{}", proxy.address()))
}

fn start(program: Program) -> Process {
    Process::start(program, String::new(), false)
}

/// Waits until so many are stored, each of them once: the id is the key.
fn until_stored(stage: &Stage, wanted: usize) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let stored = sqlite_files::store(&stage.sandbox).len();
        assert!(stored <= wanted, "{stored} are stored");
        if stored == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "only {stored} are stored");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[track_caller]
fn none_died(end: &End) {
    assert_eq!(end.summary().expect("a summary")["dead"], 0, "{}", end.stderr);
}

#[track_caller]
fn terminate(mut follower: Process) -> End {
    follower.signal(Signal::SIGTERM);
    let end = follower.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    none_died(&end);
    end
}

#[test]
fn a_run_killed_between_a_dead_letter_and_its_acknowledgement_loses_nothing() {
    for ending in ["", ".fifo"] {
        let stage = Stage::made(ending);
        stage.publish_poison(&["bad"]);
        stage.publish_lines(line(1) + &line(2));
        let drain = stage.drain("--lease 3s");
        drain.env("KAKEHI_FAILPOINTS", "subscribe-buried=kill@1").run().expect(137);
        let run = stage.drain("--lease 3s --idle 8s").run().expect(65);
        assert_eq!(counted(&run, "dead"), 1, "{}", run.stderr);
        assert_eq!(sqlite_files::store(&stage.sandbox).len(), 2);
        // Each time that it died it may be told; the id tells that it is one.
        let dead = stage.dead();
        assert!(!dead.is_empty() && dead.iter().all(|letter| letter["id"] == "bad"), "{dead:?}");
    }
}

#[test]
fn publishing_that_is_cut_anywhere_loses_nothing_when_it_is_done_again() {
    for ending in ["", ".fifo"] {
        let stage = Stage::made(ending);
        let proxy = proxy();
        for (way, bytes) in [
            (Way::Request, 100),
            (Way::Request, 20_000),
            (Way::Request, 60_000),
            (Way::Answer, 50),
            (Way::Answer, 2_000),
        ] {
            proxy.cut_after(way, bytes);
            let publish = stage.publish("stdin:?id=id --publish-timeout 1s --batch 100");
            let run = through(publish, &proxy).stdin(lines(300)).run();
            assert!([69, 75].contains(&run.code), "{way:?} {bytes}: {}: {}", run.code, run.stderr);
            assert!(proxy.is_cut() && run.stderr.contains("hint:"), "{}", run.stderr);
            proxy.restore();
        }
        stage.publish("stdin:?id=id").stdin(lines(300)).run().expect(0);
        let follower = start(stage.drain("--follow -q"));
        until_stored(&stage, 300);
        terminate(follower);
    }
}

#[test]
fn a_drain_whose_line_is_cut_says_so_and_a_follower_goes_on_by_itself() {
    let stage = Stage::made("");
    stage.publish_lines(lines(300));
    let proxy = proxy();
    proxy.cut_after(Way::Answer, 30_000);
    let drain = start(through(stage.drain("--lease 3s"), &proxy)).end();
    assert!(proxy.is_cut());
    assert_eq!(drain.code, 69, "{}", drain.stderr);
    none_died(&drain);
    proxy.restore();
    proxy.cut_after(Way::Answer, 60_000);
    let mut follower = start(through(stage.drain("--lease 3s --follow"), &proxy));
    follower.wait_until("the line is cut", |_| proxy.is_cut());
    let refused = proxy.refused();
    follower.wait_until("it has noticed", |_| proxy.refused() > refused);
    proxy.restore();
    until_stored(&stage, 300);
    terminate(follower);
}

#[test]
fn deletions_that_are_cut_off_lose_nothing_and_come_again_as_duplicates() {
    let stage = Stage::made("");
    stage.publish_lines(lines(50));
    let proxy = proxy();
    let mut follower = start(
        through(stage.drain("--lease 3s --follow"), &proxy)
            .env("KAKEHI_FAILPOINTS", "subscribe-written=stop@1"),
    );
    follower.wait_until_stopped();
    proxy.cut();
    follower.signal(Signal::SIGCONT);
    let refused = proxy.refused();
    follower.wait_until("it has noticed", |_| proxy.refused() > refused);
    proxy.restore();
    until_stored(&stage, 50);
    let stats = || stage.lines(&format!("stats {}", stage.url())).remove(0);
    let deadline = Instant::now() + PATIENCE;
    while stats()["ready"] != 0 || stats()["leased"] != 0 {
        assert!(Instant::now() < deadline, "{}", stats());
    }
    terminate(follower);
}

#[test]
fn a_signal_while_sqs_cannot_be_reached_ends_it_and_loses_nothing() {
    let proxy = proxy();
    for (twice, grace) in [(false, "--grace 1s"), (true, "--grace 1h")] {
        let stage = Stage::made("");
        let publish = stage.publish("stdin:?id=id --publish-timeout 1h --summary json").args(grace);
        let publish = through(publish, &proxy).env("KAKEHI_FAILPOINTS", "publish-read=stop@1");
        let mut process = Process::start(publish, lines(30), false);
        stall_and_end(&mut process, &proxy, twice);
        kept_in_the_spool(&process.end(), "30 messages wait", twice);
        proxy.restore();
        stage.publish_lines(lines(30));
        let subscribe = through(stage.drain("--follow --lease 3s").args(grace), &proxy);
        let mut process = start(subscribe.env("KAKEHI_FAILPOINTS", "subscribe-received=stop@1"));
        stall_and_end(&mut process, &proxy, twice);
        let end = process.end();
        assert_eq!(end.code, 143, "{}", end.stderr);
        none_died(&end);
        proxy.restore();
        stage.drain_until(30);
    }
}
