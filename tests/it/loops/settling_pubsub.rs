//! What becomes of messages that fail on Pub/Sub, which counts nothing, delays nothing and keeps
//! no dead letters: on the emulator.

use crate::support::emulator::Name;
use crate::support::loop_fixture::plan;
use crate::support::sandbox::{Program, Sandbox};
use crate::support::scripted::Scripted;
use crate::support::services;
use google_cloud_auth::credentials::anonymous;
use google_cloud_pubsub::client::{SubscriptionAdmin, TopicAdmin};
use google_cloud_pubsub::model::{DeadLetterPolicy, Subscription};
use kakehi::attempts::{self, Attempts};
use kakehi::clock::Clock;
use kakehi::environment::Environment;
use kakehi::queues::{self, Options, Published};
use kakehi::report::{Counters, Summary};
use kakehi::retry::Limits;
use kakehi::subscribe::{DeadLetters, Mode, Parts, Plan, subscribe};
use kakehi::{Kind, Location, Message, Result};
use std::cell::Cell;
use std::io::Read as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

const PROJECT: &str = "kakehi-test";

/// A topic and its subscription of the same name, and a home for what is counted and kept.
struct Fixture {
    name: Name,
    sandbox: Sandbox,
}

impl Fixture {
    async fn with(messages: &[Message]) -> Self {
        let fixture = Self { name: Name::new(PROJECT, "t"), sandbox: Sandbox::new() };
        let options = Options { create: true, ..fixture.options() };
        let publisher = queues::open_publisher(fixture.topic(), &options).await.unwrap();
        let dead_letters = Location::parse(&format!("{}?topic={}", fixture.url(), fixture.name));
        queues::open_subscriber(dead_letters.unwrap(), &options).await.unwrap();
        let answers = publisher.publish(messages).await.unwrap();
        assert_eq!(answers, vec![Published::Accepted; messages.len()]);
        publisher.close().await.unwrap();
        fixture
    }

    fn topic(&self) -> Location {
        Location::parse(&format!("pubsub://{PROJECT}/{}", self.name)).unwrap()
    }

    fn url(&self) -> String {
        format!("pubsub://{PROJECT}/{}", self.name)
    }

    fn options(&self) -> Options {
        let host = services::pubsub_emulator();
        let environment = Environment::from_iter([("PUBSUB_EMULATOR_HOST", host)]);
        let lease = Duration::from_secs(10);
        Options { lease, ..Options::new(environment, self.sandbox.path("data")) }
    }

    fn attempts(&self, file: &str) -> Attempts {
        let key = queues::key(&self.topic(), &self.options()).unwrap();
        Attempts::new(Some(self.sandbox.path(file)), key, Clock::system())
    }

    /// Follows until the shutdown.
    async fn run(
        &self,
        sink: &Scripted,
        max_attempts: u32,
        shutdown: impl Future<Output = ()>,
    ) -> (Result<()>, Summary) {
        let url = Location::parse(&format!("{}?streams=1", self.url())).unwrap();
        let queue = queues::open_subscriber(url, &self.options()).await.unwrap();
        let attempts = self.attempts(attempts::FILE);
        let dead = DeadLetters::new(queue.capabilities().dead_letters, self.url(), self.options());
        let retries = Limits { max_attempts, ..Limits::default() };
        let lease = Duration::from_secs(10);
        let plan = &Plan { mode: Mode::Follow, retries, lease, ..plan() };
        let (counters, attempts_) = (&Counters::default(), Some(&attempts));
        let parts =
            Parts { queue: &*queue, sink, dead: &dead, attempts: attempts_, plan, counters };
        let result = subscribe(parts, shutdown).await;
        dead.close().await.unwrap();
        attempts.close().await.unwrap();
        queue.close().await.unwrap();
        (result, counters.summary(Duration::ZERO))
    }

    fn subscribe(&self, words: &str) -> Program {
        let program =
            self.sandbox.subscribe().env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator());
        program.args("--lease 10s --from").arg(format!("{}?streams=1", self.url())).args(words)
    }
}

