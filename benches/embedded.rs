//! How fast the embedded queue is, with nothing, much and stuck messages in it, with groups, and
//! beside goqite.
//!
//! `cargo bench --bench embedded`; `-- --quick` takes a tenth of everything. It prints and asserts
//! nothing: the figures depend on the disk and on what else the machine does.

use kakehi::environment::Environment;
use kakehi::queues::{self, Options, Published, Publisher, Receive, Select, Subscriber, Verdict};
use kakehi::{Location, Message};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const BATCH: usize = 1000;
const BODY: usize = 200;

/// Messages a second, and bytes written for each.
#[derive(Clone, Copy)]
struct Rates {
    published: f64,
    received: f64,
    bytes: Option<[f64; 2]>,
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
    for backlog in [1000, backlog] {
        compare_groups(&folder, messages / 4, backlog).await;
    }
    std::fs::remove_dir_all(&folder).ok();
    match goqite(messages / 20) {
        Some(peer) => print("goqite", peer, Some(small)),
        None => println!("goqite: not measured, `go` is not there or benches/goqite did not run"),
    }
}

fn print(name: &str, rates: Rates, reference: Option<Rates>) {
    let Rates { published, received, bytes } = rates;
    print!("{name:<34}{published:>14.0}{received:>18.0}");
    if let Some(to) = reference {
        print!("   x{:.2} x{:.2}", published / to.published, received / to.received);
    }
    if let Some([published, received]) = bytes {
        print!("   {published:.0} and {received:.0} bytes a message");
        if let Some([_, to]) = reference.and_then(|to| to.bytes) {
            print!(" x{:.2}", received / to);
        }
    }
    println!();
}

/// What this process has written so far, in bytes.
fn written() -> Option<f64> {
    let facts = std::fs::read_to_string("/proc/self/io").ok()?;
    facts.lines().find_map(|line| line.strip_prefix("wchar: "))?.parse().ok()
}

/// Out of a backlog without groups, and out of as much in few and many groups.
async fn compare_groups(folder: &Path, messages: usize, backlog: usize) {
    println!("{messages} messages through a backlog of {backlog}");
    let mut reference = None;
    for groups in [0, 1, 4, 100, 10_000] {
        let group = |n: usize| (groups > 0).then(|| format!("group-{}", n % groups));
        let (publisher, subscriber) = open(folder).await;
        fill(&*publisher, backlog, group).await;
        let rates = measure(&*publisher, &*subscriber, messages, group).await;
        close(publisher, subscriber).await;
        match reference {
            None => print("  without groups", rates, None),
            Some(_) => print(&format!("  in {groups} groups"), rates, reference),
        }
        reference.get_or_insert(rates);
    }
}

/// A fresh queue, and both its doors.
async fn open(folder: &Path) -> (Box<dyn Publisher>, Box<dyn Subscriber>) {
    std::fs::remove_dir_all(folder).ok();
    let options = Options {
        lease: Duration::from_secs(3600),
        in_flight: 10 * BATCH,
        in_flight_bytes: 1 << 30,
        publish_timeout: Duration::from_secs(60),
        create: true,
        ..Options::new(Environment::default(), folder.to_owned())
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
    let count = messages as f64;
    let (start, before) = (Instant::now(), written());
    fill(publisher, messages, group).await;
    let (published, between) = (count / start.elapsed().as_secs_f64(), written());
    let start = Instant::now();
    drain(subscriber, messages).await;
    let received = count / start.elapsed().as_secs_f64();
    let each = |from: Option<f64>, to: Option<f64>| Some((to? - from?) / count);
    let bytes = each(before, between).zip(each(between, written()));
    Rates { published, received, bytes: bytes.map(<[f64; 2]>::from) }
}

async fn with_backlog(folder: &Path, messages: usize, backlog: usize) -> Rates {
    let (publisher, subscriber) = open(folder).await;
    fill(&*publisher, backlog, |_| None).await;
    let rates = measure(&*publisher, &*subscriber, messages, |_| None).await;
    close(publisher, subscriber).await;
    rates
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
    close(publisher, subscriber).await;
    rates
}

/// Closes both ends of a queue: the next one is made in the same folder, and nothing may be open
/// there.
async fn close(publisher: Box<dyn Publisher>, subscriber: Box<dyn Subscriber>) {
    publisher.close().await.expect("it closes");
    subscriber.close().await.expect("it closes");
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
    let (published, received) = (rates.next()?.ok()?, rates.next()?.ok()?);
    Some(Rates { published, received, bytes: None })
}
