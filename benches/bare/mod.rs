//! What the benches compare with: Google's client and MongoDB's driver alone.

use super::services;
use google_cloud_auth::credentials::{Credentials, anonymous};
use google_cloud_pubsub::client::{Publisher as BarePublisher, Subscriber as BareSubscriber};
use google_cloud_pubsub::model::Message as Wire;
use kakehi::environment::Environment;
use kakehi::queues::{self, Options, Publisher};
use kakehi::{Location, Message};
use mongodb::Client;
use mongodb::options::{Acknowledgment, ClientOptions, Credential, WriteConcern};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Messages in a batch.
pub const BATCH: usize = 1000;
/// Deliveries that a receiver has in hand at most.
const IN_FLIGHT: usize = 8000;

/// Messages, or documents, a second.
pub fn rate(count: usize, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}

/// An emulator.
pub struct PubSub {
    pub host: String,
}

impl PubSub {
    /// The emulator that the tests have, else the one of the environment.
    pub fn find() -> Self {
        let host = std::env::var("PUBSUB_EMULATOR_HOST");
        Self { host: host.unwrap_or_else(|_| services::pubsub_emulator()) }
    }

    pub fn options(&self) -> Options {
        let environment = Environment::from_iter([("PUBSUB_EMULATOR_HOST", &self.host)]);
        Options {
            in_flight: IN_FLIGHT,
            in_flight_bytes: 100_000_000,
            publish_timeout: Duration::from_secs(60),
            create: true,
            ..Options::new(environment, std::env::temp_dir())
        }
    }

    fn credentials(&self) -> Credentials {
        anonymous::Builder::new().build()
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.host)
    }

    /// A topic with a subscription of its name, both new.
    pub async fn publisher(&self) -> (String, Box<dyn Publisher>) {
        let name = format!("bench-{}", uuid::Uuid::now_v7().simple());
        let url = Location::parse(&format!("pubsub://kakehi-bench/{name}")).expect("a URL");
        let publisher = queues::open_publisher(url, &self.options()).await.expect("a topic");
        (name, publisher)
    }

    /// How fast Google's client publishes, everything at once.
    pub async fn publish(&self, count: usize, body: &[u8]) -> f64 {
        let (name, _) = self.publisher().await;
        let publisher = BarePublisher::builder(format!("projects/kakehi-bench/topics/{name}"))
            .with_endpoint(self.endpoint())
            .with_credentials(self.credentials())
            .build()
            .await
            .expect("a client");
        let start = Instant::now();
        let answers: Vec<_> = (0..count)
            .map(|n| {
                let attributes = [("kakehi-id", n.to_string())];
                let message = Wire::new().set_data(body.to_vec()).set_attributes(attributes);
                publisher.publish(message)
            })
            .collect();
        for answer in answers {
            answer.await.expect("published");
        }
        rate(count, start)
    }

    /// How fast Google's client receives and acknowledges all that a subscription holds.
    pub async fn receive(&self, name: &str, count: usize, streams: usize) -> f64 {
        let client = BareSubscriber::builder()
            .with_endpoint(self.endpoint())
            .with_credentials(self.credentials())
            .build()
            .await
            .expect("a client");
        let left = Arc::new(AtomicUsize::new(count));
        let start = Instant::now();
        let readers: Vec<_> = (0..streams)
            .map(|_| {
                let mut stream = client
                    .subscribe(format!("projects/kakehi-bench/subscriptions/{name}"))
                    .set_max_outstanding_messages((IN_FLIGHT / streams) as i64)
                    .build();
                let left = left.clone();
                tokio::spawn(async move {
                    while let Some(Ok((_, handler))) = stream.next().await {
                        handler.ack();
                        left.fetch_sub(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        while left.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let rate = rate(count, start);
        readers.iter().for_each(|reader| reader.abort());
        rate
    }
}

/// Publishes through our own queue with some batches on their way at once, and says how fast.
pub async fn fill(
    publisher: Arc<dyn Publisher>,
    count: usize,
    at_once: usize,
    message: fn(usize) -> Message,
) -> f64 {
    let start = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..at_once)
        .map(|_| {
            let (publisher, next) = (publisher.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let from = next.fetch_add(BATCH, Ordering::Relaxed);
                    if from >= count {
                        return;
                    }
                    let batch: Vec<_> = (from..from + BATCH).map(message).collect();
                    publisher.publish(&batch).await.expect("published");
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("no worker panics");
    }
    rate(count, start)
}

/// MongoDB's driver with the sink's own write concern.
pub async fn connect(server: &services::Mongo) -> Client {
    let uri = format!("mongodb://{}/", server.hosts);
    let mut options = ClientOptions::parse(uri).await.expect("TEST_MONGODB_URI is one");
    options.credential = server.username.clone().map(|username| {
        Credential::builder().username(username).password(server.password.clone()).build()
    });
    let concern = WriteConcern::builder()
        .w(Acknowledgment::Majority)
        .journal(true)
        .w_timeout(Duration::from_secs(60))
        .build();
    options.write_concern = Some(concern);
    Client::with_options(options).expect("the options are consistent")
}
