//! What is due: retries, scheduled jobs, and what the clock enqueues.

use super::job;
use crate::support::redis_server::wait_for;
use crate::support::redis_stage::Stage;
use nix::sys::signal::Signal;

#[test]
fn a_drain_works_on_what_is_due_and_edits_its_time_only() {
    let stage = Stage::new();
    let text = r#"{"name":"a","id":"1","t":5,"args":{"n":12345678901234567890,"e":[],"s":"\/"},"fails":1,"x":{"y":1.10}}"#;
    stage.ask::<i64>(&["ZADD", "@retry", "100", text]);
    stage.ask::<i64>(&["ZADD", "@scheduled", "100", &job("a", "2")]);
    stage.ask::<i64>(&["ZADD", "@scheduled", "99999999999", &job("a", "3")]);
    stage.subscribe("job=a").args("--to stdout: --dry-run").run().expect(0);
    let ready = stage.members("@jobs:a");
    assert_eq!(ready.len(), 2);
    let [before, after] = ["\"t\":5", "\"t\":"].map(|part| text.split_once(part).unwrap());
    assert!(ready[0].starts_with(&format!("{}\"t\":1", before.0)), "{}", ready[0]);
    assert!(ready[0].ends_with(before.1) && !after.0.is_empty(), "{}", ready[0]);
    assert_eq!(stage.only("@scheduled")["id"], "3");
    stage.assert_no_lock_is_left();
}

#[test]
fn what_nobody_knows_stays_and_poison_goes_aside() {
    let stage = Stage::new();
    stage.ask::<i64>(&["ZADD", "@scheduled", "1", "{", "2", r#"{"id":"x"}"#, "3", &job("z", "1")]);
    stage.ask::<i64>(&["ZADD", "@scheduled", "4", &job("other", "2"), "5", &job("a", "3")]);
    stage.ask::<i64>(&["SADD", "@known_jobs", "other"]);
    let run = stage.subscribe("job=a").args("--to stdout:").run().expect(0);
    assert_eq!(run.stdout, "{\"id\":\"3\"}\n");
    assert_eq!(stage.only("@scheduled")["name"], "z");
    assert_eq!(stage.only("@jobs:other")["id"], "2", "it is moved for whoever works on it");
    assert_eq!(stage.members("@kakehi:poison:scheduled"), ["{", r#"{"id":"x"}"#]);
    assert_eq!(stage.members("@dead"), Vec::<String>::new());
}

#[test]
fn a_follower_starts_what_becomes_due_and_asks_little_while_it_waits() {
    let stage = Stage::new();
    let mut pool = stage.follow("job=a", "", r#"echo "worked $KAKEHI_ID" >&2"#);
    wait_for("it lives", || (stage.ask::<i64>(&["SCARD", "@worker_pools"]) == 1).then_some(()));
    let due = chrono::Utc::now().timestamp() + 1;
    stage.ask::<i64>(&["ZADD", "@scheduled", &due.to_string(), &job("a", "soon")]);
    pool.wait_until("it is worked on", |it| it.said().contains("worked soon"));
    assert!(chrono::Utc::now().timestamp() >= due);
    pool.signal(Signal::SIGTERM);
    assert_eq!(pool.end().code, 143);
    stage.assert_no_lock_is_left();
}

#[test]
fn two_pools_put_a_periodic_run_in_once() {
    let stage = Stage::new();
    let url = "job=a&periodic=a:0 */2 * * * *;b:30 * * * * *";
    let mut pools = [stage.follow(url, "", "true"), stage.follow(url, "", "true")];
    wait_for("both live", || (stage.ask::<i64>(&["SCARD", "@worker_pools"]) == 2).then_some(()));
    let runs = wait_for("the runs are in", || {
        let runs = stage.jobs("@scheduled");
        (runs.len() >= 5).then_some(runs)
    });
    for pool in &mut pools {
        pool.signal(Signal::SIGTERM);
    }
    pools.into_iter().for_each(|pool| assert_eq!(pool.end().code, 143));
    for run in &runs {
        let (name, t) = (run["name"].as_str().unwrap(), run["t"].as_i64().unwrap());
        let spec = if name == "a" { "0 */2 * * * *" } else { "30 * * * * *" };
        assert_eq!(run["id"], format!("periodic:{name}:{spec}:{t}"));
    }
    let mut ids: Vec<_> = runs.iter().map(|run| run["id"].as_str().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), runs.len());
    assert!(stage.ask::<i64>(&["GET", "@last_periodic_enqueue"]) > 0);
}

#[test]
fn a_paused_entry_is_left_out_and_an_unclear_one_refused() {
    let stage = Stage::new();
    stage.ask::<i64>(&["SADD", "@kakehi:paused_periodic", "a:* * * * * *"]);
    let url = "job=a&periodic=a:* * * * * *;a:0 * * * * *";
    let mut pool = stage.follow(url, "", "true");
    wait_for("a run is in", || (!stage.members("@scheduled").is_empty()).then_some(()));
    pool.signal(Signal::SIGTERM);
    pool.end();
    for run in stage.jobs("@scheduled") {
        assert!(run["id"].as_str().unwrap().starts_with("periodic:a:0 * * * * *:"), "{run}");
    }
    for spec in ["30 2 * * *", "TZ=UTC 0 30 2 * * *"] {
        let url = format!("job=a&periodic=a:{spec}");
        stage.subscribe(&url).args("--to stdout:").run().expect(2);
    }
}
