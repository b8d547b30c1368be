//! Outages of Pub/Sub as the programs meet them: nothing is lost, nothing is stored twice, no good
//! message dies.
//!
//! What had been sent to a stream that was cut comes again when its lease has ended: see
//! `pubsub_stage.rs` for the emulator's part in that.

use crate::support::endings::stall_and_end;
use crate::support::process::{End, Process};
use crate::support::proxy::{Proxy, Way};
use crate::support::pubsub_stage::{PATIENT, Stage, count, lines};
use crate::support::sandbox::Program;
use crate::support::services;
use mongodb::bson::doc;
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// In MiB, for a program of a debug build.
const MOST_MEMORY: u64 = 150;

fn proxy() -> Proxy {
    Proxy::start(&services::pubsub_emulator())
}

fn through(program: Program, proxy: &Proxy) -> Program {
    program.env("PUBSUB_EMULATOR_HOST", proxy.address())
}

fn start(program: Program) -> Process {
    Process::start(program, String::new(), false)
}

async fn stored(stage: &Stage) -> u64 {
    stage.stored().await.count_documents(doc! {}).await.expect("a count")
}

/// Waits until more than this is stored; tells how much.
async fn until_more_is_stored(stage: &Stage, than: u64) -> u64 {
    let deadline = Instant::now() + services::EMULATOR_PATIENCE;
    loop {
        let stored = stored(stage).await;
        if stored > than {
            return stored;
        }
        assert!(Instant::now() < deadline, "only {stored} are stored");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until so many are stored, each of them once: the id is the key.
async fn until_stored(stage: &Stage, wanted: u64) {
    assert_eq!(until_more_is_stored(stage, wanted - 1).await, wanted);
}

#[track_caller]
fn none_died(end: &End) {
    assert_eq!(end.summary().expect("a summary")["dead"], 0, "{}", end.stderr);
}

/// The ids of so many letters in the dead-letter subscription of a stage.
fn dead_ids(stage: &Stage, count: usize) -> BTreeSet<String> {
    let look = stage.sandbox.subscribe().args(PATIENT);
    let look = look.args(&format!("--max-messages {count} --to stdout:?envelope --from"));
    let look = look.arg(stage.queue() + "-dead");
    let look = look.env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator()).run().expect(0);
    let id = |line: &str| {
        let letter: serde_json::Value = serde_json::from_str(line).expect("an envelope");
        letter["id"].as_str().expect("an id").to_owned()
    };
    look.stdout.lines().map(id).collect()
}

#[tokio::test]
async fn a_run_killed_between_a_dead_letter_and_its_acknowledgement_loses_nothing() {
    let stage = Stage::new();
    stage.create().await;
    let line = |id: &str, body: &str| format!("{{\"id\":\"{id}\",\"body\":{body}}}\n");
    let publish = |lines: String| stage.publish("stdin:?envelope").stdin(lines).run().expect(0);
    publish(line("bad", "[]"));
    let killed = stage.subscribe(PATIENT).env("KAKEHI_FAILPOINTS", "subscribe-buried=kill@1").run();
    killed.expect(137);
    publish(line("a", "{}") + &line("b", "{}"));
    let run = stage.subscribe(PATIENT).args("--max-messages 3").run().expect(65);
    assert_eq!(count(&run, "dead"), 1, "{}", run.stderr);
    assert_eq!(count(&run, "stored") + count(&run, "duplicate"), 2, "{}", run.stderr);
    // Once by the run that was killed before it could acknowledge, and once by the other one.
    assert_eq!(dead_ids(&stage, 2), BTreeSet::from(["bad".to_owned()]));
    until_stored(&stage, 2).await;
}

#[tokio::test]
async fn publishing_that_is_cut_anywhere_loses_nothing_when_it_is_done_again() {
    let stage = Stage::new();
    stage.create().await;
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
        let run = through(publish, &proxy).stdin(lines(2_000)).run();
        assert!([69, 75].contains(&run.code), "{way:?} {bytes}: {}: {}", run.code, run.stderr);
        assert!(proxy.is_cut() && run.stderr.contains("hint:"), "{}", run.stderr);
        proxy.restore();
    }
    stage.publish_lines(lines(2_000));
    let mut follower = start(stage.subscribe("--follow -q"));
    until_stored(&stage, 2_000).await;
    follower.signal(Signal::SIGTERM);
    let end = follower.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    none_died(&end);
}

