//! Outages of Pub/Sub. What had been sent to a stream that was cut comes again when its lease has
//! ended: see `pubsub_stage.rs` for the emulator's part in that.

use super::{Bed, none_died, outages, start};
use crate::support::proxy::Proxy;
use crate::support::pubsub_stage::{PATIENT, Stage, lines};
use crate::support::sandbox::Program;
use crate::support::services;
use mongodb::bson::doc;
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// In MiB, for a program of a debug build.
const MOST_MEMORY: u64 = 150;

outages!(Stage);

impl Bed for Stage {
    const KINDS: &[&str] = &[""];
    const PUBLISHED: usize = 2_000;
    const SUBSCRIBED: usize = 1_500;
    const KILLED_BESIDE_GOOD_ONES: bool = false;
    const PATIENCE: Duration = services::EMULATOR_PATIENCE;

    async fn new(_kind: &str) -> Self {
        let stage = Stage::new();
        stage.create().await;
        stage
    }

    fn proxy() -> Proxy {
        Proxy::start(&services::pubsub_emulator())
    }

    fn through(&self, program: Program, proxy: &Proxy) -> Program {
        program.env("PUBSUB_EMULATOR_HOST", proxy.address())
    }

    fn publish(&self, words: &str) -> Program {
        self.publish(words)
    }

    fn lines(count: usize) -> String {
        lines(count)
    }

    fn publish_bad(&self) {
        let line = "{\"id\":\"bad\",\"body\":[]}\n";
        self.publish("stdin:?envelope").stdin(line).run().expect(0);
    }

    /// Long enough for a stream to be opened on a busy machine.
    fn drain(&self) -> Program {
        self.subscribe("--idle 15s")
    }

    fn drain_patiently(&self, count: usize) -> Program {
        self.subscribe(PATIENT).args(&format!("--max-messages {count}"))
    }

    fn follow(&self) -> Program {
        self.subscribe("--follow")
    }

    async fn stored(&self) -> usize {
        let stored = self.stored().await.count_documents(doc! {}).await.expect("a count");
        usize::try_from(stored).expect("a small number")
    }

    fn dead_ids(&self, told: usize) -> BTreeSet<String> {
        let look = self.sandbox.subscribe().args(PATIENT);
        let look = look.args(&format!("--max-messages {told} --to stdout:?envelope --from"));
        let look = look.arg(self.queue() + "-dead");
        let look = look.env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator()).run().expect(0);
        let id = |line: &str| {
            let letter: serde_json::Value = serde_json::from_str(line).expect("an envelope");
            letter["id"].as_str().expect("an id").to_owned()
        };
        look.stdout.lines().map(id).collect()
    }

    /// Nobody tells how many messages a subscription holds.
    fn wait_until_empty(&self) {}

    /// Nothing is looked for: the emulator takes a stream that stalled for one that lives, and may
    /// offer its messages to that one again and again.
    fn drain_what_stalled(&self, _count: usize) {}
}

/// Waits until more than this is stored; tells how much.
async fn until_more_is_stored(stage: &Stage, than: usize) -> usize {
    let deadline = Instant::now() + services::EMULATOR_PATIENCE;
    loop {
        let stored = Bed::stored(stage).await;
        if stored > than {
            return stored;
        }
        assert!(Instant::now() < deadline, "only {stored} are stored");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
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
    let before = Bed::stored(&stage).await;
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
