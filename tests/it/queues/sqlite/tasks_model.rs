//! What a queue of tasks promises, as a program that is short enough to be believed: the
//! specification that `any_tasks.rs` holds the real one against.
//!
//! Times are milliseconds; what a task shows as its `eta` is microseconds.

use super::model::{LEASE, Now, Verdict};
use chrono::DateTime;
use kakehi::queues::{
    Added, Change, Changed, Deleted, NewTask, RetryLimits, Select, Task, TaskSettings, TaskStats,
};
use std::collections::BTreeMap;

/// How long the name of a deleted task counts that somebody chose.
const DEDUPE: i64 = 3_600_000;

/// How far the times of day and of leases may be apart before the leases are moved.
const TOLERATED: i64 = 1000;

/// What holds a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Ready,
    /// A time of day.
    Scheduled(i64),
    /// A lease, until so much time has passed.
    Leased { number: u64, part: i64, end: i64 },
}

/// A task in a queue.
#[derive(Debug, Clone)]
pub struct Item {
    pub name: String,
    pub body: String,
    pub tag: Option<String>,
    pub state: State,
    /// From when it could be had: the order of leasing.
    pub available_at: i64,
    /// Leases that were given by name.
    pub leases: u32,
    /// Deliveries to a subscriber that failed.
    pub attempts: u32,
    added_at: i64,
    limits: Option<RetryLimits>,
    /// Somebody chose its name.
    named: bool,
}

/// One queue.
#[derive(Debug, Default)]
pub struct Queue {
    pub settings: TaskSettings,
    /// In the order of adding.
    pub items: Vec<Item>,
    pub dead: Vec<String>,
    /// The names that count on, and until when.
    pub remembered: BTreeMap<String, i64>,
    /// How many leases were given in which second.
    given: BTreeMap<i64, u64>,
}

/// A file with its queues.
#[derive(Debug, Default)]
pub struct File {
    pub queues: BTreeMap<&'static str, Queue>,
    /// How far the time of leases, as it is shown, is ahead of the time that has passed.
    ahead: Option<i64>,
    numbers: u64,
}

/// A delivery to a subscriber: the name, the attempt, and the lease.
pub type Delivery = (String, u32, u64);

/// Who leases, and how.
#[derive(Clone, Copy)]
enum By {
    Name { time: i64 },
    Subscriber,
}

impl File {
    /// The time of leases as it is shown: that of day, whenever this has jumped.
    fn ahead(&self, now: Now) -> i64 {
        let ahead = self.ahead.filter(|it| (now.day - now.passed - it).abs() <= TOLERATED);
        ahead.unwrap_or(now.day - now.passed)
    }

    /// Whoever leases notes it.
    fn note_time(&mut self, now: Now) -> i64 {
        *self.ahead.insert(self.ahead(now))
    }

    fn queue(&mut self, name: &str) -> &mut Queue {
        self.queues.get_mut(name).expect("a queue of the test")
    }

    /// Adds one; `made` is its name where nobody chose one.
    pub fn add(&mut self, queue: &str, task: &NewTask, made: &str, day: i64) -> Added {
        let name = task.name.as_deref().unwrap_or(made);
        let counts = self.queue(queue).remembered.get(name).is_some_and(|until| *until > day);
        if counts {
            return Added::Deleted;
        }
        // Whoever adds forgets the names whose time is over; a clock set back brings none back.
        self.queues.values_mut().for_each(|it| it.remembered.retain(|_, until| *until > day));
        let ahead = self.ahead.unwrap_or_default();
        let queue = self.queue(queue);
        if queue.find(name).is_some() {
            return Added::Exists;
        }
        let item = Item::new(task, name, day);
        queue.items.push(item.clone());
        Added::Added(item.told(Now { day, passed: 0 }, ahead))
    }

    /// The oldest that can be had.
    pub fn lease(
        &mut self,
        queue: &str,
        max: usize,
        select: &Select,
        time: i64,
        now: Now,
    ) -> Vec<Task> {
        let ahead = self.note_time(now);
        let taken = self.take(queue, max, select, By::Name { time }, now);
        let queue = self.queue(queue);
        if !taken.is_empty() {
            let second = now.day.div_euclid(1000);
            *queue.given.entry(second).or_default() += taken.len() as u64;
            queue.given.retain(|at, _| *at > second - 3600);
        }
        // A lease for no time was one all the same.
        let then = Now { passed: i64::MIN, ..now };
        taken.iter().map(|it| it.told(then, ahead)).collect()
    }

    /// What a subscriber receives counts for no lease by name.
    pub fn receive(&mut self, queue: &str, max: usize, select: &Select, now: Now) -> Vec<Delivery> {
        self.note_time(now);
        let taken = self.take(queue, max, select, By::Subscriber, now);
        let number = self.numbers;
        taken.into_iter().map(|it| (it.name, it.attempts + 1, number)).collect()
    }

