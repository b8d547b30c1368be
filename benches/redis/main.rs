//! `publish` and `subscribe` on jobs in Redis beside gocraft/work, the original, in one run on one
//! server: `cargo bench --bench redis`; `-- --quick` takes a tenth of everything. The server is that of
//! `TEST_REDIS_HOST`, the original's program is in `TEST_GOCRAFT`: `bash tests/run.sh --bench` sets both.
//!
//! Prints jobs a second, and what they are beside the original's: of whole programs, their start
//! included. It asserts no figure: a busy machine is no failure.

mod namespace;
mod ours;
mod theirs;

#[path = "../../tests/it/support/services.rs"]
#[allow(dead_code)]
mod services;

use ours::{Jobs, Work};

/// How many names of jobs there are.
const TYPES: [usize; 3] = [1, 10, 100];
/// How many commands Redis's own benchmark sends at once on its connection.
const PIPELINED: usize = 100;

fn main() {
    let part = if std::env::args().any(|word| word == "--quick") { 10 } else { 1 };
    let (count, theirs) = (1_000_000 / part, 200_000 / part);
    println!("enqueued a second");
    enqueue(count, theirs);
    println!("worked on a second, `subscribe` through `stdout:`");
    for types in TYPES {
        process(count, theirs, types);
    }
}

fn enqueue(count: usize, theirs: usize) {
    let limit = theirs::redis_benchmark(count, PIPELINED);
    print(&format!("redis-benchmark, LPUSH, {PIPELINED} at once"), limit, None);
    let one = theirs::enqueue(theirs, 1, 1);
    print("gocraft/work, one sender", one, None);
    print("gocraft/work, 8 senders", theirs::enqueue(theirs, 1, 8), Some(one));
    for types in TYPES {
        let jobs = Jobs::new(count, types);
        print(&format!("publish, {types} types"), jobs.publish(), Some(one));
    }
}

fn process(count: usize, theirs: usize, types: usize) {
    let original = theirs::process(theirs, types, 20);
    print(&format!("gocraft/work, {types} types, 20 workers"), original, None);
    let jobs = Jobs::new(count, types);
    jobs.publish();
    let Work { rate, scripts, commands } = jobs.subscribe();
    print(&format!("subscribe, {types} types"), rate, Some(original));
    println!("{:>52} scripts sent a job, {commands:.1} commands in them", format!("{scripts:.4}"));
}

fn print(what: &str, rate: f64, reference: Option<f64>) {
    print!("  {what:<38}{rate:>12.0}");
    match reference {
        Some(reference) => println!("   x{:.1}", rate / reference),
        None => println!(),
    }
}
