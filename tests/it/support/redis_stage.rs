//! A namespace of jobs for one test, and the programs on it: ours, and those of gocraft/work.

use crate::support::process::Process;
use crate::support::redis_cluster::{Cluster, MASTER, Sentinel};
use crate::support::redis_server::{self, RedisServer, wait_for};
use crate::support::sandbox::{Program, Sandbox};
use crate::support::services;
use redis::FromRedisValue;
use serde_json::Value;
use std::cell::RefCell;
use std::net::SocketAddr;

/// A sandbox, and a namespace that nobody else uses. Its keys are deleted at the end.
pub struct Stage {
    pub sandbox: Sandbox,
    pub address: String,
    /// A URL as far as its parameters.
    server: String,
    pub namespace: String,
    connection: RefCell<redis::Connection>,
}

impl Stage {
    /// On the server that the tests share.
    pub fn new() -> Self {
        Self::at(services::redis())
    }

    /// On a server of the test's own.
    pub fn on(server: &RedisServer) -> Self {
        Self::at(server.address())
    }

    /// On the node of a cluster that has the namespace's keys, and with braces around it. The
    /// programs are given a node that has not.
    pub fn in_cluster(cluster: &Cluster) -> Self {
        let namespace = format!("{{{}}}", fresh());
        let connection = RefCell::new(cluster.owner(&namespace).connect());
        let address = cluster.other(&namespace).address();
        let server = format!("redis://{address}/0?cluster");
        Self { sandbox: Sandbox::new(), address, server, namespace, connection }
    }

    /// On the primary that a sentinel knows, which the programs ask.
    pub fn behind(sentinel: &Sentinel) -> Self {
        let mut stage = Self::at(sentinel.primary().address());
        stage.server = format!("redis+sentinel://{}/{MASTER}/0?", sentinel.address());
        stage
    }

    fn at(address: String) -> Self {
        let connection = RefCell::new(redis_server::connect(&address));
        let server = format!("redis://{address}/0?");
        Self { sandbox: Sandbox::new(), address, server, namespace: fresh(), connection }
    }

    /// The queue's URL with these parameters, as `job=a`.
    pub fn url(&self, parameters: &str) -> String {
        let Self { server, namespace, .. } = self;
        format!("{server}&namespace={namespace}&{parameters}").replace("?&", "?")
    }

    pub fn publish(&self, parameters: &str, words: &str) -> Program {
        self.sandbox.publish().args(words).arg("--to").arg(self.url(parameters))
    }

    pub fn subscribe(&self, parameters: &str) -> Program {
        self.sandbox.subscribe().arg("--from").arg(self.url(parameters))
    }

    /// `queue` with these words, its last the URL.
    pub fn queue(&self, words: &str, parameters: &str) -> Program {
        self.sandbox.queue().args(words).arg(self.url(parameters))
    }

    /// Publishes envelopes, one a line.
    #[track_caller]
    pub fn publish_envelopes(&self, parameters: &str, envelopes: &[Value]) {
        let lines: String = envelopes.iter().map(|it| format!("{it}\n")).collect();
        self.publish(parameters, "stdin:?envelope").stdin(lines).run().expect(0);
    }

    /// A key of the namespace.
    pub fn key(&self, rest: &str) -> String {
        format!("{}:{rest}", self.namespace)
    }

