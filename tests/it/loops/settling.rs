//! What becomes of messages that fail: tried again, counted, given up, kept.

use crate::support::loop_fixture::{LoopFixture, ids, plan};
use crate::support::sandbox::Sandbox;
use crate::support::scripted::Scripted;
use crate::support::watched::Watched;
use kakehi::attempts::{self, Attempts};
use kakehi::clock::Clock;
use kakehi::dead_letter::{self, Death};
use kakehi::queues::{self, Receive, Subscriber, Verdict};
use kakehi::report::Summary;
use kakehi::retry::Limits;
use kakehi::subscribe::{Mode, Plan};
use kakehi::{Kind, Location, Message, Result};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tempfile::TempDir;

/// A queue that plays a service, and what counts its messages' attempts from run to run.
struct Service {
    fixture: LoopFixture,
    dir: TempDir,
}

impl Service {
    async fn with(ids: impl IntoIterator<Item = String>) -> Self {
        let mut fixture = LoopFixture::with(ids).await;
        fixture.dead = Some(format!("memory:{}", uuid::Uuid::now_v7()));
        Self { fixture, dir: TempDir::with_prefix("kakehi-settling-").unwrap() }
    }

    fn attempts(&self) -> Attempts {
        let path = self.dir.path().join(attempts::FILE);
        Attempts::new(Some(path), self.fixture.url.to_string(), Clock::system())
    }

    async fn run(&self, sink: &Scripted, plan: &Plan) -> (Result<()>, Summary) {
        self.run_until(sink, plan, std::future::pending()).await
    }

    /// On real time: the clock of a test that is paused runs on while the attempts are written.
    async fn run_until(
        &self,
        sink: &Scripted,
        plan: &Plan,
        shutdown: impl Future<Output = ()>,
    ) -> (Result<()>, Summary) {
        let (queue, attempts) = (Watched::service(&self.fixture).await, self.attempts());
        let ran = self.fixture.run_counted(&queue, sink, Some(&attempts), plan, shutdown).await;
        attempts.close().await.unwrap();
        Box::new(queue).close().await.unwrap();
        ran
    }

    async fn dead(&self) -> Vec<(Message, Death)> {
        let url = Location::parse(self.fixture.dead.as_deref().unwrap()).unwrap();
        let queue = queues::open_subscriber(url, &self.fixture.options).await.unwrap();
        let request = Receive {
            max: 100,
            max_bytes: usize::MAX,
            wait: Duration::ZERO,
            select: Default::default(),
        };
        let letters = queue.receive(request).await.unwrap();
        queue.close().await.unwrap();
        letters.into_iter().map(|letter| dead_letter::unwrap(letter.message)).collect()
    }
}

fn at_most(max_attempts: u32) -> Plan {
    Plan { retries: Limits { max_attempts, ..Limits::default() }, ..plan() }
}

/// Pauses that a test can wait for.
fn quickly(plan: Plan) -> Plan {
    let first_pause = Duration::from_millis(20);
    Plan { retries: Limits { first_pause, ..plan.retries }, ..plan }
}

