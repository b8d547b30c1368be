//! The first loop, on the queue in memory and a source that does as it is told.

use crate::support::sandbox::Sandbox;
use async_trait::async_trait;
use chrono::TimeDelta;
use chrono_tz::Tz;
use kakehi::clock::Clock;
use kakehi::environment::Environment;
use kakehi::publish::{Plan, publish};
use kakehi::queues::{Options, Published, Publisher};
use kakehi::report::{Counters, Summary};
use kakehi::schedule::Schedule;
use kakehi::sources::{Batch, Refusal, Source, Stop};
use kakehi::spool::{Spool, Spooled};
use kakehi::{Error, Kind, Message, Result};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Gives its batches one after the other, in the first tick or in each one again.
#[derive(Default)]
struct Scripted {
    batches: VecDeque<Result<Batch>>,
    each_tick: bool,
    tick: Option<u64>,
    committed: usize,
    /// The batches that were committed, by their numbers.
    commits: Vec<u64>,
    given: u64,
    stopped: bool,
}

#[async_trait]
impl Source for Scripted {
    async fn read(&mut self, tick: u64) -> Result<Option<Batch>> {
        if self.stopped {
            return Ok(None);
        }
        let next = match self.each_tick && self.tick != Some(tick) {
            true => Some(Ok(batch(&[&format!("tick{tick}")]))),
            false => self.batches.pop_front(),
        };
        self.tick = Some(tick);
        let number = self.given;
        self.given += 1;
        next.map(|batch| batch.map(|batch| Batch { number, ..batch })).transpose()
    }

