//! What the embedded queue promises, as a program that is short enough to be believed: the
//! specification that `embedded_model.rs` holds the real one against.
//!
//! Times are milliseconds. A subscriber has one lease length, which is the same for all.

use std::collections::{BTreeMap, BTreeSet};

/// How long a lease is.
pub const LEASE: i64 = 30_000;

/// One moment.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The time of day, which jumps.
    pub day: i64,
    /// How much time has passed: leases are measured by that.
    pub passed: i64,
}

/// A message as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: String,
    pub body: String,
    pub group: Option<String>,
    pub tag: Option<String>,
    /// Not before this time.
    pub due: Option<i64>,
}

impl Message {
    /// Whether both are the same message: the time is not part of it.
    fn is(&self, other: &Self) -> bool {
        let content = |it: &Self| (it.body.clone(), it.group.clone(), it.tag.clone());
        content(self) == content(other)
    }
}

/// What holds a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Ready,
    /// An earlier message of its group; and, behind that one, a time.
    Waiting(Option<i64>),
    /// A time.
    Scheduled(i64),
    /// Whoever has this token, since so much time has passed.
    Leased { token: u64, from: i64 },
}

impl State {
    /// What a group offers: all others of it wait, unless some are leased.
    fn is_offered(self) -> bool {
        matches!(self, Self::Ready | Self::Scheduled(_))
    }

    fn is_leased(self) -> bool {
        matches!(self, Self::Leased { .. })
    }

    fn at(due: Option<i64>, now: i64) -> Self {
        due.filter(|due| *due > now).map_or(Self::Ready, Self::Scheduled)
    }
}

/// A message in a queue.
#[derive(Debug, Clone)]
pub struct Item {
    pub message: Message,
    pub state: State,
    /// That failed, or lost their lease in mid-work.
    pub attempts: u32,
    /// Leases that were lost in mid-work.
    pub lost: u32,
    /// The message is being worked on.
    begun: bool,
    remember: i64,
    /// From when it could be had: the order of delivery.
    pub available_at: i64,
}

/// One queue.
#[derive(Debug, Default)]
pub struct Queue {
    topic: Option<&'static str>,
    /// In the order of publishing.
    pub items: Vec<Item>,
    pub dead: Vec<Message>,
    /// The ids that count on, and until when.
    remembered: BTreeMap<String, (Message, i64)>,
}

/// A file with its queues.
#[derive(Debug, Default)]
pub struct File {
    pub queues: BTreeMap<&'static str, Queue>,
    tokens: u64,
}

/// What a publisher hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    Duplicate,
    Refused,
}

/// What shall become of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Ack,
    /// After so many milliseconds.
    Retry(i64),
    Release,
    Bury,
}

/// What a receiver asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    Any,
    Tag(&'static str),
    OldestTag,
}

/// A delivery: id, attempt and the lease's token.
pub type Delivery = (String, u32, u64);

impl File {
    pub fn add(&mut self, name: &'static str, topic: Option<&'static str>) {
        self.queues.insert(name, Queue { topic, ..Queue::default() });
    }

    /// What a queue accepts reaches every queue whose topic it is; nothing else does.
    pub fn publish(
        &mut self,
        name: &str,
        batch: &[Message],
        remember: i64,
        now: i64,
    ) -> Vec<Answer> {
        for queue in self.queues.values_mut() {
            queue.remembered.retain(|_, (_, until)| *until > now);
        }
        let own = self.queues.get_mut(name).expect("a queue of the test");
        let answers: Vec<_> = batch.iter().map(|it| own.publish(it, remember, now)).collect();
        for queue in self.queues.values_mut().filter(|queue| queue.topic == Some(name)) {
            let accepted = batch.iter().zip(&answers).filter(|(_, it)| **it == Answer::Accepted);
            for (message, _) in accepted {
                if queue.publish(message, remember, now) == Answer::Refused {
                    queue.keep_once(message);
                }
            }
        }
        answers
    }

    /// The oldest that can be had; what room they leave is shared among their groups.
    pub fn receive(&mut self, name: &str, max: usize, select: Select, now: Now) -> Vec<Delivery> {
        self.tokens += 1;
        let queue = self.queues.get_mut(name).expect("a queue of the test");
        queue.let_time_pass(now);
        queue.lease(max, select, now, self.tokens)
    }

