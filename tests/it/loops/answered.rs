//! A source that tells who sent a message what became of it.

use crate::support::sandbox::Sandbox;
use async_trait::async_trait;
use kakehi::clock::Clock;
use kakehi::environment::Environment;
use kakehi::publish::Plan;
use kakehi::queues::{self, Published, Publisher};
use kakehi::report::Counters;
use kakehi::sources::{Batch, Fate, Source, Stop};
use kakehi::spool::Spool;
use kakehi::{Error, Kind, Message, Result};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

/// Gives one message a batch, all of one group, and notes what it is told.
struct Answering {
    ids: VecDeque<&'static str>,
    answers: bool,
    read: u64,
    told: Vec<(u64, Vec<Fate>)>,
    committed: Vec<u64>,
}

impl Answering {
    fn new(ids: &[&'static str], answers: bool) -> Self {
        let ids = ids.iter().copied().collect();
        Self { ids, answers, read: 0, told: Vec::new(), committed: Vec::new() }
    }

    /// What became of each message, in the order of reading.
    fn fates(&self) -> Vec<Fate> {
        self.told.iter().flat_map(|(_, fates)| fates.clone()).collect()
    }
}

#[async_trait]
impl Source for Answering {
    async fn read(&mut self, _tick: u64) -> Result<Option<Batch>> {
        let Some(id) = self.ids.pop_front() else { return Ok(None) };
        let number = self.read;
        self.read += 1;
        let mut message = Message::new(id, "{}");
        message.group = Some("g".to_owned());
        Ok(Some(Batch { number, messages: vec![message], ..Batch::default() }))
    }

    fn told(&mut self, batch: u64, fates: Vec<Fate>) {
        self.told.push((batch, fates));
    }

    fn answers(&self) -> bool {
        self.answers
    }

    async fn commit(&mut self, batch: u64) -> Result<()> {
        self.committed.push(batch);
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn stop(&mut self, _how: Stop) {
        self.ids.clear();
    }

    fn nothing(&self) -> Option<String> {
        None
    }
}

/// Answers by the first letter of the id: `r`efuses, wants it `l`ater, is `d`own, knows what is `k`nown,
/// and takes the others.
#[derive(Default)]
struct Moody(Mutex<Vec<String>>);

#[async_trait]
impl Publisher for Moody {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        let answer = |message: &Message| match message.id.as_bytes()[0] {
            b'r' => Ok(Published::Refused("never".to_owned())),
            b'l' => Ok(Published::Retry("later".to_owned())),
            b'd' => Err(Error::new(Kind::Unreachable, "the queue is down")),
            b'k' => Ok(Published::Duplicate),
            _ => {
                self.0.lock().unwrap().push(message.id.clone());
                Ok(Published::Accepted)
            }
        };
        batch.iter().map(answer).collect()
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

async fn run(source: &mut Answering, plan: &Plan) -> (Result<()>, u64) {
    let (queue, counters) = (Moody::default(), Counters::default());
    let never = std::future::pending();
    let clock = Clock::system();
    let ended = kakehi::publish::publish(source, &queue, plan, &clock, &counters, never).await;
    (ended, counters.unpublished.load(Ordering::Relaxed))
}

#[tokio::test]
async fn what_nobody_took_is_its_senders_still_and_ends_no_run() {
    let ids = ["a", "down", "later", "known", "refused", "z"];
    let mut source = Answering::new(&ids, true);
    let (ended, unpublished) = run(&mut source, &Plan::default()).await;
    assert_eq!(ended.unwrap_err().kind(), Kind::Rejected, "one was refused");
    assert_eq!(unpublished, 0);
    let refused = Fate::Refused("never".to_owned());
    let expected =
        [Fate::Queued, Fate::Nowhere, Fate::Nowhere, Fate::Queued, refused, Fate::Queued];
    assert_eq!(source.fates(), expected);
    assert_eq!(source.committed, [0, 3, 4, 5], "what is nowhere has no commit");
}

#[tokio::test]
async fn without_a_sender_that_hears_it_the_first_failure_ends_the_tick() {
    let mut source = Answering::new(&["a", "down", "z"], false);
    let plan = Plan { in_flight: 1, ..Plan::default() };
    let (ended, unpublished) = run(&mut source, &plan).await;
    assert_eq!(ended.unwrap_err().kind(), Kind::Unreachable);
    assert_eq!(unpublished, 1);
    assert_eq!(source.fates(), [Fate::Queued, Fate::Nowhere]);
}

#[tokio::test]
async fn what_the_spool_has_is_told_as_that() {
    let sandbox = Sandbox::new();
    let options = queues::Options::new(Environment::default(), sandbox.path("data"));
    let url = kakehi::Location::parse("sqlite:q.db").unwrap();
    let key = queues::key(&url, &options).unwrap();
    let spool = Some(Spool::new(sandbox.path("spool.db"), key, &options));
    let mut source = Answering::new(&["a", "down", "z"], true);
    let plan = Plan { spool, in_flight: 1, ..Plan::default() };
    let (ended, unpublished) = run(&mut source, &plan).await;
    assert_eq!(ended.unwrap_err().kind(), Kind::Spooled);
    assert_eq!(unpublished, 0);
    // Nothing overtakes what waits.
    assert_eq!(source.fates(), [Fate::Queued, Fate::Spooled, Fate::Spooled]);
    assert_eq!(source.committed, [0, 1, 2]);
}
