//! The JSON of gocraft/work's own web page: what its `workwebui` answers, and what ours does.

use crate::support::http_client::HttpAnswer;
use crate::support::redis_server::wait_for;
use crate::support::redis_stage::Stage;
use crate::support::serving::Serving;
use crate::support::web::Web;
use std::collections::BTreeSet;

/// Everything that is shown.
const SHOWN: &[&str] = &[
    "/queues",
    "/worker_pools",
    "/busy_workers",
    "/retry_jobs",
    "/retry_jobs?page=0",
    "/retry_jobs?page=2",
    "/retry_jobs?page=",
    "/scheduled_jobs?page=1",
    "/scheduled_jobs/",
    "/dead_jobs",
    "/dead_jobs?page=2",
    "/dead_jobs?page=3",
    "/nowhere",
];

/// A server of ours on the stage's namespace.
fn ours(stage: &Stage, words: &str) -> Serving {
    let url = stage.url("").trim_end_matches('&').to_owned();
    let serve = stage.sandbox.queue().arg("serve").arg(url);
    Serving::start_as(serve.args("--listen 127.0.0.1:0").args(words))
}

/// What both are compared by.
fn told(answer: &HttpAnswer) -> (u16, String, bool) {
    let is_json = answer.head.contains("content-type: application/json; charset=utf-8");
    (answer.status, answer.body.clone(), is_json)
}

#[track_caller]
fn assert_the_same_is_shown(ours: &Serving, theirs: &Web) {
    for path in SHOWN {
        let request = format!("GET {path}");
        // A second may end between the two.
        wait_for(path, || {
            let (our, their) = (ours.ask(&request, &[], ""), theirs.ask(&request));
            (told(&our) == told(&their)).then_some(()).or_else(|| {
                eprintln!("{path}:\n{}\nnot\n{}", our.body, their.body);
                None
            })
        });
    }
}

