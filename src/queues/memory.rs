//! `memory:NAME`: a queue in this process, for tests. Everybody who names it shares it.

use super::{
    Backend, Leases, Options, Published, Publisher, Receive, Select, Settled, Side, Subscriber,
    Verdict,
};
use crate::batch::BatchBuilder;
use crate::clock::Clock;
use crate::error::Result;
use crate::identity::{Identity, Key};
use crate::location::Location;
use crate::message::{Delivery, Message, Receipt};
use crate::times;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::Instant;

/// The queues of this process, by name.
static QUEUES: LazyLock<Mutex<HashMap<String, Arc<Mutex<State>>>>> = LazyLock::new(Mutex::default);

/// How often a waiting `receive` looks again: a clock that a test moves wakes nobody.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The kind of queue that is in this process.
pub struct MemoryBackend;

#[async_trait]
impl Backend for MemoryBackend {
    fn parameters(&self, _side: Side) -> Vec<&'static str> {
        Vec::new()
    }

    fn is_in_process(&self) -> bool {
        true
    }

    fn key(&self, url: &Location, _options: &Options) -> Result<Key> {
        Ok(Key::new(format!("memory:{}", name(url)?)))
    }

    async fn identity(&self, url: &Location, _side: Side, _options: &Options) -> Result<Identity> {
        Ok(Identity::named(format!("memory:{}", name(url)?)))
    }

    async fn publisher(&self, url: Location, options: &Options) -> Result<Box<dyn Publisher>> {
        Ok(Box::new(Memory::open(url, options)?))
    }

    async fn subscriber(&self, url: Location, options: &Options) -> Result<Box<dyn Subscriber>> {
        Ok(Box::new(Memory::open(url, options)?))
    }
}

/// The name of a queue: a URL says nothing else.
fn name(url: &Location) -> Result<String> {
    url.finish(&[])?;
    url.path()
}

/// A handle of a queue: what it leased is its own, and goes back when it closes.
#[derive(Clone)]
struct Memory {
    state: Arc<Mutex<State>>,
    clock: Clock,
    /// How long a lease is, in milliseconds.
    lease: i64,
    owner: u64,
}

#[derive(Default)]
struct State {
    /// The messages by their position in the queue.
    items: BTreeMap<u64, Item>,
    /// Numbers positions, leases and owners; never the same one twice.
    last_number: u64,
}

struct Item {
    message: Message,
    /// How many attempts failed, or lost their lease in mid-work.
    attempts: u32,
    /// Leases that were lost in mid-work.
    lost: u32,
    status: Status,
}

enum Status {
    /// Offered from this time on.
    Due(DateTime<Utc>),
    Leased {
        token: u64,
        owner: u64,
        /// The end of the lease by the monotonic clock, in milliseconds.
        until: i64,
        /// Whether the message is being worked on.
        begun: bool,
    },
    /// A dead letter, with the reason for whoever looks inside with a debugger.
    Dead(#[allow(dead_code)] String),
}

impl Memory {
    fn open(url: Location, options: &Options) -> Result<Self> {
        let name = name(&url)?;
        let mut queues = QUEUES.lock().expect("no holder of the registry panics");
        let state = queues.entry(name).or_default().clone();
        drop(queues);
        let owner = state.lock().expect("no holder of the queue panics").number();
        let lease = i64::try_from(options.lease.as_millis()).unwrap_or(i64::MAX);
        Ok(Self { state, clock: options.clock.clone(), lease, owner })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the queue panics")
    }

    /// When a lease ends that begins now.
    fn lease_end(&self) -> i64 {
        self.clock.monotonic().saturating_add(self.lease)
    }

    fn end_leases(&self, state: &mut State) {
        state.end_leases(self.clock.now(), self.clock.monotonic());
    }

    /// Looks once.
    fn claim(&self, request: &Receive) -> Vec<Delivery> {
        let mut state = self.state();
        let now = self.clock.now();
        self.end_leases(&mut state);
        let positions = state.available(now, request);
        let until = self.lease_end();
        positions.into_iter().map(|position| state.lease(position, self.owner, until)).collect()
    }

    /// Carries out one verdict, if the receipt's lease still stands.
    fn carry_out(&self, receipt: &Receipt, verdict: Verdict) -> Settled {
        let mut state = self.state();
        let now = self.clock.now();
        self.end_leases(&mut state);
        let Some(position) = state.position_of(receipt) else { return Settled::LeaseLost };
        if verdict == Verdict::Ack {
            state.items.remove(&position);
            return Settled::Done;
        }
        let item = state.items.get_mut(&position).expect("its position was found above");
        item.status = match verdict {
            Verdict::Retry { after, .. } => {
                item.attempts += 1;
                Status::Due(
                    TimeDelta::from_std(after)
                        .ok()
                        .and_then(|after| now.checked_add_signed(after))
                        .unwrap_or(DateTime::<Utc>::MAX_UTC),
                )
            }
            Verdict::Bury(why) => Status::Dead(why),
            Verdict::Release | Verdict::Ack => Status::Due(now),
        };
        Settled::Done
    }

