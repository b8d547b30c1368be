//! Eight workers lease tasks of one queue and delete them, some over HTTP and some in its file; they
//! and the server are ended at random moments.
//!
//! A worker over HTTP that dies is a connection that ends, with a request on its way or with tasks
//! leased; one in the file is a process that is killed. The names of deleted tasks count on: at the
//! end they tell that each task was deleted. `workers.rs` has `subscribe` beside workers over HTTP;
//! here the leases of all are compared with each other, by tag and made longer, too.

use super::leases::{Heard, Lease, SECONDS, now};
use super::{KILLS, kills, number};
use crate::support::http_client::{HttpAnswer, HttpClient};
use crate::support::process::Process;
use crate::support::sandbox::{Program, Sandbox};
use crate::support::serving::Serving;
use fastrand::Rng;
use kakehi::Location;
use kakehi::environment::Environment;
use kakehi::queues::{self, Added, NewTask, Options, TaskSettings};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const QUEUE: &str = "/taskqueue/v1beta2/projects/p/taskqueues/q";
const URL: &str = "sqlite:q.db?queue=q";

/// Half of them work over HTTP, and half in the file.
const WORKERS: u64 = 8;

/// How many tags the tasks have; some have none.
const TAGS: usize = 9;

/// A queue, its workers' books, and where its server is now.
struct Life {
    sandbox: Sandbox,
    heard: Heard,
    address: Mutex<Option<SocketAddr>>,
    done: AtomicBool,
}

