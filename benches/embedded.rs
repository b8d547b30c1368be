//! How fast the embedded queue is, with nothing, much and stuck messages in it, and beside goqite.
//!
//! `cargo bench --bench embedded`; `-- --quick` takes a tenth of everything. It prints and asserts
//! nothing: the figures depend on the disk and on what else the machine does.

use kakehi::clock::Clock;
use kakehi::environment::Environment;
use kakehi::queues::{self, Options, Published, Publisher, Receive, Select, Subscriber, Verdict};
use kakehi::{Location, Message};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const BATCH: usize = 1000;
const BODY: usize = 200;

/// Messages a second.
#[derive(Clone, Copy)]
struct Rates {
    published: f64,
    received: f64,
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let quick = std::env::args().any(|word| word == "--quick");
    let (messages, backlog) = if quick { (20_000, 100_000) } else { (200_000, 1_000_000) };
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("embedded-bench");
    println!("bodies of {BODY} bytes, batches of {BATCH}, {messages} messages, synchronous=FULL");
    println!("{:<34}{:>14}{:>18}", "", "published/s", "received+acked/s");

    let small = with_backlog(&folder, messages, 1000).await;
    print("backlog of 1000", small, None);
    let large = with_backlog(&folder, messages, backlog).await;
    print(&format!("backlog of {backlog}"), large, Some(small));
    let stuck = beside_a_stuck_group(&folder, messages, backlog).await;
    print(&format!("beside a stuck group of {backlog}"), stuck, Some(small));
    let grouped = in_groups(&folder, messages).await;
    print("in 100 groups", grouped, Some(small));
    std::fs::remove_dir_all(&folder).ok();
    match goqite(messages / 20) {
        Some(peer) => print("goqite", peer, Some(small)),
        None => println!("goqite: not measured, `go` is not there or benches/goqite did not run"),
    }
}

fn print(name: &str, rates: Rates, reference: Option<Rates>) {
    let Rates { published, received } = rates;
    print!("{name:<34}{published:>14.0}{received:>18.0}");
    match reference {
        None => println!(),
        Some(to) => println!("   x{:.2} x{:.2}", published / to.published, received / to.received),
    }
}

/// A fresh queue, and both its doors.
async fn open(folder: &Path) -> (Box<dyn Publisher>, Box<dyn Subscriber>) {
    std::fs::remove_dir_all(folder).ok();
    let options = Options {
        lease: Duration::from_secs(3600),
        in_flight: 10 * BATCH,
        in_flight_bytes: 1 << 30,
        max_messages: None,
        publish_timeout: Duration::from_secs(60),
        hold: true,
        passes_on: false,
        create: true,
        environment: Environment::default(),
        data_dir: folder.to_owned(),
        clock: Clock::system(),
    };
    let url = || Location::parse("sqlite:").expect("it is a URL");
    let publisher = queues::open_publisher(url(), &options).await.expect("the queue opens");
    let subscriber = queues::open_subscriber(url(), &options).await.expect("the queue opens");
    (publisher, subscriber)
}

/// Each of `count` new messages in a group that `group` names.
async fn fill(publisher: &dyn Publisher, count: usize, group: impl Fn(usize) -> Option<String>) {
    for start in (0..count).step_by(BATCH) {
        let batch: Vec<_> = (start..count.min(start + BATCH))
            .map(|n| {
                let mut message = Message::new(uuid::Uuid::now_v7().to_string(), vec![b'x'; BODY]);
                message.group = group(n);
                message
            })
            .collect();
        let answers = publisher.publish(&batch).await.expect("the queue takes them");
        assert!(answers.iter().all(|it| *it == Published::Accepted));
    }
}

async fn drain(subscriber: &dyn Subscriber, count: usize) {
    let mut left = count;
    while left > 0 {
        let max = left.min(BATCH);
        let request =
            Receive { max, max_bytes: usize::MAX, wait: Duration::ZERO, select: Select::Any };
        let got = subscriber.receive(request).await.expect("the queue gives them");
        assert!(!got.is_empty(), "{left} are left");
        left -= got.len();
        let batch = got.into_iter().map(|it| (it.receipt, Verdict::Ack)).collect();
        subscriber.settle(batch).await;
    }
}

async fn measure(
    publisher: &dyn Publisher,
    subscriber: &dyn Subscriber,
    messages: usize,
    group: impl Fn(usize) -> Option<String>,
) -> Rates {
    let start = Instant::now();
    fill(publisher, messages, group).await;
    let published = messages as f64 / start.elapsed().as_secs_f64();
    let start = Instant::now();
    drain(subscriber, messages).await;
    Rates { published, received: messages as f64 / start.elapsed().as_secs_f64() }
}

async fn with_backlog(folder: &Path, messages: usize, backlog: usize) -> Rates {
    let (publisher, subscriber) = open(folder).await;
    fill(&*publisher, backlog, |_| None).await;
    measure(&*publisher, &*subscriber, messages, |_| None).await
}

async fn beside_a_stuck_group(folder: &Path, messages: usize, stuck: usize) -> Rates {
    let (publisher, subscriber) = open(folder).await;
    let group = |_| Some("stuck".to_owned());
    fill(&*publisher, 1, group).await;
    let request =
        Receive { max: 1, max_bytes: usize::MAX, wait: Duration::ZERO, select: Select::Any };
    let head = subscriber.receive(request).await.expect("the queue gives it");
    fill(&*publisher, stuck, group).await;
    let rates = measure(&*publisher, &*subscriber, messages, |_| None).await;
    assert_eq!(head.len(), 1, "it is leased until now");
    rates
}

async fn in_groups(folder: &Path, messages: usize) -> Rates {
    let (publisher, subscriber) = open(folder).await;
    fill(&*publisher, 1000, |n| Some(format!("group-{}", n % 100))).await;
    measure(&*publisher, &*subscriber, messages, |n| Some(format!("group-{}", n % 100))).await
}

/// The peer's own program, which prints its two rates.
fn goqite(messages: usize) -> Option<Rates> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/goqite");
    let output = Command::new("go")
        .args(["run", ".", &messages.to_string(), env!("CARGO_TARGET_TMPDIR")])
        .current_dir(folder)
        .output()
        .ok()?;
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).ok()?;
    let mut rates = text.split_whitespace().map(str::parse);
    Some(Rates { published: rates.next()?.ok()?, received: rates.next()?.ok()? })
}
