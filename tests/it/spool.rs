//! The spool: what the queue cannot take now is kept in a file, and follows when it can.

use crate::sandbox::Sandbox;
use kakehi::Message;
use kakehi::dead_letter::Death;
use kakehi::environment::Environment;
use kakehi::queues::{Options, Published};
use kakehi::spool::Spool;

fn options(sandbox: &Sandbox) -> Options {
    Options::new(Environment::default(), sandbox.dir().to_owned())
}

fn message(id: &str) -> Message {
    let mut message = Message::new(id, format!("{{\"of\":\"{id}\"}}"));
    message.group = Some("g".to_owned());
    message
}

fn death(reason: &str) -> Death {
    Death { reason: reason.to_owned(), attempts: Some(2), first_at: None, at: None, from: None }
}

#[tokio::test]
async fn the_program_queue_works_on_a_spool_whatever_its_place_is_called() {
    let sandbox = Sandbox::new();
    for place in ["pubsub://p/t at 127.0.0.1:8085", "sqlite:/a b/%41?#&+'\"寝室.db?queue=x=y"] {
        let spool = Spool::new(sandbox.path("my spool?.db"), place.to_owned(), &options(&sandbox));
        assert_eq!(spool.stats().await.unwrap(), None);
        let inlet = spool.open().await.unwrap();
        let kept = inlet.append(&[message("a"), message("b")]).await.unwrap();
        assert_eq!(kept, [Published::Accepted, Published::Accepted]);
        inlet.close().await.unwrap();
        spool.bury(&[(message("c"), death("too large"))]).await.unwrap();
        let url = spool.url().unwrap();
        let run = sandbox.queue().args("peek").arg(&url).run().expect(0);
        assert!(run.stdout.contains("a  group g"), "{}", run.stdout);
        let run = sandbox.queue().args("stats --json").arg(&url).run().expect(0);
        assert!(run.stdout.contains("\"ready\":1,\"waiting\":1"), "{}", run.stdout);
        assert_eq!(spool.stats().await.unwrap().unwrap().dead, Some(1));
    }
}

#[tokio::test]
async fn a_message_from_elsewhere_is_buried_once() {
    let sandbox = Sandbox::new();
    let spool = Spool::new(sandbox.path("spool.db"), "here".to_owned(), &options(&sandbox));
    let mut other = message("a");
    other.body = "other".into();
    let letters = [(message("a"), death("first")), (other, death("other content"))];
    for _ in 0..2 {
        spool.bury(&letters).await.unwrap();
    }
    spool.bury(&[(message("a"), death("again"))]).await.unwrap();
    let run = sandbox.queue().args("dead list sqlite:spool.db?queue=here --json").run().expect(0);
    let reasons: Vec<_> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["reason"].clone())
        .collect();
    assert_eq!(reasons, ["first", "other content"]);
    sandbox.queue().args("dead redrive sqlite:spool.db?queue=here --all --yes").run().expect(65);
    assert_eq!(
        spool.stats().await.unwrap().unwrap().waiting,
        Some(0),
        "one of the two ids is back"
    );
}

#[tokio::test]
async fn looking_at_a_spool_makes_no_file() {
    let sandbox = Sandbox::new();
    let spool = Spool::new(sandbox.path("deep/spool.db"), "here".to_owned(), &options(&sandbox));
    assert_eq!(spool.stats().await.unwrap(), None);
    assert!(!sandbox.path("deep").exists());
    // A run that was killed while it made the file leaves an empty one: nothing is in it.
    sandbox.write("empty.db", "");
    let spool = Spool::new(sandbox.path("empty.db"), "here".to_owned(), &options(&sandbox));
    assert_eq!(spool.stats().await.unwrap(), None);
}