/// The sink has answered so many batches.
async fn written(sink: &Scripted, batches: usize) {
    while sink.batches.lock().unwrap().len() < batches {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn one(id: &str) -> [String; 1] {
    [id.to_owned()]
}

#[tokio::test]
async fn a_queue_hears_why_an_attempt_failed_and_its_own_backoff_counts() {
    let fixture = LoopFixture::with(one("t")).await;
    let hour = Duration::from_secs(3600);
    let mut queue = Watched::of(&fixture).await;
    queue.backoff = Some(|attempt, _jitter| Duration::from_secs(3600) * attempt);
    let (_, summary) =
        fixture.run_on(&queue, &Scripted::default(), &plan(), std::future::pending()).await;
    assert_eq!(summary.retried, 1);
    let verdicts = std::mem::take(&mut *queue.verdicts.lock().unwrap());
    assert_eq!(verdicts, [Verdict::Retry { after: hour, why: "later".to_owned() }]);
}

#[tokio::test]
async fn a_message_that_fails_in_run_after_run_is_given_up_at_the_limit() {
    let service = Service::with(one("t1")).await;
    let (sink, plan) = (Scripted::default(), at_most(3));
    for _ in 1..3 {
        let (result, summary) = service.run(&sink, &plan).await;
        assert_eq!(result.unwrap_err().kind(), Kind::Spooled);
        assert_eq!((summary.received, summary.retried, summary.dead), (1, 1, 0));
        assert_eq!(summary.left_for_later, 1);
    }
    let (result, summary) = service.run(&sink, &plan).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Rejected);
    assert_eq!((summary.retried, summary.dead), (0, 1));
    let letters = service.dead().await;
    let (message, death) = &letters[0];
    assert_eq!((letters.len(), message.id.as_str()), (1, "t1"));
    assert_eq!(death.reason, "gave up after 3 attempts: later");
    assert_eq!(death.attempts, Some(3));
    assert!(death.first_at < death.at, "{death:?}");
    assert_eq!(service.fixture.left().await, []);
}

#[tokio::test]
async fn outages_spend_no_attempt_however_many() {
    let service = Service::with(one("t1")).await;
    let (sink, plan) = (Scripted::default(), at_most(2));
    assert_eq!(service.run(&sink, &plan).await.1.retried, 1);
    sink.down.store(true, Ordering::SeqCst);
    for _ in 0..5 {
        let (result, summary) = service.run(&sink, &plan).await;
        assert_eq!(result.unwrap_err().kind(), Kind::Unreachable);
        assert_eq!((summary.retried, summary.dead, summary.released), (0, 0, 1));
    }
    sink.down.store(false, Ordering::SeqCst);
    assert_eq!(service.run(&sink, &plan).await.1.dead, 1);
    assert_eq!(service.dead().await[0].1.attempts, Some(2));
}

#[tokio::test]
async fn a_run_that_dies_while_it_writes_has_spent_an_attempt() {
    let service = Service::with(one("t1")).await;
    let sink = Scripted { slow: true, ..Scripted::default() };
    {
        let (queue, attempts) = (Watched::service(&service.fixture).await, service.attempts());
        let (never, plan) = (std::future::pending(), at_most(2));
        let run = service.fixture.run_counted(&queue, &sink, Some(&attempts), &plan, never);
        let dies = async {
            while sink.writing.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = run => panic!("the write was to take longer"),
            () = dies => {}
        }
        Box::new(queue).close().await.unwrap();
    }
    assert_eq!(service.run(&Scripted::default(), &at_most(2)).await.1.dead, 1);
}

#[tokio::test]
async fn what_a_dead_run_was_writing_is_written_alone_and_after_the_others() {
    let service = Service::with(["a", "b", "c"].map(str::to_owned)).await;
    for id in ["a", "b"] {
        service.attempts().begin(vec![id.to_owned()]).await.unwrap();
    }
    let (sink, plan) = (Scripted::default(), at_most(2));
    assert_eq!(service.run(&sink, &plan).await.1.stored, 3);
    assert_eq!(*sink.batches.lock().unwrap(), [1, 1, 1]);
    assert_eq!(sink.stored()[0], "c");
}

#[tokio::test]
async fn what_has_taken_its_writers_along_is_given_up_unwritten() {
    let service = Service::with(one("a")).await;
    for _ in 0..2 {
        service.attempts().begin(vec!["a".to_owned()]).await.unwrap();
    }
    let sink = Scripted::default();
    assert_eq!(service.run(&sink, &at_most(2)).await.1.dead, 1);
    assert_eq!(sink.stored(), Vec::<String>::new());
    let (_, death) = &service.dead().await[0];
    assert!(death.reason.starts_with("gave up after 2 attempts: in 2 of them"), "{death:?}");
    assert_eq!(death.attempts, Some(2));
}

#[tokio::test]
async fn an_unknown_count_never_gives_up() {
    let fixture = LoopFixture::with(one("t1")).await;
    for _ in 0..3 {
        let queue = Watched::service(&fixture).await;
        let never = std::future::pending();
        let (result, summary) =
            fixture.run_on(&queue, &Scripted::default(), &at_most(1), never).await;
        assert_eq!(result.unwrap_err().kind(), Kind::Spooled);
        assert_eq!(summary.retried, 1);
        Box::new(queue).close().await.unwrap();
    }
}

#[tokio::test]
async fn a_drain_waits_for_a_retry_that_is_due_within_its_idle_time() {
    let service = Service::with(["t1", "a"].map(str::to_owned)).await;
    let plan = quickly(Plan { idle: Duration::from_secs(1), ..at_most(2) });
    let (_, summary) = service.run(&Scripted::default(), &plan).await;
    assert_eq!((summary.stored, summary.retried, summary.dead), (1, 1, 1));
}

#[tokio::test]
async fn a_drain_leaves_a_retry_that_is_due_later_to_a_later_run() {
    let service = Service::with(["t1", "a"].map(str::to_owned)).await;
    let retries = Limits { first_pause: Duration::from_secs(600), ..Limits::default() };
    let plan = Plan { idle: Duration::from_millis(50), retries, ..plan() };
    let sink = Scripted::default();
    let run = tokio::time::timeout(Duration::from_secs(60), service.run(&sink, &plan));
    let (result, summary) = run.await.expect("it does not wait for the retry");
    assert_eq!(result.unwrap_err().kind(), Kind::Spooled);
    assert_eq!((summary.received, summary.stored, summary.retried), (2, 1, 1));
    assert_eq!(service.fixture.left().await.len(), 1);
}

#[tokio::test]
async fn a_drain_that_is_full_of_retries_ends() {
    let service = Service::with((0..80).map(|at| format!("t{at}"))).await;
    let (result, summary) = service.run(&Scripted::default(), &plan()).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Spooled);
    assert_eq!((summary.received, summary.retried), (50, 50));
    assert_eq!(service.fixture.left().await.len(), 80);
}

