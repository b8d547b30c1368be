//! The spool is drained in the middle of a run: a stop is heard meanwhile, and what was sent counts.

use crate::support::sandbox::Sandbox;
use async_trait::async_trait;
use kakehi::clock::Clock;
use kakehi::environment::Environment;
use kakehi::publish::{Plan, publish};
use kakehi::queues::{Options, Published, Publisher};
use kakehi::report::{Counters, Summary};
use kakehi::sources::{Batch, Source, Stop};
use kakehi::spool::Spool;
use kakehi::{Kind, Message, Result};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

const LONG: Duration = Duration::from_secs(60);

/// An input in which nothing comes until it is called off.
#[derive(Default)]
struct Silent {
    stopped: bool,
}

#[async_trait]
impl Source for Silent {
    async fn read(&mut self, _tick: u64) -> Result<Option<Batch>> {
        if !self.stopped {
            std::future::pending::<()>().await;
        }
        Ok(None)
    }

    async fn commit(&mut self, _batch: u64) -> Result<()> {
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

/// Takes two batches, tells of it, and takes a third one only after it was told to.
#[derive(Default)]
struct Slow {
    asked: AtomicUsize,
    third: Notify,
    go_on: Notify,
}

#[async_trait]
impl Publisher for Slow {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        if self.asked.fetch_add(1, Ordering::SeqCst) == 2 {
            self.third.notify_one();
            self.go_on.notified().await;
        }
        Ok(vec![Published::Accepted; batch.len()])
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// A spool of 2500 messages, and a plan that drains it at once.
async fn filled(sandbox: &Sandbox, grace: Duration) -> Plan {
    let options = Options::new(Environment::default(), sandbox.dir().to_owned());
    let spool = Spool::new(sandbox.path("spool.db"), "the queue".to_owned(), &options);
    let inlet = spool.open().await.unwrap();
    let messages: Vec<_> = (0..2500).map(|n| Message::new(format!("m{n}"), "{}")).collect();
    inlet.append(&messages).await.unwrap();
    inlet.close().await.unwrap();
    let drain_every = Duration::from_millis(1);
    Plan { spool: Some(spool), drain_every, grace, ..Plan::default() }
}

/// Stops the run while the third batch is on its way; it is let through where `finished`.
async fn stop_in_the_third(plan: &Plan, finished: bool) -> (Result<()>, Summary) {
    let (queue, counters) = (Slow::default(), Counters::default());
    let shutdown = async {
        queue.third.notified().await;
        if finished {
            queue.go_on.notify_one();
        }
    };
    let mut source = Silent::default();
    let clock = Clock::system();
    let run = publish(&mut source, &queue, plan, &clock, &counters, shutdown);
    let result = tokio::time::timeout(LONG, run).await.expect("the stop is heard");
    (result, counters.summary(Duration::ZERO))
}

#[tokio::test]
async fn a_stop_is_heard_while_the_spool_drains_and_what_was_sent_is_told() {
    let sandbox = Sandbox::new();
    let plan = filled(&sandbox, 100 * LONG).await;
    let (result, summary) = stop_in_the_third(&plan, true).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Spooled);
    assert!(error.to_string().contains("1000 messages wait in the spool"), "{error}");
    assert_eq!((summary.drained, summary.published, summary.spooled), (1500, 1500, 0));
}

#[tokio::test]
async fn a_drain_that_outlasts_the_grace_is_broken_off_and_what_was_sent_is_told() {
    let sandbox = Sandbox::new();
    let plan = filled(&sandbox, Duration::from_millis(100)).await;
    let (result, summary) = stop_in_the_third(&plan, false).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Spooled);
    let told = error.to_string();
    assert!(told.contains("1500 messages wait in the spool"), "{told}");
    assert!(told.contains("the grace after the signal is over"), "{told}");
    assert_eq!((summary.drained, summary.published), (1000, 1000));
}

#[tokio::test]
async fn what_this_run_left_in_the_spool_is_told_apart_from_what_it_sent() {
    let sandbox = Sandbox::new();
    let plan = filled(&sandbox, LONG).await;
    let (queue, counters) = (Slow::default(), Counters::default());
    queue.go_on.notify_one();
    let mut source = Silent { stopped: true };
    let never = std::future::pending();
    publish(&mut source, &queue, &plan, &Clock::system(), &counters, never).await.unwrap();
    let human = counters.summary(Duration::ZERO).human(kakehi::report::Program::Publish);
    assert_eq!(human, "0 read, 2500 published, 2500 drained in 0.0 s");
    assert_eq!(plan.spool.unwrap().backlog(1).await.unwrap().messages, 0);
}
