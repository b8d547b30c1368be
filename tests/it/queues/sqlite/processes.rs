//! The embedded queue between real processes, some of which are killed.

use kakehi::clock::Clock;
use kakehi::environment::Environment;
use kakehi::queues::{self, Options, Published, Receive, Select, Settled, Verdict};
use kakehi::{Location, Message};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Set in a process that is one of ours: what it shall do.
const ROLE: &str = "KAKEHI_TEST_ROLE";

/// Set beside it: the folder of the queue.
const FOLDER: &str = "KAKEHI_TEST_FOLDER";

/// A process of its own, with its standard output to read.
struct Peer {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Peer {
    /// This test binary once more, doing nothing but the role.
    fn start(role: &str, folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "queues::sqlite::processes::peer", "--nocapture"])
            .env(ROLE, role)
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next id that it says.
    fn next(&mut self) -> Option<String> {
        let words = self.lines.by_ref().map(Result::unwrap);
        words.filter_map(|line| line.strip_prefix("id ").map(str::to_owned)).next()
    }

    /// All that it says until its end, which must be a good one.
    fn finish(mut self) -> Vec<String> {
        let mut ids = Vec::new();
        while let Some(id) = self.next() {
            ids.push(id);
        }
        assert!(self.child.wait().unwrap().success());
        ids
    }

    /// Ends it as a power cut would, and gives what it had still said.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut ids = Vec::new();
        while let Some(id) = self.next() {
            ids.push(id);
        }
        ids
    }
}

fn options(folder: &Path) -> Options {
    Options {
        lease: Duration::from_secs(2),
        in_flight: 100,
        in_flight_bytes: 1 << 20,
        max_messages: None,
        publish_timeout: Duration::from_secs(60),
        hold: true,
        passes_on: false,
        create: true,
        environment: Environment::default(),
        data_dir: folder.to_owned(),
        clock: Clock::system(),
        ..Options::new(Default::default(), Default::default())
    }
}

fn queue() -> Location {
    Location::parse("sqlite:").unwrap()
}

/// Not a test of its own: what the processes do that the tests below start. Without a role it is
/// done at once.
#[tokio::test]
async fn peer() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let folder = std::env::var_os(FOLDER).unwrap();
    let options = options(Path::new(&folder));
    match role.split_once(' ').unwrap_or((&role, "")) {
        ("publish", words) => {
            let (name, count) = words.split_once(' ').unwrap();
            publish(&options, name, count.parse().unwrap()).await;
        }
        ("drain", _) => drain(&options).await,
        ("hold", _) => hold(&options).await,
        _ => panic!("no such role: {role}"),
    }
}

/// Publishes `NAME-GROUP-NUMBER`, and says each id once it is accepted.
async fn publish(options: &Options, name: &str, count: usize) {
    let publisher = queues::open_publisher(queue(), options).await.unwrap();
    for start in (0..count).step_by(10) {
        let batch: Vec<_> = (start..start + 10)
            .map(|n| {
                let mut message = Message::new(format!("{name}-{}-{n:06}", n % 3), "x");
                message.group = Some(format!("{name}-{}", n % 3));
                message
            })
            .collect();
        let answers = publisher.publish(&batch).await.unwrap();
        assert!(answers.iter().all(|it| *it == Published::Accepted), "{answers:?}");
        batch.iter().for_each(|message| println!("id {}", message.id));
    }
    publisher.close().await.unwrap();
}

/// Acknowledges what comes, and says each id once that is done, until nothing has come for longer
/// than a lease.
async fn drain(options: &Options) {
    let subscriber = queues::open_subscriber(queue(), options).await.unwrap();
    loop {
        let got = subscriber.receive(request(7, Duration::from_secs(5))).await.unwrap();
        if got.is_empty() {
            return subscriber.close().await.unwrap();
        }
        let verdicts = got.iter().map(|it| (it.receipt.clone(), Verdict::Ack)).collect();
        for (delivery, settled) in got.iter().zip(subscriber.settle(verdicts).await) {
            match settled {
                Settled::Done => println!("id {}", delivery.message.id),
                Settled::LeaseLost => {}
                Settled::Unknown(why) => panic!("{why}"),
            }
        }
    }
}

/// Leases some, says so, and never settles.
async fn hold(options: &Options) {
    let subscriber = queues::open_subscriber(queue(), options).await.unwrap();
    let got = subscriber.receive(request(20, Duration::from_secs(60))).await.unwrap();
    got.iter().for_each(|it| println!("id {}", it.message.id));
    std::future::pending().await
}

fn request(max: usize, wait: Duration) -> Receive {
    Receive { max, max_bytes: usize::MAX, wait, select: Select::Any }
}

#[test]
fn processes_share_a_queue_and_one_that_is_killed_takes_nothing_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let publishers =
        ["a", "b", "c"].map(|name| Peer::start(&format!("publish {name} 300"), folder.path()));
    let mut holder = Peer::start("hold", folder.path());
    assert!(holder.next().is_some(), "it has leased some");
    let drains = [(); 2].map(|()| Peer::start("drain", folder.path()));
    holder.kill();

    let published: BTreeSet<_> = publishers.into_iter().flat_map(Peer::finish).collect();
    assert_eq!(published.len(), 900);
    let mut acknowledged = Vec::new();
    for drain in drains {
        let ids = drain.finish();
        let mut last = BTreeMap::new();
        for id in &ids {
            let (group, number) = id.rsplit_once('-').unwrap();
            let before = last.insert(group, number);
            assert!(before.is_none_or(|before| before < number), "{id} came after {before:?}");
        }
        acknowledged.extend(ids);
    }
    assert_eq!(acknowledged.len(), 900, "each once");
    assert_eq!(acknowledged.into_iter().collect::<BTreeSet<_>>(), published);
}

#[test]
fn what_was_accepted_is_there_though_the_publisher_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut publisher = Peer::start("publish a 1000000", folder.path());
    let mut accepted: Vec<_> = (0..100).map(|_| publisher.next().unwrap()).collect();
    accepted.extend(publisher.kill());
    let drained: BTreeSet<_> = Peer::start("drain", folder.path()).finish().into_iter().collect();
    // The last line may have been cut off with the process.
    accepted.retain(|id| id.len() == "a-0-000000".len());
    let lost: Vec<_> = accepted.iter().filter(|id| !drained.contains(*id)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let connection = rusqlite::Connection::open(folder.path().join("queue.db")).unwrap();
    let check: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}
