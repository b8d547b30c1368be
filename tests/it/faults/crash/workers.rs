//! Eight workers share the tasks of a file, some over HTTP and some on the file itself, while they and
//! the server are killed: no lease is given twice, and no task is lost.

use super::number;
use crate::support::http_client::{HttpAnswer, HttpClient};
use crate::support::process::Process;
use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;
use crate::support::serving_calls::json;
use fastrand::Rng;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How many tasks there are.
const TASKS: usize = 20_000;

/// How many workers lease over HTTP, and how many are `subscribe` on the file.
const OVER_HTTP: usize = 5;
const ON_THE_FILE: usize = 3;

/// How many kills there are, while there is work.
const HITS: usize = 30;

/// How long a lease is, in seconds: what a worker left behind comes back soon.
const LEASE: i64 = 3;

const QUEUE: &str = "/taskqueue/v1beta2/projects/p/taskqueues/q";

/// What the workers over HTTP did.
#[derive(Default)]
struct Books {
    /// Each lease that was answered: the task's name and count, and from when until when it was, in
    /// milliseconds since 1970.
    leases: Vec<(String, u64, i64, i64)>,
    /// What was deleted, for all that its worker knows.
    deleted: BTreeSet<String>,
}

/// What all workers over HTTP share.
struct Work {
    address: SocketAddr,
    books: Mutex<Books>,
    is_over: AtomicBool,
}

/// Ends the workers when it goes, however that comes.
struct Over<'w>(&'w AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Work {
    /// Leases and deletes, on one connection after the other, until all is over.
    fn run(&self, mut dice: Rng) {
        while !self.is_over.load(Ordering::SeqCst) {
            // Where a server was killed, the next one comes.
            if let Ok(mut client) = HttpClient::try_connect(self.address) {
                while self.step(&mut client, &mut dice).is_ok_and(|goes_on| goes_on) {}
            }
        }
    }

    /// One lease, and what it gave deleted. Now and then a worker dies with what it has leased:
    /// that, and whatever ends the connection, is no more steps.
    fn step(&self, client: &mut HttpClient, dice: &mut Rng) -> io::Result<bool> {
        let max = dice.usize(1..=100);
        let request = format!("POST {QUEUE}/tasks/lease?numTasks={max}&leaseSecs={LEASE}&wait=1");
        let answer = json(&done(client.try_ask(&request, &[], "")?));
        let tasks = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        self.books.lock().expect("no panic").leases.extend(tasks.iter().map(lease));
        if dice.usize(..20) == 0 {
            return Ok(false);
        }
        for task in tasks {
            let name = task["id"].as_str().expect("a name").to_owned();
            let request = format!("DELETE {QUEUE}/tasks/{name}");
            // Before its answer: whether that comes, nobody knows.
            self.books.lock().expect("no panic").deleted.insert(name);
            done(client.try_ask(&request, &[], "")?);
        }
        Ok(!self.is_over.load(Ordering::SeqCst))
    }
}

/// An answer that is none of a failing server. What its worker held for too long, others deleted.
#[track_caller]
fn done(answer: HttpAnswer) -> HttpAnswer {
    assert!([200, 204, 404].contains(&answer.status), "{answer:?}");
    answer
}

fn lease(task: &Value) -> (String, u64, i64, i64) {
    let name = task["id"].as_str().expect("a name").to_owned();
    let end: i64 =
        task["leaseTimestamp"].as_str().and_then(|time| time.parse().ok()).expect("a time");
    // The microseconds tell one lease from another: the file keeps milliseconds.
    let end = end.div_euclid(1000);
    (name, task["retry_count"].as_u64().expect("a number"), end - LEASE * 1000, end)
}

/// A worker on the file.
fn subscriber(sandbox: &Sandbox) -> Process {
    let words = "--to stdout: --follow --batch 2 --max-in-flight 20 --lease 3s --max-attempts 100";
    let program = sandbox.subscribe().args(words).arg("--from").arg("sqlite:q.db?queue=q");
    Process::start(program, String::new(), false)
}

/// The server and the workers on the file, which are killed.
struct Doomed<'s> {
    sandbox: &'s Sandbox,
    server: Option<Serving>,
    subscribers: Vec<Process>,
    /// What subscribers wrote, by the numbers in the bodies.
    written: BTreeSet<String>,
}

impl<'s> Doomed<'s> {
    fn start(sandbox: &'s Sandbox) -> Self {
        let server = Some(Serving::start(sandbox, ""));
        let subscribers = (0..ON_THE_FILE).map(|_| subscriber(sandbox)).collect();
        Self { sandbox, server, subscribers, written: BTreeSet::new() }
    }