    async fn commit(&mut self, batch: u64) -> Result<()> {
        self.committed += 1;
        self.commits.push(batch);
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn stop(&mut self, _how: Stop) {
        self.stopped = true;
    }

    fn nothing(&self) -> Option<String> {
        None
    }
}

/// Answers by the first letter of the id: `r`efuses, is `d`uplicate, tries again `l`ater, is `g`one.
#[derive(Default)]
struct Answers {
    accepted: Mutex<Vec<String>>,
    /// How long each answer takes.
    slow: Option<Duration>,
}

#[async_trait]
impl Publisher for Answers {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        if let Some(time) = self.slow {
            tokio::time::sleep(time).await;
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

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn batch(ids: &[&str]) -> Batch {
    let messages = ids.iter().map(|id| Message::new(*id, "{}")).collect();
    Batch { messages, ..Batch::default() }
}

fn source(batches: impl IntoIterator<Item = Batch>) -> Scripted {
    Scripted { batches: batches.into_iter().map(Ok).collect(), ..Scripted::default() }
}

fn plan() -> Plan {
    Plan { in_flight: 3, grace: Duration::from_secs(5), ..Plan::default() }
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
    let (position, reason) = ("line 7".to_owned(), "not JSON".to_owned());
    first.refused.push(Refusal { position, reason, raw: None });
    let mut source = source([first, batch(&["b"])]);
    let (result, summary) = run(&mut source, &Answers::default(), &plan()).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Rejected);
    assert!(error.to_string().starts_with("2 of 5 messages were refused"), "{error}");
    assert_eq!((summary.published, summary.duplicate, summary.refused), (2, 1, 2));
    assert_eq!(source.committed, 2, "what will never be taken must not be read for ever");
}

#[tokio::test(start_paused = true)]
async fn what_the_queue_took_is_committed_whatever_else_failed() {
    for bad in ["gone", "later"] {
        let mut source = source([batch(&["a"]), batch(&[bad]), batch(&["c"])]);
        let queue = Answers { slow: Some(Duration::from_secs(1)), ..Answers::default() };
        let (result, summary) = run(&mut source, &queue, &plan()).await;
        assert_eq!(result.unwrap_err().kind(), Kind::Unreachable);
        assert_eq!((source.commits, summary.unpublished), (vec![0, 2], 1), "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_stops_no_commit_of_what_was_read_before() {
    let mut source = source([batch(&["a"]), batch(&["b"])]);
    source.batches.push_back(Err(Error::new(Kind::Unreachable, "the store is full")));
    let queue = Answers { slow: Some(Duration::from_secs(1)), ..Answers::default() };
    let (result, summary) = run(&mut source, &queue, &plan()).await;
    assert_eq!(result.unwrap_err().to_string(), "the store is full");
    assert_eq!((source.commits, summary.published), (vec![0, 1], 2));
}

/// A batch whose ids begin with a letter for the queue, and name their group behind a dash.
fn grouped(ids: &[&str]) -> Batch {
    let mut batch = batch(ids);
    for message in &mut batch.messages {
        message.group = message.id.split_once('-').map(|(_, group)| group.to_owned());
    }
    batch
}

#[tokio::test]
async fn without_a_spool_nothing_behind_a_failure_is_taken_of_its_group() {
    for bad in ["later-x", "gone-x"] {
        let batches = [
            grouped(&["a1-x", "a2-y"]),
            grouped(&[bad, "b2-z"]),
            grouped(&["c1-x", "c2-y", "c3"]),
            grouped(&["d1-x"]),
        ];
        let mut source = source(batches);
        let queue = Answers::default();
        let plan = Plan { in_flight: 8, ..plan() };
        let (result, summary) = run(&mut source, &queue, &plan).await;
        assert_eq!(result.unwrap_err().kind(), Kind::Unreachable);
        let accepted = queue.accepted.lock().unwrap().clone();
        let behind = accepted.iter().filter(|id| *id != "a1-x" && id.ends_with("-x")).count();
        assert_eq!(behind, 0, "{accepted:?}");
        assert_eq!(summary.read, summary.published + summary.unpublished, "{accepted:?}");
        assert_eq!(source.commits, [0], "each other batch holds something of that group");
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
    let (clock, control) = Clock::manual(start);
    let mut source = Scripted { each_tick: true, ..Scripted::default() };
    let every = Some(Schedule::parse("*/10 * * * * *", Tz::UTC).unwrap());
    let counters = Counters::default();
    let queue = Answers::default();
    let passing = async {
        for _ in 0..35 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            control.advance(TimeDelta::seconds(1));
        }
    };
    let plan = Plan { every, ..plan() };
    publish(&mut source, &queue, &plan, &clock, &counters, passing).await.unwrap();
    assert_eq!(*queue.accepted.lock().unwrap(), ["tick0", "tick1", "tick2"]);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_outlasts_the_grace_is_not_waited_for() {
    let mut source = source([batch(&["a"])]);
    let queue = Answers { slow: Some(Duration::from_secs(100)), ..Answers::default() };
    let counters = Counters::default();
    let shutdown = tokio::time::sleep(Duration::from_secs(1));
    let result = publish(&mut source, &queue, &plan(), &Clock::system(), &counters, shutdown).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Unreachable);
    assert_eq!(source.committed, 0);
}

/// A spool of its own in a folder of its own.
fn spool(sandbox: &Sandbox) -> Spool {
    let options = Options::new(Environment::default(), sandbox.dir().to_owned());
    Spool::new(sandbox.path("spool.db"), "the queue".to_owned(), &options)
}

fn spooling(spool: &Spool) -> Plan {
    Plan { spool: Some(spool.clone()), ..plan() }
}

/// Takes nothing while it is down, and keeps what it took, in order.
#[derive(Default)]
struct Fragile {
    down: AtomicBool,
    asked: AtomicUsize,
    taken: Mutex<Vec<String>>,
    /// The queue goes down when it is given this id for the first time.
    breaks_at: Mutex<Option<&'static str>>,
}

#[async_trait]
impl Publisher for Fragile {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let breaks = |id: &mut &str| batch.iter().any(|message| message.id == *id);
        if self.breaks_at.lock().unwrap().take_if(breaks).is_some() {
            self.down.store(true, Ordering::Relaxed);
            // Others are on their way meanwhile.
            tokio::task::yield_now().await;
            return Err(Error::new(Kind::Unreachable, "it broke"));
        }
        if self.down.load(Ordering::Relaxed) {
            return Err(Error::new(Kind::Credentials, "the key was withdrawn"));
        }
        let answer = |message: &Message| {
            if message.id.starts_with('r') {
                return Published::Refused("too large".to_owned());
            }
            self.taken.lock().unwrap().push(message.id.clone());
            Published::Accepted
        };
        Ok(batch.iter().map(answer).collect())
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

impl Fragile {
    fn is_down() -> Self {
        Self { down: true.into(), ..Self::default() }
    }

    fn repair(&self) {
        self.down.store(false, Ordering::Relaxed);
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

async fn pour(
    source: &mut dyn Source,
    queue: &dyn Publisher,
    plan: &Plan,
) -> (Result<()>, Summary) {
    let counters = Counters::default();
    let never = std::future::pending();
    let result = publish(source, queue, plan, &Clock::system(), &counters, never).await;
    (result, counters.summary(Duration::ZERO))
}

#[tokio::test]
async fn what_the_queue_cannot_take_is_kept_committed_and_sent_by_the_next_run() {
    let sandbox = Sandbox::new();
    let spool = spool(&sandbox);
    let mut first = source((0..20).map(|at| batch(&[&format!("a{at:02}"), &format!("b{at:02}")])));
    let queue = Fragile::is_down();
    let (result, summary) = pour(&mut first, &queue, &spooling(&spool)).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Spooled);
    let told = error.to_string();
    assert!(told.contains("40 messages wait in the spool") && told.contains("withdrawn"), "{told}");
    assert_eq!((summary.read, summary.spooled, first.committed), (40, 40, 20));
    assert!(queue.asked.load(Ordering::Relaxed) <= 3, "no timeout for each batch");
    // What is read now goes behind what waits; and so it does while the queue is still down.
    let (result, _) = pour(&mut source([batch(&["c"])]), &queue, &spooling(&spool)).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Spooled);
    queue.repair();
    let mut last = source([batch(&["d"])]);
    let (result, summary) = pour(&mut last, &queue, &spooling(&spool)).await;
    result.unwrap();
    assert_eq!((summary.read, summary.spooled, summary.published), (1, 0, 42));
    assert_eq!(summary.drained, 42, "what was read went behind what waited");
    let expected = (0..20).flat_map(|at| [format!("a{at:02}"), format!("b{at:02}")]);
    let expected: Vec<_> = expected.chain(["c".to_owned(), "d".to_owned()]).collect();
    assert_eq!(queue.taken(), expected);
    assert_eq!(spool.stats().await.unwrap(), Spooled::default());
}

#[tokio::test]
async fn a_run_that_reads_nothing_sends_what_waits() {
    let sandbox = Sandbox::new();
    let spool = spool(&sandbox);
    let queue = Fragile::is_down();
    pour(&mut source([batch(&["a"])]), &queue, &spooling(&spool)).await.0.unwrap_err();
    queue.repair();
    pour(&mut source([]), &queue, &spooling(&spool)).await.0.unwrap();
    assert_eq!(queue.taken(), ["a"]);
    // Also where the source fails, which is what is told then.
    queue.down.store(true, Ordering::Relaxed);
    pour(&mut source([batch(&["b"])]), &queue, &spooling(&spool)).await.0.unwrap_err();
    queue.repair();
    let mut broken = source([]);
    broken.batches.push_back(Err(Error::new(Kind::Unreachable, "no answer")));
    let error = pour(&mut broken, &queue, &spooling(&spool)).await.0.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
    assert_eq!(queue.taken(), ["a", "b"]);
}

#[tokio::test]
async fn nothing_of_a_group_overtakes_what_broke_in_the_middle() {
    let sandbox = Sandbox::new();
    let spool = spool(&sandbox);
    let ids: Vec<_> = (0..12).map(|at| format!("a{at:02}")).collect();
    let grouped = |id: &String| {
        let mut batch = batch(&[id]);
        batch.messages[0].group = Some("g".to_owned());
        batch
    };
    let mut scripted = source(ids.iter().map(grouped));
    let queue = Fragile { breaks_at: Mutex::new(Some("a04")), ..Fragile::default() };
    let (result, summary) = pour(&mut scripted, &queue, &spooling(&spool)).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Spooled);
    assert_eq!((summary.published, summary.spooled, scripted.committed), (4, 8, 12));
    queue.repair();
    pour(&mut source([]), &queue, &spooling(&spool)).await.0.unwrap();
    assert_eq!(queue.taken(), ids);
}

#[tokio::test]
async fn only_what_was_not_taken_of_a_batch_is_kept() {
    let sandbox = Sandbox::new();
    let spool = spool(&sandbox);
    let queue = Answers::default();
    let mut scripted = source([batch(&["a", "later", "r1", "b"]), batch(&["c"])]);
    let (result, summary) = pour(&mut scripted, &queue, &spooling(&spool)).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Spooled);
    assert_eq!((summary.refused, scripted.committed), (1, 2));
    assert_eq!(queue.accepted.lock().unwrap()[..2], ["a", "b"]);
    let held = spool.stats().await.unwrap();
    assert_eq!(held.dead, 1, "what is refused for good is a dead letter");
    assert_eq!(held.waiting, summary.spooled);
}

#[tokio::test]
async fn a_poisonous_message_in_the_spool_becomes_a_dead_letter_and_the_rest_goes_on() {
    let sandbox = Sandbox::new();
    let spool = spool(&sandbox);
    let queue = Fragile::is_down();
    let poison = batch(&["a", "r1", "b"]);
    pour(&mut source([poison, batch(&["r2", "c"])]), &queue, &spooling(&spool))
        .await
        .0
        .unwrap_err();
    queue.repair();
    let (result, summary) = pour(&mut source([]), &queue, &spooling(&spool)).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Rejected);
    assert!(error.to_string().contains("queue dead list 'sqlite:"), "{error}");
    assert_eq!((summary.published, summary.dead), (3, 2));
    assert_eq!(queue.taken(), ["a", "b", "c"]);
    assert_eq!(spool.stats().await.unwrap(), Spooled { dead: 2, ..Spooled::default() });
    // Nothing waits any more: the next run is well.
    pour(&mut source([]), &queue, &spooling(&spool)).await.0.unwrap();
}

#[tokio::test]
async fn an_outage_of_any_length_makes_no_dead_letters() {
    let sandbox = Sandbox::new();
    let spool = spool(&sandbox);
    let queue = Fragile::is_down();
    for _ in 0..15 {
        let (result, _) = pour(&mut source([batch(&["a", "b"])]), &queue, &spooling(&spool)).await;
        assert_eq!(result.unwrap_err().kind(), Kind::Spooled);
    }
    assert_eq!(spool.stats().await.unwrap(), Spooled { waiting: 2, ..Spooled::default() });
    queue.repair();
    pour(&mut source([]), &queue, &spooling(&spool)).await.0.unwrap();
    assert_eq!(queue.taken(), ["a", "b"]);
}

#[tokio::test]
async fn a_long_reading_goes_straight_again_once_the_queue_is_back() {
    /// Repairs the queue when half is read, and waits until the spool is empty before the rest.
    struct Long<'a>(Scripted, &'a Fragile, Spool);

