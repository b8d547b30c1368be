//! Any sequence of operations on queues of tasks, their clock set forward and back by hours, all who
//! use them dropped as a crash would, comes out as the model says.

use super::any::{HOUR, any_sequence, delay, jump, pass, real_verdict, tag, verdict};
use super::model::{LEASE, Now, Verdict};
use super::tasks_model::{Delivery, File, State};
use crate::support::pond::Pond;
use chrono::TimeDelta;
use kakehi::Receipt;
use kakehi::queues::{
    self, Added, Change, Changed, NewTask, Options, Receive, RetryLimits, Select, Settled,
    Subscriber, TaskLease, TaskQueues, TaskSettings, TaskStats, Tasks,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One step. Queues, leases and names are numbers that are wrapped around.
#[derive(Debug, Clone)]
enum Step {
    Add {
        queue: usize,
        batch: Vec<Draft>,
    },
    Lease {
        queue: usize,
        max: usize,
        seconds: u64,
        select: Select,
    },
    Change {
        queue: usize,
        lease: usize,
        proof: Proof,
        change: Change,
    },
    Delete {
        queue: usize,
        names: Vec<usize>,
    },
    Purge {
        queue: usize,
    },
    Configure {
        queue: usize,
        settings: TaskSettings,
    },
    Receive {
        queue: usize,
        max: usize,
        select: Select,
    },
    Settle {
        queue: usize,
        verdicts: Vec<(usize, Verdict)>,
    },
    /// This many seconds pass.
    Pass(i64),
    /// The clock is set forward or back by so many seconds.
    Jump(i64),
    /// Whoever uses the file is gone, and what was leased stays leased.
    Crash,
}

/// How a lease is proved.
#[derive(Debug, Clone, Copy)]
enum Proof {
    None,
    /// By what was told when it was given.
    Exact,
    /// By something close to that.
    Close,
}

#[derive(Debug, Clone)]
struct Draft {
    name: Option<u8>,
    tag: Option<&'static str>,
    delay: Option<i64>,
    limits: Option<RetryLimits>,
}

const QUEUES: [&str; 2] = ["a", "b"];

/// A queue, and one of two at that.
fn queue() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0_usize), 1 => Just(1_usize)]
}

fn step() -> impl Strategy<Value = Step> {
    let add = (queue(), prop::collection::vec(draft(), 1..6));
    let lease = (queue(), 1..5_usize, seconds(), select());
    let change = (queue(), 0..8_usize, proof(), change());
    let names = prop::collection::vec(0..12_usize, 1..4);
    let verdicts = prop::collection::vec((0..8_usize, verdict()), 1..4);
    prop_oneof![
        6 => add.prop_map(|(queue, batch)| Step::Add { queue, batch }),
        9 => lease.prop_map(|(queue, max, seconds, select)| {
            Step::Lease { queue, max, seconds, select }
        }),
        6 => change.prop_map(|(queue, lease, proof, change)| {
            Step::Change { queue, lease, proof, change }
        }),
        2 => (queue(), names).prop_map(|(queue, names)| Step::Delete { queue, names }),
        1 => queue().prop_map(|queue| Step::Purge { queue }),
        2 => (queue(), settings()).prop_map(|(queue, settings)| Step::Configure { queue, settings }),
        3 => (queue(), 1..5_usize, select()).prop_map(|(queue, max, select)| {
            Step::Receive { queue, max, select }
        }),
        3 => (queue(), verdicts).prop_map(|(queue, verdicts)| Step::Settle { queue, verdicts }),
        5 => pass().prop_map(Step::Pass),
        2 => jump().prop_map(Step::Jump),
        1 => Just(Step::Crash),
    ]
}

fn draft() -> impl Strategy<Value = Draft> {
    let name = prop_oneof![4 => (0..9_u8).prop_map(Some), 1 => Just(None)];
    let limits = prop_oneof![3 => Just(None), 1 => limits().prop_map(Some)];
    (name, prop::option::of(tag()), delay(), limits).prop_map(|(name, tag, delay, limits)| Draft {
        name,
        tag,
        delay,
        limits,
    })
}

fn limits() -> impl Strategy<Value = RetryLimits> {
    let age = prop::option::of((0..100_u64).prop_map(Duration::from_secs));
    (0..4_u32, age).prop_map(|(leases, age)| RetryLimits { leases: Some(leases), age })
}