    /// Whether these are being worked on.
    fn work_on(&self, receipts: &[Receipt], begins: bool) {
        let mut state = self.state();
        for receipt in receipts {
            if let Some(position) = state.position_of(receipt)
                && let Some(Item { status: Status::Leased { begun, .. }, .. }) =
                    state.items.get_mut(&position)
            {
                *begun = begins;
            }
        }
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn publish(&mut self, message: &Message, now: DateTime<Utc>) -> Published {
        if let Some(why) = times::refusal(message) {
            return Published::Refused(why);
        }
        let alive = |item: &&Item| !matches!(item.status, Status::Dead(_));
        let known = self.items.values().filter(alive).find(|item| item.message.id == message.id);
        if let Some(known) = known {
            return if same_content(&known.message, message) {
                Published::Duplicate
            } else {
                Published::Refused("its id is taken by a message with other content".to_owned())
            };
        }
        let status = Status::Due(message.not_before.unwrap_or(now));
        let message = Message { published_at: Some(now), ..message.clone() };
        let position = self.number();
        self.items.insert(position, Item { message, attempts: 0, lost: 0, status });
        Published::Accepted
    }

    /// Offers again what was leased until `monotonic`.
    fn end_leases(&mut self, now: DateTime<Utc>, monotonic: i64) {
        for item in self.items.values_mut() {
            if let Status::Leased { until, begun, .. } = item.status
                && until <= monotonic
            {
                item.attempts += u32::from(begun);
                item.lost += u32::from(begun);
                item.status = Status::Due(now);
            }
        }
    }

    /// The positions that may be leased, in order; where there are none, one of a message that may kill
    /// its worker.
    fn available(&self, now: DateTime<Utc>, request: &Receive) -> Vec<u64> {
        let others = self.positions(now, request, false);
        if !others.is_empty() {
            return others;
        }
        let suspects = self.positions(now, request, true).into_iter();
        suspects.min_by_key(|position| (self.items[position].lost, *position)).into_iter().collect()
    }

    /// The positions of what was lost in mid-work, or of what was not. A message that is leased or not
    /// yet due holds back those behind it in its group; a dead one does not.
    fn positions(&self, now: DateTime<Utc>, request: &Receive, lost: bool) -> Vec<u64> {
        let mut held = BTreeSet::new();
        let mut tag = match &request.select {
            Select::Tag(tag) => Some(Some(tag.as_str())),
            Select::Any | Select::OldestTag => None,
        };
        let mut positions = BatchBuilder::new(request.limits());
        for (position, item) in &self.items {
            if positions.is_full() {
                break;
            }
            let group = item.message.group.as_deref();
            let due = match &item.status {
                Status::Dead(_) => continue,
                Status::Due(from) => *from <= now,
                Status::Leased { .. } => false,
            };
            let free = due && !group.is_some_and(|group| held.contains(group));
            let free = free && (item.lost > 0) == lost;
            if free && request.select == Select::OldestTag && tag.is_none() {
                tag = Some(item.message.tag.as_deref());
            }
            if free && tag.is_none_or(|tag| item.message.tag.as_deref() == tag) {
                positions.push(*position, item.message.size());
            } else {
                held.extend(group);
            }
        }
        positions.into_content()
    }

    fn lease(&mut self, position: u64, owner: u64, until: i64) -> Delivery {
        let token = self.number();
        let item = self.items.get_mut(&position).expect("it was found under the same lock");
        item.status = Status::Leased { token, owner, until, begun: false };
        Delivery {
            message: item.message.clone(),
            attempts: Some(item.attempts + 1),
            lost: item.lost,
            receipt: Receipt(format!("{position} {token}").into()),
        }
    }

    /// The position of a receipt whose lease stands.
    fn position_of(&self, receipt: &Receipt) -> Option<u64> {
        let (position, token) = receipt.0.split_once(' ')?;
        let (position, wanted): (u64, u64) = (position.parse().ok()?, token.parse().ok()?);
        match self.items.get(&position)?.status {
            Status::Leased { token, .. } if token == wanted => Some(position),
            _ => None,
        }
    }
}

fn same_content(one: &Message, other: &Message) -> bool {
    one.body == other.body
        && one.attributes == other.attributes
        && one.group == other.group
        && one.tag == other.tag
}

#[async_trait]
impl Publisher for Memory {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        let mut state = self.state();
        let now = self.clock.now();
        Ok(batch.iter().map(|message| state.publish(message, now)).collect())
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Subscriber for Memory {
    async fn receive(&self, request: Receive) -> Result<Vec<Delivery>> {
        let deadline = Instant::now() + request.wait;
        loop {
            let found = self.claim(&request);
            if !found.is_empty() || Instant::now() >= deadline {
                return Ok(found);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn begun(&self, receipts: &[Receipt]) -> Vec<Delivery> {
        self.work_on(receipts, true);
        Vec::new()
    }

    async fn interrupted(&self, receipts: &[Receipt]) {
        self.work_on(receipts, false);
    }

    async fn settle(&self, batch: Vec<(Receipt, Verdict)>) -> Vec<Settled> {
        batch.into_iter().map(|(receipt, verdict)| self.carry_out(&receipt, verdict)).collect()
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn pause(&self) -> Result<()> {
        Ok(())
    }

    fn leases(&self) -> Option<Arc<dyn Leases>> {
        Some(Arc::new(self.clone()))
    }

    async fn close(self: Box<Self>) -> Result<()> {
        let mut state = self.state();
        let now = self.clock.now();
        self.end_leases(&mut state);
        for item in state.items.values_mut() {
            if matches!(item.status, Status::Leased { owner, .. } if owner == self.owner) {
                item.status = Status::Due(now);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Leases for Memory {
    async fn extend(&self, receipts: &[Receipt]) -> Result<()> {
        let mut state = self.state();
        self.end_leases(&mut state);
        for receipt in receipts {
            if let Some(position) = state.position_of(receipt)
                && let Some(Item { status: Status::Leased { until, .. }, .. }) =
                    state.items.get_mut(&position)
            {
                *until = self.lease_end();
            }
        }
        Ok(())
    }
}
