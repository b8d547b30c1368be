//! Outages of Pub/Sub as the programs meet them: nothing is lost, nothing is stored twice, no good
//! message dies.

use crate::pipeline::{COMES_AGAIN, Stage, count};
use crate::services;
use std::collections::BTreeSet;

/// The ids in the dead-letter subscription of a stage.
fn dead_ids(stage: &Stage) -> BTreeSet<String> {
    let look = stage.sandbox.subscribe().args("--to stdout:?envelope --from");
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
    let lines = line("a", "{}") + &line("bad", "[]") + &line("b", "{}");
    stage.publish("stdin:?envelope").stdin(lines).run().expect(0);
    let killed = stage.subscribe("").env("KAKEHI_FAILPOINTS", "subscribe-buried=kill@1").run();
    killed.expect(137);
    let run = stage.subscribe(COMES_AGAIN).args("--max-messages 3").run().expect(65);
    assert_eq!(count(&run, "dead"), 1, "{}", run.stderr);
    assert_eq!(count(&run, "stored") + count(&run, "duplicate"), 2, "{}", run.stderr);
    assert_eq!(dead_ids(&stage), BTreeSet::from(["bad".to_owned()]));
    let stored = stage.stored().await.count_documents(mongodb::bson::doc! {}).await;
    assert_eq!(stored.expect("a count"), 2);
}
