//! The sink goes away under the second loop, and leases end under it.

use crate::support::loop_fixture::{LoopFixture, ids, plan};
use crate::support::scripted::Scripted;
use crate::support::watched::Watched;
use async_trait::async_trait;
use kakehi::clock::Clock;
use kakehi::queues::{Receive, Settled, Subscriber, Verdict};
use kakehi::sinks::{Outcome, Sink};
use kakehi::subscribe::{Mode, Plan};
use kakehi::{Delivery, Kind, Result};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn following() -> Plan {
    Plan { mode: Mode::Follow, ..plan() }
}

/// Waits, in tokio's own time, until it is so.
async fn until(it_is_so: impl Fn() -> bool) {
    while !it_is_so() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_leaves_a_small_batch_in_flight_and_the_rest_to_others() {
    let fixture = LoopFixture::with(ids(60)).await;
    let sink = Scripted::down_after(20);
    let watched = Watched::of(&fixture).await;
    let outage = async {
        until(|| watched.pauses() == 1).await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        let stored = sink.stored().len();
        let others = fixture.left().await;
        assert_eq!(others.len(), 60 - stored - 10, "ten stay in control");
        assert!(others.iter().all(|(_, attempts)| *attempts == Some(1)), "{others:?}");
        assert_eq!(watched.extended.receipts.lock().unwrap().len(), 10, "their leases are kept");
        sink.down.store(false, Ordering::SeqCst);
        until(|| sink.stored().len() == 60).await;
    };
    let (result, summary) = fixture.run_on(&watched, &sink, &following(), outage).await;
    result.unwrap();
    assert_eq!((summary.stored, summary.duplicate, summary.dead), (60, 0, 0));
    assert_eq!(watched.pauses(), 1);
    assert_eq!(fixture.left().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_second_outage_is_waited_for_as_the_first() {
    let fixture = LoopFixture::with(ids(60)).await;
    let sink = Scripted::down_after(10);
    let watched = Watched::of(&fixture).await;
    let outages = async {
        until(|| watched.pauses() == 1).await;
        *sink.down_after.lock().unwrap() = Some(30);
        sink.down.store(false, Ordering::SeqCst);
        until(|| watched.pauses() == 2).await;
        sink.down.store(false, Ordering::SeqCst);
        until(|| sink.stored().len() == 60).await;
    };
    let (result, summary) = fixture.run_on(&watched, &sink, &following(), outages).await;
    result.unwrap();
    assert_eq!((summary.stored, summary.duplicate, summary.dead), (60, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_during_an_outage_does_not_wait_for_its_end() {
    let fixture = LoopFixture::with(ids(40)).await;
    let sink = Scripted::down_after(20);
    let watched = Watched::of(&fixture).await;
    let signal = until(|| watched.pauses() == 1);
    let (result, summary) = fixture.run_on(&watched, &sink, &following(), signal).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Unreachable);
    Box::new(watched).close().await.unwrap();
    let left = fixture.left().await;
    assert_eq!(left.len(), 40 - usize::try_from(summary.stored).unwrap());
    assert!(left.iter().all(|(_, attempts)| *attempts == Some(1)), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_bounded_run_that_ends_in_an_outage_says_so() {
    let fixture = LoopFixture::with(ids(40)).await;
    let sink = Scripted::down_after(20);
    let plan = Plan { max_time: Some(Duration::from_secs(90)), ..following() };
    let (result, _) = fixture.run_until(&sink, &plan, std::future::pending()).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Unreachable);
    assert!(fixture.left().await.iter().all(|(_, attempts)| *attempts == Some(1)));
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_in_an_outage_does_not_count_towards_max_messages() {
    let fixture = LoopFixture::with(ids(60)).await;
    let sink = Scripted::down_after(10);
    let plan = Plan { max_messages: Some(60), in_flight: 40, ..following() };
    let watched = Watched::of(&fixture).await;
    let outage = async {
        until(|| watched.pauses() == 1).await;
        sink.down.store(false, Ordering::SeqCst);
        std::future::pending().await
    };
    let (result, summary) = fixture.run_on(&watched, &sink, &plan, outage).await;
    result.unwrap();
    assert_eq!(summary.stored, 60);
}

/// Answers its ping while it has no room, as a full disk does.
#[derive(Default)]
struct Full {
    tried: AtomicUsize,
    has_room: AtomicBool,
}

#[async_trait]
impl Sink for Full {
    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        self.tried.fetch_add(1, Ordering::SeqCst);
        match self.has_room.load(Ordering::SeqCst) {
            true => vec![Outcome::Stored; batch.len()],
            false => vec![Outcome::Unavailable("no room".to_owned()); batch.len()],
        }
    }

    fn ordered(&self) -> bool {
        false
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_breaker_stays_open_while_a_sink_answers_its_ping_and_takes_no_writes() {
    let fixture = LoopFixture::with(ids(60)).await;
    let sink = Full::default();
    let watched = Watched::of(&fixture).await;
    let outage = async {
        until(|| sink.tried.load(Ordering::SeqCst) >= 8).await;
        assert_eq!(watched.pauses(), 1, "it is one outage");
        sink.has_room.store(true, Ordering::SeqCst);
        until(|| sink.tried.load(Ordering::SeqCst) >= 9).await;
        std::future::pending().await
    };
    let plan = Plan { max_messages: Some(60), ..following() };
    let (result, summary) = fixture.run_on(&watched, &sink, &plan, outage).await;
    result.unwrap();
    assert_eq!((summary.stored, summary.duplicate, summary.dead), (60, 0, 0));
    assert_eq!(watched.pauses(), 1);
}

/// Asks to be left alone, each time for so long, at its first writes.
struct Limited {
    wait: Duration,
    times: AtomicUsize,
    tried: Mutex<Vec<tokio::time::Instant>>,
    stored: AtomicUsize,
}

impl Limited {
    fn of(wait: Duration, times: usize) -> Self {
        let (times, tried, stored) =
            (AtomicUsize::new(times), Mutex::default(), AtomicUsize::new(0));
        Self { wait, times, tried, stored }
    }

    fn tried(&self) -> Vec<tokio::time::Instant> {
        self.tried.lock().unwrap().clone()
    }
}

#[async_trait]
impl Sink for Limited {
    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        self.tried.lock().unwrap().push(tokio::time::Instant::now());
        let left = self.times.load(Ordering::SeqCst);
        self.times.store(left.saturating_sub(1), Ordering::SeqCst);
        if left > 0 {
            let throttled = Outcome::Throttled { why: "too many".to_owned(), wait: self.wait };
            return vec![throttled; batch.len()];
        }
        self.stored.fetch_add(batch.len(), Ordering::SeqCst);
        vec![Outcome::Stored; batch.len()]
    }

    fn ordered(&self) -> bool {
        false
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn one_write_at_once(plan: Plan) -> Plan {
    Plan { concurrency: 1, batch: 100, ..plan }
}

#[tokio::test(start_paused = true)]
async fn a_sink_is_left_alone_for_as_long_as_it_asks_and_no_attempt_is_spent() {
    for (plan, wait) in [(following(), 700), (plan(), 20)] {
        let fixture = LoopFixture::with(ids(30)).await;
        let sink = Limited::of(Duration::from_secs(wait), 2);
        let all_stored = async {
            until(|| sink.stored.load(Ordering::SeqCst) == 30).await;
            if plan.mode == Mode::Drain {
                std::future::pending().await
            }
        };
        let plan = one_write_at_once(plan.clone());
        let (result, summary) = fixture.run_until(&sink, &plan, all_stored).await;
        result.unwrap();
        assert_eq!((summary.stored, summary.retried, summary.dead), (30, 0, 0));
        let tried = sink.tried();
        for pair in tried[..3].windows(2) {
            assert!(pair[1] - pair[0] >= Duration::from_secs(wait), "{tried:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_long_for_a_sink_that_asks_for_it() {
    for (wait, tries) in [(61, 1), (25, 3)] {
        let fixture = LoopFixture::with(ids(3)).await;
        let sink = Limited::of(Duration::from_secs(wait), 100);
        let plan = one_write_at_once(plan());
        let (result, summary) = fixture.run_until(&sink, &plan, std::future::pending()).await;
        assert_eq!(result.unwrap_err().kind(), Kind::Unreachable);
        assert_eq!((summary.stored, sink.tried().len()), (0, tries));
        let left = fixture.left().await;
        assert!(left.iter().all(|(_, attempts)| *attempts == Some(1)), "{left:?}");
    }
}

/// Refuses our credentials.
struct Strict;

#[async_trait]
impl Sink for Strict {
    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        vec![Outcome::Denied("who are you".to_owned()); batch.len()]
    }

    fn ordered(&self) -> bool {
        false
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_refuses_our_credentials_ends_the_run_and_spends_nothing() {
    for plan in [following(), plan()] {
        let fixture = LoopFixture::with(ids(30)).await;
        let (result, summary) = fixture.run_until(&Strict, &plan, std::future::pending()).await;
        assert_eq!(result.unwrap_err().kind(), Kind::Credentials);
        assert_eq!((summary.stored, summary.retried, summary.dead), (0, 0, 0));
        let left = fixture.left().await;
        assert_eq!(left.len(), 30);
        assert!(left.iter().all(|(_, attempts)| *attempts == Some(1)), "{left:?}");
    }
}

/// Blocks its thread, as no sink should, until something has happened.
struct Blocking<F>(F);

#[async_trait]
impl<F: Fn() -> bool + Send + Sync> Sink for Blocking<F> {
    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !(self.0)() {
            assert!(Instant::now() < deadline, "it never happened");
            std::thread::sleep(Duration::from_millis(1));
        }
        vec![Outcome::Stored; batch.len()]
    }

    fn ordered(&self) -> bool {
        false
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_are_extended_even_while_a_write_blocks() {
    let fixture = LoopFixture::with(ids(3)).await;
    let watched = Watched::of(&fixture).await;
    let extended = watched.extended.clone();
    let sink = Blocking(move || extended.times.load(Ordering::SeqCst) >= 3);
    let plan = Plan { lease: Duration::from_millis(60), ..plan() };
    let (result, summary) = fixture.run_on(&watched, &sink, &plan, std::future::pending()).await;
    result.unwrap();
    assert_eq!(summary.stored, 3);
    assert_eq!(watched.extended.receipts.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_lease_that_was_lost_is_counted_and_its_late_acknowledgement_does_nothing() {
    let mut fixture = LoopFixture::with(ids(3)).await;
    let (clock, control) = Clock::manual(chrono::Utc::now());
    fixture.options.clock = clock;
    let watched = Watched::of(&fixture).await;
    let other = fixture.subscriber().await;
    let stolen = Mutex::new(Vec::new());
    // The lease ends while the write runs, and another subscriber takes the messages.
    let steal = || {
        control.advance(chrono::TimeDelta::seconds(31));
        let request = Receive {
            max: 10,
            max_bytes: usize::MAX,
            wait: Duration::ZERO,
            select: Default::default(),
        };
        // What lost its lease in mid-work comes one at a time.
        for _ in 0..3 {
            let theirs = futures_util::FutureExt::now_or_never(other.receive(request.clone()));
            stolen.lock().unwrap().extend(theirs.unwrap().unwrap());
        }
        true
    };
    let plan = Plan { max_messages: Some(3), ..plan() };
    let (result, summary) =
        fixture.run_on(&watched, &Blocking(steal), &plan, std::future::pending()).await;
    result.unwrap();
    assert_eq!((summary.stored, summary.lease_lost), (3, 3));
    let theirs = stolen.into_inner().unwrap();
    assert!(theirs.iter().all(|delivery| delivery.attempts == Some(2)), "a lost lease counts");
    let acks = theirs.into_iter().map(|delivery| (delivery.receipt, Verdict::Ack)).collect();
    assert_eq!(other.settle(acks).await, vec![Settled::Done; 3], "they are still the other's");
}