    /// Work on these begins, or is broken off.
    pub fn work_on(&mut self, name: &str, deliveries: &[Delivery], begins: bool) {
        let queue = self.queues.get_mut(name).expect("a queue of the test");
        for delivery in deliveries {
            if let Some(at) = queue.find(delivery) {
                queue.items[at].begun = begins;
            }
        }
    }

    /// Each verdict counts if its lease is still the message's; whether it did.
    pub fn settle(&mut self, name: &str, verdicts: &[(Delivery, Verdict)], now: i64) -> Vec<bool> {
        let queue = self.queues.get_mut(name).expect("a queue of the test");
        let done = verdicts.iter().map(|(it, verdict)| queue.settle(it, *verdict, now)).collect();
        queue.offer(now);
        done
    }

    /// These leases last one lease more from now.
    pub fn extend(&mut self, name: &str, deliveries: &[Delivery], now: Now) {
        let queue = self.queues.get_mut(name).expect("a queue of the test");
        for delivery in deliveries {
            if let Some(at) = queue.find(delivery) {
                queue.items[at].state = State::Leased { token: delivery.2, from: now.passed };
            }
        }
    }
}

impl Queue {
    fn publish(&mut self, message: &Message, remember: i64, now: i64) -> Answer {
        let here = self.items.iter().find(|it| it.message.id == message.id);
        let here = here.map(|it| &it.message);
        let known = self.remembered.get(&message.id).map(|(it, _)| it).or(here);
        if let Some(known) = known {
            return if known.is(message) { Answer::Duplicate } else { Answer::Refused };
        }
        let behind = message.group.is_some()
            && self.items.iter().any(|it| it.message.group == message.group);
        let state = if behind { State::Waiting(message.due) } else { State::at(message.due, now) };
        let (message, begun) = (message.clone(), false);
        let available_at = message.due.unwrap_or(now);
        self.items.push(Item {
            message,
            state,
            attempts: 0,
            lost: 0,
            begun,
            remember,
            available_at,
        });
        Answer::Accepted
    }

    /// What it never took is a dead letter once, however often it comes.
    fn keep_once(&mut self, message: &Message) {
        if !self.dead.iter().any(|it| it.id == message.id && it.is(message)) {
            self.dead.push(message.clone());
        }
    }

    /// Leases end, and what was scheduled is ready.
    fn let_time_pass(&mut self, now: Now) {
        for item in &mut self.items {
            if let State::Leased { from, .. } = item.state
                && now.passed >= from + LEASE
            {
                let lost = u32::from(item.begun);
                (item.attempts, item.lost) = (item.attempts + lost, item.lost + lost);
                item.state = item.given_back(None);
                item.available_at = (from + LEASE + now.day - now.passed).min(now.day);
            }
        }
        self.offer(now.day);
        for item in &mut self.items {
            if let State::Scheduled(due) = item.state {
                item.state = State::at(Some(due), now.day);
            }
        }
    }

    /// Offers one message of each group, the first, unless some of the group are leased.
    fn offer(&mut self, now: i64) {
        let groups: BTreeSet<_> =
            self.items.iter().filter_map(|it| it.message.group.clone()).collect();
        for group in groups {
            let mut members =
                self.items.iter_mut().filter(|it| it.message.group.as_ref() == Some(&group));
            let first = members.next().expect("a group has a message");
            let busy = |it: &Item| it.state.is_offered() || it.state.is_leased();
            if !busy(first)
                && !members.any(|it| busy(it))
                && let State::Waiting(due) = first.state
            {
                first.state = State::at(due, now);
            }
        }
    }

