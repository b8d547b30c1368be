//! The first loop, on the queue in memory and a source that does as it is told.

use async_trait::async_trait;
use chrono::TimeDelta;
use chrono_tz::Tz;
use kakehi::clock::Clock;
use kakehi::publish::{Plan, publish};
use kakehi::queues::{Published, Publisher};
use kakehi::report::{Counters, Summary};
use kakehi::schedule::Schedule;
use kakehi::sources::{Batch, Refusal, Source};
use kakehi::{Error, Kind, Message, Result};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

/// Gives its batches one after the other, in the first tick or in each one again.
#[derive(Default)]
struct Scripted {
    batches: VecDeque<Result<Batch>>,
    each_tick: bool,
    tick: Option<u64>,
    committed: usize,
}

#[async_trait]
impl Source for Scripted {
    async fn read(&mut self, tick: u64) -> Result<Option<Batch>> {
        if self.each_tick && self.tick != Some(tick) {
            self.tick = Some(tick);
            return Ok(Some(batch(&[&format!("tick{tick}")])));
        }
        self.batches.pop_front().transpose()
    }

    async fn commit(&mut self) -> Result<()> {
        self.committed += 1;
        Ok(())
    }
}

/// Answers by the first letter of the id: `r`efuses, is `d`uplicate, tries again `l`ater, is `g`one.
#[derive(Default)]
struct Answers {
    accepted: Mutex<Vec<String>>,
    slow: bool,
}

#[async_trait]
impl Publisher for Answers {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        if self.slow {
            tokio::time::sleep(Duration::from_secs(100)).await;
        }
        if batch.iter().any(|message| message.id.starts_with('g')) {
            return Err(Error::new(Kind::Unreachable, "the queue is gone"));
        }
        let answer = |message: &Message| match message.id.as_bytes()[0] {
            b'r' => Published::Refused("too large".to_owned()),
            b'd' => Published::Duplicate,
            b'l' => Published::Retry("busy".to_owned()),
            _ => {
                self.accepted.lock().unwrap().push(message.id.clone());
                Published::Accepted
            }
        };
        Ok(batch.iter().map(answer).collect())
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn batch(ids: &[&str]) -> Batch {
    Batch { messages: ids.iter().map(|id| Message::new(*id, "{}")).collect(), refused: vec![] }
}

fn source(batches: impl IntoIterator<Item = Batch>) -> Scripted {
    Scripted { batches: batches.into_iter().map(Ok).collect(), ..Scripted::default() }
}

fn plan() -> Plan {
    Plan { in_flight: 3, every: None, dry_run: false, grace: Duration::from_secs(5) }
}

async fn run(source: &mut Scripted, queue: &Answers, plan: &Plan) -> (Result<()>, Summary) {
    let counters = Counters::default();
    let never = std::future::pending();
    let result = publish(source, queue, plan, &Clock::system(), &counters, never).await;
    (result, counters.summary(Duration::ZERO))
}

#[tokio::test]
async fn every_batch_is_published_and_committed() {
    let mut source = source((0..20).map(|at| batch(&[&format!("a{at:02}"), &format!("b{at:02}")])));
    let queue = Answers::default();
    let (result, summary) = run(&mut source, &queue, &plan()).await;
    result.unwrap();
    assert_eq!((summary.read, summary.published, source.committed), (40, 40, 20));
    let accepted = queue.accepted.lock().unwrap();
    assert!(accepted.is_sorted_by_key(|id| id[1..].to_owned()), "in the order of reading");
}

#[tokio::test]
async fn what_is_refused_does_not_stop_the_others() {
    let mut first = batch(&["a", "r1", "d1"]);
    first.refused.push(Refusal { place: "line 7".to_owned(), reason: "not JSON".to_owned() });
    let mut source = source([first, batch(&["b"])]);
    let (result, summary) = run(&mut source, &Answers::default(), &plan()).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Rejected);
    assert!(error.to_string().starts_with("2 of 5 messages were refused"), "{error}");
    assert_eq!((summary.published, summary.duplicate, summary.refused), (2, 1, 2));
    assert_eq!(source.committed, 2, "what will never be taken must not be read for ever");
}

#[tokio::test]
async fn nothing_is_committed_from_the_first_failure_on() {
    for bad in ["gone", "later"] {
        let mut source = source([batch(&["a"]), batch(&[bad]), batch(&["c"])]);
        let (result, summary) = run(&mut source, &Answers::default(), &plan()).await;
        assert_eq!(result.unwrap_err().kind(), Kind::Unreachable);
        assert_eq!((source.committed, summary.unpublished), (1, 1), "{bad}");
    }
}

#[tokio::test]
async fn a_source_that_fails_loses_nothing_that_it_gave() {
    let mut source = source([batch(&["a"])]);
    source.batches.push_back(Err(Error::new(Kind::Credentials, "the token was refused")));
    let (result, summary) = run(&mut source, &Answers::default(), &plan()).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Credentials);
    assert_eq!((summary.published, source.committed), (1, 1));
}

#[tokio::test]
async fn a_dry_run_reads_and_publishes_nothing() {
    let mut source = source([batch(&["a", "b"])]);
    let queue = Answers::default();
    let (result, summary) = run(&mut source, &queue, &Plan { dry_run: true, ..plan() }).await;
    result.unwrap();
    assert_eq!((summary.read, summary.published, source.committed), (2, 0, 0));
    assert!(queue.accepted.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_schedule_reads_the_source_at_its_times_until_the_shutdown() {
    let start = "2026-01-01T00:00:01Z".parse().unwrap();
    let (clock, hand) = Clock::manual(start);
    let mut source = Scripted { each_tick: true, ..Scripted::default() };
    let every = Some(Schedule::parse("*/10 * * * * *", Tz::UTC).unwrap());
    let counters = Counters::default();
    let queue = Answers::default();
    let passing = async {
        for _ in 0..35 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            hand.advance(TimeDelta::seconds(1));
        }
    };
    let plan = Plan { every, ..plan() };
    publish(&mut source, &queue, &plan, &clock, &counters, passing).await.unwrap();
    assert_eq!(*queue.accepted.lock().unwrap(), ["tick0", "tick1", "tick2"]);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_outlasts_the_grace_is_not_waited_for() {
    let mut source = source([batch(&["a"])]);
    let queue = Answers { slow: true, ..Answers::default() };
    let counters = Counters::default();
    let shutdown = tokio::time::sleep(Duration::from_secs(1));
    let result = publish(&mut source, &queue, &plan(), &Clock::system(), &counters, shutdown).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Unreachable);
    assert_eq!(source.committed, 0);
}
