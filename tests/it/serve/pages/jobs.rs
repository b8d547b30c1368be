//! The pages of jobs.

use super::*;
use crate::support::redis_stage::Stage;

const ACT: &str = "/jobs/act";

/// Somebody who looks at the jobs of a stage.
fn person(stage: &Stage, words: &str) -> Person {
    let url = stage.url("").trim_end_matches('&').to_owned();
    let serve = stage.sandbox.queue().arg("serve").arg(url);
    Person { serving: Serving::start_as(serve.args("--listen 127.0.0.1:0").args(words)) }
}

/// The label of the only queue that is shown.
fn label(page: &str) -> String {
    let (_, label) = page.split_once("name=\"queue\" value=\"").expect("a form");
    label.split('"').next().unwrap().to_owned()
}

/// A text as a form carries it.
fn sealed(text: &str) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(text)
}

fn job(name: &str, id: &str, more: &str) -> String {
    format!(r#"{{"name":"{name}","id":"{id}","t":1500000000,"args":{{"a":"<b>"}}{more}}}"#)
}

/// Jobs in all states, a pool and a busy worker, a drifted lock and poison.
fn fill(stage: &Stage) {
    stage.ask::<i64>(&["SADD", "@known_jobs", "mail"]);
    let failed = r#","fails":2,"err":"no <way>","failed_at":1500000001"#;
    stage.ask::<i64>(&["LPUSH", "@jobs:mail", &job("mail", "r1", "")]);
    stage.ask::<i64>(&["ZADD", "@retry", "4000000000", &job("mail", "t1", failed)]);
    stage.ask::<i64>(&["ZADD", "@retry", "4000000001", &job("other", "t2", failed)]);
    stage.ask::<i64>(&["ZADD", "@scheduled", "4000000000", &job("mail", "s1", "")]);
    let periodic = job("clean", "periodic:clean:0 * * * * *:4000000000", "");
    stage.ask::<i64>(&["ZADD", "@scheduled", "4000000000", &periodic]);
    stage.ask::<i64>(&["ZADD", "@dead", "1600000000", &job("mail", "x1", failed)]);
    stage.ask::<i64>(&["ZADD", "@dead", "1600000001", &job("other", "x2", failed)]);
    stage.ask::<String>(&["SET", "@jobs:mail:lock", "3"]);
    stage.ask::<i64>(&["RPUSH", "@kakehi:poison:jobs:mail", "{"]);
    stage.ask::<i64>(&["SADD", "@worker_pools", "p1"]);
    let heartbeat = "HSET @worker_pools:p1 heartbeat_at 1500000005 started_at 1500000000 \
         job_names mail concurrency 2 worker_ids w1 host h.example pid 7";
    stage.ask::<i64>(&heartbeat.split_whitespace().collect::<Vec<_>>());
    let busy = [
        "HSET",
        "@worker:w1",
        "job_name",
        "mail",
        "job_id",
        "5",
        "started_at",
        "1500000003",
        "args",
        "{\"a\":1}",
        "checkin",
        "half <done>",
        "checkin_at",
        "1500000004",
    ];
    stage.ask::<i64>(&busy);
}

#[test]
fn everything_about_jobs_is_shown() {
    let stage = Stage::new();
    fill(&stage);
    let person = person(&stage, "");
    for (view, words) in [
        ("", &["mail", "lock 3: drifted", "moved aside"][..]),
        ("busy", &["half &lt;done&gt;", "w1"]),
        ("pools", &["h.example", "no heartbeat"]),
        ("retries", &["t1", "t2", "no &lt;way&gt;", "&lt;b&gt;"]),
        ("scheduled", &["s1"]),
        ("dead", &["x1", "x2", "no &lt;way&gt;"]),
        ("periodic", &["clean", "0 * * * * *"]),
    ] {
        let page = person.see(&format!("/jobs?view={view}"));
        for word in words {
            assert!(page.contains(word), "{view}: {word} in {page}");
        }
        assert!(!page.contains("<way>") && !page.contains("<done>"), "{page}");
    }
}

#[test]
fn jobs_are_run_deleted_and_retried_one_by_one_and_by_name() {
    let stage = Stage::new();
    fill(&stage);
    let person = person(&stage, "");
    let page = person.see("/jobs?view=retries");
    let queue = label(&page);
    let act = |act: &str, what: &str, value: &str| {
        person.agree(&page, ACT, &[("queue", &queue), ("act", act), (what, &sealed(value))])
    };
    let (question, done) = act("run-retries", "id", "t1");
    assert!(question.contains("Run now: t1?"), "{question}");
    assert!(done.contains("1 job ready to run."), "{done}");
    assert_eq!(stage.ask::<i64>(&["ZCARD", "@retry"]), 1);
    assert_eq!(stage.ask::<i64>(&["LLEN", "@jobs:mail"]), 2);
    act("delete-retries", "job", "other");
    assert_eq!(stage.ask::<i64>(&["ZCARD", "@retry"]), 0);
    act("run-scheduled", "job", "mail");
    assert_eq!(stage.ask::<i64>(&["ZCARD", "@scheduled"]), 1, "the clock's stays");
    assert_eq!(stage.ask::<i64>(&["LLEN", "@jobs:mail"]), 3);
    let (question, done) = act("retry-dead", "job", "mail");
    assert!(question.contains("1 job of mail (dead)"), "{question}");
    assert!(done.contains("1 job ready to run."), "{done}");
    assert_eq!(stage.ask::<i64>(&["ZCARD", "@dead"]), 1);
    act("delete-dead", "id", "x2");
    assert_eq!(stage.ask::<i64>(&["ZCARD", "@dead"]), 0);
    assert_eq!(stage.ask::<i64>(&["LLEN", "@jobs:mail"]), 4);
}

#[test]
fn jobs_and_the_clock_are_paused_and_resumed() {
    let stage = Stage::new();
    fill(&stage);
    let person = person(&stage, "");
    let page = person.see("/jobs");
    let queue = label(&page);
    let act = |act: &str, job: &str| {
        person.agree(&page, ACT, &[("queue", &queue), ("act", act), ("job", &sealed(job))]).1
    };
    assert!(act("pause", "mail").contains("job mail paused."));
    assert_eq!(stage.ask::<i64>(&["EXISTS", "@jobs:mail:paused"]), 1);
    assert!(person.see("/jobs").contains("Resume"));
    assert!(act("resume", "mail").contains("job mail resumed."));
    assert_eq!(stage.ask::<i64>(&["EXISTS", "@jobs:mail:paused"]), 0);
    let entry = "clean:0 * * * * *";
    assert!(act("pause-periodic", entry).contains("paused."));
    assert_eq!(stage.ask::<i64>(&["SISMEMBER", "@kakehi:paused_periodic", entry]), 1);
    assert!(act("resume-periodic", entry).contains("resumed."));
    assert_eq!(stage.ask::<i64>(&["SISMEMBER", "@kakehi:paused_periodic", entry]), 0);
}

#[test]
fn a_page_of_another_port_uses_no_form_of_the_original_either() {
    let stage = Stage::new();
    fill(&stage);
    let person = person(&stage, "");
    for origin in ["null", "https://evil.example", "http://localhost:3000"] {
        let origin = format!("Origin: {origin}");
        let answer = person.serving.ask("POST /delete_all_dead_jobs", &[&origin], "");
        assert_eq!(answer.status, 403, "{origin}");
    }
    assert_eq!(stage.ask::<i64>(&["ZCARD", "@dead"]), 2);
    let own = "Origin: http://localhost";
    assert_eq!(person.serving.ask("POST /delete_all_dead_jobs", &[own], "").status, 200);
    assert_eq!(stage.ask::<i64>(&["ZCARD", "@dead"]), 0);
}