fn settings() -> impl Strategy<Value = TaskSettings> {
    let limits = prop_oneof![2 => Just(RetryLimits::default()), 3 => limits()];
    (limits, prop::bool::weighted(0.15))
        .prop_map(|(limits, paused)| TaskSettings { limits, paused })
}

fn select() -> impl Strategy<Value = Select> {
    let tag = tag().prop_map(|tag| Select::Tag(tag.to_owned()));
    prop_oneof![2 => Just(Select::Any), 1 => tag, 2 => Just(Select::OldestTag)]
}

fn seconds() -> impl Strategy<Value = u64> {
    let hours = HOUR.unsigned_abs()..9 * HOUR.unsigned_abs();
    prop_oneof![1 => Just(0_u64), 4 => 1..60_u64, 2 => Just(30_u64), 1 => hours]
}

fn proof() -> impl Strategy<Value = Proof> {
    prop_oneof![2 => Just(Proof::None), 5 => Just(Proof::Exact), 1 => Just(Proof::Close)]
}

fn change() -> impl Strategy<Value = Change> {
    let extend = seconds().prop_map(|it| Change::Extend(Duration::from_secs(it)));
    prop_oneof![2 => Just(Change::Acknowledge), 3 => extend]
}

/// A task in the file: queue, name, state, time, place, leases, attempts and body.
type Row = (String, String, &'static str, Option<i64>, i64, u32, u32, String);

/// Those who use the file.
struct Users {
    /// The queues of tasks, closed by nobody.
    _file: Arc<dyn TaskQueues>,
    queues: Vec<Arc<dyn Tasks>>,
    subscribers: Vec<Box<dyn Subscriber>>,
}

impl Users {
    async fn new(pond: &Pond) -> Self {
        let file = queues::open_tasks(pond.url(""), &pond.options).await.unwrap();
        let lease = Duration::from_millis(LEASE.unsigned_abs());
        let options = Options { lease, ..pond.options.clone() };
        let (mut queues, mut subscribers) = (Vec::new(), Vec::new());
        for name in QUEUES {
            file.create(name, TaskSettings::default()).await.unwrap();
            queues.push(file.find(name).await.unwrap().unwrap());
            let url = pond.url(&format!("?queue={name}"));
            subscribers.push(queues::open_subscriber(url, &options).await.unwrap());
        }
        Self { _file: file, queues, subscribers }
    }
}

/// The real queues beside their model.
struct Both {
    pond: Pond,
    model: File,
    users: Users,
    /// The names that tasks of each queue ever had.
    names: [Vec<String>; QUEUES.len()],
    /// Each end of a lease that was ever told, of each queue.
    told: [Vec<(String, i64)>; QUEUES.len()],
    /// What each queue has ever delivered: as the model names it, and the receipt.
    delivered: [Vec<(Delivery, Receipt)>; QUEUES.len()],
}

impl Both {
    async fn new() -> Self {
        let pond = Pond::new();
        let users = Users::new(&pond).await;
        let mut model = File::default();
        model.queues = QUEUES.iter().map(|name| (*name, Default::default())).collect();
        let (names, told, delivered) = Default::default();
        Self { pond, model, users, names, told, delivered }
    }

    fn now(&self) -> Now {
        let clock = &self.pond.options.clock;
        Now { day: clock.millis(), passed: clock.monotonic() }
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Add { queue, batch } => self.add(*queue, batch).await,
            Step::Lease { queue, max, seconds, select } => {
                self.lease(*queue, *max, *seconds, select).await;
            }
            Step::Change { queue, lease, proof, change } => {
                self.change(*queue, *lease, *proof, *change).await;
            }
            Step::Delete { queue, names } => self.delete(*queue, names).await,
            Step::Purge { queue } => {
                let purged = self.users.queues[*queue].purge().await.unwrap();
                let items = &mut self.model.queues.get_mut(QUEUES[*queue]).unwrap().items;
                assert_eq!(purged, items.drain(..).count() as u64, "how many were purged");
            }
            Step::Configure { queue, settings } => {
                let tasks = &self.users.queues[*queue];
                let before = tasks.settings().await.unwrap();
                assert!(tasks.set(before, *settings).await.unwrap());
                self.model.queues.get_mut(QUEUES[*queue]).unwrap().settings = *settings;
            }
            Step::Receive { queue, max, select } => self.receive(*queue, *max, select).await,
            Step::Settle { queue, verdicts } => self.settle(*queue, verdicts).await,
            Step::Pass(seconds) => self.pond.control.advance(TimeDelta::seconds(*seconds)),
            Step::Jump(seconds) => self.pond.control.jump(TimeDelta::seconds(*seconds)),
            Step::Crash => self.users = Users::new(&self.pond).await,
        }
    }

    async fn add(&mut self, queue: usize, batch: &[Draft]) {
        let day = self.now().day;
        let tasks: Vec<_> = batch.iter().map(|draft| draft.task(&self.pond)).collect();
        let answers = self.users.queues[queue].add(tasks.clone()).await.unwrap();
        for (task, answer) in tasks.iter().zip(answers) {
            let made = match &answer {
                Added::Added(task) => task.name.clone(),
                _ => String::new(),
            };
            let expected = self.model.add(QUEUES[queue], task, &made, day);
            assert_eq!(answer, expected, "what whoever added heard");
            self.names[queue].extend((!made.is_empty()).then_some(made));
        }
    }

    async fn lease(&mut self, queue: usize, max: usize, seconds: u64, select: &Select) {
        let time = Duration::from_secs(seconds);
        let millis = time.as_millis() as i64;
        let expected = self.model.lease(QUEUES[queue], max, select, millis, self.now());
        let (max_bytes, wait) = (usize::MAX, Duration::ZERO);
        let request = TaskLease { max, max_bytes, time, wait, select: select.clone() };
        let leased = self.users.queues[queue].lease(request).await.unwrap();
        assert_eq!(leased, expected, "what was leased");
        self.told[queue].extend(leased.into_iter().map(|it| (it.name, it.eta)));
    }

    async fn change(&mut self, queue: usize, lease: usize, proof: Proof, change: Change) {
        let Some((name, eta)) = newest(&self.told[queue], lease) else { return };
        let eta = match proof {
            Proof::None => None,
            Proof::Exact => Some(eta),
            Proof::Close => Some(eta + 1),
        };
        let expected = self.model.change(QUEUES[queue], &name, eta, change, self.now());
        let changed = self.users.queues[queue].change(&name, eta, change).await.unwrap();
        assert_eq!(changed, expected, "what became of the change");
        if let Changed::Done(task) = changed
            && task.leased
        {
            self.told[queue].push((task.name, task.eta));
        }
    }

    async fn delete(&mut self, queue: usize, names: &[usize]) {
        let names: Vec<_> =
            names.iter().filter_map(|number| newest(&self.names[queue], *number)).collect();
        let day = self.now().day;
        let expected: Vec<_> =
            names.iter().map(|name| self.model.delete(QUEUES[queue], name, day)).collect();
        let deleted = self.users.queues[queue].delete(names).await.unwrap();
        assert_eq!(deleted, expected, "what became of the deletion");
    }

    async fn receive(&mut self, queue: usize, max: usize, select: &Select) {
        let expected = self.model.receive(QUEUES[queue], max, select, self.now());
        let (max_bytes, wait) = (usize::MAX, Duration::ZERO);
        let request = Receive { max, max_bytes, wait, select: select.clone() };
        let got = self.users.subscribers[queue].receive(request).await.unwrap();
        let names = got.iter().map(|it| (it.message.id.clone(), it.attempts.unwrap()));
        let wanted = expected.iter().map(|it| (it.0.clone(), it.1));
        assert!(names.clone().eq(wanted), "{:?} and not {expected:?}", names.collect::<Vec<_>>());
        let receipts = got.into_iter().map(|it| it.receipt);
        self.delivered[queue].extend(expected.into_iter().zip(receipts));
    }

    async fn settle(&mut self, queue: usize, verdicts: &[(usize, Verdict)]) {
        let day = self.now().day;
        let (mut real, mut expected) = (Vec::new(), Vec::new());
        for (number, verdict) in verdicts {
            let Some((delivery, receipt)) = newest(&self.delivered[queue], *number) else { return };
            expected.push(self.model.settle(QUEUES[queue], &delivery, *verdict, day));
            real.push((receipt, real_verdict(*verdict)));
        }
        let settled = self.users.subscribers[queue].settle(real).await;
        let done: Vec<_> = settled.into_iter().map(|it| it == Settled::Done).collect();
        assert_eq!(done, expected, "whether the verdicts counted");
    }

    /// Every task, dead letter and name that counts on is where the model has it.
    fn compare(&self) {
        let real: Vec<Row> = self.rows(
            "SELECT name, messages.id, state,
                    CASE state WHEN 3 THEN due - (SELECT ahead FROM lease_time) ELSE due END,
                    available_at, leases, attempts, CAST(body AS TEXT)
             FROM messages JOIN bodies USING (seq) JOIN queues ON queues.id = queue
             ORDER BY name, seq",
            |row| {
                let state: u8 = row.get(2)?;
                let word = ["ready", "waiting", "scheduled", "leased"][usize::from(state)];
                let due = row.get::<_, Option<i64>>(3)?.filter(|_| state != 0);
                let (available_at, leases, attempts) = (row.get(4)?, row.get(5)?, row.get(6)?);
                let (queue, name, body) = (row.get(0)?, row.get(1)?, row.get(7)?);
                Ok((queue, name, word, due, available_at, leases, attempts, body))
            },
        );
        assert_eq!(real, self.told_rows(), "what the file holds");
        let real: Vec<(String, String)> = self.rows(
            "SELECT name, dead.id FROM dead JOIN queues ON queues.id = queue ORDER BY name, seq",
            |row| Ok((row.get(0)?, row.get(1)?)),
        );
        let queues = || self.model.queues.iter().map(|(name, queue)| ((*name).to_owned(), queue));
        let told = queues()
            .flat_map(|(queue, it)| it.dead.iter().map(move |name| (queue.clone(), name.clone())));
        assert_eq!(real, told.collect::<Vec<_>>(), "the dead letters");
        let real: BTreeMap<(String, String), i64> = self.rows(
            "SELECT name, remembered.id, until FROM remembered JOIN queues ON queues.id = queue",
            |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)),
        );
        let told = queues().flat_map(|(queue, it)| {
            it.remembered.iter().map(move |(name, until)| ((queue.clone(), name.clone()), *until))
        });
        assert_eq!(real, told.collect(), "the names that count on");
    }

    fn rows<T, C: FromIterator<T>>(
        &self,
        sql: &str,
        row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> C {
        let file = self.pond.raw();
        let mut statement = file.prepare(sql).unwrap();
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    }

    fn told_rows(&self) -> Vec<Row> {
        let queues = self.model.queues.iter();
        let items = queues.flat_map(|(name, queue)| queue.items.iter().map(move |it| (name, it)));
        let row = |(queue, item): (&&str, &super::tasks_model::Item)| {
            let (word, due) = match item.state {
                State::Ready => ("ready", None),
                State::Scheduled(due) => ("scheduled", Some(due)),
                State::Leased { end, .. } => ("leased", Some(end)),
            };
            let (name, body) = (item.name.clone(), item.body.clone());
            let (leases, attempts) = (item.leases, item.attempts);
            ((*queue).to_owned(), name, word, due, item.available_at, leases, attempts, body)
        };
        items.map(row).collect()
    }

    /// Whoever only looks sees what the model says, and changes nothing.
    async fn look(&self) {
        for (at, queue) in QUEUES.iter().enumerate() {
            let (real, now) = (&self.users.queues[at], self.now());
            let stats = real.stats().await.unwrap();
            assert_eq!(
                to_the_milli(stats),
                to_the_milli(self.model.stats(queue, now)),
                "the stats"
            );
            for name in &self.names[at] {
                let told = self.model.get(queue, name, now);
                assert_eq!(real.get(name).await.unwrap(), told, "what a task shows");
            }
        }
    }
}

