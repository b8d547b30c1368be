//! Any sequence of operations on the embedded queue, its clock set forward and back by hours, its
//! subscribers dropped as a crash would, comes out as the model says.

use super::any::{any_sequence, delay, jump, pass, real_verdict, tag, verdict};
use super::model::{self, Answer, File, LEASE, Now, Select, State, Verdict};
use crate::support::pond::Pond;
use chrono::{DateTime, TimeDelta};
use kakehi::queues::{self, Options, Published, Publisher, Receive, Settled, Subscriber};
use kakehi::{Message, Receipt};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// One step. Queues, subscribers and deliveries are named by numbers that are wrapped around.
#[derive(Debug, Clone)]
enum Step {
    Publish {
        queue: usize,
        batch: Vec<Draft>,
    },
    Receive {
        by: usize,
        max: usize,
        select: Select,
    },
    Settle {
        by: usize,
        verdicts: Vec<(usize, Verdict)>,
    },
    Extend {
        by: usize,
        deliveries: Vec<usize>,
    },
    /// Work on these begins, or is broken off.
    Work {
        by: usize,
        deliveries: Vec<usize>,
        begins: bool,
    },
    /// This many seconds pass.
    Pass(i64),
    /// The clock is set forward or back by so many seconds.
    Jump(i64),
    /// A subscriber is gone, and what it had leased stays leased.
    Crash {
        subscriber: usize,
    },
    /// A subscriber gives back what it has.
    Close {
        subscriber: usize,
    },
    /// The whole program is gone at once.
    CrashAll,
}

#[derive(Debug, Clone)]
struct Draft {
    id: u8,
    body: u8,
    group: Option<u8>,
    tag: Option<&'static str>,
    delay: Option<i64>,
}

fn step() -> impl Strategy<Value = Step> {
    let draft = (0..9_u8, 0..8_u8, prop::option::of(0..2_u8), prop::option::of(tag()), delay());
    let draft = draft.prop_map(|(id, body, group, tag, delay)| {
        // Mostly one body for an id, sometimes another.
        Draft { id, body: u8::from(body == 0), group, tag, delay }
    });
    let publish = (0..3_usize, prop::collection::vec(draft, 1..6))
        .prop_map(|(queue, batch)| Step::Publish { queue, batch });
    let receive = (0..4_usize, 1..5_usize, select()).prop_map(|(by, max, select)| Step::Receive {
        by,
        max,
        select,
    });
    let verdicts = prop::collection::vec((0..12_usize, verdict()), 1..5);
    let settle = (0..4_usize, verdicts).prop_map(|(by, verdicts)| Step::Settle { by, verdicts });
    let extend = (0..4_usize, prop::collection::vec(0..12_usize, 1..4))
        .prop_map(|(by, deliveries)| Step::Extend { by, deliveries });
    let work = (0..4_usize, prop::collection::vec(0..12_usize, 1..4), any::<bool>())
        .prop_map(|(by, deliveries, begins)| Step::Work { by, deliveries, begins });
    prop_oneof![
        6 => publish,
        4 => work,
        8 => receive,
        8 => settle,
        2 => extend,
        4 => pass().prop_map(Step::Pass),
        2 => jump().prop_map(Step::Jump),
        1 => (0..4_usize).prop_map(|subscriber| Step::Crash { subscriber }),
        1 => (0..4_usize).prop_map(|subscriber| Step::Close { subscriber }),
        1 => Just(Step::CrashAll),
    ]
}

fn select() -> impl Strategy<Value = Select> {
    prop_oneof![4 => Just(Select::Any), 1 => tag().prop_map(Select::Tag), 1 => Just(Select::OldestTag)]
}

