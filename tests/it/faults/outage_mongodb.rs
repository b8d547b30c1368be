//! Outages of MongoDB as `subscribe` meets them: from the embedded queue, through proxies that play
//! them. Nothing is lost, nothing is stored twice, no good message dies, memory is bounded.

use crate::support::endings::{ended_by_its_grace, ended_now};
use crate::support::mongo_client::connect;
use crate::support::process::{End, Process};
use crate::support::proxy::stepdown::Stepdown;
use crate::support::proxy::{Proxy, Way, poison};
use crate::support::sandbox::{Program, Sandbox};
use crate::support::services::{self, Mongo};
use mongodb::bson::{Document, doc};
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

const DATABASE: &str = "kakehi-outage";

/// A lease that a busy machine still renews in time, and how long an outage lasts that outlasts it.
const LEASE: &str = "--lease 3s";
const LONGER_THAN_THE_LEASE: Duration = Duration::from_secs(5);

/// A subscriber stops here when it has received its first messages, and written none.
const RECEIVED: &str = "subscribe-received=stop@1";

/// In MiB, for a program of a debug build; 42 were seen.
const MOST_MEMORY: u64 = 100;

/// A queue and a collection of its own.
struct Bed {
    sandbox: Sandbox,
    mongo: Mongo,
    collection: String,
    offered: usize,
}

impl Bed {
    /// A queue of so many messages.
    fn new(offered: usize) -> Self {
        let sandbox = Sandbox::new();
        let collection = format!("o_{}", uuid::Uuid::now_v7().simple());
        let lines: String = (0..offered).map(|n| format!("{}\n", body(n))).collect();
        let publish = sandbox.publish().args("stdin:?id=id --to sqlite:queue.db -q");
        publish.stdin(lines).run().expect(0);
        Self { sandbox, mongo: services::mongodb(), collection, offered }
    }

    fn proxy(&self) -> Proxy {
        Proxy::start(&self.mongo.hosts)
    }

    /// A subscriber that meets MongoDB at this address, and is quick to give up.
    fn subscribe(&self, hosts: &str, words: &str) -> Program {
        let quick = "&serverSelectionTimeoutMS=500&connectTimeoutMS=500&heartbeatFrequencyMS=500";
        self.subscribe_with(hosts, quick, words)
    }

    fn subscribe_with(&self, hosts: &str, more: &str, words: &str) -> Program {
        let source = if self.mongo.username.is_some() { "&authSource=admin" } else { "" };
        let to = format!(
            "mongodb://{hosts}/{DATABASE}?collection={}&directConnection=true{source}{more}",
            self.collection
        );
        let program = self.sandbox.subscribe().args("--from sqlite:queue.db --summary json --to");
        let program = program.arg(to).args(LEASE).args(words);
        let names = ["MONGODB_USERNAME", "MONGODB_PASSWORD"];
        let secrets = [&self.mongo.username, &self.mongo.password];
        names.into_iter().zip(secrets).fold(program, |program, (name, secret)| match secret {
            Some(secret) => program.env(name, secret),
            None => program,
        })
    }

    fn start(&self, hosts: &str, words: &str) -> Process {
        Process::start(self.subscribe(hosts, words), String::new(), false)
    }

    /// What the queue holds, by state.
    fn stats(&self) -> serde_json::Value {
        let run = self.sandbox.queue().args("stats sqlite:queue.db --json").run().expect(0);
        serde_json::from_str(&run.stdout).expect("JSON")
    }

    /// How many messages the queue still has, dead ones not among them.
    fn waiting(&self) -> u64 {
        let stats = self.stats();
        let states = ["ready", "waiting", "scheduled", "leased"];
        states.iter().map(|state| stats[state].as_u64().expect("a number")).sum()
    }

    /// How many attempts the queue has counted at most, for one message.
    fn attempts(&self) -> u32 {
        let file = rusqlite::Connection::open(self.sandbox.path("queue.db")).expect("a file");
        let sql = "SELECT coalesce(max(attempts), 0) FROM messages";
        file.query_row(sql, [], |row| row.get(0)).expect("a number")
    }

    /// Drains without a proxy until the queue is empty, and compares the books.
    async fn all_is_stored_once(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.waiting() > 0 {
            assert!(Instant::now() < deadline, "{}", self.stats());
            self.subscribe(&self.mongo.hosts, "-q").run().expect(0);
        }
        assert_eq!(self.stats()["dead"], 0, "a good message is dead");
        let client = connect(&self.mongo).await;
        let stored = client.database(DATABASE).collection::<Document>(&self.collection);
        let counted = stored.count_documents(doc! {}).await.expect("a count");
        assert_eq!(counted, self.offered as u64);
        for n in [0, self.offered / 2, self.offered - 1] {
            let id = id(n);
            let one = stored.find_one(doc! { "_id": &id, "id": &id, "n": n as i64 }).await;
            assert!(one.expect("an answer").is_some(), "{id} is not what was offered");
        }
        stored.drop().await.expect("it is removed");
    }
}

