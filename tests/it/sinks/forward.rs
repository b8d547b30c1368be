//! A queue as a sink: what is drained out of one goes into another.

use crate::support::sandbox::{Run, Sandbox};
use async_trait::async_trait;
use kakehi::message::{Delivery, Receipt};
use kakehi::queues::{Published, Publisher};
use kakehi::sinks::forward::Forward;
use kakehi::sinks::{Outcome, Sink};
use kakehi::{Error, Kind, Message, Result};
use std::sync::atomic::{AtomicBool, Ordering};

fn envelope(sandbox: &Sandbox, from: &str) -> Vec<String> {
    let run =
        sandbox.subscribe().args(&format!("--from {from} --to stdout:?envelope")).run().expect(0);
    run.stdout.lines().map(|line| line.replace("\"attempt\":2", "\"attempt\":1")).collect()
}

#[test]
fn everything_about_a_message_is_kept() {
    let sandbox = Sandbox::new();
    let lines = [
        r#"{"id":"a","group":"g","tag":"t","attributes":{"x":"1"},"body":{"te":1}}"#,
        r#"{"id":"b","group":"g","body":{"te":2}}"#,
        r#"{"id":"c","not_before":"2100-01-01T00:00:00Z","body":"late"}"#,
        r#"{"id":"d","body":{"te":3}}"#,
    ];
    let publish = |to: &str| {
        let input = lines.join("\n");
        sandbox.publish().args("stdin:?envelope --to").arg(to).stdin(input).run().expect(0);
    };
    publish("sqlite:from.db");
    publish("sqlite:expected.db");
    let to = "--from sqlite:from.db --to forward:sqlite:to.db?queue=other";
    sandbox.subscribe().args(to).run().expect(0);
    // What waits for its time goes on when it is due.
    let run = sandbox.queue().args("stats --json sqlite:from.db").run().expect(0);
    assert!(run.stdout.contains("\"scheduled\":1"), "{}", run.stdout);
    let strip = |lines: Vec<String>| -> Vec<serde_json::Value> {
        let mut values: Vec<serde_json::Value> =
            lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        for value in &mut values {
            value.as_object_mut().unwrap().remove("published_at");
        }
        values
    };
    let got = strip(envelope(&sandbox, "sqlite:to.db?queue=other"));
    assert_eq!(got, strip(envelope(&sandbox, "sqlite:expected.db")));
    assert_eq!(got.len(), 3);
}

#[test]
fn what_the_other_queue_has_is_a_duplicate_and_what_it_refuses_a_dead_letter() {
    let sandbox = Sandbox::new();
    let publish = |to: &str, lines: &str| {
        sandbox.publish().args("stdin:?id=id --to").arg(to).stdin(lines).run().expect(0)
    };
    publish("sqlite:to.db", "{\"id\":\"a\"}\n{\"id\":\"b\",\"other\":1}\n");
    publish("sqlite:from.db", "{\"id\":\"a\"}\n{\"id\":\"b\"}\n{\"id\":\"c\"}\n");
    let run = sandbox.subscribe().args("--from sqlite:from.db --to forward:sqlite:to.db").run();
    assert!(run.stderr.contains("3 received, 1 stored, 1 duplicate, 1 dead"), "{}", run.stderr);
    run.expect(65);
    let run = sandbox.queue().args("dead list sqlite:from.db").run().expect(0);
    assert!(run.stdout.contains("another message with the same id"), "{}", run.stdout);
}

#[test]
fn a_queue_is_not_forwarded_to_itself() {
    let sandbox = Sandbox::new();
    sandbox.publish().args("--to sqlite:q.db").stdin("{}\n").run().expect(0);
    std::os::unix::fs::symlink(sandbox.path("q.db"), sandbox.path("link.db")).unwrap();
    for to in ["sqlite:q.db", "sqlite:./q.db?dedupe=1h", "sqlite:link.db"] {
        let run = sandbox.subscribe().args("--from sqlite:q.db --to").arg(format!("forward:{to}"));
        let run = run.run().expect(2);
        assert!(run.stderr.contains("they are the same queue"), "{}", run.stderr);
    }
    let run = sandbox.queue().args("stats --json sqlite:q.db").run().expect(0);
    assert!(run.stdout.contains("\"ready\":1"), "{}", run.stdout);
}

#[test]
fn a_wrong_url_behind_forward_is_refused_before_anything_is_received() {
    let sandbox = Sandbox::new();
    for (to, code, told) in [
        ("forward:", 2, "needs a URL behind it"),
        ("forward:other.db", 2, "needs a URL behind it"),
        ("forward:nothing:x", 2, "unknown queue"),
        ("forward:sqlite:to.db?nobody=1", 2, "unknown parameter"),
        ("forward:sqlite:/dev/null/to.db", 78, "cannot open"),
    ] {
        let run: Run = sandbox.subscribe().args("--from sqlite:q.db --to").arg(to).run();
        assert!(run.stderr.contains(told), "{to}: {}", run.stderr);
        run.expect(code);
    }
}

/// Takes nothing while it is down, and can be looked at all the same.
struct Broken<'a>(&'a AtomicBool);

#[async_trait]
impl Publisher for Broken<'_> {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(Error::new(Kind::Credentials, "no right to publish")),
            false => Ok(batch.iter().map(|_| Published::Accepted).collect()),
        }
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_queue_that_takes_nothing_is_unavailable_though_it_can_be_looked_at() {
    let down = AtomicBool::new(true);
    let sink = Forward::to(Box::new(Broken(&down)));
    let delivery = |id: &str| Delivery {
        message: Message::new(id, "{}"),
        attempts: Some(9),
        lost: 0,
        receipt: Receipt(id.into()),
    };
    let batch = [delivery("a"), delivery("b")];
    let why = || Outcome::Unavailable("no right to publish".to_owned());
    assert_eq!(sink.write(&batch).await, [why(), why()]);
    sink.ping().await.expect("a check asks the queue itself, and remembers nothing");
    down.store(false, Ordering::Relaxed);
    assert_eq!(sink.write(&batch).await, [Outcome::Stored, Outcome::Stored]);
    assert!(sink.into_failure().is_none());
}