#[tokio::test]
async fn a_follower_keeps_the_lease_until_the_retry_is_due() {
    let service = Service::with(one("t1")).await;
    let (sink, plan) = (Scripted::default(), quickly(Plan { mode: Mode::Follow, ..at_most(3) }));
    let (_, summary) = service.run_until(&sink, &plan, written(&sink, 3)).await;
    assert_eq!((summary.received, summary.retried, summary.dead), (3, 2, 1));
}

#[tokio::test]
async fn all_dead_letters_of_a_batch_are_published_and_only_then_acknowledged() {
    let mut rejected: Vec<_> = (0..7).map(|at| format!("r{at}")).collect();
    rejected.extend(ids(3));
    let service = Service::with(rejected).await;
    let (_, summary) = service.run(&Scripted::default(), &plan()).await;
    assert_eq!((summary.stored, summary.dead), (3, 7));
    assert_eq!(service.dead().await.len(), 7);
    assert_eq!(service.fixture.left().await, []);
}

#[tokio::test]
async fn a_dead_letter_that_has_no_queue_is_kept_in_the_spool() {
    let mut service = Service::with(one("r1")).await;
    service.fixture.dead = Some("memory:x?no=such".to_owned());
    service.fixture.options.data_dir = service.dir.path().to_owned();
    let (_, summary) = service.run(&Scripted::default(), &plan()).await;
    assert_eq!(summary.dead, 1);
    assert_eq!(service.fixture.left().await, []);
    let key = queues::key(&service.fixture.url, &service.fixture.options).unwrap();
    let path = service.dir.path().join(kakehi::spool::FILE);
    let spool = kakehi::spool::Spool::new(path, key, &service.fixture.options);
    assert_eq!(spool.stats().await.unwrap().dead, 1);
}

