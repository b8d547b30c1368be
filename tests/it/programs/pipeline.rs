//! The main job, whole: the programs, a server that plays Nature, the Pub/Sub emulator, MongoDB.

use crate::support::http_server::{Answer, Server};
use crate::support::pubsub_stage::{PATIENT, Stage, count, lines};
use crate::support::sandbox::Run;
use crate::support::services;
use mongodb::bson::{Bson, doc};
use std::process::Command;
use std::time::{Duration, Instant};

const DEVICES: &str = include_str!("../../fixtures/nature-remo/devices_typical.json");

#[tokio::test]
async fn readings_go_from_nature_through_pubsub_into_mongodb() {
    let stage = Stage::new();
    let server = Server::new([Answer::ok(DEVICES)]);
    let poll = stage.publish("nature-remo: --create").env("NATURE_REMO_TOKEN", "t");
    let run = poll.env("NATURE_REMO_ENDPOINT", server.url()).run().expect(0);
    assert!(run.stderr.contains("4 read, 4 published"), "{}", run.stderr);
    assert_eq!(server.requests().len(), 1);

    let run = stage.subscribe(PATIENT).args("--max-messages 4").run().expect(0);
    assert_eq!((count(&run, "received"), count(&run, "stored")), (4, 4));
    let tom = doc! { "device_id": "1b7e2d90-3c55-4f12-8a6b-5a1e7b2d8c02" };
    let tom = stage.stored().await.find_one(tom).await.expect("an answer").expect("a reading");
    assert_eq!(tom.get_str("name").expect("a name"), "Tom's room ");
    assert!(matches!(tom.get("request_at"), Some(Bson::DateTime(_))), "{tom}");
    let te = tom.get_document("newest_events").and_then(|events| events.get_document("te"));
    assert_eq!(te.expect("a temperature").get_f64("val").expect("a double"), 16.0);

    let again = stage.subscribe("").run().expect(0);
    assert_eq!(count(&again, "received"), 0);
}

#[tokio::test]
async fn a_rejected_message_becomes_a_dead_letter_and_the_others_are_stored() {
    let stage = Stage::new();
    stage.create().await;
    stage.publish("").stdin("{\"good\":1}\n[\"bad\"]\n{\"good\":2}\n").run().expect(0);
    let run = stage.subscribe(PATIENT).args("--max-messages 3").run().expect(65);
    assert_eq!((count(&run, "stored"), count(&run, "dead")), (2, 1));
    let dead = stage.sandbox.subscribe().args(PATIENT);
    let dead = dead.args("--max-messages 1 --to stdout:?envelope --from");
    let dead = dead.arg(stage.queue() + "-dead");
    let dead = dead.env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator()).run().expect(0);
    let letter: serde_json::Value = serde_json::from_str(&dead.stdout).expect("an envelope");
    assert_eq!(letter["body"], serde_json::json!(["bad"]));
    let attributes = &letter["attributes"];
    assert!(attributes["kakehi-dead-reason"].as_str().is_some_and(|why| why.contains("object")));
    assert_eq!(attributes["kakehi-dead-from"], stage.queue() + "?streams=1");
}

#[tokio::test]
async fn a_dead_letter_without_a_topic_is_kept_in_the_spool_and_stops_nobody() {
    let stage = Stage::new();
    stage.publish("--create").stdin("{\"good\":1}\n[\"bad\"]\n{\"good\":2}\n").run().expect(0);
    let run =
        stage.subscribe(PATIENT).args("--max-messages 3 --dead pubsub://kakehi-pipeline/none");
    let run = run.run().expect(65);
    assert!(run.stderr.contains("1 dead letter is kept in the spool"), "{}", run.stderr);
    assert_eq!((count(&run, "stored"), count(&run, "dead")), (2, 1));
}

#[tokio::test]
async fn debug_stores_and_every_message_is_redelivered_as_a_duplicate() {
    let stage = Stage::new();
    stage.create().await;
    stage.publish_lines(lines(20));
    let run = stage.subscribe(PATIENT).args("--max-messages 20 --debug").run().expect(0);
    assert_eq!((count(&run, "received"), count(&run, "stored")), (20, 20));
    let run = stage.subscribe(PATIENT).args("--max-messages 20").run().expect(0);
    assert_eq!((count(&run, "duplicate"), count(&run, "stored")), (20, 0));
    assert_eq!(stage.stored().await.count_documents(doc! {}).await.expect("a count"), 20);
}

#[tokio::test]
async fn once_takes_one_batch_and_leaves_the_rest() {
    let stage = Stage::new();
    stage.create().await;
    stage.publish_lines(lines(30));
    let run = stage.subscribe(PATIENT).args("--once --batch 10").run().expect(0);
    assert_eq!((count(&run, "received"), count(&run, "stored")), (10, 10));
    assert_eq!(count(&run, "released"), 0, "nothing was fetched beyond the batch");
    let rest = stage.subscribe(PATIENT).args("--max-messages 20").run().expect(0);
    assert_eq!((count(&rest, "stored"), count(&rest, "duplicate")), (20, 0));
}

#[tokio::test]
async fn a_killed_run_loses_nothing_and_doubles_nothing() {
    let stage = Stage::new();
    stage.create().await;
    stage.publish_lines(lines(3000));
    let stored = stage.stored().await;
    let mut child = stage.subscribe("--batch 20 --idle 60s").spawn();
    let deadline = Instant::now() + Duration::from_secs(60);
    while stored.count_documents(doc! {}).await.expect("a count") == 0 {
        assert!(Instant::now() < deadline, "nothing is stored");
    }
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    let follower = stage.subscribe("--follow").spawn();
    let deadline = Instant::now() + services::EMULATOR_PATIENCE;
    while stored.count_documents(doc! {}).await.expect("a count") < 3000 {
        assert!(Instant::now() < deadline, "not all came");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let kill = Command::new("kill").args(["-s", "TERM"]).arg(follower.id().to_string()).status();
    assert!(kill.expect("kill").success());
    Run::of(follower.wait_with_output().expect("it ends")).expect(143);
    assert_eq!(stored.count_documents(doc! {}).await.expect("a count"), 3000);
    let last = doc! { "_id": "m02999", "id": "m02999", "n": 2999 };
    assert!(stored.find_one(last).await.expect("an answer").is_some());
}
