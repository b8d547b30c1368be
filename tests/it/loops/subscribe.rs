//! The second loop, on the queue in memory and a sink that does as it is told.

use crate::support::loop_fixture::{LoopFixture, ids, plan};
use crate::support::scripted::Scripted;
use async_trait::async_trait;
use kakehi::environment::Environment;
use kakehi::queues::{self, Leases, Receive, Settled, Subscriber, Verdict};
use kakehi::report::{Counters, Summary};
use kakehi::subscribe::{DeadLetters, Mode, Parts, Plan, Rehearsal, subscribe};
use kakehi::{Delivery, Kind, Message, Receipt, Result};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

#[tokio::test]
async fn a_drain_stores_everything_in_batches_and_ends() {
    let fixture = LoopFixture::with(ids(123)).await;
    let sink = Scripted::default();
    let (result, summary) = fixture.run(&sink, &plan()).await;
    result.unwrap();
    assert_eq!((summary.received, summary.stored), (123, 123));
    assert_eq!(sink.stored().into_iter().collect::<BTreeSet<_>>(), ids(123).collect());
    assert!(sink.batches.lock().unwrap().iter().all(|len| *len <= 10));
    assert!(sink.most_writing.load(Ordering::SeqCst) > 1, "writes overlap");
    assert_eq!(fixture.left().await, []);
}

#[tokio::test]
async fn an_empty_queue_is_nothing_to_do() {
    let fixture = LoopFixture::new().await;
    let (result, summary) = fixture.run(&Scripted::default(), &plan()).await;
    result.unwrap();
    assert_eq!(summary, Summary::default());
}

#[tokio::test]
async fn one_bad_message_never_stops_its_neighbours() {
    let fixture = LoopFixture::with(["a", "r1", "b", "t1", "c"].map(str::to_owned)).await;
    let sink = Scripted::default();
    let (result, summary) = fixture.run(&sink, &plan()).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Rejected);
    assert_eq!(sink.stored(), ["a", "b", "c"]);
    assert_eq!((summary.stored, summary.dead, summary.retried), (3, 1, 1));
    assert_eq!(fixture.left().await, [], "one is dead, one waits for its retry");
}

#[tokio::test]
async fn once_takes_one_batch() {
    let fixture = LoopFixture::with(ids(25)).await;
    let sink = Scripted::default();
    let (result, summary) = fixture.run(&sink, &Plan { mode: Mode::Once, ..plan() }).await;
    result.unwrap();
    assert_eq!((summary.received, summary.stored), (10, 10));
    assert_eq!(fixture.left().await.len(), 15);
}

#[tokio::test]
async fn no_more_than_max_messages_are_taken() {
    let fixture = LoopFixture::with(ids(25)).await;
    let sink = Scripted::default();
    let (result, summary) = fixture.run(&sink, &Plan { max_messages: Some(13), ..plan() }).await;
    result.unwrap();
    assert_eq!((summary.received, summary.stored), (13, 13));
    assert!(fixture.left().await.iter().all(|(_, attempts)| *attempts == Some(1)));
}

#[tokio::test]
async fn debug_writes_and_every_message_is_redelivered() {
    let fixture = LoopFixture::with(ids(12)).await;
    let sink = Scripted::default();
    let plan = Plan { rehearsal: Rehearsal::Write, ..plan() };
    let (result, summary) = fixture.run(&sink, &plan).await;
    result.unwrap();
    assert_eq!((summary.received, summary.stored), (12, 12), "none comes twice in one run");
    let left = fixture.left().await;
    assert_eq!(left.len(), 12);
    assert!(left.iter().all(|(_, attempts)| *attempts == Some(1)), "the attempt does not count");
}

#[tokio::test]
async fn debug_buries_nothing_and_stops_when_its_room_is_full() {
    let rejected = (0..80).map(|at| format!("r{at}"));
    let fixture = LoopFixture::with(rejected).await;
    let plan = Plan { rehearsal: Rehearsal::Write, ..plan() };
    let (result, summary) = fixture.run(&Scripted::default(), &plan).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Spooled, "a rehearsal that failed says so");
    assert_eq!((summary.received, summary.dead), (50, 0));
    assert_eq!(fixture.left().await.len(), 80);
}

#[tokio::test]
async fn a_dry_run_neither_writes_nor_acknowledges() {
    let fixture = LoopFixture::with(ids(12)).await;
    let sink = Scripted::default();
    let plan = Plan { rehearsal: Rehearsal::Look, ..plan() };
    let (result, summary) = fixture.run(&sink, &plan).await;
    result.unwrap();
    assert_eq!((summary.received, summary.stored), (12, 0));
    assert!(sink.batches.lock().unwrap().is_empty());
    assert_eq!(fixture.left().await.len(), 12);
}