/// Jobs in all states, and pools that work on some.
fn fill(stage: &Stage) {
    let job = |name: &str, id: usize, args: &str, more: &str| {
        format!(r#"{{"name":"{name}","id":"{id}","t":1500000000,"args":{args}{more}}}"#)
    };
    for name in ["send_email", "idle", "a<b>"] {
        stage.ask::<i64>(&["SADD", "@known_jobs", name]);
    }
    let args = r#"{"z":[],"a":{"é<\u2028":[1,{}]},"n":null,"f":0.5}"#;
    for id in 0..3 {
        stage.ask::<i64>(&["LPUSH", "@jobs:send_email", &job("send_email", id, args, "")]);
    }
    let failed = r#","fails":2,"err":"no <way>\n","failed_at":1500000001"#;
    for id in 0..45 {
        let at = (1_600_000_000 + id).to_string();
        stage.ask::<i64>(&["ZADD", "@dead", &at, &job("send_email", id, args, failed)]);
        stage.ask::<i64>(&["ZADD", "@retry", "1600000000", &job("idle", id, "null", failed)]);
    }
    stage.ask::<i64>(&["ZADD", "@scheduled", "4000000000", &job("idle", 1, "{}", "")]);
    stage.ask::<i64>(&["SADD", "@worker_pools", "p1", "p2"]);
    let heartbeat = "HSET @worker_pools:p1 heartbeat_at 1500000005 started_at 1500000000 \
         job_names send_email,idle concurrency 2 worker_ids w2,w1 host h.example pid 7";
    stage.ask::<i64>(&heartbeat.split_whitespace().collect::<Vec<_>>());
    let busy = "HSET @worker:w1 job_name send_email job_id 5 started_at 1500000003 args {\"a\":1} \
         checkin half checkin_at 1500000004";
    stage.ask::<i64>(&busy.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn what_is_shown_is_what_the_original_shows() {
    let stage = Stage::new();
    let (ours, theirs) = (ours(&stage, ""), Web::start(&stage));
    assert_the_same_is_shown(&ours, &theirs);
    fill(&stage);
    assert_the_same_is_shown(&ours, &theirs);
}

#[test]
fn the_originals_page_is_answered_wherever_it_asks() {
    let stage = Stage::new();
    fill(&stage);
    let (ours, theirs) = (ours(&stage, ""), Web::start(&stage));
    let script = theirs.ask("GET /work.js").body;
    let asked = SHOWN.iter().map(|path| path.split('?').next().expect("a path"));
    let asked = asked.filter(|path| script.contains(&format!("\"{path}\"")));
    let asked: BTreeSet<_> = asked.collect();
    assert_eq!(asked.len(), 6, "{asked:?}");
    for path in asked {
        assert_eq!(ours.ask(&format!("GET {path}"), &[], "").status, 200, "{path}");
    }
    for (path, more) in [
        ("/delete_dead_job", "/1600000001/1"),
        ("/retry_dead_job", "/1600000002/2"),
        ("/retry_all_dead_jobs", ""),
        ("/delete_all_dead_jobs", ""),
    ] {
        assert!(script.contains(&format!("\"{path}\"")), "{path}");
        assert_eq!(ours.ask(&format!("POST {path}{more}"), &[], "").status, 200, "{path}");
    }
}

#[test]
fn dead_jobs_are_retried_and_deleted_as_by_the_original() {
    let stage = Stage::new();
    fill(&stage);
    let (ours, theirs) = (ours(&stage, ""), Web::start(&stage));
    let both = |request: &str| {
        let (our, their) = (ours.ask(request, &[], ""), theirs.ask(request));
        assert_eq!((our.status, &our.body), (their.status, &their.body), "{request}");
        (our.status, our.body)
    };
    for (request, status) in [
        ("POST /delete_dead_job/1600000000/7", 500),
        ("POST /retry_dead_job/1600000000/7", 500),
        ("POST /delete_dead_job/x/7", 404),
        ("POST /queues", 404),
        ("GET /retry_all_dead_jobs", 404),
    ] {
        assert_eq!(both(request).0, status, "{request}");
    }
    assert_eq!(ours.ask("POST /delete_dead_job/12x/7", &[], "").status, 500);
    assert_eq!(ours.ask("GET /dead_jobs?page=x", &[], "").status, 500);

    let done = "{\n\t\"status\": \"ok\"\n}";
    assert_eq!(ours.ask("POST /delete_dead_job/1600000007/7", &[], "").body, done);
    assert_eq!(ours.ask("POST /retry_dead_job/1600000008/8", &[], "").body, done);
    assert_eq!(stage.members("@dead").len(), 43);
    let back = stage.jobs("@jobs:send_email").pop().expect("a job");
    assert_eq!((&back["id"], back.get("fails")), (&"8".into(), None), "{back}");
    assert_the_same_is_shown(&ours, &theirs);
    both("POST /retry_all_dead_jobs");
    assert_eq!((stage.members("@dead").len(), stage.members("@jobs:send_email").len()), (0, 47));
    fill(&stage);
    both("POST /delete_all_dead_jobs");
    assert_eq!(stage.ask::<i64>(&["EXISTS", "@dead"]), 0);
}

#[test]
fn what_cannot_be_read_spoils_no_page() {
    let stage = Stage::new();
    stage.ask::<i64>(&["ZADD", "@dead", "1600000000", "rubbish"]);
    let more = r#","unique":true,"unique_key":"k","args":{"n":9007199254740993}"#;
    let job = format!(r#"{{"name":"a","id":"1","t":1500000000{more}}}"#);
    stage.ask::<i64>(&["ZADD", "@dead", "1600000001", &job]);
    let ours = ours(&stage, "");
    let page = ours.ask("GET /dead_jobs", &[], "").body;
    assert!(page.contains("\"err\": \"it is not a JSON object\""), "{page}");
    assert!(page.contains("\"n\": 9007199254740993"), "{page}");
    assert!(page.contains("\"unique_key\": \"k\""), "{page}");
}

#[test]
fn a_page_of_somebody_else_may_change_nothing() {
    let stage = Stage::new();
    fill(&stage);
    let ours = ours(&stage, "");
    for origin in ["https://evil.example", "null"] {
        let header = format!("Origin: {origin}");
        let answer = ours.ask("POST /delete_all_dead_jobs", &[&header], "");
        assert_eq!(answer.status, 403, "{origin}");
        assert!(answer.body.starts_with("{\"error\": \""), "{}", answer.body);
    }
    assert_eq!(stage.members("@dead").len(), 45);
    let own = format!("Origin: http://{}", ours.address);
    assert_eq!(ours.ask("POST /delete_all_dead_jobs", &[&own], "").status, 200);
}

#[test]
fn tasks_and_jobs_are_served_side_by_side_and_of_two_of_a_kind_the_first() {
    let stage = Stage::new();
    fill(&stage);
    let ours = ours(&stage, "sqlite:q.db");
    assert_eq!(ours.ask("GET /queues", &[], "").status, 200);
    assert_eq!(ours.ask("GET /v2beta2/projects/p/locations/l/queues", &[], "").status, 200);
    assert_eq!(ours.ask("GET /healthz", &[], "").body, "ok\n");
    let numbers = ours.ask("GET /metrics", &[], "").body;
    assert!(numbers.contains("kakehi_jobs_ready{job=\"send_email\"} 3"), "{numbers}");
    assert_eq!(ours.stop().code, 143);

    let url =
        |more: &str| format!("redis://{}/0?namespace={}{more}", stage.address, stage.namespace);
    let serve = |urls: &[String]| {
        let serve = stage.sandbox.queue().args("serve --listen 127.0.0.1:0");
        urls.iter().fold(serve, |serve, url| serve.arg(url))
    };
    let both = Serving::start_as(serve(&[url(""), url("2")]));
    assert!(both.ask("GET /queues", &[], "").body.contains("send_email"));
    assert!(both.process.said().contains("is shown to people only"));
    serve(&[url("&job=a")]).run().expect(2);
}
