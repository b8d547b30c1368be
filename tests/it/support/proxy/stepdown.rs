//! A replica set of MongoDB whose primary has stepped down: a proxy that speaks enough of its
//! protocol to refuse writes.

use super::Proxy;
use super::interceptor::{Action, Interceptor};
use mongodb::bson::{Document, doc};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// `NotWritablePrimary` of MongoDB's `error_codes.yml`.
const NOT_WRITABLE_PRIMARY: i32 = 10107;

/// The opcode of `OP_MSG`, the only one that a driver sends after its first greeting.
const OP_MSG: i32 = 2013;

/// The bytes before a message's sections: length, id, id of what it answers, opcode, flags.
const HEAD: usize = 20;

/// Forwards to its target, and answers inserts itself while it is down.
pub struct Stepdown {
    proxy: Proxy,
    facts: Arc<Facts>,
}

#[derive(Default)]
struct Facts {
    down: AtomicBool,
    refused: AtomicUsize,
}

impl Stepdown {
    /// Starts in front of `target`, a `host:port`.
    pub fn start(target: &str) -> Self {
        let facts = Arc::new(Facts::default());
        let shared = facts.clone();
        let primary = move || Primary { facts: shared.clone(), said: Vec::new() };
        Self { proxy: Proxy::with(target, move || Box::new(primary())), facts }
    }

    /// `host:port` to connect to instead of the target.
    pub fn address(&self) -> String {
        self.proxy.address()
    }

    /// Whether inserts are refused from now on.
    pub fn set_down(&self, down: bool) {
        self.facts.down.store(down, Ordering::SeqCst);
    }

    /// How many inserts were refused.
    pub fn refused(&self) -> usize {
        self.facts.refused.load(Ordering::SeqCst)
    }
}

/// One connection. A driver asks on it only after it was answered.
struct Primary {
    facts: Arc<Facts>,
    /// What does not make a whole message yet.
    said: Vec<u8>,
}

impl Interceptor for Primary {
    fn hear(&mut self, said: &[u8]) -> Vec<Action> {
        self.said.extend_from_slice(said);
        let mut actions = Vec::new();
        while let Some(message) = self.next_message() {
            actions.push(self.act(message));
        }
        actions
    }
}

impl Primary {
    fn next_message(&mut self) -> Option<Vec<u8>> {
        self.said.get(..4)?;
        let length = usize::try_from(number(&self.said, 0)).expect("a length");
        (self.said.len() >= length).then(|| self.said.drain(..length).collect())
    }

    fn act(&self, message: Vec<u8>) -> Action {
        if !self.facts.down.load(Ordering::SeqCst) || !is_insert(&message) {
            return Action::Pass(message);
        }
        self.facts.refused.fetch_add(1, Ordering::SeqCst);
        Action::Answer(refusal(&message))
    }
}

fn number(message: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(message[at..at + 4].try_into().expect("four bytes"))
}

/// The command stands in the first section of kind 0; its name is its first key.
fn is_insert(message: &[u8]) -> bool {
    if number(message, 12) != OP_MSG || message.get(HEAD) != Some(&0) {
        return false;
    }
    let length = usize::try_from(number(message, HEAD + 1)).expect("a length");
    let command = Document::from_reader(&message[HEAD + 1..HEAD + 1 + length]).expect("BSON");
    command.keys().next().is_some_and(|name| name == "insert")
}

fn refusal(question: &[u8]) -> Vec<u8> {
    let answer = doc! {
        "ok": 0.0,
        "code": NOT_WRITABLE_PRIMARY,
        "codeName": "NotWritablePrimary",
        "errmsg": "not primary",
    };
    let mut section = vec![0];
    answer.to_writer(&mut section).expect("BSON in memory");
    let length = i32::try_from(HEAD + section.len()).expect("a small answer");
    let head = [length, 1, number(question, 4), OP_MSG, 0];
    head.into_iter().flat_map(i32::to_le_bytes).chain(section).collect()
}
