//! Outages of SQS.

use super::{Bed, outages};
use crate::support::proxy::Proxy;
use crate::support::sandbox::Program;
use crate::support::services;
use crate::support::sqlite_files;
use crate::support::sqs_queue::{self, Stage};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

outages!(Stage);

impl Bed for Stage {
    const KINDS: &[&str] = &["", ".fifo"];
    const PUBLISHED: usize = 300;
    const SUBSCRIBED: usize = 300;
    const KILLED_BESIDE_GOOD_ONES: bool = true;
    const PATIENCE: Duration = sqs_queue::PATIENCE;

    async fn new(kind: &str) -> Self {
        Stage::made(kind)
    }

    fn proxy() -> Proxy {
        Proxy::start(services::sqs().trim_start_matches("http://"))
    }

    fn through(&self, program: Program, proxy: &Proxy) -> Program {
        program.env("AWS_ENDPOINT_URL", format!("http://{}", proxy.address()))
    }

    fn publish(&self, words: &str) -> Program {
        self.publish(words)
    }

    fn lines(count: usize) -> String {
        sqs_queue::lines(count)
    }

    fn publish_bad(&self) {
        self.publish_poison(&["bad"]);
    }

    fn drain(&self) -> Program {
        self.drain("--lease 3s")
    }

    fn drain_patiently(&self, _count: usize) -> Program {
        self.drain("--lease 3s --idle 8s")
    }

    /// Each request that waits at the server when its client dies gets messages all the same, for one
    /// lease.
    fn drain_to_be_killed(&self) -> Program {
        self.drain("--lease 3s --idle 1s")
    }

    fn follow(&self) -> Program {
        self.drain("--lease 3s --follow")
    }

    async fn stored(&self) -> usize {
        sqlite_files::store(&self.sandbox).len()
    }

    fn dead_ids(&self, _told: usize) -> BTreeSet<String> {
        let id = |letter: &serde_json::Value| letter["id"].as_str().expect("an id").to_owned();
        self.dead().iter().map(id).collect()
    }

    fn wait_until_empty(&self) {
        let deadline = Instant::now() + sqs_queue::PATIENCE;
        while !self.is_empty() {
            assert!(Instant::now() < deadline, "{}", self.stats());
        }
    }

    fn drain_what_stalled(&self, count: usize) {
        self.drain_until(count);
    }
}