impl Life {
    fn new(tasks: usize) -> Self {
        let (sandbox, heard) = (Sandbox::new(), Heard::default());
        let life = Self { sandbox, heard, address: Mutex::default(), done: AtomicBool::new(false) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(life.fill(tasks));
        life
    }

    async fn fill(&self, tasks: usize) {
        let options = Options::new(Environment::default(), self.sandbox.dir().to_owned());
        let url = format!("sqlite:{}", self.sandbox.path("q.db").display());
        let url = Location::parse(&url).expect("a URL");
        let file = queues::open_tasks(url, &options).await.expect("a file");
        file.create("q", TaskSettings::default()).await.expect("a queue");
        let queue = file.find("q").await.expect("a look").expect("a queue");
        let task = |number: usize| NewTask {
            name: Some(name(number)),
            body: format!("{{\"n\":{number}}}").into(),
            tag: Some(number % TAGS).filter(|tag| *tag > 0).map(|tag| format!("t{tag}")),
            ..NewTask::default()
        };
        let added = queue.add((0..tasks).map(task).collect()).await.expect("answers");
        assert!(added.iter().all(|it| matches!(it, Added::Added(_))));
        file.close().await.expect("it is closed");
    }

    /// Serves the queue until nothing is left of it; the server is killed again and again.
    fn serve(&self, dice: &mut Rng, deadline: Instant) {
        while !self.done.load(Ordering::Relaxed) {
            assert!(Instant::now() < deadline, "tasks are left: {:?}", self.heard.counts());
            let server = Serving::start(&self.sandbox, "");
            *self.address.lock().expect("no holder panics") = Some(server.address);
            let left = server.done(&format!("GET {QUEUE}?getStats=true"), Value::Null);
            self.done.store(left["stats"]["totalTasks"] == 0, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(dice.u64(50..1500)));
            *self.address.lock().expect("no holder panics") = None;
            server.kill();
            self.heard.blow();
        }
    }

    /// Works until nothing is left.
    fn work(&self, mut dice: Rng, over_http: bool) {
        while !self.done.load(Ordering::Relaxed) {
            if !over_http {
                self.work_in_file(&mut dice);
            } else if self.work_over_http(&mut dice).is_none() {
                // The server is gone, and comes back.
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Works over one connection; `None`: it broke.
    fn work_over_http(&self, dice: &mut Rng) -> Option<()> {
        let address = (*self.address.lock().expect("no holder panics"))?;
        let mut connection = HttpClient::try_connect(address).ok()?;
        while !self.done.load(Ordering::Relaxed) {
            let select = match dice.usize(..3) {
                0 => String::new(),
                1 => "&groupByTag=true".to_owned(),
                _ => format!("&groupByTag=true&tag=t{}", dice.usize(1..TAGS)),
            };
            let max = dice.usize(1..=40);
            let lease =
                format!("POST {QUEUE}/tasks/lease?numTasks={max}&leaseSecs={SECONDS}{select}");
            if dice.usize(..30) == 0 {
                // It dies before it is answered.
                let head =
                    format!("{lease} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
                let _ = connection.send(head); // the server may have died first
                self.heard.blow();
                return Some(());
            }
            let leased = answered(connection.try_ask(&lease, &[], "").ok()?);
            let tasks = leased["items"].as_array().cloned().unwrap_or_default();
            tasks.iter().for_each(|it| self.heard.leased(id(it), Lease::until(end(it))));
            for task in &tasks {
                if dice.usize(..100) == 0 {
                    self.heard.blow();
                    return Some(());
                }
                self.finish(dice, &mut connection, task)?;
            }
        }
        Some(())
    }

    /// Makes a lease longer, now and then, and deletes the task; `None`: the connection broke.
    fn finish(&self, dice: &mut Rng, connection: &mut HttpClient, task: &Value) -> Option<()> {
        let name = id(task);
        if dice.usize(..20) == 0 {
            let update = format!("POST {QUEUE}/tasks/{name}?newLeaseSeconds={SECONDS}");
            let headers = ["Content-Type: application/json"];
            let answer = connection.try_ask(&update, &headers, task.to_string()).ok()?;
            // 400: the lease had ended, and 404: somebody else has deleted it since.
            assert!([200, 400, 404].contains(&answer.status), "{}", answer.body);
            if answer.status == 200 {
                self.heard.extended(name, end(task), end(&answered(answer)));
            }
        }
        let answer = connection.try_ask(&format!("DELETE {QUEUE}/tasks/{name}"), &[], "").ok()?;
        match answer.status {
            204 => self.heard.deleted(name),
            status => assert_eq!(status, 404, "{}", answer.body),
        }
        Some(())
    }

    /// Leases in the file and acknowledges; both programs may be killed.
    fn work_in_file(&self, dice: &mut Rng) {
        let select = match dice.usize(..3) {
            0 => String::new(),
            1 => "--oldest-tag".to_owned(),
            _ => format!("--tag t{}", dice.usize(1..TAGS)),
        };
        let (max, earliest) = (dice.usize(1..=40), now());
        let words = format!("lease {URL} -n {max} --for {SECONDS}s --json {select}");
        let leased = self.run(dice, self.sandbox.queue().args(&words));
        let lease = Lease::between(earliest, now());
        leased.iter().for_each(|it| self.heard.leased(id(it), lease));
        if leased.is_empty() {
            return;
        }
        let receipt = |it: &Value| it["receipt"].as_str().expect("a receipt").to_owned();
        let receipts: Vec<_> = leased.iter().map(receipt).collect();
        let words = format!("ack {URL} --json {}", receipts.join(" "));
        for settled in self.run(dice, self.sandbox.queue().args(&words)) {
            let at = receipts.iter().position(|it| settled["receipt"] == **it);
            let task = &leased[at.expect("one of these")];
            if settled["done"] == true {
                self.heard.deleted(id(task));
            }
        }
    }

    /// Runs a program, which may be killed, and gives the whole lines that it wrote.
    fn run(&self, dice: &mut Rng, program: Program) -> Vec<Value> {
        let mut process = Process::start(program, String::new(), false);
        let struck = dice.usize(..5) == 0;
        if struck {
            std::thread::sleep(Duration::from_millis(dice.u64(..120)));
            process.signal(Signal::SIGKILL);
        }
        let end = process.end();
        if end.code == 128 + Signal::SIGKILL as i32 {
            self.heard.blow();
        } else {
            // 1: a receipt holds no lease any more, where this one was slow.
            assert!([0, 1].contains(&end.code), "code {}: {}", end.code, end.stderr);
        }
        let text = String::from_utf8(end.stdout).expect("UTF-8");
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Each task was deleted, and nothing else has become of any.
    fn audit(&self, tasks: usize) {
        self.sandbox.queue().args("verify q.db").run().expect(0);
        let file = rusqlite::Connection::open(self.sandbox.path("q.db")).expect("a file");
        let left = "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM dead)";
        let left: i64 = file.query_row(left, [], |row| row.get(0)).expect("a number");
        assert_eq!(left, 0);
        let mut names = file.prepare("SELECT id FROM remembered").expect("a table");
        let names = names.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        let names: BTreeSet<_> = names.map(|row| row.expect("a name")).collect();
        assert_eq!(names, (0..tasks).map(name).collect());
    }
}

fn name(number: usize) -> String {
    format!("task-{number}")
}

fn id(task: &Value) -> &str {
    task["id"].as_str().expect("a name")
}

/// When the lease of a task ends, in milliseconds.
fn end(task: &Value) -> i64 {
    let end = task["leaseTimestamp"].as_str().expect("a number in quotes");
    end.parse::<i64>().expect("a number").div_euclid(1000)
}

fn answered(answer: HttpAnswer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap_or_else(|cause| panic!("{cause}: {}", answer.body))
}

#[test]
fn workers_and_server_are_killed_and_each_task_is_leased_by_one_at_a_time_and_deleted_once() {
    let (tasks, patience) = if kills() > KILLS { (20_000, 600) } else { (1_000, 120) };
    let seed = number("KAKEHI_CRASH_SEED").unwrap_or_else(|| fastrand::u64(..1 << 48));
    println!("leasing workers: KAKEHI_CRASH_SEED={seed}");
    let (life, began) = (Life::new(tasks), Instant::now());
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (life, dice) = (&life, Rng::with_seed(seed.wrapping_add(worker)));
            scope.spawn(move || life.work(dice, worker % 2 == 0));
        }
        let deadline = began + Duration::from_secs(patience);
        let mut dice = Rng::with_seed(seed.wrapping_add(WORKERS));
        life.serve(&mut dice, deadline);
    });
    life.audit(tasks);
    let (given, deleted, blows) = life.heard.counts();
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{tasks} tasks, {given} leases, {deleted} deletions answered, {blows} ended in {seconds:.0} s"
    );
    assert!(given >= deleted && blows > 0);
}