    #[async_trait]
    impl Source for Long<'_> {
        async fn read(&mut self, tick: u64) -> Result<Option<Batch>> {
            if self.0.batches.len() == 2 {
                self.1.repair();
                while self.2.stats().await?.waiting > 0 {
                    tokio::task::yield_now().await;
                }
            }
            self.0.read(tick).await
        }

        async fn commit(&mut self, batch: u64) -> Result<()> {
            self.0.commit(batch).await
        }

        async fn flush(&mut self) -> Result<()> {
            self.0.flush().await
        }

        fn stop(&mut self, how: Stop) {
            self.0.stop(how);
        }

        fn nothing(&self) -> Option<String> {
            self.0.nothing()
        }
    }

    let sandbox = Sandbox::new();
    let spool = spool(&sandbox);
    let queue = Fragile::is_down();
    let ids = ["a", "b", "c", "d"];
    let mut long = Long(source(ids.iter().map(|id| batch(&[id]))), &queue, spool.clone());
    let plan = Plan { drain_every: Duration::from_millis(20), ..spooling(&spool) };
    let (result, summary) = pour(&mut long, &queue, &plan).await;
    result.unwrap();
    assert_eq!((summary.spooled, summary.drained, summary.published), (0, 2, 4));
    assert_eq!(queue.taken(), ids);
}

