//! One queue's life: rounds of programs that are ended before their time.

use super::drain;
use super::ledger::{Ledger, To};
use super::tally::{PUBLISH, SUBSCRIBE, Tally};
use crate::support::process::{End, Process};
use crate::support::sandbox::{Program, Sandbox};
use crate::support::sqlite_files::SPOOL;
use chrono::{SecondsFormat, TimeDelta, Utc};
use fastrand::Rng;
use kakehi::Message;
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// What publishers read: bare messages, ordered ones, and such as are due later.
const SOURCES: [&str; 3] = ["stdin:?id=id", "stdin:?id=id&group=room", ENVELOPES];
const ENVELOPES: &str = "stdin:?envelope";

/// What programs are hit with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// SIGKILL.
    Kill,
    /// SIGTERM or SIGINT, now and then twice.
    Signal,
}

/// What a publisher is to publish: from which URL, and these ids.
#[derive(Clone)]
struct Job {
    source: &'static str,
    ids: Vec<String>,
}

/// A program in a round.
struct Actor {
    /// A publisher's; a subscriber has none.
    job: Option<Job>,
    process: Process,
    /// When and with what it is hit.
    fate: Option<(Duration, Signal)>,
    twice: bool,
    /// The program does not end by itself.
    stays: bool,
}

/// A queue with its books, and what is still to be done with it.
pub struct Life<'t> {
    sandbox: Sandbox,
    dice: Rng,
    ledger: Ledger,
    to: To,
    blow: Blow,
    /// Before some rounds messages wait in a spool.
    spools: bool,
    /// What was not wholly published, to be published again.
    again: Vec<Job>,
    made: usize,
    /// What earlier rounds left leased.
    leases: BTreeSet<i64>,
    tally: &'t mut Tally,
}

impl<'t> Life<'t> {
    pub fn new(seed: u64, to: To, blow: Blow, spools: bool, tally: &'t mut Tally) -> Self {
        let (sandbox, dice, ledger) = (Sandbox::new(), Rng::with_seed(seed), Ledger::new(to));
        let (again, leases) = Default::default();
        Self { sandbox, dice, ledger, to, blow, spools, again, made: 0, leases, tally }
    }

    pub fn hits(&self) -> usize {
        self.tally.hits
    }

    /// Some of each, at once; then the books.
    pub fn round(&mut self) {
        let (publishers, subscribers) = loop {
            let some = (self.dice.usize(0..=2), self.dice.usize(0..=3));
            if some != (0, 0) {
                break some;
            }
        };
        if self.spools {
            self.fill_spool();
        }
        let began = Instant::now();
        let mut actors: Vec<_> = (0..publishers).map(|_| self.publisher()).collect();
        actors.extend((0..subscribers).map(|_| self.subscriber()));
        strike(&mut actors, began);
        let careless = self.blow == Blow::Kill || actors.iter().any(|actor| actor.twice);
        for actor in actors {
            self.judge(actor);
        }
        let queue = self.ledger.audit(&self.sandbox);
        let left = queue.leases.difference(&self.leases).count();
        assert!(careless || left == 0, "{left} leases were not given back");
        self.tally.left_leases += usize::from(left > 0);
        self.leases = queue.leases;
        self.tally.rounds += 1;
    }

    /// Everything comes out.
    pub fn last_drain(mut self) {
        drain::last(&self.sandbox, self.to, &mut self.ledger);
        self.tally.accepted += self.ledger.accepted();
    }

    /// What publishers find in their spool.
    fn fill_spool(&mut self) {
        let ids = self.job().ids;
        let message = |id: &String| Message::new(id, self.ledger.offered(id).to_owned());
        drain::fill_spool(&self.sandbox, &ids.iter().map(message).collect::<Vec<_>>());
        self.ledger.accept(&ids);
    }

    fn publisher(&mut self) -> Actor {
        let again = self.dice.usize(..=self.again.len());
        let job = match again < self.again.len() {
            true => self.again.swap_remove(again),
            false => self.job(),
        };
        let (fate, twice) = self.fate(PUBLISH);
        // With its input open it would stay, were it not for the signal.
        let stays = fate.is_some() && self.dice.usize(..4) == 0;
        let batch = self.dice.usize(1..=10).to_string();
        let program = publisher(&self.sandbox, job.source).arg("--batch").arg(batch);
        let input: String = job.ids.iter().map(|id| self.line(job.source, id)).collect();
        let process = Process::start(program, input, stays);
        Actor { job: Some(job), process, fate, twice, stays }
    }

    /// New messages. Of some, a store says that they are nested too deeply.
    fn job(&mut self) -> Job {
        let mut ids = Vec::new();
        for _ in 0..self.dice.usize(1..=400) {
            let id = format!("m{:06}", self.made);
            let bad = self.dice.usize(..100) == 0;
            let depth = if bad { 130 } else { self.dice.usize(..5) };
            let text = "tea 茶 🍵 \\n".repeat(self.dice.usize(..20));
            self.ledger.offer(id.clone(), body(&id, self.made % 3, &text, depth), !bad);
            ids.push(id);
            self.made += 1;
        }
        Job { source: SOURCES[self.dice.usize(..SOURCES.len())], ids }
    }

