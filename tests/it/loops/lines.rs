//! What the second loop writes side by side, what after each other, and what alone.

use crate::support::loop_fixture::{LoopFixture, ids, plan};
use crate::support::scripted::Scripted;
use async_trait::async_trait;
use kakehi::environment::Environment;
use kakehi::queues::{self, Leases, Receive, Settled, Subscriber, Verdict};
use kakehi::report::{Counters, Summary};
use kakehi::retry::Limits;
use kakehi::sinks::Sink;
use kakehi::subscribe::{DeadLetters, Mode, Parts, Plan, subscribe};
use kakehi::{Delivery, Message, Receipt, Result};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// `id@group`.
fn grouped(words: &str) -> Vec<Message> {
    let message = |word: &str| {
        let (id, group) = word.split_once('@').expect("a group");
        Message { group: Some(group.to_owned()), ..Message::new(id, "{}") }
    };
    words.split_whitespace().map(message).collect()
}

#[tokio::test]
async fn an_ordered_sink_has_one_write_of_a_group_at_a_time() {
    let fixture = LoopFixture::new().await;
    let words: Vec<_> = ids(60).map(|id| format!("{id}@g")).collect();
    fixture.publish(&grouped(&words.join(" "))).await;
    let sink = Scripted { ordered: true, ..Scripted::default() };
    fixture.run(&sink, &plan()).await.0.unwrap();
    assert_eq!(sink.most_writing.load(Ordering::SeqCst), 1);
    assert_eq!(sink.stored(), ids(60).collect::<Vec<_>>());
}

#[tokio::test]
async fn groups_are_written_beside_each_other_and_each_in_its_order() {
    for at_once in [usize::MAX, 1] {
        let fixture = LoopFixture::new().await;
        let words: Vec<_> = (0..60).map(|at| format!("m{at:04}@{}", at % 4)).collect();
        fixture.publish(&grouped(&words.join(" "))).await;
        let sink = Scripted { ordered: true, at_once: Some(at_once), ..Scripted::default() };
        fixture.run(&sink, &plan()).await.0.unwrap();
        assert_eq!(sink.most_writing.load(Ordering::SeqCst), at_once.min(3));
        let stored = sink.stored();
        for group in 0..4 {
            let of_group = |id: &&String| id[1..].parse::<usize>().unwrap() % 4 == group;
            assert!(stored.iter().filter(of_group).is_sorted(), "{group}: {stored:?}");
        }
        assert_eq!(stored.len(), 60);
    }
}

#[tokio::test]
async fn two_messages_of_one_id_are_written_one_after_the_other() {
    let queue = Fixed::of(&[&["x", "a", "x", "b", "x"]]);
    let sink = Scripted::default();
    let summary = queue.drain(&sink, &plan()).await;
    assert_eq!((summary.stored, summary.duplicate), (3, 2));
    assert_eq!(*sink.batches.lock().unwrap(), [3, 1, 1]);
}

/// Gives one portion after the other, and takes every verdict.
struct Fixed {
    portions: Mutex<VecDeque<Vec<Delivery>>>,
    verdicts: Mutex<Vec<(String, Verdict)>>,
    /// How often it was asked for more.
    asked: watch::Sender<usize>,
}

impl Fixed {
    /// `id` or `id@group`, each behind as many `!` as leases were lost.
    fn of(portions: &[&[&str]]) -> Self {
        let mut at = 0;
        let mut delivery = |word: &&str| {
            at += 1;
            let name = word.trim_start_matches('!');
            let lost = u32::try_from(word.len() - name.len()).unwrap();
            let (id, group) = name.split_once('@').map_or((name, None), |(id, g)| (id, Some(g)));
            let message = Message { group: group.map(str::to_owned), ..Message::new(id, "{}") };
            Delivery {
                message,
                attempts: Some(1 + lost),
                lost,
                receipt: Receipt(at.to_string().into()),
            }
        };
        let mut portion = |words: &&[&str]| words.iter().map(&mut delivery).collect();
        let portions = Mutex::new(portions.iter().map(&mut portion).collect());
        Self { portions, verdicts: Mutex::default(), asked: watch::Sender::new(0) }
    }

    async fn drain(&self, sink: &dyn Sink, plan: &Plan) -> Summary {
        self.run(sink, plan, std::future::pending()).await
    }

