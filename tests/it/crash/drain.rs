//! Subscribers that empty the queue of a life.

use super::files::Queue;
use super::ledger::{Ledger, To};
use crate::process::{End, Process};
use crate::sandbox::{Program, Sandbox};
use std::time::{Duration, Instant};

/// The lease of every subscriber, the shortest there is: what a killed one had comes back soon.
const LEASE: &str = "--lease 1s";

/// By then everything that was accepted must have come out.
const DEADLINE: Duration = Duration::from_secs(60);

/// A subscriber of the life's queue.
pub fn subscriber(sandbox: &Sandbox, to: To) -> Program {
    let sink = match to {
        To::Store => "sqlite:store.db",
        To::Stdout => "stdout:",
    };
    let program = sandbox.subscribe().args("--from sqlite:queue.db --summary json -q --to");
    program.arg(sink).args(LEASE)
}

/// What a subscriber did that ended by itself.
pub fn judge(end: &End, to: To, ledger: &mut Ledger) {
    // 65: it was the one that buried what the store does not take.
    let codes: &[i32] = if to == To::Store { &[0, 65] } else { &[0] };
    assert!(codes.contains(&end.code), "code {}: {}", end.code, end.stderr);
    ledger.output(&end.stdout);
}

/// Everything comes out; the books at the end.
pub fn last(sandbox: &Sandbox, to: To, ledger: &mut Ledger) -> Queue {
    let deadline = Instant::now() + DEADLINE;
    loop {
        // What is due later comes, and what a killed one had comes back, without anybody's help.
        let drain = subscriber(sandbox, to).args("--idle 200ms");
        judge(&Process::start(drain, String::new(), false).end(), to, ledger);
        let queue = ledger.audit(sandbox);
        if queue.live.is_empty() {
            return queue;
        }
        assert!(Instant::now() < deadline, "{} never come out", queue.live.len());
    }
}
