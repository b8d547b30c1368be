//! Outages of Redis.

use super::{Bed, outages};
use crate::support::proxy::{Proxy, Way};
use crate::support::redis_stage::Stage;
use crate::support::sandbox::Program;
use crate::support::services;
use crate::support::sqlite_files;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

// Redis keeps dead letters itself: none is published and acknowledged afterwards.
outages!(Stage:
    publishing_that_is_cut_anywhere_loses_nothing_when_it_is_done_again
    a_drain_whose_connection_is_cut_says_so_and_a_follower_goes_on_by_itself
    acknowledgements_that_are_cut_off_lose_nothing_and_are_redelivered_as_duplicates
    a_signal_while_a_publisher_is_cut_off_ends_it_and_loses_nothing
    a_signal_while_a_subscriber_is_cut_off_ends_it_and_no_message_dies
);

/// What is received and published here.
const JOB: &str = "job=mail";

/// The programs have no URL of their own, so that it can be that of a proxy.
fn at(program: Program, url: String) -> Program {
    program.env("KAKEHI_QUEUE", url)
}

impl Bed for Stage {
    const KINDS: &[&str] = &[""];
    const PUBLISHED: usize = 1000;
    const SUBSCRIBED: usize = 1000;
    const KILLED_BESIDE_GOOD_ONES: bool = true;
    const PATIENCE: Duration = Duration::from_secs(120);
    // An answer is a few bytes: these end within those of the handshake, and within that of a batch.
    const CUTS: &[(Way, usize)] = &[
        (Way::Request, 100),
        (Way::Request, 20_000),
        (Way::Request, 60_000),
        (Way::Answer, 3),
        (Way::Answer, 16),
    ];

    async fn new(_kind: &str) -> Self {
        Self::new()
    }

    fn proxy() -> Proxy {
        Proxy::start(&services::redis())
    }

    fn through(&self, program: Program, proxy: &Proxy) -> Program {
        at(program, self.url(JOB).replace(&self.address, &proxy.address()))
    }

    fn publish(&self, words: &str) -> Program {
        at(self.sandbox.publish().args(words), self.url(JOB))
    }

    fn lines(count: usize) -> String {
        (0..count).map(|n| format!("{{\"id\":\"m{n:04}\",\"n\":{n}}}\n")).collect()
    }

    fn publish_bad(&self) {
        let bad = "{\"id\":\"bad\",\"body\":null}";
        Bed::publish(self, "stdin:?envelope").stdin(bad).run().expect(0);
    }

    fn drain(&self) -> Program {
        let words = "--to sqlite:store.db --summary json";
        at(self.sandbox.subscribe().args(words), self.url(JOB))
    }

    /// What a killed pool had in flight is taken from it once its heart has not beaten for a while.
    fn drain_patiently(&self, _count: usize) -> Program {
        self.drain().args("--idle 40s")
    }

    fn follow(&self) -> Program {
        self.drain().args("--follow")
    }

    async fn stored(&self) -> usize {
        sqlite_files::store(&self.sandbox).len()
    }

    fn dead_ids(&self, _told: usize) -> BTreeSet<String> {
        let id = |job: &serde_json::Value| job["id"].as_str().expect("an id").to_owned();
        self.jobs("@dead").iter().map(id).collect()
    }

    fn wait_until_empty(&self) {
        let deadline = Instant::now() + Self::PATIENCE;
        let is_list = |key: &String| key == "jobs:mail" || key.ends_with(":inprogress");
        while self.keys().iter().any(is_list) {
            assert!(Instant::now() < deadline, "{:?}", self.keys());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn drain_what_stalled(&self, count: usize) {
        let deadline = Instant::now() + Self::PATIENCE;
        while sqlite_files::store(&self.sandbox).len() < count {
            assert!(Instant::now() < deadline, "{:?}", self.keys());
            self.drain().args("--idle 15s").run().expect(0);
        }
        self.wait_until_empty();
    }
}
