//! What is received from one queue and published to another keeps what it may, and dies of nothing
//! that a service or its client has added to it.

use crate::support::emulator::Name;
use crate::support::pubsub_stage::PATIENT;
use crate::support::sandbox::{Program, Run, Sandbox};
use crate::support::services;
use crate::support::sqs_queue::Stage;
use google_cloud_auth::credentials::anonymous;
use google_cloud_pubsub::client::Publisher as BarePublisher;
use google_cloud_pubsub::model::Message as Wire;
use serde_json::{Value, json};

const PROJECT: &str = "kakehi-test";

/// What tracing and schemas add, and what nobody has thought of yet.
const ADDED: [(&str, &str); 3] = [
    ("googclient_traceparent", "00-00000000000000000000000000000001-0000000000000001-01"),
    ("googclient_schemaencoding", "JSON"),
    ("google_something", "new"),
];

/// A subscription of somebody else's messages.
struct Foreign {
    sandbox: Sandbox,
    name: Name,
}

impl Foreign {
    /// A topic, its subscription and a place for dead letters; nothing is in it yet.
    fn new() -> Self {
        let foreign = Self { sandbox: Sandbox::new(), name: Name::new(PROJECT, "t") };
        foreign.create("");
        foreign
    }

    fn create(&self, ending: &str) -> String {
        let url = format!("pubsub://{PROJECT}/{}{ending}", self.name);
        let words = format!("create {url}?topic={}{ending}", self.name);
        self.on_services(self.sandbox.queue()).args(&words).run().expect(0);
        url
    }

    fn on_services(&self, program: Program) -> Program {
        let program = program.env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator());
        let variables = services::sqs_variables();
        variables.into_iter().fold(program, |program, (name, value)| program.env(name, value))
    }

    fn url(&self) -> String {
        format!("pubsub://{PROJECT}/{}", self.name)
    }

    /// Publishes as a client with tracing does, to a topic with a schema.
    async fn publish(&self, body: &'static str) {
        let topic = format!("projects/{PROJECT}/topics/{}", self.name);
        let publisher = BarePublisher::builder(topic)
            .with_endpoint(format!("http://{}", services::pubsub_emulator()))
            .with_credentials(anonymous::Builder::new().build());
        let publisher = publisher.build().await.expect("a publisher");
        let attributes = ADDED.into_iter().chain([("mine", "1")]);
        let wire = Wire::new().set_data(body).set_attributes(attributes);
        publisher.publish(wire).await.expect("the emulator takes it");
    }

    fn queue(&self, words: &str) -> Run {
        self.on_services(self.sandbox.queue()).args(words).run()
    }

    /// Takes this many out of a queue.
    fn take(&self, from: &str, count: usize, to: &str) -> Run {
        let words = format!("--lease 10s {PATIENT} --max-messages {count} --from {from} --to {to}");
        self.on_services(self.sandbox.subscribe()).args(&words).run()
    }

    /// The message that comes out of a queue.
    fn comes_out(&self, from: &str) -> Value {
        let run = self.take(from, 1, "stdout:?envelope").expect(0);
        serde_json::from_str(&run.stdout).expect("an envelope")
    }
}

/// Without what was added.
fn is_whole(message: &Value) {
    assert_eq!(message["body"], json!({"n": 1}), "{message}");
    assert_eq!(message["attributes"], json!({"mine": "1"}), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_of_google_added_is_left_out_where_it_is_published_again() {
    let foreign = Foreign::new();
    for way in ["forward", "pipe"] {
        foreign.publish("{\"n\":1}").await;
        let out = foreign.create(&format!("-{way}"));
        if way == "forward" {
            foreign.take(&foreign.url(), 1, &format!("forward:{out}")).expect(0);
        } else {
            let line = foreign.take(&foreign.url(), 1, "stdout:?envelope").expect(0).stdout;
            assert!(line.contains("googclient_traceparent"), "shown as it is: {line}");
            // What no client adds is a publisher's own, and is refused by its name.
            let publish = || foreign.on_services(foreign.sandbox.publish()).arg("stdin:?envelope");
            let run = publish().arg("--to").arg(&out).stdin(line.clone()).run().expect(65);
            assert!(run.stderr.contains("`google_something` begins with `goog`"), "{run:?}");
            let line = line.replace("google_something", "googclient_something");
            publish().arg("--to").arg(&out).stdin(line).run().expect(0);
        }
        is_whole(&foreign.comes_out(&out));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_with_such_attributes_have_their_place_and_can_be_put_back() {
    let foreign = Foreign::new();
    foreign.publish("[1]").await;
    let run = foreign.take(&foreign.url(), 1, "sqlite:s.db").expect(65);
    assert!(run.stderr.contains(&format!("in `{}-dead`", foreign.url())), "{}", run.stderr);
    let words = format!("dead redrive {} --all --yes --idle 15s", foreign.url());
    let run = foreign.queue(&words).expect(0);
    assert!(run.stdout.ends_with(": done\n"), "{}", run.stdout);
    // Those of the spool are put back by the same command.
    let run = foreign
        .take(&foreign.url(), 1, &format!("sqlite:s.db --dead pubsub://{PROJECT}/none-there"))
        .expect(65);
    assert!(run.stderr.contains("in the spool, see `queue dead list 'sqlite:"), "{}", run.stderr);
    let run = foreign.queue(&words).expect(0);
    assert!(run.stdout.ends_with(": done\n"), "{}", run.stdout);
    let back = foreign.comes_out(&foreign.url());
    assert_eq!((&back["body"], &back["attributes"]), (&json!([1]), &json!({"mine": "1"})));
}

#[tokio::test(flavor = "multi_thread")]
async fn they_pass_between_pubsub_and_sqs_either_way() {
    let foreign = Foreign::new();
    foreign.publish("{\"n\":1}").await;
    for ending in ["", ".fifo"] {
        let stage = Stage::named(ending);
        let create = format!("create {}", stage.url());
        foreign.queue(&create).expect(0);
        foreign.take(&foreign.url(), 1, &format!("forward:{}", stage.url())).expect(0);
        let run = foreign.take(&stage.url(), 1, &format!("forward:{}", foreign.url())).expect(0);
        assert!(run.stderr.contains("1 stored"), "{}", run.stderr);
    }
    is_whole(&foreign.comes_out(&foreign.url()));
}

#[test]
fn what_sqs_keeps_to_itself_travels_as_well_as_it_can() {
    for ending in ["", ".fifo"] {
        let stage = Stage::made(ending);
        let names = ["AWS.trace", "Amazon.id", "aws.lower", "AWSTraceHeader", "googly"];
        let attributes: Value = names.iter().map(|name| (*name, "x")).collect();
        let line = json!({"id": "a", "attributes": attributes, "body": {}}).to_string();
        stage.publish("stdin:?envelope").stdin(line).run().expect(0);
        let run = stage.subscribe("--to stdout:?envelope --max-messages 1").run().expect(0);
        let back: Value = serde_json::from_str(&run.stdout).expect("an envelope");
        assert_eq!(back["attributes"], attributes);
    }
}
