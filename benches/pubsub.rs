//! Pub/Sub through our traits and through `publish`, against Google's client alone, on the same
//! emulator in the same run: `cargo bench --bench pubsub`, the emulator being that of
//! `PUBSUB_EMULATOR_HOST` or of the tests.
//!
//! Prints messages a second and their ratios. Asserts nothing: a busy machine is no failure.

#[allow(dead_code)]
mod bare;
#[path = "../tests/it/support/services.rs"]
#[allow(dead_code)]
mod services;

use bare::{BATCH, PubSub, fill, rate};
use kakehi::queues::{self, Options, Receive, Select, Subscriber, Verdict};
use kakehi::{Location, Message};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PUBLISHED: usize = 100_000;
const RECEIVED: usize = 20_000;
const BODY: usize = 150;
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() {
    let pubsub = PubSub::find();
    println!("{PUBLISHED} messages of {BODY} bytes published, the best of {ROUNDS} rounds, /s");
    let body = line();
    let bare = best(async || pubsub.publish(PUBLISHED, body.as_bytes()).await).await;
    println!("{:>40} {bare:>9.0}", "bare client, all at once");
    for at_once in [1, 2, 4, 8] {
        let ours = best(async || {
            let (_, publisher) = pubsub.publisher().await;
            fill(publisher.into(), PUBLISHED, at_once, message).await
        });
        let ours = ours.await;
        let what = format!("ours, {at_once} batches of {BATCH} at once");
        println!("{what:>40} {ours:>9.0}   {:.2}", ours / bare);
    }
    let program = best(async || publish_program(&pubsub).await).await;
    println!(
        "{:>40} {program:>9.0}   {:.2}",
        "`publish` from stdin, its start included",
        program / bare
    );
    let single = publish_one_by_one(&pubsub).await;
    println!("{:>40} {single:>9.2} ms", "ours, one message, each awaited");
    println!("{RECEIVED} messages received and acknowledged, /s");
    for streams in [1, 4, 8] {
        let name = filled(&pubsub).await;
        let bare = pubsub.receive(&name, RECEIVED, streams).await;
        let ours = receive(&pubsub, streams).await;
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

/// A line of JSON of that many bytes.
fn line() -> String {
    format!("\"{}\"", "x".repeat(BODY - 2))
}

fn message(n: usize) -> Message {
    Message::new(n.to_string(), line().into_bytes())
}

/// A new subscription that holds what is to be received.
async fn filled(pubsub: &PubSub) -> String {
    let (name, publisher) = pubsub.publisher().await;
    fill(publisher.into(), RECEIVED, 4, message).await;
    name
}

/// The whole program, from a file of lines on its stdin to its end.
async fn publish_program(pubsub: &PubSub) -> f64 {
    let (name, _) = pubsub.publisher().await;
    let lines = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(lines.path(), (line() + "\n").repeat(PUBLISHED)).expect("room for it");
    let start = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_publish"))
        .args(["--summary", "none", "--to", &format!("pubsub://kakehi-bench/{name}")])
        .env("PUBSUB_EMULATOR_HOST", &pubsub.host)
        .stdin(Stdio::from(lines.reopen().expect("the file")))
        .status();
    assert!(status.expect("it starts").success());
    rate(PUBLISHED, start)
}

/// The time that one message takes, in milliseconds.
async fn publish_one_by_one(pubsub: &PubSub) -> f64 {
    let (_, publisher) = pubsub.publisher().await;
    let start = Instant::now();
    for n in 0..200 {
        publisher.publish(&[message(n)]).await.expect("published");
    }
    start.elapsed().as_secs_f64() * 1000.0 / 200.0
}

async fn receive(pubsub: &PubSub, streams: usize) -> f64 {
    let name = filled(pubsub).await;
    let url = format!("pubsub://kakehi-bench/{name}?streams={streams}");
    let url = Location::parse(&url).expect("a URL");
    let options = Options { create: false, ..pubsub.options() };
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
