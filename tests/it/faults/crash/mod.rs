//! The programs are killed, terminated and interrupted at random moments, several of them on one
//! queue file; after each run the books are compared with what is there.
//!
//! A *life* is a queue of its own: rounds of publishers and subscribers, most of them ended before
//! their time, and a last drain. `KAKEHI_CRASH_KILLS` is how many are killed (of each other kind a
//! quarter of it), `KAKEHI_CRASH_SEED` the seed of the first life: a failure shows the one that
//! leads to it. The seed decides what is done and when; what is hit by that, the machine decides.
//!
//! A kill takes the process and not the machine: what the system has taken from it stays.

mod drain;
mod leases;
mod leasing;
mod ledger;
mod life;
mod points;
mod tally;
mod workers;

use crate::support::process::Process;
use crate::support::sandbox::Sandbox;
use crate::support::sqlite_files;
use ledger::To;
use life::{Blow, Life};
use std::time::Instant;
use tally::Tally;

/// How many are killed unless the environment says otherwise.
const KILLS: usize = 200;

/// How many are killed in one life: a book that grows for ever is compared ever more slowly.
const KILLS_OF_A_LIFE: usize = 40;

fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("`{variable}` is not a number: {text}")))
}

fn kills() -> usize {
    number("KAKEHI_CRASH_KILLS").unwrap_or(KILLS)
}

/// Lives, one after the other, until so many programs were ended before their time.
fn lives(name: &str, to: To, blow: Blow, spools: bool, wanted: usize) -> Tally {
    let began = Instant::now();
    let first = number("KAKEHI_CRASH_SEED").unwrap_or_else(|| fastrand::u64(..1 << 48));
    let mut tally = Tally::default();
    for seed in first.. {
        if tally.hits >= wanted {
            break;
        }
        println!("{name}: KAKEHI_CRASH_SEED={seed} after {} hits", tally.hits);
        let until = wanted.min(tally.hits + KILLS_OF_A_LIFE);
        let mut life = Life::new(seed, to, blow, spools, &mut tally);
        while life.hits() < until {
            life.round();
        }
        life.last_drain();
    }
    println!("{name}: {tally} in {:.0} s", began.elapsed().as_secs_f64());
    tally
}

/// Kills that hit nothing but the programs' start would show nothing.
fn assert_hit_at_work(tally: &Tally) {
    let enough = tally.hits < 40 || (tally.cut_short > 0 && tally.left_leases > 0);
    assert!(enough, "nothing was hit at its work: {tally}");
}

#[test]
fn what_is_killed_at_random_moments_loses_nothing_and_stores_nothing_twice() {
    let tally = lives("killed, to the store", To::Store, Blow::Kill, false, kills());
    assert_hit_at_work(&tally);
}

#[test]
fn what_a_killed_subscriber_acknowledged_had_been_written() {
    let tally = lives("killed, to stdout", To::Stdout, Blow::Kill, false, kills().div_ceil(4));
    assert_hit_at_work(&tally);
}

#[test]
fn what_is_killed_while_a_spool_is_sent_loses_nothing_and_stores_nothing_twice() {
    // A spool whose sender was killed waits for seconds: fewer are enough.
    lives("killed, with a spool", To::Store, Blow::Kill, true, kills().div_ceil(20));
}

#[test]
fn what_is_terminated_or_interrupted_at_random_moments_ends_well_and_loses_nothing() {
    lives("signalled, to the store", To::Store, Blow::Signal, false, kills().div_ceil(4));
    lives("signalled, to stdout", To::Stdout, Blow::Signal, false, kills().div_ceil(8));
}

#[test]
fn ten_subscribers_drain_one_queue_and_each_message_is_stored_once() {
    let sandbox = Sandbox::new();
    let lines: String = (0..3000)
        .map(|n| format!("{{\"id\":\"{n}\",\"room\":\"r{}\",\"n\":{n}}}\n", n % 7))
        .collect();
    for source in ["stdin:?id=id", "stdin:?id=id&group=room"] {
        let lines = lines.replace("\"id\":\"", &format!("\"id\":\"{}", source.len()));
        sandbox.publish().arg(source).args("--to sqlite:queue.db").stdin(lines).run().expect(0);
    }
    let start = |_| {
        let words = "--from sqlite:queue.db --to sqlite:store.db --batch 20 --summary json";
        Process::start(sandbox.subscribe().args(words), String::new(), false)
    };
    let subscribers: Vec<_> = (0..10).map(start).collect();
    let mut stored = 0;
    for subscriber in subscribers {
        let end = subscriber.end();
        assert_eq!(end.code, 0, "{}", end.stderr);
        let summary = end.summary().expect("it ended by itself");
        let other = ["duplicate", "retried", "released", "lease_lost"].map(|name| &summary[name]);
        assert_eq!(other, [0; 4], "{}", end.stderr);
        assert_eq!(summary["received"], summary["stored"], "{}", end.stderr);
        stored += summary["stored"].as_u64().expect("a number");
    }
    assert_eq!(stored, 6000);
    assert_eq!(sqlite_files::store(&sandbox).len(), 6000);
    assert!(sqlite_files::queue(&sandbox).live.is_empty());
}
