//! A queue of SQS for one test, and the programs on it.

use crate::support::deletion::Deletion;
use crate::support::sandbox::{Program, Run, Sandbox};
use crate::support::services;
use crate::support::sqlite_files;
use aws_sdk_sqs::Client;
use kakehi::clients::aws;
use kakehi::environment::Environment;
use std::time::{Duration, Instant};

/// By then everything must have come out.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A queue of a new name, which is deleted at the end, and a sandbox with a store.
pub struct Stage {
    pub sandbox: Sandbox,
    pub name: String,
    _deletion: Deletion,
}

impl Stage {
    /// Nothing is made yet.
    pub fn named(ending: &str) -> Self {
        let name = format!("k-{}{ending}", uuid::Uuid::now_v7().simple());
        let deletion = Deletion::of_queue(&name);
        Self { sandbox: Sandbox::new(), name, _deletion: deletion }
    }

    /// With its dead-letter queue and redrive policy.
    pub fn made(ending: &str) -> Self {
        let stage = Self::named(ending);
        stage.queue(&format!("create {}", stage.url())).run().expect(0);
        stage
    }

    pub fn url(&self) -> String {
        format!("sqs:{}", self.name)
    }

    fn on_sqs(program: Program) -> Program {
        services::sqs_variables()
            .into_iter()
            .fold(program, |program, (name, value)| program.env(name, value))
    }

    pub fn queue(&self, words: &str) -> Program {
        Self::on_sqs(self.sandbox.queue()).args(words)
    }

    pub fn publish(&self, words: &str) -> Program {
        Self::on_sqs(self.sandbox.publish()).args(words).arg("--to").arg(self.url())
    }

    pub fn publish_lines(&self, lines: impl Into<Vec<u8>>) {
        self.publish("stdin:?id=id&group=room").stdin(lines).run().expect(0);
    }

    /// What no store takes: these are no objects.
    pub fn publish_poison(&self, ids: &[&str]) {
        let line = |id: &&str| {
            let more = "\"group\":\"r0\",\"attributes\":{\"mine\":\"1\"},\"body\":\"no object\"";
            format!("{{\"id\":\"{id}\",{more}}}\n")
        };
        let lines: String = ids.iter().map(line).collect();
        self.publish("stdin:?envelope").stdin(lines).run().expect(0);
    }

    pub fn subscribe(&self, words: &str) -> Program {
        let program = Self::on_sqs(self.sandbox.subscribe()).arg("--from").arg(self.url());
        program.args("--summary json").args(words)
    }

    /// From one queue into another.
    pub fn forward(&self, words: &str) -> Program {
        Self::on_sqs(self.sandbox.subscribe()).args(words)
    }

    pub fn drain(&self, words: &str) -> Program {
        self.subscribe("--to sqlite:store.db").args(words)
    }

    /// Drains into the store until the queue is empty, what earlier runs had in flight with it; then
    /// the store holds so many.
    pub fn drain_until(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_empty() {
            assert!(Instant::now() < deadline, "not empty: {}", self.stats());
            self.drain("--lease 5s").run().expect(0);
        }
        assert_eq!(sqlite_files::store(&self.sandbox).len(), count);
    }

    /// What `queue stats` tells of it.
    pub fn stats(&self) -> serde_json::Value {
        self.lines(&format!("stats {}", self.url())).remove(0)
    }

    /// Whether nothing is in it, and nothing in flight.
    pub fn is_empty(&self) -> bool {
        let stats = self.stats();
        stats["ready"] == 0 && stats["leased"] == 0
    }

    /// What `queue` says with `--json`, a value a line.
    pub fn lines(&self, words: &str) -> Vec<serde_json::Value> {
        let run = self.queue(words).arg("--json").run().expect(0);
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The dead letters, a line of JSON each.
    pub fn dead(&self) -> Vec<serde_json::Value> {
        self.lines(&format!("dead list {} --take --idle 3s", self.url()))
    }
}

/// One message: the rooms are its groups.
pub fn line(n: usize) -> String {
    format!("{{\"id\":\"m{n:04}\",\"room\":\"r{}\",\"n\":{n}}}\n", n % 3)
}

pub fn lines(count: usize) -> String {
    (0..count).map(line).collect()
}

/// A number of a summary.
pub fn counted(run: &Run, what: &str) -> u64 {
    let line = run.stderr.lines().last().expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(line).expect("JSON");
    summary[what].as_u64().expect("a number")
}

/// Amazon's own client.
pub async fn client() -> Client {
    let environment = Environment::from_iter(services::sqs_variables());
    Client::new(&aws::load(&environment, "SQS").await.expect("settings"))
}
