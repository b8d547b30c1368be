//! What pools had that died: it goes back to where others find it, and no lock is left.

use super::job;
use crate::support::redis_server::wait_for;
use crate::support::redis_stage::Stage;
use nix::sys::signal::Signal;

/// Takes a job as a pool that then died: by its list, and by its lock.
fn die_with(stage: &Stage, pool: &str, text: &str) {
    stage.ask::<i64>(&["LPUSH", &format!("@jobs:a:{pool}:inprogress"), text]);
    stage.ask::<i64>(&["INCRBY", "@jobs:a:lock", "1"]);
    stage.ask::<i64>(&["HINCRBY", "@jobs:a:lock_info", pool, "1"]);
}

fn beat(stage: &Stage, pool: &str, at: i64) {
    stage.ask::<i64>(&["SADD", "@worker_pools", pool]);
    let key = format!("@worker_pools:{pool}");
    stage.ask::<i64>(&["HSET", &key, "heartbeat_at", &at.to_string(), "job_names", "a"]);
}

#[test]
fn what_a_killed_pool_had_is_worked_on_by_another() {
    let stage = Stage::new();
    let jobs: Vec<_> = (0..5).map(|number| job("a", &number.to_string())).collect();
    stage.enqueue_raw("a", &jobs);
    let mut pool = stage.follow("job=a", "--concurrency 1", "echo began >&2; sleep 600");
    pool.wait_until("one has begun", |it| it.said().contains("began"));
    pool.signal(Signal::SIGKILL);
    pool.end();
    let mut other = stage.follow("job=a", "--concurrency 1", r#"echo "worked $KAKEHI_ID" >&2"#);
    other.wait_until("all are worked on", |it| it.said().matches("worked").count() == 5);
    let counted: Vec<i64> = stage.ask(&["HVALS", "@kakehi:reaped"]);
    assert!(counted.len() <= 1, "only what it had begun counts: {counted:?}");
    other.signal(Signal::SIGTERM);
    other.end();
    stage.assert_no_lock_is_left();
    assert_eq!(stage.ask::<i64>(&["SCARD", "@worker_pools"]), 0);
}

#[test]
fn a_pool_that_is_in_no_set_is_found_by_its_lists_and_by_its_locks() {
    let stage = Stage::new();
    let now = chrono::Utc::now().timestamp();
    stage.ask::<i64>(&["LPUSH", "@jobs:a:orphan:inprogress", &job("a", "1")]);
    die_with(&stage, "named", &job("a", "2"));
    stage.ask::<i64>(&["HINCRBY", "@jobs:a:lock_info", "empty", "4"]);
    stage.ask::<i64>(&["INCRBY", "@jobs:a:lock", "20000"]);
    die_with(&stage, "living", &job("a", "3"));
    beat(&stage, "living", now + 100_000);
    let mut pool = stage.follow("job=a", "", r#"echo "worked $KAKEHI_ID" >&2"#);
    let mut beats = now + 100_000;
    pool.wait_until("both are worked on", |it| {
        beats += 1;
        beat(&stage, "living", beats);
        it.said().matches("worked").count() >= 2
    });
    let said = pool.said();
    assert!(said.contains("worked 1") && said.contains("worked 2"), "{said}");
    let lock = |stage: &Stage| stage.ask::<i64>(&["GET", "@jobs:a:lock"]);
    wait_for("the lock is right", || {
        beats += 1;
        beat(&stage, "living", beats);
        (lock(&stage) == 1).then_some(())
    });
    assert_eq!(stage.members("@jobs:a:living:inprogress").len(), 1);
    pool.signal(Signal::SIGTERM);
    pool.end();
}

#[test]
fn a_job_that_ends_its_worker_again_and_again_is_dead_and_its_neighbours_are_not() {
    let stage = Stage::new();
    let (killer, neighbour) = (job("a", "killer"), job("a", "neighbour"));
    for text in [&killer, &neighbour, &"{".to_owned()] {
        die_with(&stage, "dead", text);
    }
    beat(&stage, "dead", 1000);
    // By the digest of the bytes.
    let digest = kakehi::text::short_name(&killer);
    stage.ask::<i64>(&["HSET", "@kakehi:reaped", &digest, "10"]);
    let mut pool = stage.follow("job=a", "", r#"echo "worked $KAKEHI_ID" >&2"#);
    pool.wait_until("the neighbour is worked on", |it| it.said().contains("worked neighbour"));
    wait_for("the other is dead", || (stage.members("@dead").len() == 1).then_some(()));
    assert_eq!(stage.only("@dead")["id"], "killer");
    assert_eq!(stage.members("@kakehi:poison:jobs:a"), ["{"]);
    pool.signal(Signal::SIGTERM);
    pool.end();
    stage.assert_no_lock_is_left();
}
