//! Which jobs are taken: none of a paused name, none above a limit, more of a name that comes first.

use super::job;
use crate::support::process::Process;
use crate::support::redis_server::wait_for;
use crate::support::redis_stage::Stage;
use nix::sys::signal::Signal;

#[test]
fn a_paused_name_gives_nothing_whatever_the_key_holds() {
    let stage = Stage::new();
    stage.enqueue_raw("a", &[job("a", "1")]);
    stage.enqueue_raw("b", &[job("b", "2")]);
    stage.ask::<String>(&["SET", "@jobs:a:paused", "0"]);
    let run = stage.subscribe("job=a,b").args("--to stdout:").run().expect(0);
    assert_eq!(run.stdout, "{\"id\":\"2\"}\n");
    assert_eq!(stage.members("@jobs:a").len(), 1);
}

#[test]
fn a_limit_holds_over_all_pools_and_locks_end_at_nothing() {
    let stage = Stage::new();
    let jobs: Vec<_> = (0..40).map(|number| job("a", &number.to_string())).collect();
    stage.enqueue_raw("a", &jobs);
    let running = stage.sandbox.path("running");
    std::fs::create_dir(&running).unwrap();
    let script = r#"touch running/$KAKEHI_ID; ls running | wc -l >>counts; sleep 0.05; rm running/$KAKEHI_ID"#;
    let url = "job=a&max-concurrency=3";
    let mut pools: Vec<Process> =
        (0..2).map(|_| stage.follow(url, "--concurrency 4", script)).collect();
    let most = std::cell::Cell::new(0);
    wait_for("all are done", || {
        let lock: Option<i64> = stage.ask(&["GET", "@jobs:a:lock"]);
        most.set(most.get().max(lock.unwrap_or_default()));
        let counts = std::fs::read_to_string(stage.sandbox.path("counts")).unwrap_or_default();
        (counts.lines().count() == 40).then_some(())
    });
    for pool in &mut pools {
        pool.signal(Signal::SIGTERM);
    }
    pools.into_iter().for_each(|pool| assert_eq!(pool.end().code, 143));
    let counts = std::fs::read_to_string(stage.sandbox.path("counts")).unwrap();
    let highest = counts.lines().map(|count| count.trim().parse::<i64>().unwrap()).max().unwrap();
    assert!(highest <= 3 && most.get() <= 3, "{highest} ran, the lock was {}", most.get());
    assert_eq!(stage.ask::<i64>(&["GET", "@jobs:a:max_concurrency"]), 3);
    stage.assert_no_lock_is_left();
}

#[test]
fn a_job_with_a_limit_is_not_fetched_ahead() {
    let stage = Stage::new();
    let jobs: Vec<_> = (0..9).map(|number| job("a", &number.to_string())).collect();
    stage.enqueue_raw("a", &jobs);
    let mut pool = stage.follow(
        "job=a&max-concurrency=7",
        "--concurrency 2 --grace 0s",
        "echo began >&2; sleep 600",
    );
    pool.wait_until("two have begun", |it| it.said().matches("began").count() == 2);
    let lock: i64 = stage.ask(&["GET", "@jobs:a:lock"]);
    pool.signal(Signal::SIGTERM);
    pool.end();
    assert_eq!(lock, 2, "as many as work");
}

#[test]
fn a_limit_of_others_stays_where_ours_says_nothing() {
    let stage = Stage::new();
    stage.ask::<String>(&["SET", "@jobs:a:max_concurrency", "5"]);
    stage.subscribe("job=a").args("--to stdout:").run().expect(0);
    assert_eq!(stage.ask::<i64>(&["GET", "@jobs:a:max_concurrency"]), 5);
}

#[test]
fn a_name_that_comes_first_gives_more() {
    let stage = Stage::new();
    for name in ["a", "b"] {
        let jobs: Vec<_> = (0..200).map(|number| job(name, &format!("{name}{number}"))).collect();
        stage.enqueue_raw(name, &jobs);
    }
    let url = "job=a,b&priority=a:99999,b:1";
    stage.subscribe(url).args("--to stdout: --max-messages 100 --batch 10").run().expect(0);
    assert!(stage.members("@jobs:b").len() >= 198);
    assert_eq!(stage.members("@jobs:a").len() + stage.members("@jobs:b").len(), 300);
}
