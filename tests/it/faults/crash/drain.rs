//! Subscribers that empty the queue of a life.

use super::ledger::{Ledger, To};
use super::life::publisher;
use crate::support::process::{End, Process};
use crate::support::sandbox::{Program, Sandbox};
use crate::support::sqlite_files::{self, Queue, SPOOL};
use kakehi::environment::Environment;
use kakehi::queues::{self, Options, Published};
use kakehi::spool::Spool;
use kakehi::{Location, Message};
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
    // It may be there before the first publisher.
    let program =
        sandbox.subscribe().args("--from sqlite:queue.db --create --summary json -q --to");
    program.arg(sink).args(LEASE)
}

/// What a subscriber did that ended by itself.
pub fn judge(end: &End, to: To, ledger: &mut Ledger) {
    // 65: it was the one that buried what the store does not take.
    let codes: &[i32] = if to == To::Store { &[0, 65] } else { &[0] };
    assert!(codes.contains(&end.code), "code {}: {}", end.code, end.stderr);
    ledger.output(&end.stdout);
}

/// Puts messages into the spool that publishers to the life's queue drain, as one does that finds
/// its queue gone.
pub fn fill_spool(sandbox: &Sandbox, messages: &[Message]) {
    let options = Options::new(Environment::default(), sandbox.dir().to_owned());
    let url = format!("sqlite:{}", sandbox.path("queue.db").display());
    let url = Location::parse(&url).expect("a URL");
    let key = queues::key(&url, &options).expect("a place");
    let spool = Spool::new(sandbox.path(SPOOL), key, &options);
    let fill = async {
        let inlet = spool.open().await?;
        let answers = inlet.append(messages).await?;
        assert_eq!(answers, vec![Published::Accepted; messages.len()]);
        inlet.close().await
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(fill).expect("the spool takes them");
}

/// The spool is sent; the books at the end.
pub fn spool(sandbox: &Sandbox, ledger: &mut Ledger) {
    let deadline = Instant::now() + DEADLINE;
    while !sqlite_files::spool(sandbox).live.is_empty() {
        assert!(Instant::now() < deadline, "the spool is never sent");
        let end = Process::start(publisher(sandbox, "stdin:"), String::new(), false).end();
        // 75: some are not due yet, or come back when the lease of one that was killed ends.
        assert!([0, 75].contains(&end.code), "code {}: {}", end.code, end.stderr);
        ledger.audit(sandbox);
    }
}

/// Everything comes out; the books at the end.
pub fn last(sandbox: &Sandbox, to: To, ledger: &mut Ledger) -> Queue {
    spool(sandbox, ledger);
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