    fn server(&self) -> &Serving {
        self.server.as_ref().expect("a server")
    }

    /// Ends the workers on the file; gives what all of them wrote.
    fn finish(mut self) -> BTreeSet<String> {
        for subscriber in std::mem::take(&mut self.subscribers) {
            self.end(subscriber, Signal::SIGTERM);
        }
        self.written
    }

    /// Kills one of them, and starts another in its stead.
    fn strike(&mut self, dice: &mut Rng) {
        match dice.usize(..=ON_THE_FILE) {
            ON_THE_FILE => {
                let server = self.server.take().expect("a server");
                let listen = format!("serve sqlite:q.db --listen {}", server.address);
                server.kill();
                self.server = Some(Serving::start_as(self.sandbox.queue().args(&listen)));
            }
            index => {
                let killed = self.subscribers.swap_remove(index);
                self.end(killed, Signal::SIGKILL);
                self.subscribers.push(subscriber(self.sandbox));
            }
        }
    }

    fn end(&mut self, mut process: Process, signal: Signal) {
        process.signal(signal);
        let text = String::from_utf8_lossy(&process.end().stdout).into_owned();
        self.written.extend(text.lines().filter_map(|line| {
            let body: Value = serde_json::from_str(line).ok()?; // the last line may be cut off
            Some(body["id"].as_str()?.to_owned())
        }));
    }

    /// How many tasks there are, leased or not.
    fn left(&self) -> u64 {
        let queue = self.server().done(&format!("GET {QUEUE}?getStats=true"), Value::Null);
        queue["stats"]["totalTasks"].as_u64().expect("a number")
    }
}

/// Two leases of one task follow one another, and each has a count of its own.
fn assert_one_at_a_time(leases: Vec<(String, u64, i64, i64)>) {
    let mut by_task: BTreeMap<String, Vec<(u64, i64, i64)>> = BTreeMap::new();
    for (name, count, from, until) in leases {
        by_task.entry(name).or_default().push((count, from, until));
    }
    for (name, mut leases) in by_task {
        leases.sort_unstable();
        for pair in leases.windows(2) {
            let [(first, _, ended), (second, begun, _)] = pair else { continue };
            assert!(first < second && ended <= begun, "{name} was leased twice: {leases:?}");
        }
    }
}

/// Publishes the tasks; gives their names.
fn publish(sandbox: &Sandbox) -> BTreeSet<String> {
    let names: BTreeSet<_> = (0..TASKS).map(|n| format!("t{n}")).collect();
    let lines: String = names.iter().map(|name| format!("{}\n", json!({"id": name}))).collect();
    let publish = sandbox.publish().args("stdin:?id=id --to").arg("sqlite:q.db?queue=q");
    publish.stdin(lines).run().expect(0);
    names
}

#[test]
fn eight_workers_of_both_kinds_share_tasks_while_they_and_the_server_are_killed() {
    let seed = number("KAKEHI_CRASH_SEED").unwrap_or_else(|| fastrand::u64(..1 << 48));
    println!("workers: KAKEHI_CRASH_SEED={seed}");
    let mut dice = Rng::with_seed(seed);
    let sandbox = Sandbox::new();
    let names = publish(&sandbox);
    let mut doomed = Doomed::start(&sandbox);
    let (books, is_over) = Default::default();
    let work = Work { address: doomed.server().address, books, is_over };
    std::thread::scope(|scope| {
        for _ in 0..OVER_HTTP {
            let dice = dice.fork();
            scope.spawn(|| work.run(dice));
        }
        let _over = Over(&work.is_over);
        let mut hits = 0;
        while doomed.left() > 0 {
            std::thread::sleep(Duration::from_millis(dice.u64(50..300)));
            if hits < HITS {
                doomed.strike(&mut dice);
                hits += 1;
            }
        }
    });
    let written = doomed.finish();
    let Books { leases, deleted } = work.books.into_inner().expect("no panic");
    println!("workers: {} leases over HTTP, {} written", leases.len(), written.len());
    assert!(!leases.is_empty() && !written.is_empty(), "both kinds worked");
    assert_one_at_a_time(leases);
    let lost: Vec<_> =
        names.iter().filter(|name| !deleted.contains(*name) && !written.contains(*name)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let dead = sandbox.queue().args("dead list sqlite:q.db?queue=q --json").run().expect(0);
    assert_eq!(dead.stdout, "", "nothing has failed too often");
}
