//! A namespace of jobs for one test, and the programs on it: ours, and those of gocraft/work.

use crate::support::process::Process;
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

    fn at(address: String) -> Self {
        let namespace = format!("t{}", uuid::Uuid::now_v7().simple());
        let connection = RefCell::new(redis_server::connect(&address));
        Self { sandbox: Sandbox::new(), address, namespace, connection }
    }

    /// The queue's URL with these parameters, as `job=a`.
    pub fn url(&self, parameters: &str) -> String {
        format!("redis://{}/0?namespace={}&{parameters}", self.address, self.namespace)
    }

    pub fn publish(&self, parameters: &str, words: &str) -> Program {
        self.sandbox.publish().args(words).arg("--to").arg(self.url(parameters))
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

    /// Connects anew, after a server of the test's own has been away.
    pub fn connect_again(&self) {
        *self.connection.borrow_mut() = redis_server::connect(&self.address);
    }

    /// All members of a list, the next one to be taken first, or of a sorted set, the lowest first.
    pub fn members(&self, key: &str) -> Vec<String> {
        match self.ask::<String>(&["TYPE", key]).as_str() {
            "zset" => self.ask(&["ZRANGE", key, "0", "-1"]),
            _ => {
                let mut all: Vec<String> = self.ask(&["LRANGE", key, "0", "-1"]);
                all.reverse();
                all
            }
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
        for key in self.keys() {
            assert!(!key.ends_with(":inprogress"), "{key}: {:?}", self.members(&format!("@{key}")));
            if key.ends_with(":lock") {
                assert_eq!(self.ask::<i64>(&["GET", &format!("@{key}")]), 0, "{key}");
            }
            if key.ends_with(":lock_info") {
                let shares: Vec<i64> = self.ask(&["HVALS", &format!("@{key}")]);
                assert!(shares.iter().all(|share| *share == 0), "{key}: {shares:?}");
            }
        }
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

/// What a pool of the original has told of one kind so far: `began`, `ended`.
pub fn told(pool: &Process, what: &str) -> Vec<Value> {
    events(&pool.said(), what)
}

fn events(said: &str, what: &str) -> Vec<Value> {
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