    fn lease(&mut self, max: usize, select: Select, now: Now, token: u64) -> Vec<Delivery> {
        let ready = |it: &&Item| it.state == State::Ready && it.lost == 0;
        // Since when each could be had, and among those of one moment the order of publishing.
        let mut order: Vec<usize> = (0..self.items.len()).collect();
        order.sort_by_key(|at| self.items[*at].available_at);
        let oldest = order.iter().map(|at| &self.items[*at]).find(ready);
        let oldest = oldest.map(|it| it.message.tag.clone());
        let wanted = |it: &Item| match select {
            Select::Any => true,
            Select::Tag(tag) => it.message.tag.as_deref() == Some(tag),
            Select::OldestTag => Some(&it.message.tag) == oldest.as_ref(),
        };
        let mut taken: Vec<usize> = order
            .into_iter()
            .filter(|at| ready(&&self.items[*at]) && wanted(&self.items[*at]))
            .take(max)
            .collect();
        let grouped = |at: &usize| self.items[*at].message.group.is_some();
        let mut turn: Vec<usize> = taken.iter().copied().filter(grouped).collect();
        while taken.len() < max && !turn.is_empty() {
            let heads = std::mem::take(&mut turn);
            for (at, head) in heads.iter().enumerate() {
                let share = (max - taken.len()).div_ceil(heads.len() - at);
                let group = &self.items[*head].message.group;
                let behind = (head + 1..self.items.len()).filter(|at| !taken.contains(at));
                let followers = behind.filter(|at| self.items[*at].message.group == *group);
                let come = |at: &usize| match self.items[*at].state {
                    State::Waiting(due) => {
                        let item = &self.items[*at];
                        due.is_none_or(|due| due <= now.day) && wanted(item) && item.lost == 0
                    }
                    _ => false,
                };
                let some: Vec<_> = followers.take_while(come).take(share).collect();
                if !some.is_empty() && some.len() == share {
                    turn.push(*head);
                }
                taken.extend(some);
            }
        }
        // What follows in a group has no earlier place than what it follows.
        let group_of = |at: usize| self.items[at].message.group.clone();
        let available_at = |at: usize| {
            let before = taken.iter().filter(|it| **it < at && group_of(at).is_some());
            let before = before.filter(|it| group_of(**it) == group_of(at));
            before
                .map(|it| self.items[*it].available_at)
                .max()
                .unwrap_or(i64::MIN)
                .max(self.items[at].available_at)
        };
        let mut sorted: Vec<_> = taken.iter().map(|at| (available_at(*at), *at)).collect();
        sorted.sort_unstable();
        let mut taken: Vec<_> = sorted.into_iter().map(|(_, at)| at).collect();
        if taken.is_empty() && max > 0 {
            taken.extend(self.suspect(select));
        }
        let lease = |at: usize| {
            let item = &mut self.items[at];
            item.state = State::Leased { token, from: now.passed };
            item.begun = false;
            (item.message.id.clone(), item.attempts + 1, token)
        };
        taken.into_iter().map(lease).collect()
    }

    /// What lost its lease in mid-work comes alone, and when there is nothing else.
    fn suspect(&self, select: Select) -> Option<usize> {
        let wanted = |it: &Item| match select {
            Select::Any | Select::OldestTag => true,
            Select::Tag(tag) => it.message.tag.as_deref() == Some(tag),
        };
        let suspect = |at: &usize| {
            let item = &self.items[*at];
            item.state == State::Ready && item.lost > 0 && wanted(item)
        };
        (0..self.items.len()).filter(suspect).min_by_key(|at| (self.items[*at].lost, *at))
    }

    fn settle(&mut self, delivery: &Delivery, verdict: Verdict, now: i64) -> bool {
        let Some(at) = self.find(delivery) else { return false };
        match verdict {
            Verdict::Ack => {
                let item = self.items.remove(at);
                if item.remember > 0 {
                    let until = now + item.remember;
                    self.remembered.insert(item.message.id.clone(), (item.message, until));
                }
            }
            Verdict::Bury => self.dead.push(self.items.remove(at).message),
            Verdict::Retry(after) => {
                self.items[at].attempts += 1;
                self.items[at].available_at = now + after;
                self.items[at].state =
                    self.items[at].given_back((after > 0).then_some(now + after));
            }
            Verdict::Release => self.items[at].state = self.items[at].given_back(None),
        }
        true
    }

    fn find(&self, (id, _, token): &Delivery) -> Option<usize> {
        let held = |it: &Item| match it.state {
            State::Leased { token: holder, .. } => holder == *token && it.message.id == *id,
            _ => false,
        };
        self.items.iter().position(held)
    }
}

impl Item {
    /// Where a message goes whose lease has ended.
    fn given_back(&self, due: Option<i64>) -> State {
        match (&self.message.group, due) {
            (Some(_), due) => State::Waiting(due),
            (None, Some(due)) => State::Scheduled(due),
            (None, None) => State::Ready,
        }
    }
}