    /// Sends a command; `@` at the beginning of a word stands for the namespace and its colon.
    #[track_caller]
    pub fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut cmd = redis::Cmd::new();
        for word in words {
            match word.strip_prefix('@') {
                Some(rest) => cmd.arg(self.key(rest)),
                None => cmd.arg(word),
            };
        }
        cmd.query(&mut *self.connection.borrow_mut()).expect("an answer")
    }

    /// Connects anew, after a server of the test's own has been away, or another one is the primary.
    pub fn connect_again(&self, server: &RedisServer) {
        *self.connection.borrow_mut() = server.connect();
    }

    /// All members of a list, the next one to be taken first; of a sorted set, the lowest first; of a
    /// set.
    pub fn members(&self, key: &str) -> Vec<String> {
        match self.ask::<String>(&["TYPE", key]).as_str() {
            "zset" => self.ask(&["ZRANGE", key, "0", "-1"]),
            "set" => self.ask(&["SMEMBERS", key]),
            "list" => {
                let mut all: Vec<String> = self.ask(&["LRANGE", key, "0", "-1"]);
                all.reverse();
                all
            }
            _ => Vec::new(),
        }
    }

    /// All members of a list or a sorted set as JSON, in that order.
    pub fn jobs(&self, key: &str) -> Vec<Value> {
        let read = |text: &String| serde_json::from_str(text).expect("a job");
        self.members(key).iter().map(read).collect()
    }

    /// Waits until a list or a sorted set has so many members.
    #[track_caller]
    pub fn wait_until_there_are(&self, count: usize, key: &str) {
        wait_for(&format!("{count} in {key}"), || (self.members(key).len() == count).then_some(()));
    }

    /// All keys that are there now, without the namespace, sorted.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.ask(&["KEYS", &format!("{}:*", self.namespace)]);
        keys.iter_mut().for_each(|key| *key = key[self.namespace.len() + 1..].to_owned());
        keys.sort();
        keys
    }

    /// Fails where a lock stands above nothing, or where something is still in progress.
    #[track_caller]
    pub fn assert_no_lock_is_left(&self) {
        assert_eq!(self.locks(), [""; 0]);
    }

    /// Waits until no lock is left: of a job, the end is told before it is settled.
    #[track_caller]
    pub fn wait_until_no_lock_is_left(&self) {
        wait_for("no lock is left", || self.locks().is_empty().then_some(()));
    }

    /// What says at this moment that something is being worked on.
    fn locks(&self) -> Vec<String> {
        let shown = |key: &String| {
            let at = format!("@{key}");
            let value = match key.rsplit(':').next() {
                Some("inprogress") => self.members(&at).join(" "),
                Some("lock") => self.ask(&["GET", &at]),
                Some("lock_info") => self.ask::<Vec<String>>(&["HVALS", &at]).join(" "),
                _ => String::new(),
            };
            let free = value.split(' ').all(|share| ["", "0"].contains(&share));
            (!free).then(|| format!("{key}: {value}"))
        };
        self.keys().iter().filter_map(shown).collect()
    }
}

/// The original, and programs of the tests on it.
impl Stage {
    fn gocraft(&self, program: &str) -> Program {
        let program = self.sandbox.command(services::gocraft().join(program));
        program.args(&format!("-redis {} -ns {}", self.address, self.namespace))
    }

    /// Enqueues with the original's enqueuer; gives what came of each call.
    #[track_caller]
    pub fn enqueue<T: std::fmt::Display>(&self, calls: &[T]) -> Vec<Value> {
        let lines: String = calls.iter().map(|call| format!("{call}\n")).collect();
        let run = self.gocraft("enqueue").stdin(lines).run().expect(0);
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The original's own tool, which enqueues one job.
    pub fn workenqueue(&self, job: &str, args: &str) -> Program {
        self.gocraft("workenqueue").arg("-job").arg(job).arg("-args").arg(args)
    }

    /// The original's web page, about to be started at this address.
    pub fn workwebui(&self, address: SocketAddr) -> Program {
        let program = self.sandbox.command(services::gocraft().join("workwebui"));
        let program = program.arg("-redis").arg(format!("redis://{}", self.address));
        program.arg("-ns").arg(&self.namespace).arg("-listen").arg(address.to_string())
    }

    /// A pool of the original, about to be started: names of jobs with options.
    pub fn work(&self, words: &str) -> Program {
        self.gocraft("work").args(words)
    }

    /// A pool of the original that has started.
    #[track_caller]
    pub fn start_work(&self, words: &str) -> Process {
        Self::started(self.work(words))
    }

    /// Starts a pool of the original.
    #[track_caller]
    pub fn started(program: Program) -> Process {
        let mut pool = Process::start(program, String::new(), false);
        pool.wait_until("the pool has started", |it| !told(it, "started").is_empty());
        pool
    }

    /// Has a pool of the original work until nothing is ready; gives each job as it began.
    #[track_caller]
    pub fn drain_with_theirs(&self, words: &str) -> Vec<Value> {
        let run = self.work("-drain").args(words).run().expect(0);
        events(&run.stderr, "began")
    }
}

/// A name that no other run has used.
fn fresh() -> String {
    format!("t{}", uuid::Uuid::now_v7().simple())
}

/// What a pool of the original has told of one kind so far: `began`, `ended`.
pub fn told(pool: &Process, what: &str) -> Vec<Value> {
    events(&pool.said(), what)
}

/// What it told of one kind, by all that it said.
pub fn events(said: &str, what: &str) -> Vec<Value> {
    let events = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|event| event["what"] == what).collect()
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A server of the test's own may be gone.
        let connection = self.connection.get_mut();
        let all = format!("{}:*", self.namespace);
        let keys = redis::cmd("KEYS").arg(all).query::<Vec<String>>(connection);
        if let Ok(keys) = keys
            && !keys.is_empty()
        {
            let _ = redis::cmd("DEL").arg(keys).query::<i64>(connection);
        }
    }
}
