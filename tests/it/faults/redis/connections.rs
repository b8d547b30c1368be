//! Connections that are ended, and scripts that are forgotten, again and again while jobs go through.

use super::{done, end_with_all, lines, worker};
use crate::support::redis_server::RedisServer;
use crate::support::redis_stage::Stage;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

const COUNT: usize = 300;

/// Sends a command again and again until it is told to stop.
struct Nuisance {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Nuisance {
    fn start(server: &RedisServer, words: &'static [&'static str]) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (mut connection, stop) = (server.connect(), over.clone());
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                let mut cmd = redis::Cmd::new();
                let _ = cmd.arg(words).query::<redis::Value>(&mut connection);
                std::thread::sleep(std::time::Duration::from_millis(150));
            }
        });
        Self { over, thread }
    }

    fn stop(self) {
        self.over.store(true, Ordering::SeqCst);
        self.thread.join().expect("it does not panic");
    }
}

/// Publishes and works while this is sent; everything must have gone through once it stops.
fn go_through(words: &'static [&'static str]) {
    let server = RedisServer::start("");
    let stage = Stage::on(&server);
    let mut subscribe = worker(&stage, "job=mail&max-concurrency=2");
    // Who cannot even connect ends with 69.
    stage.wait_until_there_are(1, "@worker_pools");
    let nuisance = Nuisance::start(&server, words);
    let publish = stage.publish("job=mail", "stdin: --batch 10").stdin(lines(COUNT));
    let code = publish.run().code;
    assert!([0, 75].contains(&code), "{code}");
    subscribe.wait_until("half is done", |_| done(&stage).len() > COUNT / 2);
    nuisance.stop();
    stage.connect_again(&server);
    // What was left in the spool is sent first.
    stage.publish("job=mail", "stdin:").run().expect(0);
    end_with_all(&stage, subscribe, COUNT);
}

#[test]
fn connections_that_are_ended_lose_nothing_and_leave_no_lock() {
    go_through(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
}

#[test]
fn scripts_that_are_forgotten_are_sent_again() {
    go_through(&["SCRIPT", "FLUSH"]);
}
