//! The second loop on a queue in memory.

use crate::support::scripted::Scripted;
use kakehi::attempts::Attempts;
use kakehi::environment::Environment;
use kakehi::queues::{self, Publisher, Receive, Select, Subscriber};
use kakehi::report::{Counters, Summary};
use kakehi::sinks::Sink;
use kakehi::subscribe::{DeadLetters, Parts, Plan, subscribe};
use kakehi::{Location, Message, Result};
use std::path::PathBuf;
use std::time::Duration;

pub fn plan() -> Plan {
    Plan {
        batch: 10,
        batch_bytes: 1 << 20,
        concurrency: 3,
        in_flight: 50,
        in_flight_bytes: 1 << 20,
        grace: Duration::from_secs(5),
        ..Plan::default()
    }
}

/// A queue of its own, and the means to run the loop on it.
pub struct LoopFixture {
    pub url: Location,
    pub options: queues::Options,
    publisher: Box<dyn Publisher>,
    /// Where dead letters go, where that is said.
    pub dead: Option<String>,
}

impl LoopFixture {
    pub async fn new() -> Self {
        let url = Location::parse(&format!("memory:{}", uuid::Uuid::now_v7())).unwrap();
        let options = queues::Options::new(Environment::default(), PathBuf::new());
        let publisher = queues::open_publisher(url.clone(), &options).await.unwrap();
        Self { url, options, publisher, dead: None }
    }

    pub async fn with(ids: impl IntoIterator<Item = String>) -> Self {
        let fixture = Self::new().await;
        let batch: Vec<_> = ids.into_iter().map(|id| Message::new(id, "{}")).collect();
        fixture.publisher.publish(&batch).await.unwrap();
        fixture
    }

    pub async fn publish(&self, batch: &[Message]) {
        self.publisher.publish(batch).await.unwrap();
    }

    pub async fn subscriber(&self) -> Box<dyn Subscriber> {
        queues::open_subscriber(self.url.clone(), &self.options).await.unwrap()
    }

    pub async fn run(&self, sink: &Scripted, plan: &Plan) -> (Result<()>, Summary) {
        self.run_until(sink, plan, std::future::pending()).await
    }

    pub async fn run_until(
        &self,
        sink: &dyn Sink,
        plan: &Plan,
        shutdown: impl Future<Output = ()>,
    ) -> (Result<()>, Summary) {
        let queue = self.subscriber().await;
        let (result, summary) = self.run_on(&*queue, sink, plan, shutdown).await;
        queue.close().await.unwrap();
        (result, summary)
    }

    /// Runs on a queue that the caller has opened, and closes.
    pub async fn run_on(
        &self,
        queue: &dyn Subscriber,
        sink: &dyn Sink,
        plan: &Plan,
        shutdown: impl Future<Output = ()>,
    ) -> (Result<()>, Summary) {
        self.run_counted(queue, sink, None, plan, shutdown).await
    }

    /// Runs on a queue that the caller has opened, with somebody who counts attempts.
    pub async fn run_counted(
        &self,
        queue: &dyn Subscriber,
        sink: &dyn Sink,
        attempts: Option<&Attempts>,
        plan: &Plan,
        shutdown: impl Future<Output = ()>,
    ) -> (Result<()>, Summary) {
        let counters = Counters::default();
        let url = self.dead.clone().or(queue.capabilities().dead_letters);
        let dead = DeadLetters::new(url, self.url.to_string(), self.options.clone());
        let parts = Parts { queue, sink, dead: &dead, attempts, plan, counters: &counters };
        let result = subscribe(parts, shutdown).await;
        dead.close().await.unwrap();
        (result, counters.summary(Duration::ZERO))
    }

    /// What a later run would be offered, with the attempts, put back afterwards.
    pub async fn left(&self) -> Vec<(String, Option<u32>)> {
        let queue = self.subscriber().await;
        let request = Receive {
            max: 10_000,
            max_bytes: usize::MAX,
            wait: Duration::ZERO,
            select: Select::Any,
        };
        let deliveries = queue.receive(request).await.unwrap();
        queue.close().await.unwrap();
        deliveries.into_iter().map(|one| (one.message.id, one.attempts)).collect()
    }
}

pub fn ids(n: usize) -> impl Iterator<Item = String> {
    (0..n).map(|at| format!("m{at:04}"))
}