#[tokio::test]
async fn a_drain_whose_stream_is_cut_says_so_and_a_follower_goes_on_by_itself() {
    let stage = Stage::new();
    stage.create().await;
    stage.publish_lines(lines(1_500));
    let proxy = proxy();
    proxy.cut_after(Way::Answer, 30_000);
    // Long enough for a stream to be opened on a busy machine.
    let drain = start(through(stage.subscribe("--idle 15s"), &proxy)).end();
    assert!(proxy.is_cut());
    assert_eq!(drain.code, 69, "{}", drain.stderr);
    none_died(&drain);
    proxy.restore();
    proxy.cut_after(Way::Answer, 60_000);
    let mut follower = start(through(stage.subscribe("--follow"), &proxy));
    follower.wait_until("the stream is cut", |_| proxy.is_cut());
    let refused = proxy.refused();
    follower.wait_until("it has noticed", |_| proxy.refused() > refused);
    proxy.restore();
    until_stored(&stage, 1_500).await;
    follower.signal(Signal::SIGTERM);
    let end = follower.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    none_died(&end);
}

#[tokio::test]
async fn acknowledgements_that_are_cut_off_lose_nothing_and_come_again_as_duplicates() {
    let stage = Stage::new();
    stage.create().await;
    stage.publish_lines(lines(50));
    let proxy = proxy();
    let stop = |mode: &str| {
        let program = through(stage.subscribe(mode), &proxy);
        start(program.env("KAKEHI_FAILPOINTS", "subscribe-written=stop@1"))
    };
    let cut_before_the_acknowledgement = |process: &mut Process| {
        process.wait_until_stopped();
        proxy.cut();
        process.signal(Signal::SIGCONT);
    };
    let mut drain = stop("--idle 15s");
    cut_before_the_acknowledgement(&mut drain);
    let end = drain.end();
    assert_eq!(end.code, 69, "{}", end.stderr);
    none_died(&end);
    proxy.restore();

    let mut follower = stop("--follow");
    cut_before_the_acknowledgement(&mut follower);
    let refused = proxy.refused();
    follower.wait_until("it has noticed", |_| proxy.refused() > refused);
    proxy.restore();
    until_stored(&stage, 50).await;
    follower.signal(Signal::SIGTERM);
    let end = follower.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    let summary = end.summary().expect("a summary");
    assert!(summary["duplicate"].as_u64() > Some(0), "{summary}");
    none_died(&end);
}

#[tokio::test]
async fn an_outage_of_the_sink_holds_a_bounded_part_of_a_large_backlog() {
    let stage = Stage::new();
    stage.create().await;
    stage.publish_lines(lines(20_000));
    let mongo = Proxy::start(&services::mongodb().hosts);
    let mut follower = start(stage.subscribe_at(&mongo.address(), "", "--follow -v"));
    until_more_is_stored(&stage, 0).await;
    mongo.cut();
    follower.wait_until("the outage is noticed", |it| it.said().contains("unavailable"));
    let before = stored(&stage).await;
    mongo.restore();
    until_more_is_stored(&stage, before).await;
    let peak = follower.peak_memory();
    assert!(peak < MOST_MEMORY, "{peak} MiB, whatever the backlog");
    println!("peak {peak} MiB");
    follower.signal(Signal::SIGTERM);
    let end = follower.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    none_died(&end);
}

#[tokio::test]
async fn a_signal_while_a_publisher_cannot_reach_pubsub_ends_it_and_loses_nothing() {
    let stage = Stage::new();
    stage.create().await;
    let proxy = proxy();
    for (twice, program) in [
        (false, stage.publish("stdin:?id=id --publish-timeout 1h --grace 100ms --summary json")),
        (true, stage.publish("stdin:?id=id --publish-timeout 1h --grace 1h --summary json")),
    ] {
        let program = through(program, &proxy).env("KAKEHI_FAILPOINTS", "publish-read=stop@1");
        let mut process = Process::start(program, lines(30), false);
        stall_and_end(&mut process, &proxy, twice);
        let end = process.end();
        assert_eq!(end.code, 143, "{}", end.stderr);
        assert!(end.stderr.contains("30 messages wait in the spool"), "{}", end.stderr);
        proxy.restore();
    }
    stage.publish_lines(lines(30));
    let mut follower = start(stage.subscribe("--follow"));
    until_stored(&stage, 30).await;
    follower.signal(Signal::SIGTERM);
    assert_eq!(follower.end().code, 143);
}

/// What it had in hand is not looked for afterwards: the emulator takes a stream that stalled for
/// one that lives, and may offer its messages to that one again and again.
#[tokio::test]
async fn a_signal_while_a_subscriber_cannot_reach_pubsub_ends_it_and_no_message_dies() {
    let proxy = proxy();
    for (twice, grace) in [(false, "--grace 1s"), (true, "--grace 1h")] {
        let stage = Stage::new();
        stage.create().await;
        stage.publish_lines(lines(30));
        let program = through(stage.subscribe("--follow").args(grace), &proxy);
        let mut process = start(program.env("KAKEHI_FAILPOINTS", "subscribe-received=stop@1"));
        stall_and_end(&mut process, &proxy, twice);
        let end = process.end();
        assert_eq!(end.code, 143, "{}", end.stderr);
        none_died(&end);
        proxy.restore();
    }
}
