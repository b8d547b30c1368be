//! A queue in a file and a clock that stands still, used through the library.

use chrono::{DateTime, TimeDelta, Utc};
use kakehi::clock::{Clock, ClockControl};
use kakehi::environment::Environment;
use kakehi::queues::{
    self, Options, Published, Publisher, Receive, Select, Settled, Subscriber, Verdict,
};
use kakehi::{Delivery, Location, Message};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// A queue file of its own and a clock that stands still.
pub struct Pond {
    pub folder: TempDir,
    pub options: Options,
    pub control: ClockControl,
}

impl Pond {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let start = DateTime::parse_from_rfc3339("2026-05-01T12:00:00Z").unwrap();
        let (clock, control) = Clock::manual(start.with_timezone(&Utc));
        let options = options(folder.path(), clock);
        Self { folder, options, control }
    }

    pub fn url(&self, query: &str) -> Location {
        let path = self.folder.path().join("q.db");
        Location::parse(&format!("sqlite:{}{query}", path.display())).unwrap()
    }

    pub async fn publisher(&self) -> Box<dyn Publisher> {
        self.publisher_to("").await
    }

    pub async fn publisher_to(&self, query: &str) -> Box<dyn Publisher> {
        queues::open_publisher(self.url(query), &self.options).await.unwrap()
    }

    pub async fn subscriber(&self) -> Box<dyn Subscriber> {
        self.subscriber_from("").await
    }

    pub async fn subscriber_from(&self, query: &str) -> Box<dyn Subscriber> {
        // It makes the queue, but for one with a topic: that is made by a test that means it.
        let create = self.options.create || !query.contains("topic=");
        let options = Options { create, ..self.options.clone() };
        queues::open_subscriber(self.url(query), &options).await.unwrap()
    }

    pub async fn both(&self) -> (Box<dyn Publisher>, Box<dyn Subscriber>) {
        (self.publisher().await, self.subscriber().await)
    }

    pub fn pass(&self, seconds: i64) {
        self.control.advance(TimeDelta::seconds(seconds));
    }

    /// The file as another process sees it.
    pub fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("q.db")).unwrap()
    }
}

fn options(folder: &Path, clock: Clock) -> Options {
    Options {
        lease: Duration::from_secs(30),
        in_flight: 1000,
        in_flight_bytes: 64 << 20,
        max_messages: None,
        publish_timeout: Duration::from_secs(30),
        hold: true,
        passes_on: false,
        create: false,
        environment: Environment::default(),
        data_dir: folder.join("data"),
        clock,
        ..Options::new(Default::default(), Default::default())
    }
}

/// `id` or `id@group`, with the id as body.
pub fn message(text: &str) -> Message {
    let (id, group) = text.split_once('@').map_or((text, None), |(id, group)| (id, Some(group)));
    let mut message = Message::new(id, id.to_owned());
    message.group = group.map(str::to_owned);
    message
}

pub fn messages(words: &str) -> Vec<Message> {
    words.split_whitespace().map(message).collect()
}

pub async fn publish(publisher: &dyn Publisher, words: &str) {
    let batch = messages(words);
    let accepted = vec![Published::Accepted; batch.len()];
    assert_eq!(publisher.publish(&batch).await.unwrap(), accepted, "{words}");
}

pub fn up_to(max: usize) -> Receive {
    Receive { max, max_bytes: usize::MAX, wait: Duration::ZERO, select: Select::Any }
}

pub async fn receive(subscriber: &dyn Subscriber, max: usize) -> Vec<Delivery> {
    subscriber.receive(up_to(max)).await.unwrap()
}

pub async fn select(subscriber: &dyn Subscriber, select: Select) -> Vec<Delivery> {
    subscriber.receive(Receive { select, ..up_to(10) }).await.unwrap()
}

pub fn ids(deliveries: &[Delivery]) -> String {
    deliveries.iter().map(|it| it.message.id.as_str()).collect::<Vec<_>>().join(" ")
}

pub async fn settle(subscriber: &dyn Subscriber, delivery: &Delivery, verdict: Verdict) -> Settled {
    subscriber.settle(vec![(delivery.receipt.clone(), verdict)]).await.remove(0)
}

pub async fn ack(subscriber: &dyn Subscriber, deliveries: &[Delivery]) {
    let batch = deliveries.iter().map(|it| (it.receipt.clone(), Verdict::Ack)).collect();
    let settled = subscriber.settle(batch).await;
    assert_eq!(settled, vec![Settled::Done; deliveries.len()]);
}

/// Receives and acknowledges until nothing comes; the ids in their order.
pub async fn drain(subscriber: &dyn Subscriber) -> String {
    let mut all = Vec::new();
    loop {
        let some = receive(subscriber, 100).await;
        if some.is_empty() {
            return ids(&all);
        }
        ack(subscriber, &some).await;
        all.extend(some);
    }
}