fn id(n: usize) -> String {
    format!("m{n:06}")
}

fn body(n: usize) -> String {
    format!("{{\"id\":\"{}\",\"n\":{n},\"text\":\"{}\"}}", id(n), "tea 茶 ".repeat(n % 30))
}

/// A drain that met an outage: it was done, or says that the sink is not there.
fn assert_drained_or_unavailable(end: &End) {
    assert!([0, 69].contains(&end.code), "code {}: {}", end.code, end.stderr);
    let summary = end.summary().expect("a summary");
    assert_eq!(summary["dead"], 0, "{}", end.stderr);
}

/// Waits for the outage to be noticed, and then as long as a lease.
#[track_caller]
fn outlast_the_lease(follower: &mut Process) {
    follower.wait_until("the outage is noticed", |it| it.said().contains("unavailable"));
    let until = Instant::now() + LONGER_THAN_THE_LEASE;
    follower.wait_until("the lease is over", |_| Instant::now() > until);
}

#[tokio::test]
async fn a_follower_outlives_an_outage_longer_than_the_lease_with_a_large_backlog() {
    let bed = Bed::new(20_000);
    let proxy = bed.proxy();
    let mut follower = bed.start(&proxy.address(), "--follow");
    follower.wait_until("some are stored", |_| bed.waiting() < 19_000);
    proxy.cut();
    outlast_the_lease(&mut follower);
    let left = bed.waiting();
    assert!(left > 0, "it was done before the outage");
    assert!(bed.attempts() <= 1, "an outage spends no attempt");
    proxy.restore();
    follower.wait_until("all is done", |_| bed.waiting() == 0);
    let peak = follower.peak_memory();
    assert!(peak < MOST_MEMORY, "{peak} MiB, whatever the backlog");
    follower.signal(Signal::SIGTERM);
    let end = follower.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    bed.all_is_stored_once().await;
}

#[tokio::test]
async fn a_drain_that_meets_an_outage_says_so_and_the_next_one_goes_on() {
    let bed = Bed::new(5_000);
    let proxy = bed.proxy();
    let mut drain = bed.start(&proxy.address(), "--batch 50");
    drain.wait_until("some are stored", |_| bed.waiting() < 4_900);
    proxy.cut();
    let end = drain.end();
    assert_eq!(end.code, 69, "{}", end.stderr);
    assert!(end.stderr.contains("hint:"), "{}", end.stderr);
    assert!(bed.waiting() > 0 && bed.stats()["leased"] == 0, "{}", bed.stats());
    bed.all_is_stored_once().await;
}

#[tokio::test]
async fn an_outage_at_the_start_receives_nothing() {
    let bed = Bed::new(10);
    let proxy = bed.proxy();
    proxy.cut();
    for mode in ["", "--follow", "--once"] {
        let run = bed.subscribe(&proxy.address(), mode).run().expect(69);
        assert!(run.stderr.contains("\"received\":0"), "{}", run.stderr);
    }
    assert_eq!(bed.attempts(), 0);
    bed.all_is_stored_once().await;
}

#[tokio::test]
async fn a_primary_that_steps_down_for_seconds_costs_no_message_and_no_attempt() {
    let bed = Bed::new(2_000);
    let primary = Stepdown::start(&bed.mongo.hosts);
    primary.set_down(true);
    let drain = bed.start(&primary.address(), "").end();
    assert_drained_or_unavailable(&drain);
    assert_eq!(drain.code, 69, "{}", drain.stderr);
    assert!(primary.refused() > 0);
    assert_eq!(bed.attempts(), 0, "an outage spends no attempt");

    let mut follower = bed.start(&primary.address(), "--follow --batch 100");
    outlast_the_lease(&mut follower);
    assert_eq!(bed.waiting(), 2_000);
    primary.set_down(false);
    follower.wait_until("all is done", |_| bed.waiting() == 0);
    follower.signal(Signal::SIGINT);
    let end = follower.end();
    assert_eq!(end.code, 130, "{}", end.stderr);
    assert_eq!(end.summary().expect("a summary")["dead"], 0);
    bed.all_is_stored_once().await;
}

#[tokio::test]
async fn a_server_slower_than_the_lease_gets_each_message_once() {
    let bed = Bed::new(100);
    let proxy = bed.proxy();
    proxy.delay(Duration::from_millis(520));
    let drain = bed.subscribe_with(&proxy.address(), "", "--batch 50");
    let end = Process::start(drain, String::new(), false).end();
    assert_eq!(end.code, 0, "{}", end.stderr);
    let summary = end.summary().expect("a summary");
    let told = ["received", "stored", "duplicate", "lease_lost"].map(|name| &summary[name]);
    assert_eq!(told, [100, 100, 0, 0], "{}", end.stderr);
    bed.all_is_stored_once().await;
}

