//! What others see of our pools: their heartbeats, what each worker does, and what its job says.

use super::job;
use crate::support::redis_server::wait_for;
use crate::support::redis_stage::Stage;
use nix::sys::signal::Signal;
use std::collections::HashMap;

#[test]
fn a_pool_shows_what_it_is_and_what_it_does() {
    let stage = Stage::new();
    stage.enqueue_raw("a", &[job("a", "7")]);
    let script = "echo 'checkin: half way' >&2; sleep 600";
    let mut pool = stage.follow("job=b,a", "--concurrency 3 --grace 0s", script);
    let id =
        wait_for("it lives", || stage.ask::<Vec<String>>(&["SMEMBERS", "@worker_pools"]).pop());
    let beat: HashMap<String, String> = stage.ask(&["HGETALL", &format!("@worker_pools:{id}")]);
    assert_eq!(beat["job_names"], "a,b");
    assert_eq!((beat["concurrency"].as_str(), beat["host"].is_empty()), ("3", false));
    assert!(beat["heartbeat_at"].parse::<i64>().unwrap() >= beat["started_at"].parse().unwrap());
    beat["pid"].parse::<u32>().unwrap();
    let workers: Vec<_> = beat["worker_ids"].split(',').collect();
    assert!(workers.len() == 3 && workers.is_sorted() && id.len() == 24);
    let shown = wait_for("a worker shows what its job says", || {
        let mut all = workers.iter().map(|worker| {
            stage.ask::<HashMap<String, String>>(&["HGETALL", &format!("@worker:{worker}")])
        });
        all.find(|shown| shown.contains_key("checkin"))
    });
    assert_eq!((shown["job_name"].as_str(), shown["job_id"].as_str()), ("a", "7"));
    assert_eq!((shown["args"].as_str(), shown["checkin"].as_str()), (r#"{"id":"7"}"#, "half way"));
    assert!(shown["checkin_at"].parse::<i64>().unwrap() >= shown["started_at"].parse().unwrap());
    pool.signal(Signal::SIGTERM);
    pool.end();
    assert_eq!(stage.keys(), ["jobs:a", "jobs:a:lock", "known_jobs"]);
}

#[test]
fn who_waits_sends_at_most_ten_commands_a_second_and_starts_a_job_within_one() {
    let server = crate::support::redis_server::RedisServer::start("");
    let stage = Stage::on(&server);
    let mut pool = stage.follow("job=a,b,c", "", r#"echo "worked $KAKEHI_ID" >&2"#);
    wait_for("it lives", || (stage.ask::<i64>(&["SCARD", "@worker_pools"]) == 1).then_some(()));
    let facts = |section: &str, name: &str| -> f64 {
        let info: String = stage.ask(&["INFO", section]);
        let line = info.lines().find_map(|line| line.strip_prefix(name)).expect("a fact");
        line.trim_start_matches(':').parse().expect("a number")
    };
    let processed = || facts("stats", "total_commands_processed");
    let (since, began) = (processed(), std::time::Instant::now());
    // Our own two questions count as well: they are few.
    wait_for("it has looked for a while", || {
        (began.elapsed() > std::time::Duration::from_secs(15)).then_some(())
    });
    let rate = (processed() - since) / began.elapsed().as_secs_f64();
    println!("{rate:.1} commands a second");
    assert!(rate <= 10.0, "{rate} commands a second");
    stage.enqueue_raw("b", &[job("b", "7")]);
    pool.wait_until("it is worked on", |it| it.said().contains("worked 7"));
    pool.signal(Signal::SIGTERM);
    pool.end();
}
