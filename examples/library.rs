//! The library in ten lines: from an embedded queue into an embedded store.

use kakehi::environment::Environment;
use kakehi::report::Counters;
use kakehi::subscribe::{DeadLetters, Parts, Plan, subscribe};
use kakehi::{Location, Message, Result, queues, sinks};
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let environment: Environment = std::env::vars_os().collect();

    // An empty path is the default file in the folder: `queue.db` and `store.db`.
    let (from, to) = (Location::parse("sqlite:")?, Location::parse("sqlite:?collection=readings")?);
    let options = queues::Options::new(environment.clone(), folder.clone());
    let publisher = queues::open_publisher(from.clone(), &options).await?;
    publisher.publish(&[Message::new("livingroom@9:00", r#"{"te":21.5}"#)]).await?;
    publisher.close().await?;

    let queue = queues::open_subscriber(from.clone(), &options).await?;
    let sink = sinks::open(to, &sinks::Options::new(environment, folder)).await?;
    let dead = DeadLetters::new(queue.capabilities().dead_letters, from.to_string(), options);
    let counters = Counters::default();
    let parts = Parts {
        queue: &*queue,
        sink: &*sink,
        dead: &dead,
        attempts: None, // the embedded queue counts them
        plan: &Plan::default(),
        counters: &counters,
    };
    subscribe(parts, std::future::pending()).await?;
    println!("{:?}", counters.summary(Duration::ZERO));
    queue.close().await.and(sink.close().await)
}
