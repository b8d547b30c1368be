//! Pub/Sub through our traits, against Google's client alone, on the same emulator in the same run:
//!
//!     PUBSUB_EMULATOR_HOST=127.0.0.1:8085 cargo bench --bench pubsub
//!
//! Prints messages a second and their ratios. Asserts nothing: a busy machine is no failure.

use google_cloud_auth::credentials::{Credentials, anonymous};
use google_cloud_pubsub::client::{Publisher as BarePublisher, Subscriber as BareSubscriber};
use google_cloud_pubsub::model::Message as Wire;
use kakehi::clock::Clock;
use kakehi::environment::Environment;
use kakehi::queues::{self, Options, Publisher, Receive, Select, Subscriber, Verdict};
use kakehi::{Location, Message};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PUBLISHED: usize = 100_000;
const RECEIVED: usize = 20_000;
const BODY: usize = 150;
const BATCH: usize = 1000;
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() {
    let Ok(host) = std::env::var("PUBSUB_EMULATOR_HOST") else {
        eprintln!("set `PUBSUB_EMULATOR_HOST` to the emulator's `HOST:PORT`");
        std::process::exit(2);
    };
    let bench = Bench { endpoint: format!("http://{host}"), host };
    println!("{PUBLISHED} messages of {BODY} bytes published, the best of {ROUNDS} rounds, /s");
    let bare = best(async || bench.publish_bare().await).await;
    println!("{:>40} {bare:>9.0}", "bare client, all at once");
    for at_once in [1, 2, 4, 8] {
        let ours = best(async || bench.publish(at_once).await).await;
        let what = format!("ours, {at_once} batches of {BATCH} at once");
        println!("{what:>40} {ours:>9.0}   {:.2}", ours / bare);
    }
    let single = bench.publish_one_by_one().await;
    println!("{:>40} {single:>9.2} ms", "ours, one message, each awaited");
    println!("{RECEIVED} messages received and acknowledged, /s");
    for streams in [1, 4, 8] {
        let bare = bench.receive_bare(streams).await;
        let ours = bench.receive(streams).await;
        let what = format!("{streams} streams: bare client, ours");
        println!("{what:>40} {bare:>9.0} {ours:>9.0}   {:.2}", ours / bare);
    }
}

/// The best of some rounds: the others were disturbed.
async fn best(mut round: impl AsyncFnMut() -> f64) -> f64 {
    let mut best: f64 = 0.0;
    for _ in 0..ROUNDS {
        best = best.max(round().await);
    }
    best
}

fn rate(count: usize, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}

struct Bench {
    host: String,
    endpoint: String,
}

impl Bench {
    fn options(&self) -> Options {
        Options {
            lease: Duration::from_secs(30),
            in_flight: 8000,
            in_flight_bytes: 100_000_000,
            max_messages: None,
            publish_timeout: Duration::from_secs(60),
            create: true,
            environment: Environment::from_iter([("PUBSUB_EMULATOR_HOST", &self.host)]),
            data_dir: Default::default(),
            clock: Clock::system(),
        }
    }

    fn credentials(&self) -> Credentials {
        anonymous::Builder::new().build()
    }

    /// A topic with a subscription of its name, both new.
    async fn publisher(&self) -> (String, Box<dyn Publisher>) {
        let name = format!("bench-{}", uuid::Uuid::now_v7().simple());
        let url = Location::parse(&format!("pubsub://kakehi-bench/{name}")).expect("a URL");
        let publisher = queues::open_publisher(url, &self.options()).await.expect("a topic");
        (name, publisher)
    }

    async fn publish_bare(&self) -> f64 {
        let (name, _) = self.publisher().await;
        let publisher = BarePublisher::builder(format!("projects/kakehi-bench/topics/{name}"))
            .with_endpoint(&self.endpoint)
            .with_credentials(self.credentials())
            .build()
            .await
            .expect("a client");
        let start = Instant::now();
        let answers: Vec<_> = (0..PUBLISHED)
            .map(|n| {
                let attributes = [("kakehi-id", n.to_string())];
                let message = Wire::new().set_data(vec![b'x'; BODY]).set_attributes(attributes);
                publisher.publish(message)
            })
            .collect();
        for answer in answers {
            answer.await.expect("published");
        }
        rate(PUBLISHED, start)
    }

    async fn publish(&self, at_once: usize) -> f64 {
        let (_, publisher) = self.publisher().await;
        fill(publisher.into(), PUBLISHED, at_once).await
    }

    /// The time that one message takes, in milliseconds.
    async fn publish_one_by_one(&self) -> f64 {
        let (_, publisher) = self.publisher().await;
        let start = Instant::now();
        for n in 0..200 {
            publisher.publish(&[message(n)]).await.expect("published");
        }
        start.elapsed().as_secs_f64() * 1000.0 / 200.0
    }

    async fn receive_bare(&self, streams: usize) -> f64 {
        let (name, publisher) = self.publisher().await;
        fill(publisher.into(), RECEIVED, 4).await;
        let client = BareSubscriber::builder()
            .with_endpoint(&self.endpoint)
            .with_credentials(self.credentials())
            .build()
            .await
            .expect("a client");
        let left = Arc::new(AtomicUsize::new(RECEIVED));
        let start = Instant::now();
        let readers: Vec<_> = (0..streams)
            .map(|_| {
                let mut stream = client
                    .subscribe(format!("projects/kakehi-bench/subscriptions/{name}"))
                    .set_max_outstanding_messages((8000 / streams) as i64)
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
        let rate = rate(RECEIVED, start);
        readers.iter().for_each(|reader| reader.abort());
        rate
    }

    async fn receive(&self, streams: usize) -> f64 {
        let (name, publisher) = self.publisher().await;
        fill(publisher.into(), RECEIVED, 4).await;
        let url = format!("pubsub://kakehi-bench/{name}?streams={streams}");
        let url = Location::parse(&url).expect("a URL");
        let options = Options { create: false, ..self.options() };
        let subscriber = queues::open_subscriber(url, &options).await.expect("a subscription");
        let start = Instant::now();
        let mut left = RECEIVED;
        while left > 0 {
            left -= receive_and_ack(&*subscriber).await;
        }
        let rate = rate(RECEIVED, start);
        subscriber.close().await.expect("closed");
        rate
    }
}

fn message(n: usize) -> Message {
    Message::new(n.to_string(), vec![b'x'; BODY])
}

/// Publishes with some batches on their way at once, and says how fast.
async fn fill(publisher: Arc<dyn Publisher>, count: usize, at_once: usize) -> f64 {
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

async fn receive_and_ack(subscriber: &dyn Subscriber) -> usize {
    let request = Receive {
        max: BATCH,
        max_bytes: usize::MAX,
        wait: Duration::from_secs(1),
        select: Select::Any,
    };
    let deliveries = subscriber.receive(request).await.expect("received");
    let count = deliveries.len();
    let verdicts = deliveries.into_iter().map(|d| (d.receipt, Verdict::Ack)).collect();
    subscriber.settle(verdicts).await;
    count
}
