//! Pools are killed at each failpoint, and at random moments: nothing is lost, and no lock is left.

use super::job;
use crate::support::process::Process;
use crate::support::redis_server::wait_for;
use crate::support::redis_stage::Stage;
use crate::support::sqlite_files;
use nix::sys::signal::Signal;
use std::time::Duration;

/// How many are killed at random moments.
const KILLS: u64 = 12;

/// A pool that follows into a store, small batches at a time.
fn follow(stage: &Stage, failpoint: &str) -> Process {
    let program = stage.subscribe("job=a").args("--follow --batch 3 --max-in-flight 9");
    let program = program.args("--to sqlite:store.db").env("KAKEHI_FAILPOINTS", failpoint);
    Process::start(program, String::new(), false)
}

/// Makes jobs with these numbers: ready, due, one of them unique.
fn enqueue(stage: &Stage, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let text = job("a", &number.to_string());
        match number % 4 {
            0 => stage.ask::<i64>(&["ZADD", "@scheduled", "5", &text]),
            1 => stage.ask::<i64>(&["ZADD", "@retry", "5", &text]),
            2 => {
                let text = text.replace("\"t\"", "\"unique\":true,\"t\"");
                stage.ask::<i64>(&["LPUSH", "@jobs:a", &text])
            }
            _ => stage.ask::<i64>(&["LPUSH", "@jobs:a", &text]),
        };
    }
    stage.ask::<i64>(&["SADD", "@known_jobs", "a"]);
}

/// Another pool does what is left, takes back what dead ones had, and ends well.
fn finish(stage: &Stage, count: usize) {
    let mut pool = follow(stage, "");
    wait_for("all are stored", || {
        (sqlite_files::store(&stage.sandbox).len() == count).then_some(())
    });
    wait_for("no other pool is left", || {
        (stage.ask::<i64>(&["SCARD", "@worker_pools"]) == 1).then_some(())
    });
    // What was stored and not acknowledged comes again, and is there already.
    wait_for("nothing is left to do", || {
        let keys = stage.keys();
        let is_left = |key: &String| key == "jobs:a" || key.ends_with(":inprogress");
        (!keys.iter().any(is_left)).then_some(())
    });
    pool.signal(Signal::SIGTERM);
    assert_eq!(pool.end().code, 143);
    stage.assert_no_lock_is_left();
    let left = ["@jobs:a", "@retry", "@scheduled", "@dead"].map(|key| stage.members(key).len());
    assert_eq!(left, [0; 4], "{:?}", stage.keys());
}

#[test]
fn what_is_killed_at_any_failpoint_loses_nothing() {
    let points = [
        "redis-begun=kill@2",
        "redis-due=kill@1",
        "redis-fetched=kill@2",
        "redis-moved=kill@1",
        "redis-moved=kill@2",
        "redis-settled=kill@2",
        "redis-settling=kill@1",
    ];
    std::thread::scope(|scope| {
        for point in points {
            scope.spawn(move || {
                let stage = Stage::new();
                enqueue(&stage, 0..40);
                assert_eq!(follow(&stage, point).end().code, 137, "{point}");
                finish(&stage, 40);
            });
        }
    });
}

#[test]
fn a_publisher_that_is_killed_before_it_hears_the_answer_has_published() {
    let stage = Stage::new();
    let publish = stage.publish("job=a", "stdin:").stdin("{\"n\":1}\n");
    publish.env("KAKEHI_FAILPOINTS", "redis-published=kill@1").run().expect(137);
    assert_eq!(stage.only("@jobs:a")["args"]["n"], 1);
}

#[test]
fn a_reaper_that_is_killed_leaves_the_rest_to_another_one() {
    let stage = Stage::new();
    enqueue(&stage, 0..20);
    assert_eq!(follow(&stage, "redis-fetched=kill@1").end().code, 137);
    assert_eq!(follow(&stage, "redis-reaping=kill@1").end().code, 137);
    finish(&stage, 20);
}

#[test]
fn what_is_killed_at_random_moments_loses_nothing() {
    let stage = Stage::new();
    let mut count = 0;
    for kill in 0..KILLS {
        enqueue(&stage, count..count + 60);
        count += 60;
        let mut pools = [follow(&stage, ""), follow(&stage, "")];
        // A moment is drawn, and nothing is waited for.
        std::thread::sleep(Duration::from_millis(fastrand::u64(..60 * (kill + 1))));
        pools.iter_mut().for_each(|pool| pool.signal(Signal::SIGKILL));
        pools.into_iter().for_each(|pool| drop(pool.end()));
    }
    finish(&stage, count);
}