    /// A message as a line of its source; in an envelope it is due within a second.
    fn line(&mut self, source: &str, id: &str) -> String {
        let body = self.ledger.offered(id);
        if source != ENVELOPES {
            return format!("{body}\n");
        }
        let due = Utc::now() + TimeDelta::milliseconds(self.dice.i64(0..1000));
        let due = due.to_rfc3339_opts(SecondsFormat::Millis, true);
        format!("{{\"id\":\"{id}\",\"not_before\":\"{due}\",\"body\":{body}}}\n")
    }

    fn subscriber(&mut self) -> Actor {
        let (fate, twice) = self.fate(SUBSCRIBE);
        let (batch, concurrency) = (self.dice.usize(1..=20), self.dice.usize(1..=4));
        let mut program = drain::subscriber(&self.sandbox, self.to).args(&format!(
            "--batch {batch} --concurrency {concurrency} --max-in-flight {}",
            batch * self.dice.usize(1..=5)
        ));
        let stays = fate.is_some() && self.dice.usize(..4) == 0;
        if stays {
            program = program.arg("--follow");
        }
        let process = Process::start(program, String::new(), false);
        Actor { job: None, process, fate, twice, stays }
    }

    /// One in six is spared.
    fn fate(&mut self, kind: usize) -> (Option<(Duration, Signal)>, bool) {
        if self.dice.usize(..6) == 0 {
            return (None, false);
        }
        let at = self.tally.spans[kind].mul_f64(self.dice.f64());
        let signal = match (self.blow, self.dice.bool() && !interrupts_are_ignored()) {
            (Blow::Kill, _) => Signal::SIGKILL,
            (Blow::Signal, false) => Signal::SIGTERM,
            (Blow::Signal, true) => Signal::SIGINT,
        };
        (Some((at, signal)), self.blow == Blow::Signal && self.dice.usize(..5) == 0)
    }

    /// What it did by the time it ended, and whether it ended as documented.
    fn judge(&mut self, actor: Actor) {
        let Actor { job, process, fate, stays, .. } = actor;
        let end = process.end();
        let struck = fate.is_some_and(|(_, signal)| end.code == 128 + signal as i32);
        if fate.is_some() && !stays {
            let kind = if job.is_some() { PUBLISH } else { SUBSCRIBE };
            self.tally.follow(kind, struck);
        }
        self.tally.hits += usize::from(struck);
        match job {
            Some(job) => self.judge_publisher(job, &end, struck),
            None => {
                if struck {
                    self.ledger.output(&end.stdout);
                } else {
                    drain::judge(&end, self.to, &mut self.ledger);
                }
            }
        }
    }

    fn judge_publisher(&mut self, job: Job, end: &End, struck: bool) {
        let taken = end.taken();
        self.ledger.accept(&job.ids[..taken]);
        // 75: another publisher is sending the spool, and what this one has read with it. There is
        // one wherever a second signal ended a publisher.
        assert!(struck || [0, 75].contains(&end.code), "code {}: {}", end.code, end.stderr);
        assert!(struck || taken == job.ids.len(), "only {taken} were taken: {}", end.stderr);
        if let Some(summary) = end.summary().filter(|_| !self.spools) {
            let told = ["published", "duplicate", "spooled", "drained"];
            let told = told.map(|name| summary[name].as_u64().expect("a number"));
            let [published, duplicate, spooled, drained] = told;
            let (told, taken) = (published + duplicate + spooled, taken as u64);
            // What is drained is another publisher's, and this one's among it; and of what this one
            // has left in the spool, another may have sent a part before this one told what waits.
            let left = end.stderr.contains("in the spool `");
            match drained {
                0 if left => assert!(told <= taken, "{told} of {taken}: {}", end.stderr),
                0 => assert_eq!(told, taken, "{}", end.stderr),
                _ => {}
            }
        }
        if struck {
            self.tally.cut_short += usize::from(taken > 0 && taken < job.ids.len());
            self.again.push(job);
        }
    }
}

/// What a script starts with `&` ignores SIGINT, and so do its children until they listen for it:
/// one that comes while they start would be lost.
fn interrupts_are_ignored() -> bool {
    let facts = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let mask = facts.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a mask");
    let mask = u64::from_str_radix(mask.trim(), 16).expect("a mask in hexadecimal digits");
    mask >> (Signal::SIGINT as u32 - 1) & 1 == 1
}

/// The body of a message, as a line of JSON. The ledger finds its id at its beginning.
pub fn body(id: &str, room: usize, text: &str, depth: usize) -> String {
    let (open, close) = ("[".repeat(depth + 1), "]".repeat(depth + 1));
    format!("{{\"id\":\"{id}\",\"room\":\"r{room}\", \"text\":\"{text}\",\"deep\":{open}{close}}}")
}

/// A publisher that tells what the queue has taken.
pub fn publisher(sandbox: &Sandbox, source: &str) -> Program {
    let program = sandbox.publish().arg(source);
    let program = program
        .args("--to sqlite:queue.db --summary json --log-format json --publish-timeout 1m --spool");
    let program = program.arg(SPOOL);
    program.env("RUST_LOG", "kakehi::publish=debug")
}

/// Hits each at its moment.
fn strike(actors: &mut [Actor], began: Instant) {
    let mut doomed: Vec<_> = actors.iter_mut().filter(|actor| actor.fate.is_some()).collect();
    doomed.sort_by_key(|actor| actor.fate.map(|(at, _)| at));
    for actor in doomed {
        let Some((at, signal)) = actor.fate else { continue };
        std::thread::sleep(at.saturating_sub(began.elapsed()));
        actor.process.signal(signal);
        if actor.twice {
            actor.process.signal(signal);
        }
    }
}
