//! A topic and a subscription for one test, and the programs on it and before MongoDB.
//!
//! The emulator does not notice that a receiver is gone, and goes on giving it messages: these come
//! to the next one only when their lease has ended, and a part of them goes to the one that is gone
//! again, as often as not. Hence whoever wants messages names how many, and waits for the last of
//! them; Pub/Sub itself does not do so.

use crate::support::emulator::Name;
use crate::support::mongo_client::connect;
use crate::support::sandbox::{Program, Run, Sandbox};
use crate::support::services;
use kakehi::Location;
use kakehi::environment::Environment;
use kakehi::queues::{self, Options};
use mongodb::Collection;
use mongodb::bson::Document;

/// For a run that ends with the last of the messages that must come, however late: `--max-messages`
/// says how many these are.
pub const PATIENT: &str = "--idle 400s";

/// A topic, a subscription and a collection of its own.
pub struct Stage {
    pub sandbox: Sandbox,
    name: Name,
}

impl Stage {
    pub fn new() -> Self {
        Self { sandbox: Sandbox::new(), name: Name::new("kakehi-pipeline", "p-") }
    }

    pub fn queue(&self) -> String {
        format!("pubsub://kakehi-pipeline/{}", self.name)
    }

    pub fn publish(&self, words: &str) -> Program {
        let program = self.sandbox.publish().args(words).arg("--to").arg(self.queue());
        program.env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator())
    }

    /// Makes the topic, its subscription and the place for its dead letters, and receives nothing.
    pub async fn create(&self) {
        let url = Location::parse(&format!("{}?topic={}", self.queue(), self.name)).expect("a URL");
        let variables = [("PUBSUB_EMULATOR_HOST", services::pubsub_emulator())];
        let options = Options::new(Environment::from_iter(variables), self.sandbox.dir().into());
        let options = Options { create: true, ..options };
        let subscriber = queues::open_subscriber(url, &options).await.expect("it is made");
        subscriber.close().await.expect("it is closed");
    }

    pub fn publish_lines(&self, lines: impl Into<Vec<u8>>) {
        self.publish("stdin:?id=id").stdin(lines).run().expect(0);
    }

    pub fn subscribe(&self, words: &str) -> Program {
        self.subscribe_at(&services::mongodb().hosts, "", words)
    }

    /// A subscriber with more parameters of the sink: `&name=value`.
    pub fn subscribe_to(&self, more: &str, words: &str) -> Program {
        self.subscribe_at(&services::mongodb().hosts, more, words)
    }

    /// A subscriber that meets MongoDB at this address.
    pub fn subscribe_at(&self, hosts: &str, more: &str, words: &str) -> Program {
        let mongo = services::mongodb();
        let source = if mongo.username.is_some() { "&authSource=admin" } else { "" };
        let name = &self.name;
        let to = format!("mongodb://{hosts}/kakehi-pipeline?collection={name}{source}{more}");
        // One stream, so that there is only one that the emulator does not notice the end of.
        let from = self.queue() + "?streams=1";
        let program = self.sandbox.subscribe().args(words).arg("--from").arg(from);
        let mut program = program.arg("--to").arg(to).args("--lease 10s --summary json");
        if let (Some(username), Some(password)) = (mongo.username, mongo.password) {
            program = program.env("MONGODB_USERNAME", username).env("MONGODB_PASSWORD", password);
        }
        program.env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator())
    }

    pub async fn stored(&self) -> Collection<Document> {
        connect(&services::mongodb()).await.database("kakehi-pipeline").collection(&self.name)
    }
}

pub fn count(run: &Run, what: &str) -> u64 {
    let line = run.stderr.lines().last().expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(line).expect("JSON");
    summary[what].as_u64().expect("a number")
}

pub fn lines(count: usize) -> String {
    (0..count).map(|n| format!("{{\"id\":\"m{n:05}\",\"n\":{n}}}\n")).collect()
}
