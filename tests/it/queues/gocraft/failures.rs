//! Jobs that fail on one side, and are tried again, given up or redriven on the other.

use crate::support::process::Process;
use crate::support::redis_stage::{Stage, told};
use crate::support::web::Web;
use serde_json::{Value, json};

/// Makes what waits in `retry` due now.
fn make_due(stage: &Stage) {
    for job in stage.members("@retry") {
        stage.ask::<u64>(&["ZADD", "@retry", "XX", "CH", "0", &job]);
    }
}

/// Has `subscribe` fail one job once.
fn fail_once(stage: &Stage, words: &str) {
    let words = format!("--follow --max-messages 1 {words} -- sh -c");
    let run = stage.subscribe("job=mail").args(&words).arg("echo 'no <way>' >&2; exit 1").run();
    assert!([0, 65, 75].contains(&run.code), "{}", run.stderr);
}

#[test]
fn what_failed_here_is_tried_again_there() {
    let stage = Stage::new();
    let answers =
        stage.enqueue(&[json!({"job": "mail", "args": {"n": 9_007_199_254_740_993_u64}})]);
    fail_once(&stage, "");
    let [job] = &stage.jobs("@retry")[..] else { panic!("{:?}", stage.keys()) };
    assert_eq!((&job["id"], &job["fails"]), (&answers[0]["id"], &json!(1)));
    assert_eq!(job["args"]["n"], 9_007_199_254_740_993_u64);
    assert!(job["failed_at"].is_u64() && job["err"].is_string(), "{job}");
    let score: i64 = stage.ask(&["ZSCORE", "@retry", &stage.members("@retry")[0]]);
    let pause = score - job["failed_at"].as_i64().expect("a time");
    assert!((16..=75).contains(&pause), "{pause}");
    make_due(&stage);
    let mut pool = stage.start_work("mail");
    pool.wait_until("it is worked on", |it| told(it, "ended").len() == 1);
    assert_eq!(told(&pool, "began")[0]["fails"], 1);
    stage.wait_until_no_lock_is_left();
}

#[test]
fn what_failed_there_is_tried_again_here() {
    let stage = Stage::new();
    let args = json!({"fail": "no <way>", "fail_times": 1});
    let answers = stage.enqueue(&[json!({"job": "mail", "args": args})]);
    stage.drain_with_theirs("mail,backoff=600");
    make_due(&stage);
    let words = "--follow --max-messages 1 --to stdout:?envelope";
    let run = stage.subscribe("job=mail").args(words).run().expect(0);
    let envelope: Value = serde_json::from_str(&run.stdout).expect("an envelope");
    assert_eq!((&envelope["id"], &envelope["attempt"]), (&answers[0]["id"], &json!(2)));
    assert!(stage.members("@retry").is_empty());
    stage.assert_no_lock_is_left();
}

#[test]
fn what_died_here_is_shown_and_retried_by_their_page() {
    let stage = Stage::new();
    let answers = stage.enqueue(&[json!({"job": "mail", "args": {"to": "a"}})]);
    fail_once(&stage, "--max-attempts 1");
    let web = Web::start(&stage);
    let page = web.get("/dead_jobs?page=1");
    let [dead] = &page["jobs"].as_array().expect("jobs")[..] else { panic!("{page}") };
    assert_eq!((&dead["id"], &dead["fails"]), (&answers[0]["id"], &json!(1)));
    assert_eq!(dead["args"], json!({"to": "a"}));
    let id = dead["id"].as_str().expect("an id");
    web.post(&format!("/retry_dead_job/{}/{id}", dead["died_at"]));
    assert!(stage.members("@dead").is_empty());
    let run = stage.subscribe("job=mail").args("--to stdout:").run().expect(0);
    assert_eq!(run.stdout, "{\"to\":\"a\"}\n");
}

#[test]
fn what_died_there_is_listed_and_redriven_here() {
    let stage = Stage::new();
    let answers = stage.enqueue(&[json!({"job": "mail", "args": {"fail": "no <way>"}})]);
    stage.drain_with_theirs("mail,max_fails=1");
    let list = stage.queue("dead list --json", "job=mail").run().expect(0);
    let dead: Value = serde_json::from_str(list.stdout.lines().next().expect("one")).expect("JSON");
    assert!(list.stdout.contains("no <way>"), "{}", list.stdout);
    let id = answers[0]["id"].as_str().expect("an id");
    assert_eq!(dead["id"], id, "{dead}");
    stage.queue("dead redrive --all --yes", "job=mail").run().expect(0);
    assert!(stage.members("@dead").is_empty());
    let began = stage.drain_with_theirs("mail,max_fails=1");
    assert_eq!((&began[0]["id"], &began[0]["fails"]), (&answers[0]["id"], &json!(0)));
}

#[test]
fn a_job_that_nobody_there_knows_stays_for_us() {
    let stage = Stage::new();
    stage.enqueue(&[json!({"job": "other", "in": 1}), json!({"job": "mail", "in": 1})]);
    let words = "--follow -- true";
    let mut ours = Process::start(stage.subscribe("job=mail").args(words), String::new(), false);
    ours.wait_until("both are moved", |_| stage.members("@scheduled").is_empty());
    ours.signal(nix::sys::signal::Signal::SIGTERM);
    ours.end();
    assert!(stage.members("@dead").is_empty());
    assert_eq!(stage.jobs("@jobs:other").len(), 1);
}
