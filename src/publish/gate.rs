//! Whether messages may go straight into the queue: nothing overtakes what was not taken.

use crate::message::Message;
use crate::queues::{Published, Publisher};
use crate::sources::Batch;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

const UNPOISONED: &str = "no holder of the lock panics";

/// What the queue said of a batch.
pub(super) enum Answer {
    /// What became of each message.
    Each(Vec<Published>),
    /// The failure of the whole queue.
    Failed(crate::Error),
    /// The queue was not asked: the way is around it.
    Around,
}

/// A batch that is on its way.
pub(super) struct Posted {
    pub(super) batch: Batch,
    /// What the queue said; `None` before it has answered.
    answer: Mutex<Option<Answer>>,
}

impl Posted {
    pub(super) fn new(batch: Batch) -> Self {
        Self { batch, answer: Mutex::default() }
    }

    /// Takes the answer, where there is one.
    pub(super) fn answer(&self) -> Option<Answer> {
        self.answer.lock().expect(UNPOISONED).take()
    }

    fn messages(&self) -> &[Message] {
        &self.batch.messages
    }
}

/// Whether the way of this tick's messages is straight into the queue.
pub(super) struct Gate {
    /// Whether there is a way around the queue: behind a failure everything takes it.
    armed: bool,
    /// Behind a failure of one message nothing of its group is sent.
    keeps_order: bool,
    shut: AtomicBool,
    /// Groups of which something failed where there is no way around: nothing more is sent of them.
    stopped: Mutex<HashSet<String>>,
    turn: tokio::sync::Mutex<()>,
}

impl Gate {
    /// A gate that is open; where there is no way around, it never shuts as a whole.
    pub(super) fn new(armed: bool) -> Self {
        Self {
            armed,
            keeps_order: true,
            shut: AtomicBool::new(false),
            stopped: Mutex::default(),
            turn: Default::default(),
        }
    }

    /// A gate for messages whose senders are told what became of each: the order is theirs to keep.
    pub(super) fn for_senders(self, told: bool) -> Self {
        Self { keeps_order: !told, ..self }
    }

    /// Something waits in the spool, and nothing may overtake it.
    pub(super) fn is_shut(&self) -> bool {
        self.shut.load(Ordering::Relaxed)
    }

    pub(super) fn shut(&self) {
        self.shut.store(self.armed, Ordering::Relaxed);
    }

    pub(super) fn open(&self) {
        self.shut.store(false, Ordering::Relaxed);
    }

    /// Publishes a batch, unless the way is around the queue by the time of its turn. Batches that
    /// have groups go one after the other: none overtakes one that failed.
    pub(super) async fn send(&self, queue: &dyn Publisher, posted: &Posted) {
        let grouped = posted.messages().iter().any(|message| message.group.is_some());
        let turn = if grouped { Some(self.turn.lock().await) } else { None };
        let answer = match self.is_shut() {
            true => Answer::Around,
            false => self.ask(queue, posted.messages()).await,
        };
        if answer.leaves_something() {
            self.shut();
            self.stop_groups(posted.messages(), &answer);
        }
        *posted.answer.lock().expect(UNPOISONED) = Some(answer);
        drop(turn);
    }

    async fn ask(&self, queue: &dyn Publisher, messages: &[Message]) -> Answer {
        if messages.is_empty() {
            return Answer::Each(Vec::new());
        }
        let behind = self.behind(messages);
        if !behind.contains(&true) {
            return answer(queue.publish(messages).await);
        }
        let free = messages.iter().zip(&behind).filter(|(_, behind)| !**behind);
        let free: Vec<_> = free.map(|(message, _)| message.clone()).collect();
        let published = if free.is_empty() { Ok(Vec::new()) } else { queue.publish(&free).await };
        match published {
            Ok(answers) => Answer::Each(merge(&behind, answers)),
            Err(error) => Answer::Failed(error),
        }
    }

    /// Which messages have one before them in their group that failed.
    fn behind(&self, messages: &[Message]) -> Vec<bool> {
        let stopped = self.stopped();
        let is_behind =
            |message: &Message| message.group.as_ref().is_some_and(|group| stopped.contains(group));
        match stopped.is_empty() {
            true => Vec::new(),
            false => messages.iter().map(is_behind).collect(),
        }
    }

    fn stop_groups(&self, messages: &[Message], answer: &Answer) {
        if self.armed || !self.keeps_order {
            return;
        }
        let failed = messages.iter().enumerate().filter(|(at, _)| answer.leaves(*at));
        self.stopped().extend(failed.filter_map(|(_, message)| message.group.clone()));
    }

    fn stopped(&self) -> MutexGuard<'_, HashSet<String>> {
        self.stopped.lock().expect(UNPOISONED)
    }
}

fn answer(published: crate::Result<Vec<Published>>) -> Answer {
    published.map_or_else(Answer::Failed, Answer::Each)
}

/// Puts the answers of those that were sent among those that were not.
fn merge(behind: &[bool], answers: Vec<Published>) -> Vec<Published> {
    let mut answers = answers.into_iter();
    let one = |behind: &bool| match behind {
        true => Published::Retry("a message before it in its group was not taken".to_owned()),
        false => answers.next().expect("an answer for each that was sent"),
    };
    behind.iter().map(one).collect()
}

impl Answer {
    /// Whether the queue may take later what it did not take now.
    fn leaves_something(&self) -> bool {
        match self {
            Self::Each(answers) => answers.iter().any(|it| matches!(it, Published::Retry(_))),
            Self::Failed(_) | Self::Around => true,
        }
    }

    /// Whether the queue may take one message later that it did not take now.
    fn leaves(&self, at: usize) -> bool {
        match self {
            Self::Each(answers) => matches!(answers.get(at), Some(Published::Retry(_))),
            Self::Failed(_) | Self::Around => true,
        }
    }
}