    fn take(&mut self, queue: &str, max: usize, select: &Select, by: By, now: Now) -> Vec<Item> {
        self.numbers += 1;
        let number = self.numbers;
        let queue = self.queue(queue);
        queue.let_time_pass(now);
        let names = queue.choose(max, select, now.day);
        let lease = |name: String| {
            let at = queue.find(&name).expect("it was chosen");
            queue.items[at].lease(by, number, now.passed)
        };
        names.into_iter().map(lease).collect()
    }

    /// Whoever shows when a lease ends may change it; without that, anybody may.
    pub fn change(
        &mut self,
        queue: &str,
        name: &str,
        eta: Option<i64>,
        change: Change,
        now: Now,
    ) -> Changed {
        let ahead = self.note_time(now);
        let queue = self.queue(queue);
        let Some(at) = queue.find(name) else { return Changed::Unknown };
        let item = &mut queue.items[at];
        let before = item.told(now, ahead);
        if !before.leased || eta.is_some_and(|eta| eta != before.eta) {
            return Changed::Expired;
        }
        match change {
            Change::Acknowledge => {
                queue.forget(at, now.day);
                return Changed::Done(bodiless(before));
            }
            Change::Extend(time) if time.is_zero() => {
                (item.state, item.available_at) = (State::Ready, now.day);
            }
            Change::Extend(time) => item.extend(now.passed + time.as_millis() as i64),
        }
        Changed::Done(bodiless(item.told(now, ahead)))
    }

    /// Whoever has it leased: it is gone.
    pub fn delete(&mut self, queue: &str, name: &str, day: i64) -> Deleted {
        let queue = self.queue(queue);
        if let Some(at) = queue.find(name) {
            queue.forget(at, day);
            return Deleted::Done;
        }
        match queue.remembered.get(name).is_some_and(|until| *until > day) {
            true => Deleted::Before,
            false => Deleted::Unknown,
        }
    }

    /// Each verdict counts if its lease is still the task's; whether it did.
    pub fn settle(&mut self, queue: &str, delivery: &Delivery, verdict: Verdict, day: i64) -> bool {
        self.queue(queue).settle(delivery, verdict, day)
    }

    /// What a look at a queue tells.
    pub fn stats(&self, queue: &str, now: Now) -> TaskStats {
        self.queues[queue].stats(now, self.ahead(now))
    }

    /// What a look at a task tells.
    pub fn get(&self, queue: &str, name: &str, now: Now) -> Option<Task> {
        let queue = &self.queues[queue];
        let at = queue.find(name)?;
        Some(queue.items[at].told(now, self.ahead(now)))
    }
}

fn bodiless(task: Task) -> Task {
    Task { body: Default::default(), ..task }
}

impl Queue {
    fn find(&self, name: &str) -> Option<usize> {
        self.items.iter().position(|it| it.name == name)
    }

    /// Leases end, and what was scheduled is ready.
    fn let_time_pass(&mut self, now: Now) {
        for item in &mut self.items {
            match item.state {
                State::Leased { end, .. } if end <= now.passed => {
                    item.available_at = ended_at(end, now);
                    item.state = State::Ready;
                }
                State::Scheduled(due) if due <= now.day => item.state = State::Ready,
                _ => {}
            }
        }
    }

    /// Chooses the first that can be had. Of those that have no lease left, each that is met is a dead
    /// letter then.
    fn choose(&mut self, max: usize, select: &Select, day: i64) -> Vec<String> {
        if self.settings.paused {
            return Vec::new();
        }
        match select {
            Select::Any => self.choose_where(max, day, |_| true),
            Select::Tag(tag) => self.choose_where(max, day, |it| it.as_ref() == Some(tag)),
            Select::OldestTag => {
                let oldest = self.choose_where(1, day, |_| true).pop();
                let Some(at) = oldest.and_then(|it| self.find(&it)) else { return Vec::new() };
                let tag = self.items[at].tag.clone();
                self.choose_where(max, day, |it| *it == tag)
            }
        }
    }

    fn choose_where(
        &mut self,
        max: usize,
        day: i64,
        wanted: impl Fn(&Option<String>) -> bool,
    ) -> Vec<String> {
        let ready = self.items.iter().filter(|it| it.state == State::Ready && wanted(&it.tag));
        let mut order: Vec<_> = ready.map(|it| (it.available_at, it.name.clone())).collect();
        // Among those of one moment the order of adding stays.
        order.sort_by_key(|(available_at, _)| *available_at);
        let mut chosen = Vec::new();
        for (_, name) in order {
            let at = self.find(&name).expect("it is in order");
            if chosen.len() == max {
                break;
            } else if self.items[at].is_used_up(self.settings.limits, day) {
                self.dead.push(self.items.remove(at).name);
            } else {
                chosen.push(name);
            }
        }
        chosen
    }

