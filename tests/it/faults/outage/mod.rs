//! Outages of a service's queue as the programs meet them: nothing is lost, nothing is stored twice,
//! no good message dies. Each service gives what is its own by a `Bed`.

mod pubsub;
mod redis;
mod sqs;

use crate::support::endings::{kept_in_the_spool, stall_and_end};
use crate::support::process::{End, Process};
use crate::support::proxy::{Proxy, Way};
use crate::support::sandbox::{Program, Run};
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// A queue of a service for one test, and the programs on it.
trait Bed: Sized {
    /// What the names of its queues end in, for each kind of queue that it has.
    const KINDS: &[&str];
    /// Lines enough for a publisher to be cut among them.
    const PUBLISHED: usize;
    /// Lines enough for a subscriber to be cut among them.
    const SUBSCRIBED: usize;
    /// Whether a run may be killed at a bad message while good ones are on their way.
    const KILLED_BESIDE_GOOD_ONES: bool;
    /// How long what a killed run had in flight may take to be redelivered.
    const PATIENCE: Duration;
    /// After how many bytes of a way the connection of a publisher is cut.
    const CUTS: &[(Way, usize)] = &[
        (Way::Request, 100),
        (Way::Request, 20_000),
        (Way::Request, 60_000),
        (Way::Answer, 50),
        (Way::Answer, 2_000),
    ];

    /// Makes a queue of this kind.
    async fn new(kind: &str) -> Self;

    /// A proxy before the service.
    fn proxy() -> Proxy;

    /// A program that meets the service at the proxy.
    fn through(&self, program: Program, proxy: &Proxy) -> Program;

    /// `publish` to the queue.
    fn publish(&self, words: &str) -> Program;

    /// This many lines with ids, as `stdin:?id=id` reads them.
    fn lines(count: usize) -> String;

    /// Publishes a message `bad` that no store takes.
    fn publish_bad(&self);

    /// `subscribe` to the store, until nothing has come for a while.
    fn drain(&self) -> Program;

    /// `subscribe` to the store, until so many messages have been worked off, those among them that
    /// an earlier run had in flight.
    fn drain_patiently(&self, count: usize) -> Program;

    /// `subscribe` to the store, to be killed in mid-work: what it has asked the service for must not
    /// get for long what the next run waits for.
    fn drain_to_be_killed(&self) -> Program {
        self.drain_patiently(3)
    }

    /// `subscribe --follow` to the store.
    fn follow(&self) -> Program;

    /// How many messages the store holds; the id is the key.
    async fn stored(&self) -> usize;

    /// The ids of the dead letters, of which so many are told.
    fn dead_ids(&self, told: usize) -> BTreeSet<String>;

    /// Waits until the queue holds nothing, where the service tells that.
    fn wait_until_empty(&self);

    /// Drains until so many are stored that a stalled run had in flight, where the service gives
    /// them to another run.
    fn drain_what_stalled(&self, count: usize);

    /// Publishes so many lines, and nothing is in the way.
    fn publish_lines(&self, count: usize) {
        self.publish("stdin:?id=id").stdin(Self::lines(count)).run().expect(0);
    }
}

fn start(program: Program) -> Process {
    Process::start(program, String::new(), false)
}

/// A number of a summary.
fn counted(run: &Run, what: &str) -> u64 {
    let line = run.stderr.lines().last().expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(line).expect("JSON");
    summary[what].as_u64().expect("a number")
}