#[tokio::test]
async fn a_dead_letter_that_nobody_can_keep_stays_in_the_queue() {
    let mut service = Service::with(["r1", "a"].map(str::to_owned)).await;
    service.fixture.dead = Some("memory:x?no=such".to_owned());
    let (result, summary) = service.run(&Scripted::default(), &plan()).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Unreachable);
    assert_eq!((summary.stored, summary.dead), (1, 0));
    assert_eq!(service.fixture.left().await.len(), 1);
}

/// Three of a group, of which the first fails, and one of nobody's.
async fn grouped() -> Service {
    let service = Service::with([]).await;
    let message = |id: &str, group: Option<&str>| Message {
        group: group.map(str::to_owned),
        ..Message::new(id, "{}")
    };
    let g = Some("g");
    service
        .fixture
        .publish(&[message("t1", g), message("a", g), message("b", g), message("c", None)])
        .await;
    service
}

#[tokio::test]
async fn an_ordered_sink_never_gets_what_is_behind_a_failure_in_its_group() {
    let plan = Plan { batch: 1, idle: Duration::from_millis(1), ..plan() };
    let ordered = || Scripted { ordered: true, ..Scripted::default() };

    let (service, sink) = (grouped().await, ordered());
    let (result, summary) = service.run(&sink, &plan).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Spooled);
    assert_eq!(sink.stored(), ["c"], "{summary:?}");
    let left: Vec<_> = service.fixture.left().await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(left, ["t1", "a", "b"]);

    let (service, sink) = (grouped().await, ordered());
    let (result, _) = service.fixture.run_until(&sink, &plan, std::future::pending()).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Spooled);
    assert_eq!(sink.stored(), ["c"], "where the queue delays the retry, it holds back the rest");
    assert_eq!(service.fixture.left().await, []);
}

#[tokio::test]
async fn what_came_behind_a_failure_of_its_group_is_kept_as_long_as_the_failure() {
    let (service, sink) = (grouped().await, Scripted { ordered: true, ..Scripted::default() });
    let plan = quickly(Plan { mode: Mode::Follow, batch: 1, ..at_most(3) });
    // Three times the one that fails, and once each of the others.
    let (_, summary) = service.run_until(&sink, &plan, written(&sink, 6)).await;
    assert_eq!((summary.retried, summary.dead), (2, 1));
    assert_eq!(sink.stored(), ["c", "a", "b"], "a dead letter does not hold back its group");
}

#[test]
fn dead_letters_of_the_embedded_queue_go_where_it_was_said() {
    let sandbox = Sandbox::new();
    let lines = "{\"id\": \"bad\", \"body\": \"text\"}\n{\"id\": \"good\", \"body\": {\"n\": 1}}\n";
    let publish = sandbox.publish().args("stdin:?envelope --to sqlite:q.db");
    publish.stdin(lines).run().expect(0);
    let refused =
        sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db --dead sqlite:./q.db");
    let refused = refused.run().expect(2);
    assert!(refused.stderr.contains("`--dead` is the queue itself"), "{}", refused.stderr);

    let command = "--from sqlite:q.db --max-attempts 1 --dead sqlite:dead.db?queue=d -- sh -c";
    let fails = sandbox.subscribe().args(command).arg("test $KAKEHI_ID = good");
    let run = fails.run().expect(65);
    assert!(run.stderr.contains("1 stored, 1 dead"), "{}", run.stderr);
    assert!(run.stderr.contains("in `sqlite:dead.db?queue=d`"), "{}", run.stderr);
    let stats = sandbox.queue().args("stats sqlite:q.db --json").run().expect(0).stdout;
    let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
    assert_eq!((&stats["ready"], &stats["dead"]), (&0.into(), &0.into()), "{stats}");
    let letters = sandbox.subscribe().args("--from sqlite:dead.db?queue=d --to stdout:?envelope");
    let letters = letters.run().expect(0).stdout;
    assert!(letters.contains("gave up after 1 attempts") && letters.contains("text"), "{letters}");
}