async fn until(it_is_so: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + services::EMULATOR_PATIENCE;
    while !it_is_so() {
        assert!(tokio::time::Instant::now() < deadline, "it never happened");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn numbered(count: usize) -> Vec<Message> {
    (0..count).map(|at| Message::new(format!("m{at:04}"), "{}")).collect()
}

macro_rules! admin {
    ($client:ty) => {
        <$client>::builder()
            .with_endpoint(format!("http://{}", services::pubsub_emulator()))
            .with_credentials(anonymous::Builder::new().build())
            .build()
            .await
            .unwrap()
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_are_counted_from_run_to_run() {
    let fixture = Fixture::with(&[Message::new("t1", "{}")]).await;
    let sink = Scripted::default();
    let failed = until(|| !sink.batches.lock().unwrap().is_empty());
    let (result, summary) = fixture.run(&sink, 3, failed).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Spooled);
    assert_eq!((summary.retried, summary.dead), (1, 0));
    // Two more failures in one run, which keeps the lease until each retry is due.
    let sink = Scripted::default();
    let given_up = until(|| sink.batches.lock().unwrap().len() == 2);
    let (_, summary) = fixture.run(&sink, 3, given_up).await;
    assert_eq!((summary.retried, summary.dead), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_during_a_write_counts_one() {
    // More than a pipe holds: the write waits for a reader that does not come.
    let fixture = Fixture::with(&[Message::new("long", vec![b'x'; 300_000])]).await;
    let mut child = fixture.subscribe("--to stdout: --follow").spawn();
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let attempts = fixture.attempts(".local/share/kakehi/attempts.db");
    let tried = attempts.begin(vec!["long".to_owned()]).await.unwrap();
    assert_eq!(tried[0].attempt, 2);
    attempts.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_sink_pauses_the_subscription_and_loses_nothing() {
    let fixture = Fixture::with(&numbered(60)).await;
    let sink = Scripted::down_after(10);
    let before = Cell::new(0);
    let outage = async {
        until(|| sink.down.load(Ordering::SeqCst)).await;
        before.set(sink.stored().len() as u64);
        let asked = sink.asked();
        until(|| sink.asked() > asked + 1).await;
        sink.down.store(false, Ordering::SeqCst);
        until(|| sink.stored().len() == 60).await;
    };
    let (result, summary) = fixture.run(&sink, 10, outage).await;
    result.unwrap();
    assert_eq!((summary.stored, summary.dead), (60, 0), "{summary:?}");
    // What was written at once before the outage may have been ten messages or many.
    let left = 60 - before.get();
    assert!(summary.released + 20 >= left, "all but a small batch is given back: {summary:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_whose_topic_is_missing_is_kept_in_the_spool() {
    let fixture =
        Fixture::with(&[Message::new("bad", "not JSON"), Message::new("good", "{}")]).await;
    let topic = format!("projects/{PROJECT}/topics/{}-dead", fixture.name);
    admin!(TopicAdmin).delete_topic().set_topic(topic).send().await.unwrap();
    let run =
        fixture.subscribe("--to sqlite:store.db --idle 400s --max-messages 2").run().expect(65);
    assert!(run.stderr.contains("2 received, 1 stored, 1 dead"), "{}", run.stderr);
    let hint = run.stderr.split('`').find(|part| part.starts_with("queue dead list ")).unwrap();
    let url = hint.split('\'').nth(1).unwrap();
    let listed = fixture.sandbox.queue().args("dead list").arg(url).run().expect(0).stdout;
    assert!(listed.contains("bad") && listed.contains("not JSON"), "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_attempts_than_the_dead_letter_policy_allows() {
    let fixture = Fixture::with(&[]).await;
    let limited = Fixture { name: Name::new(PROJECT, "limited-"), sandbox: Sandbox::new() };
    let (topic, dead) = (&fixture.name, format!("projects/{PROJECT}/topics/{}-dead", fixture.name));
    let policy = DeadLetterPolicy::new().set_dead_letter_topic(dead).set_max_delivery_attempts(7);
    let wanted = Subscription::new()
        .set_name(format!("projects/{PROJECT}/subscriptions/{}", limited.name))
        .set_topic(format!("projects/{PROJECT}/topics/{topic}"))
        .set_dead_letter_policy(policy);
    let admin = admin!(SubscriptionAdmin);
    admin.create_subscription().with_request(wanted).send().await.unwrap();
    let run = limited.subscribe("--to stdout: --max-attempts 8").run().expect(78);
    assert!(run.stderr.contains("ask for at most 7"), "{}", run.stderr);
    let run = limited.subscribe("--to stdout: --max-attempts 7 --idle 1s").run().expect(0);
    assert!(run.stderr.contains("takes a message away after 7 deliveries"), "{}", run.stderr);
}