/// The oldest is told to the millisecond.
fn to_the_milli(stats: TaskStats) -> TaskStats {
    TaskStats { oldest_eta: stats.oldest_eta.map(|eta| eta.div_euclid(1000)), ..stats }
}

/// One of these, counted from the newest.
fn newest<T: Clone>(all: &[T], number: usize) -> Option<T> {
    all.iter().rev().nth(number.checked_rem(all.len())?).cloned()
}

impl Draft {
    fn task(&self, pond: &Pond) -> NewTask {
        let eta = self.delay.map(|it| pond.options.clock.now() + TimeDelta::seconds(it));
        NewTask {
            name: self.name.map(|name| name.to_string()),
            body: format!("{:?}", self.name).into(),
            tag: self.tag.map(str::to_owned),
            eta,
            limits: self.limits,
        }
    }
}

async fn run(steps: &[Step]) {
    let mut both = Both::new().await;
    for step in steps {
        both.take(step).await;
        both.compare();
        both.look().await;
    }
    let path = both.pond.folder.path().join("q.db");
    let checks = queues::verify(&path).await.unwrap();
    assert!(checks.iter().all(|check| check.wrong == 0), "{checks:?}");
}

#[test]
fn any_sequence_of_operations_on_tasks_comes_out_as_the_model_says() {
    any_sequence(step(), run);
}