#[tokio::test]
async fn a_sink_that_goes_down_ends_a_drain_and_spends_no_attempt() {
    let fixture = LoopFixture::with(ids(40)).await;
    let sink = Scripted::down_after(20);
    let (result, summary) = fixture.run(&sink, &plan()).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.to_string().contains("nothing is lost"), "{error}");
    let left = fixture.left().await;
    assert_eq!(summary.stored as usize + left.len(), 40);
    assert!(left.iter().all(|(_, attempts)| *attempts == Some(1)), "{left:?}");
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_run_well_and_the_rest_is_given_back() {
    let fixture = LoopFixture::with(ids(40)).await;
    let sink = Scripted { closed_after: Some(7), at_once: Some(1), ..Scripted::default() };
    let (result, summary) = fixture.run(&sink, &plan()).await;
    result.unwrap();
    assert_eq!(summary.stored, 7);
    let left: BTreeSet<_> = fixture.left().await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(left, ids(40).skip(7).collect());
}

#[tokio::test]
async fn what_is_in_flight_is_bounded_by_bytes() {
    let fixture = LoopFixture::new().await;
    let batch: Vec<_> = ids(20).map(|id| Message::new(id, vec![b'x'; 1000])).collect();
    fixture.publish(&batch).await;
    let plan = Plan { rehearsal: Rehearsal::Look, in_flight_bytes: 5000, ..plan() };
    let (result, summary) = fixture.run(&Scripted::default(), &plan).await;
    result.unwrap();
    assert_eq!(summary.received, 5);
}

#[tokio::test]
async fn a_shutdown_finishes_what_is_in_flight() {
    let fixture = LoopFixture::with(ids(30)).await;
    let sink = Scripted::default();
    let plan = Plan { mode: Mode::Follow, ..plan() };
    let all_stored = async {
        while sink.stored().len() < 30 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let (result, summary) = fixture.run_until(&sink, &plan, all_stored).await;
    result.unwrap();
    assert_eq!(summary.stored, 30);
    assert_eq!(fixture.left().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_outlasts_the_grace_is_given_up_and_redelivered() {
    let fixture = LoopFixture::with(ids(3)).await;
    let sink = Scripted { slow: true, ..Scripted::default() };
    let shutdown = tokio::time::sleep(Duration::from_secs(1));
    let (result, _) = fixture.run_until(&sink, &plan(), shutdown).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Failed);
    assert_eq!(fixture.left().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_follower_waits_for_its_sink_and_goes_on_by_itself() {
    let fixture = LoopFixture::with(ids(40)).await;
    let sink = Scripted::down_after(20);
    let plan = Plan { mode: Mode::Follow, ..plan() };
    let outage = async {
        while !sink.down.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_secs(300)).await;
        sink.down.store(false, Ordering::SeqCst);
        while sink.stored().len() < 40 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let (result, summary) = fixture.run_until(&sink, &plan, outage).await;
    result.unwrap();
    assert_eq!((summary.stored, summary.duplicate, summary.dead), (40, 0, 0));
    assert_eq!(fixture.left().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_after_its_time() {
    let fixture = LoopFixture::new().await;
    let plan = Plan { mode: Mode::Follow, max_time: Some(Duration::from_secs(7)), ..plan() };
    let before = tokio::time::Instant::now();
    fixture.run(&Scripted::default(), &plan).await.0.unwrap();
    assert_eq!(before.elapsed().as_secs(), 7);
}

/// A group of messages of which one at a time is offered; who asks while one is in flight is told
/// that there is none, and hears it only after that one was settled.
struct OneAtATime {
    left: Mutex<Vec<&'static str>>,
    in_flight: watch::Sender<bool>,
}

#[async_trait]
impl Subscriber for OneAtATime {
    async fn receive(&self, _: Receive) -> Result<Vec<Delivery>> {
        if *self.in_flight.borrow() {
            let _ = self.in_flight.subscribe().wait_for(|in_flight| !in_flight).await;
            return Ok(Vec::new());
        }
        let next = self.left.lock().unwrap().pop();
        self.in_flight.send_replace(next.is_some());
        let delivery = |id: &str| Delivery {
            message: Message::new(id, "{}"),
            attempts: Some(1),
            lost: 0,
            receipt: Receipt(id.into()),
        };
        Ok(next.map(delivery).into_iter().collect())
    }

    async fn settle(&self, batch: Vec<(Receipt, Verdict)>) -> Vec<Settled> {
        self.in_flight.send_replace(false);
        vec![Settled::Done; batch.len()]
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn pause(&self) -> Result<()> {
        Ok(())
    }

    fn leases(&self) -> Option<Arc<dyn Leases>> {
        None
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_drain_asks_once_more_where_what_it_had_in_flight_held_back_the_rest() {
    let queue =
        OneAtATime { left: Mutex::new(vec!["c", "b", "a"]), in_flight: watch::Sender::new(false) };
    let sink = Scripted::default();
    let options = queues::Options::new(Environment::default(), PathBuf::new());
    let dead = DeadLetters::new(None, "line".to_owned(), options);
    let (plan, counters) = (&plan(), &Counters::default());
    let parts = Parts { queue: &queue, sink: &sink, dead: &dead, attempts: None, plan, counters };
    subscribe(parts, std::future::pending()).await.unwrap();
    assert_eq!(sink.stored(), ["a", "b", "c"]);
}