    /// A task is gone; the name that somebody chose counts on.
    fn forget(&mut self, at: usize, day: i64) {
        let item = self.items.remove(at);
        if item.named {
            self.remembered.insert(item.name, day + DEDUPE);
        }
    }

    fn settle(&mut self, (name, _, number): &Delivery, verdict: Verdict, day: i64) -> bool {
        let held =
            |it: &Item| matches!(it.state, State::Leased { number: own, .. } if own == *number);
        let Some(at) = self.find(name).filter(|at| held(&self.items[*at])) else { return false };
        let item = &mut self.items[at];
        match verdict {
            Verdict::Ack => self.forget(at, day),
            Verdict::Bury => self.dead.push(self.items.remove(at).name),
            Verdict::Release => item.state = State::Ready,
            Verdict::Retry(after) => {
                (item.attempts, item.available_at) = (item.attempts + 1, day + after);
                item.state = if after > 0 { State::Scheduled(day + after) } else { State::Ready };
            }
        }
        true
    }

    fn stats(&self, now: Now, ahead: i64) -> TaskStats {
        let told: Vec<_> = self.items.iter().map(|it| it.told(now, ahead)).collect();
        let leased = told.iter().filter(|it| it.leased).count() as u64;
        let scheduled = |it: &&Item| matches!(it.state, State::Scheduled(due) if due > now.day);
        let scheduled = self.items.iter().filter(scheduled).count() as u64;
        let tasks = told.len() as u64;
        let since = |seconds: i64| {
            let second = now.day.div_euclid(1000) - seconds;
            self.given.iter().filter(|(at, _)| **at > second).map(|(_, count)| count).sum()
        };
        TaskStats {
            tasks,
            ready: tasks - leased - scheduled,
            scheduled,
            leased,
            dead: self.dead.len() as u64,
            oldest_eta: told.iter().map(|it| it.eta).min(),
            leased_last_minute: since(60),
            leased_last_hour: since(3600),
        }
    }
}

/// When a lease ended, as a time of day.
fn ended_at(end: i64, now: Now) -> i64 {
    (end + now.day - now.passed).min(now.day)
}

impl Item {
    fn new(task: &NewTask, name: &str, day: i64) -> Self {
        let due = task.eta.map(|eta| eta.timestamp_millis());
        let state = due.filter(|due| *due > day).map_or(State::Ready, State::Scheduled);
        Self {
            name: name.to_owned(),
            body: String::from_utf8(task.body.to_vec()).expect("a text"),
            tag: task.tag.clone(),
            state,
            available_at: due.unwrap_or(day),
            leases: 0,
            attempts: 0,
            added_at: day,
            limits: task.limits,
            named: task.name.is_some(),
        }
    }

    /// Whether no lease is left: with a limit of age, too, both must be exceeded.
    fn is_used_up(&self, queue: RetryLimits, day: i64) -> bool {
        let RetryLimits { leases, age } = self.limits.unwrap_or(queue);
        let age = age.map_or(0, |age| age.as_millis() as i64);
        leases.is_some_and(|most| self.leases + self.attempts >= most) && day - self.added_at >= age
    }

    fn lease(&mut self, by: By, number: u64, passed: i64) -> Self {
        // No two leases by name end at one microsecond, nor one at that of a subscriber's.
        let part = 1 + i64::from((self.leases + self.attempts) % 999);
        self.state = match by {
            By::Name { time } => State::Leased { number, part, end: passed + time },
            By::Subscriber => State::Leased { number, part: 0, end: passed + LEASE },
        };
        self.leases += u32::from(matches!(by, By::Name { .. }));
        self.clone()
    }

    fn extend(&mut self, until: i64) {
        if let State::Leased { end, .. } = &mut self.state {
            *end = until;
        }
    }

    /// The task as it shows itself at this moment.
    fn told(&self, now: Now, ahead: i64) -> Task {
        let (eta, leased) = match self.state {
            State::Leased { end, part, .. } if end > now.passed => {
                ((end + ahead) * 1000 + part, true)
            }
            State::Leased { end, .. } => (ended_at(end, now) * 1000, false),
            _ => (self.available_at * 1000, false),
        };
        Task {
            name: self.name.clone(),
            body: self.body.clone().into(),
            tag: self.tag.clone(),
            added_at: DateTime::from_timestamp_millis(self.added_at).expect("a time"),
            eta,
            leased,
            leases: self.leases + self.attempts,
            limits: self.limits,
        }
    }
}