/// Waits until so many are stored, each of them once: the id is the key.
async fn until_stored<B: Bed>(bed: &B, wanted: usize) {
    let deadline = Instant::now() + B::PATIENCE;
    loop {
        let stored = bed.stored().await;
        assert!(stored <= wanted, "{stored} are stored");
        if stored == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "only {stored} are stored");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[track_caller]
fn none_died(end: &End) {
    let summary = end.summary().unwrap_or_else(|| panic!("no summary: {}", end.stderr));
    assert_eq!(summary["dead"], 0, "{}", end.stderr);
}

#[track_caller]
fn terminate(mut follower: Process) -> End {
    follower.signal(Signal::SIGTERM);
    let end = follower.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    none_died(&end);
    end
}

/// Waits until the program has tried to connect in vain, and lets it.
fn restore_when_noticed(process: &mut Process, proxy: &Proxy) {
    let refused = proxy.refused();
    process.wait_until("it has noticed", |_| proxy.refused() > refused);
    proxy.restore();
}

async fn a_run_killed_between_a_dead_letter_and_its_acknowledgement_loses_nothing<B: Bed>() {
    for kind in B::KINDS {
        let bed = B::new(kind).await;
        bed.publish_bad();
        if B::KILLED_BESIDE_GOOD_ONES {
            bed.publish_lines(2);
        }
        let killed = bed.drain_to_be_killed().env("KAKEHI_FAILPOINTS", "subscribe-buried=kill@1");
        killed.run().expect(137);
        if !B::KILLED_BESIDE_GOOD_ONES {
            bed.publish_lines(2);
        }
        let run = bed.drain_patiently(3).run().expect(65);
        assert_eq!(counted(&run, "dead"), 1, "{}", run.stderr);
        if !B::KILLED_BESIDE_GOOD_ONES {
            let good = counted(&run, "stored") + counted(&run, "duplicate");
            assert_eq!(good, 2, "{}", run.stderr);
        }
        // Once by the run that was killed before it could acknowledge, and once by the other one;
        // the id tells that they are one.
        assert_eq!(bed.dead_ids(2), BTreeSet::from(["bad".to_owned()]));
        until_stored(&bed, 2).await;
    }
}

async fn publishing_that_is_cut_anywhere_loses_nothing_when_it_is_done_again<B: Bed>() {
    for kind in B::KINDS {
        let bed = B::new(kind).await;
        let proxy = B::proxy();
        for (way, bytes) in B::CUTS.iter().copied() {
            proxy.cut_after(way, bytes);
            // A server that is slow to answer may end a run before so much was said.
            while !proxy.is_cut() {
                let publish = bed.publish("stdin:?id=id --publish-timeout 1s --batch 100");
                let run = bed.through(publish, &proxy).stdin(B::lines(B::PUBLISHED)).run();
                let told = format!("{way:?} {bytes}: {}: {}", run.code, run.stderr);
                assert!([69, 75].contains(&run.code) && run.stderr.contains("hint:"), "{told}");
            }
            proxy.restore();
        }
        bed.publish_lines(B::PUBLISHED);
        let follower = start(bed.follow().args("-q"));
        until_stored(&bed, B::PUBLISHED).await;
        terminate(follower);
    }
}

async fn a_drain_whose_connection_is_cut_says_so_and_a_follower_goes_on_by_itself<B: Bed>() {
    let bed = B::new("").await;
    bed.publish_lines(B::SUBSCRIBED);
    let proxy = B::proxy();
    proxy.cut_after(Way::Answer, 30_000);
    let drain = start(bed.through(bed.drain(), &proxy)).end();
    assert!(proxy.is_cut());
    assert_eq!(drain.code, 69, "{}", drain.stderr);
    none_died(&drain);
    proxy.restore();
    proxy.cut_after(Way::Answer, 60_000);
    let mut follower = start(bed.through(bed.follow(), &proxy));
    follower.wait_until("the connection is cut", |_| proxy.is_cut());
    restore_when_noticed(&mut follower, &proxy);
    until_stored(&bed, B::SUBSCRIBED).await;
    terminate(follower);
}

async fn acknowledgements_that_are_cut_off_lose_nothing_and_are_redelivered_as_duplicates<
    B: Bed,
>() {
    let bed = B::new("").await;
    bed.publish_lines(50);
    let proxy = B::proxy();
    let cut_before_the_acknowledgement = |program: Program| {
        let program = bed.through(program, &proxy);
        let mut process = start(program.env("KAKEHI_FAILPOINTS", "subscribe-written=stop@1"));
        process.wait_until_stopped();
        proxy.cut();
        process.signal(Signal::SIGCONT);
        process
    };
    let end = cut_before_the_acknowledgement(bed.drain()).end();
    assert_eq!(end.code, 69, "{}", end.stderr);
    none_died(&end);
    proxy.restore();

    let mut follower = cut_before_the_acknowledgement(bed.follow());
    restore_when_noticed(&mut follower, &proxy);
    until_stored(&bed, 50).await;
    bed.wait_until_empty();
    let summary = terminate(follower).summary().expect("a summary");
    assert!(summary["duplicate"].as_u64() > Some(0), "{summary}");
}

async fn a_signal_while_a_publisher_is_cut_off_ends_it_and_loses_nothing<B: Bed>() {
    let proxy = B::proxy();
    for (twice, grace) in [(false, "--grace 100ms"), (true, "--grace 1h")] {
        let bed = B::new("").await;
        let publish = bed.publish("stdin:?id=id --publish-timeout 1h --summary json").args(grace);
        let publish = bed.through(publish, &proxy).env("KAKEHI_FAILPOINTS", "publish-read=stop@1");
        let mut process = Process::start(publish, B::lines(30), false);
        stall_and_end(&mut process, &proxy, twice);
        kept_in_the_spool(&process.end(), "30 messages wait", twice);
        proxy.restore();
        bed.publish_lines(30);
        let follower = start(bed.follow());
        until_stored(&bed, 30).await;
        terminate(follower);
    }
}

async fn a_signal_while_a_subscriber_is_cut_off_ends_it_and_no_message_dies<B: Bed>() {
    let proxy = B::proxy();
    for (twice, grace) in [(false, "--grace 1s"), (true, "--grace 1h")] {
        let bed = B::new("").await;
        bed.publish_lines(30);
        let program = bed.through(bed.follow().args(grace), &proxy);
        let mut process = start(program.env("KAKEHI_FAILPOINTS", "subscribe-received=stop@1"));
        stall_and_end(&mut process, &proxy, twice);
        let end = process.end();
        assert_eq!(end.code, 143, "{}", end.stderr);
        none_died(&end);
        proxy.restore();
        bed.drain_what_stalled(30);
    }
}

/// Makes a test of each case.
macro_rules! outages {
    ($bed:ty: $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                super::$case::<$bed>().await;
            }
        )*
    };
    ($bed:ty) => {
        outages!($bed:
            a_run_killed_between_a_dead_letter_and_its_acknowledgement_loses_nothing
            publishing_that_is_cut_anywhere_loses_nothing_when_it_is_done_again
            a_drain_whose_connection_is_cut_says_so_and_a_follower_goes_on_by_itself
            acknowledgements_that_are_cut_off_lose_nothing_and_are_redelivered_as_duplicates
            a_signal_while_a_publisher_is_cut_off_ends_it_and_loses_nothing
            a_signal_while_a_subscriber_is_cut_off_ends_it_and_no_message_dies
        );
    };
}
use outages;