#[tokio::test]
async fn a_schedule_recovers_by_itself() {
    let sandbox = Sandbox::new();
    let spool = spool(&sandbox);
    let queue = Fragile::is_down();
    let mut source = Scripted { each_tick: true, ..Scripted::default() };
    let every = Some(Schedule::parse("* * * * * *", Tz::UTC).unwrap());
    let plan = Plan { every, ..spooling(&spool) };
    let counters = Counters::default();
    let watching = async {
        let reaches = async |ticks: u64| {
            while counters.read.load(Ordering::Relaxed) < ticks {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        reaches(2).await;
        queue.repair();
        while queue.taken().len() < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let clock = Clock::system();
    publish(&mut source, &queue, &plan, &clock, &counters, watching).await.unwrap();
    let taken = queue.taken();
    assert_eq!(taken[..3], ["tick0", "tick1", "tick2"]);
    assert_eq!(counters.summary(Duration::ZERO).published, taken.len() as u64);
}

#[tokio::test]
async fn where_the_spool_fails_too_nothing_counts_as_read() {
    let sandbox = Sandbox::new();
    let options = Options::new(Environment::default(), sandbox.dir().to_owned());
    let spool = Spool::new("/proc/kakehi/spool.db".into(), "the queue".to_owned(), &options);
    let mut scripted = source([batch(&["a"]), batch(&["b"])]);
    let (result, summary) = pour(&mut scripted, &Fragile::is_down(), &spooling(&spool)).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Configuration);
    let told = error.to_string();
    assert!(told.contains("withdrawn") && told.contains("/proc/kakehi"), "{told}");
    assert_eq!((summary.spooled, scripted.committed), (0, 0));
    assert_eq!(summary.unpublished, summary.read);
}

#[tokio::test]
async fn a_dry_run_leaves_the_spool_alone() {
    let sandbox = Sandbox::new();
    let spool = spool(&sandbox);
    let queue = Fragile::is_down();
    let plan = Plan { dry_run: true, ..spooling(&spool) };
    pour(&mut source([batch(&["a"])]), &queue, &plan).await.0.unwrap();
    assert!(!sandbox.path("spool.db").exists());
    pour(&mut source([batch(&["a"])]), &queue, &spooling(&spool)).await.0.unwrap_err();
    queue.repair();
    pour(&mut source([batch(&["b"])]), &queue, &plan).await.0.unwrap();
    assert_eq!(spool.stats().await.unwrap().waiting, 1);
}