#[tokio::test]
async fn connections_that_are_cut_anywhere_or_closed_by_half_lose_nothing() {
    let bed = Bed::new(2_000);
    let proxy = bed.proxy();
    for (way, bytes) in [
        (Way::Request, 10),
        (Way::Request, 3_000),
        (Way::Request, 9_000),
        (Way::Answer, 1_000),
        (Way::Answer, 3_300),
        (Way::Answer, 4_000),
    ] {
        proxy.cut_after(way, bytes);
        let end = bed.start(&proxy.address(), "--batch 20 --concurrency 2").end();
        assert_drained_or_unavailable(&end);
        assert!(proxy.is_cut(), "{bytes} bytes are more than it took: {}", end.stderr);
        proxy.restore();
    }
    let mut drain = bed.start(&proxy.address(), "--batch 20 --concurrency 1");
    let left = bed.waiting();
    drain.wait_until("some are stored", |_| bed.waiting() < left);
    proxy.half_close();
    assert_drained_or_unavailable(&drain.end());
    assert!(bed.attempts() <= 1, "an outage spends no attempt");
    bed.all_is_stored_once().await;
}

#[tokio::test]
async fn connections_that_went_stale_are_replaced_before_anybody_hears_of_it() {
    let bed = Bed::new(200);
    let proxy = bed.proxy();
    let drain = bed.subscribe_with(&proxy.address(), "", "").env("KAKEHI_FAILPOINTS", RECEIVED);
    let mut drain = Process::start(drain, String::new(), false);
    drain.wait_until_stopped();
    proxy.cut();
    proxy.restore();
    drain.signal(Signal::SIGCONT);
    let end = drain.end();
    assert_eq!(end.code, 0, "{}", end.stderr);
    assert_eq!(end.summary().expect("a summary")["stored"], 200, "{}", end.stderr);
    bed.all_is_stored_once().await;
}

#[tokio::test]
async fn a_document_that_breaks_the_connection_each_time_dies_alone() {
    let bed = Bed::new(60);
    let poison = poison::proxy(&bed.mongo.hosts, "m000007");
    let deadline = Instant::now() + Duration::from_secs(60);
    while bed.waiting() > 0 {
        assert!(Instant::now() < deadline, "{}", bed.stats());
        // Not so quick to give up: the driver looks no more than twice a second whether a server is
        // there again whose connection broke.
        let drain = bed.subscribe_with(&poison.address(), "", "--max-attempts 2 --idle 1s");
        let end = Process::start(drain, String::new(), false).end();
        assert!([0, 65, 75].contains(&end.code), "code {}: {}", end.code, end.stderr);
    }
    let dead = bed.sandbox.queue().args("dead list sqlite:queue.db --json").run().expect(0).stdout;
    assert!(dead.lines().count() == 1 && dead.contains("m000007"), "{dead}");
    let stored = connect(&bed.mongo).await.database(DATABASE);
    let stored = stored.collection::<Document>(&bed.collection);
    assert_eq!(stored.count_documents(doc! {}).await.expect("a count"), 59);
    stored.drop().await.expect("it is removed");
}

#[tokio::test]
async fn a_signal_while_mongodb_stalls_or_is_gone_loses_nothing() {
    let bed = Bed::new(200);
    let proxy = bed.proxy();
    for twice in [false, true] {
        let grace = if twice { "--grace 1h" } else { "--grace 100ms" };
        let program = bed.subscribe(&proxy.address(), grace);
        let program = program.env("KAKEHI_FAILPOINTS", RECEIVED);
        let mut process = Process::start(program, String::new(), false);
        process.wait_until_stopped();
        proxy.stall();
        process.signal(Signal::SIGCONT);
        process.signal(Signal::SIGINT);
        if twice {
            process.insist(Signal::SIGINT);
            ended_now(&process.end(), 130);
        } else {
            ended_by_its_grace(&process.end(), 130);
        }
        proxy.restore();
    }
    // Through a proxy that holds nothing of theirs; and it is cut within a write, not before one.
    let proxy = bed.proxy();
    let program = bed.subscribe(&proxy.address(), "--follow");
    let program = program.env("KAKEHI_FAILPOINTS", RECEIVED);
    let mut follower = Process::start(program, String::new(), false);
    follower.wait_until_stopped();
    proxy.cut_after(Way::Request, 8_000);
    follower.signal(Signal::SIGCONT);
    follower.wait_until("it waits for the sink", |it| it.said().contains("unavailable"));
    follower.signal(Signal::SIGTERM);
    let end = follower.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    assert_eq!(end.summary().expect("a summary")["dead"], 0);
    bed.all_is_stored_once().await;
}