/// A message in the file: queue, id, state, time, attempts, those lost of them, place and body.
type Row = (String, String, &'static str, Option<i64>, u32, u32, i64, String);

/// Two subscribers of one queue, one of the queue that receives the same, one of a third.
const SUBSCRIBERS: [&str; 4] = ["a", "a", "b", "c"];

/// The real queues beside their model.
struct Both {
    pond: Pond,
    model: File,
    publishers: Vec<Box<dyn Publisher>>,
    subscribers: Vec<Box<dyn Subscriber>>,
    /// What each queue has ever delivered: as the model names it, and the receipt.
    delivered: BTreeMap<&'static str, Vec<(model::Delivery, Receipt)>>,
    /// What each subscriber has in flight, as far as it knows.
    in_flight: Vec<Vec<model::Delivery>>,
}

impl Both {
    async fn new() -> Self {
        let pond = Pond::new();
        let mut model = File::default();
        model.add("a", None);
        model.add("b", Some("a"));
        model.add("c", None);
        queues::create(pond.url("?queue=a"), &pond.options).await.unwrap();
        queues::create(pond.url("?queue=b&topic=a"), &pond.options).await.unwrap();
        let (publishers, subscribers) = (Vec::new(), Vec::new());
        let in_flight = vec![Vec::new(); SUBSCRIBERS.len()];
        let delivered = BTreeMap::new();
        let mut both = Self { pond, model, publishers, subscribers, delivered, in_flight };
        both.open_all().await;
        both
    }

    fn options(&self) -> Options {
        let lease = Duration::from_millis(LEASE.unsigned_abs());
        Options { lease, create: true, ..self.pond.options.clone() }
    }

    async fn open_all(&mut self) {
        for query in ["?queue=a", "?queue=b", "?queue=c&dedupe=1h"] {
            self.publishers.push(self.pond.publisher_to(query).await);
        }
        for name in SUBSCRIBERS {
            self.subscribers.push(self.subscriber(name).await);
        }
    }

    async fn subscriber(&self, name: &str) -> Box<dyn Subscriber> {
        let url = self.pond.url(&format!("?queue={name}"));
        queues::open_subscriber(url, &self.options()).await.unwrap()
    }

    fn now(&self) -> Now {
        let clock = &self.pond.options.clock;
        Now { day: clock.millis(), passed: clock.monotonic() }
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Publish { queue, batch } => self.publish(*queue, batch).await,
            Step::Receive { by, max, select } => self.receive(*by, *max, *select).await,
            Step::Settle { by, verdicts } => self.settle(*by, verdicts).await,
            Step::Extend { by, deliveries } => self.extend(*by, deliveries).await,
            Step::Work { by, deliveries, begins } => self.work_on(*by, deliveries, *begins).await,
            Step::Pass(seconds) => self.pond.control.advance(TimeDelta::seconds(*seconds)),
            Step::Jump(seconds) => self.pond.control.jump(TimeDelta::seconds(*seconds)),
            Step::Crash { subscriber } => {
                let fresh = self.subscriber(SUBSCRIBERS[*subscriber]).await;
                self.subscribers[*subscriber] = fresh;
                self.in_flight[*subscriber].clear();
            }
            Step::Close { subscriber } => {
                let name = SUBSCRIBERS[*subscriber];
                let fresh = self.subscriber(name).await;
                let old = std::mem::replace(&mut self.subscribers[*subscriber], fresh);
                old.close().await.unwrap();
                let taken = std::mem::take(&mut self.in_flight[*subscriber]);
                let released: Vec<_> = taken.into_iter().map(|it| (it, Verdict::Release)).collect();
                self.model.settle(name, &released, self.pond.options.clock.millis());
            }
            Step::CrashAll => {
                self.publishers.clear();
                self.subscribers.clear();
                self.in_flight.iter_mut().for_each(Vec::clear);
                self.open_all().await;
            }
        }
    }

    async fn publish(&mut self, queue: usize, batch: &[Draft]) {
        let (name, remember) = [("a", 0), ("b", 0), ("c", 3_600_000)][queue];
        let now = self.now().day;
        let batch: Vec<_> = batch.iter().map(|draft| draft.message(now)).collect();
        let expected = self.model.publish(name, &batch, remember, now);
        let real: Vec<_> = batch.iter().map(real).collect();
        let answers = self.publishers[queue].publish(&real).await.unwrap();
        let answers: Vec<_> = answers
            .into_iter()
            .map(|answer| match answer {
                Published::Accepted => Answer::Accepted,
                Published::Duplicate => Answer::Duplicate,
                Published::Refused(_) => Answer::Refused,
                Published::Retry(why) => panic!("{why}"),
            })
            .collect();
        assert_eq!(answers, expected, "what the publisher heard");
    }

    async fn receive(&mut self, by: usize, max: usize, select: Select) {
        let name = SUBSCRIBERS[by];
        let expected = self.model.receive(name, max, select, self.now());
        let select = match select {
            Select::Any => queues::Select::Any,
            Select::Tag(tag) => queues::Select::Tag(tag.to_owned()),
            Select::OldestTag => queues::Select::OldestTag,
        };
        let request = Receive { max, max_bytes: usize::MAX, wait: Duration::ZERO, select };
        let got = self.subscribers[by].receive(request).await.unwrap();
        let names: Vec<_> =
            got.iter().map(|it| (it.message.id.clone(), it.attempts.unwrap())).collect();
        let wanted: Vec<_> = expected.iter().map(|it| (it.0.clone(), it.1)).collect();
        assert_eq!(names, wanted, "what came, and which attempt it is");
        self.in_flight[by].extend(expected.iter().cloned());
        let receipts = got.into_iter().map(|it| it.receipt);
        self.delivered.entry(name).or_default().extend(expected.into_iter().zip(receipts));
    }

    /// The newest deliveries of a queue, whoever received them, by number.
    fn pick(&self, name: &str, number: usize) -> Option<(model::Delivery, Receipt)> {
        let all = self.delivered.get(name).filter(|all| !all.is_empty())?;
        all.get(all.len().checked_sub(1 + number % all.len())?).cloned()
    }

    async fn settle(&mut self, by: usize, verdicts: &[(usize, Verdict)]) {
        let name = SUBSCRIBERS[by];
        let picked: Vec<_> = verdicts
            .iter()
            .filter_map(|(number, verdict)| Some((self.pick(name, *number)?, *verdict)))
            .collect();
        let batch: Vec<_> =
            picked.iter().map(|((it, _), verdict)| (it.clone(), *verdict)).collect();
        let expected = self.model.settle(name, &batch, self.now().day);
        let real = picked.iter().map(|((_, receipt), it)| (receipt.clone(), real_verdict(*it)));
        let settled = self.subscribers[by].settle(real.collect()).await;
        let done: Vec<_> = settled.into_iter().map(|it| it == Settled::Done).collect();
        assert_eq!(done, expected, "whether the verdicts counted");
        for (delivery, _) in batch {
            self.in_flight[by].retain(|held| *held != delivery);
        }
    }

    async fn extend(&mut self, by: usize, deliveries: &[usize]) {
        let name = SUBSCRIBERS[by];
        let picked: Vec<_> =
            deliveries.iter().filter_map(|number| self.pick(name, *number)).collect();
        let (deliveries, receipts): (Vec<_>, Vec<_>) = picked.into_iter().unzip();
        self.model.extend(name, &deliveries, self.now());
        self.subscribers[by].leases().unwrap().extend(&receipts).await.unwrap();
    }

    async fn work_on(&mut self, by: usize, deliveries: &[usize], begins: bool) {
        let name = SUBSCRIBERS[by];
        let picked: Vec<_> =
            deliveries.iter().filter_map(|number| self.pick(name, *number)).collect();
        let (deliveries, receipts): (Vec<_>, Vec<_>) = picked.into_iter().unzip();
        self.model.work_on(name, &deliveries, begins);
        match begins {
            true => drop(self.subscribers[by].begun(&receipts).await),
            false => self.subscribers[by].interrupted(&receipts).await,
        }
    }

    /// Every message of the file, and every dead letter, is where the model has it.
    fn compare(&self) {
        let file = self.pond.raw();
        let mut statement = file
            .prepare(
                "SELECT name, messages.id, state,
                        CASE state WHEN 3 THEN due - (SELECT ahead FROM lease_time) ELSE due END,
                        attempts, lost, available_at, CAST(body AS TEXT)
                 FROM messages JOIN bodies USING (seq) JOIN queues ON queues.id = queue
                 ORDER BY name, seq",
            )
            .unwrap();
        let rows = statement.query_map([], |row| {
            let (state, due): (u8, Option<i64>) = (row.get(2)?, row.get(3)?);
            let word = ["ready", "waiting", "scheduled", "leased"][usize::from(state)];
            let due = due.filter(|_| state != 0);
            let (attempts, lost, available_at) = (row.get(4)?, row.get(5)?, row.get(6)?);
            Ok((row.get(0)?, row.get(1)?, word, due, attempts, lost, available_at, row.get(7)?))
        });
        let real: Vec<Row> = rows.unwrap().map(Result::unwrap).collect();
        let told = self.model.queues.iter().flat_map(|(name, queue)| {
            queue.items.iter().map(|item| {
                let (word, due) = match item.state {
                    State::Ready => ("ready", None),
                    State::Waiting(due) => ("waiting", due),
                    State::Scheduled(due) => ("scheduled", Some(due)),
                    State::Leased { from, .. } => ("leased", Some(from + LEASE)),
                };
                let model::Message { id, body, .. } = item.message.clone();
                let (attempts, lost, available_at) = (item.attempts, item.lost, item.available_at);
                ((*name).to_owned(), id, word, due, attempts, lost, available_at, body)
            })
        });
        assert_eq!(real, told.collect::<Vec<_>>(), "what the file holds");
        let mut statement = file
            .prepare(
                "SELECT name, dead.id FROM dead JOIN queues ON queues.id = queue ORDER BY 1, 2",
            )
            .unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        let real: Vec<(String, String)> = rows.unwrap().map(Result::unwrap).collect();
        let mut told: Vec<_> = self
            .model
            .queues
            .iter()
            .flat_map(|(name, queue)| {
                queue.dead.iter().map(|it| ((*name).to_owned(), it.id.clone()))
            })
            .collect();
        told.sort();
        assert_eq!(real, told, "the dead letters");
    }
}

impl Draft {
    fn message(&self, now: i64) -> model::Message {
        model::Message {
            id: self.id.to_string(),
            body: self.body.to_string(),
            group: self.group.map(|group| group.to_string()),
            tag: self.tag.map(str::to_owned),
            due: self.delay.map(|seconds| now + seconds * 1000),
        }
    }
}

fn real(message: &model::Message) -> Message {
    let model::Message { id, body, group, tag, due } = message.clone();
    let not_before = due.map(|due| DateTime::from_timestamp_millis(due).unwrap());
    Message { group, tag, not_before, ..Message::new(id, body) }
}

async fn run(steps: &[Step]) {
    let mut both = Both::new().await;
    for step in steps {
        both.take(step).await;
        both.compare();
    }
    let path = both.pond.folder.path().join("q.db");
    let checks = queues::verify(&path).await.unwrap();
    assert!(checks.iter().all(|check| check.wrong == 0), "{checks:?}");
}

#[test]
fn any_sequence_of_operations_comes_out_as_the_model_says() {
    any_sequence(step(), run);
}