    async fn run(&self, sink: &dyn Sink, plan: &Plan, until: impl Future<Output = ()>) -> Summary {
        let options = queues::Options::new(Environment::default(), PathBuf::new());
        let dead = DeadLetters::new(None, "memory:fixed".to_owned(), options);
        let counters = &Counters::default();
        let parts = Parts { queue: self, sink, dead: &dead, attempts: None, plan, counters };
        let _ = subscribe(parts, until).await; // dead letters are no failure here
        counters.summary(Duration::ZERO)
    }
}

#[async_trait]
impl Subscriber for Fixed {
    async fn receive(&self, request: Receive) -> Result<Vec<Delivery>> {
        self.asked.send_modify(|asked| *asked += 1);
        let portion = self.portions.lock().unwrap().pop_front();
        match portion {
            Some(portion) => Ok(portion),
            None if request.wait.is_zero() => Ok(Vec::new()),
            None => std::future::pending().await,
        }
    }

    async fn settle(&self, batch: Vec<(Receipt, Verdict)>) -> Vec<Settled> {
        let settled = vec![Settled::Done; batch.len()];
        let verdicts = batch.into_iter().map(|(receipt, verdict)| (receipt.0.to_string(), verdict));
        self.verdicts.lock().unwrap().extend(verdicts);
        settled
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
async fn what_lost_a_lease_is_written_alone_and_after_the_others() {
    let queue = Fixed::of(&[&["!!k", "a", "!s", "b", "1@g", "!2@g", "3@g", "c"]]);
    let sink = Scripted { ordered: true, ..Scripted::default() };
    let summary = queue.drain(&sink, &plan()).await;
    assert_eq!(summary.stored, 8);
    assert_eq!(*sink.batches.lock().unwrap(), [4, 1, 1, 1, 1]);
    assert_eq!(sink.stored(), ["a", "b", "1", "c", "s", "2", "3", "k"]);
    assert_eq!(sink.most_writing.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn attempts_that_are_used_up_by_lost_leases_are_not_made_again() {
    let queue = Fixed::of(&[&["a", "!!!k", "!!s", "b"]]);
    let sink = Scripted::default();
    let retries = Limits { max_attempts: 3, ..Limits::default() };
    let summary = queue.drain(&sink, &Plan { retries, ..plan() }).await;
    assert_eq!((summary.stored, summary.dead), (3, 1));
    assert_eq!(sink.stored(), ["a", "b", "s"]);
    let verdicts = queue.verdicts.lock().unwrap();
    let Verdict::Bury(why) = &verdicts.last().unwrap().1 else { panic!("{verdicts:?}") };
    assert!(why.starts_with("gave up after 3 attempts: in 3 of them the program ended"), "{why}");
}

#[tokio::test]
async fn what_stands_behind_a_message_that_died_follows_it_next() {
    for bad in ["r3", "t3"] {
        let fixture = LoopFixture::new().await;
        let words = ["1@g", "2@g", &format!("{bad}@g"), "4@g", "5@g", "6@g", "7@g", "8@g", "9@g"];
        fixture.publish(&grouped(&words.join(" "))).await;
        let retries = Limits { max_attempts: 1, ..Limits::default() };
        for batch in [1, 2, 4, 5, 9] {
            let sink = Scripted { ordered: true, stops: true, ..Scripted::default() };
            let fixture = match batch {
                1 => &fixture,
                _ => {
                    fixture.publish(&grouped(&words.join(" "))).await;
                    &fixture
                }
            };
            let (_, summary) = fixture.run(&sink, &Plan { batch, retries, ..plan() }).await;
            assert_eq!((summary.stored, summary.dead), (8, 1), "{bad}, {batch}");
            assert_eq!(sink.stored(), ["1", "2", "4", "5", "6", "7", "8", "9"], "{bad}, {batch}");
        }
    }
}

#[tokio::test]
async fn an_idle_sink_is_given_what_there_is_and_a_busy_one_lets_it_collect() {
    let ids: Vec<_> = ids(500).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let queue = Fixed::of(&[&ids[..1], &ids[1..300], &ids[300..]]);
    let sink = Scripted { gate: Some(watch::Sender::new(0)), ..Scripted::default() };
    let gate = sink.gate.as_ref().unwrap();
    let plan = Plan { mode: Mode::Follow, batch: 1000, in_flight: 5000, ..plan() };
    let steps = async {
        queue.asked.subscribe().wait_for(|asked| *asked == 4).await.unwrap();
        while sink.written.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        gate.send_replace(usize::MAX);
        while sink.stored().len() < 500 {
            tokio::task::yield_now().await;
        }
    };
    queue.run(&sink, &plan, steps).await;
    assert_eq!(*sink.batches.lock().unwrap(), [1, 499]);
}
