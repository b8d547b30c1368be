//! A server at work, as whoever runs it sees it.

use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;
use crate::support::serving_calls::json;
use base64::prelude::{BASE64_URL_SAFE, Engine as _};
use serde_json::{Value, json};

const TOKEN: &str = "an-entirely-secret-token";
const PAYLOAD: &str = "a payload that is nobody else's business";
const QUEUE: &str = "/taskqueue/v1beta2/projects/p/taskqueues/q";

/// A task as clients insert it.
fn task(eta: i64) -> Value {
    let payload = BASE64_URL_SAFE.encode(PAYLOAD);
    json!({"queueName": "q", "payloadBase64": payload, "leaseTimestamp": eta.to_string()})
}

/// A server that wants the token, which its environment names.
fn guarded(sandbox: &Sandbox, arguments: &str) -> Serving {
    let token = sandbox.write("token", format!("{TOKEN}\n"));
    sandbox.queue().args("create sqlite:q.db?queue=q").run().expect(0);
    let program = sandbox.queue().args("serve sqlite:q.db --listen 127.0.0.1:0");
    Serving::start_as(program.args(arguments).env("KAKEHI_TOKEN_FILE", token))
}

#[test]
fn the_health_is_told_to_everybody_and_all_else_to_those_with_the_token() {
    let sandbox = Sandbox::new();
    let server = guarded(&sandbox, "--host queue.example");
    let health = server.ask("GET /healthz", &["Host: evil.example"], "");
    assert_eq!((health.status, &*health.body), (200, "ok\n"));
    let right = format!("Authorization: Bearer {TOKEN}");
    for request in [format!("GET {QUEUE}"), "GET /metrics".to_owned(), "GET /nowhere".to_owned()] {
        let answer = server.ask(&request, &[], "");
        assert_eq!(answer.status, 401, "{request}");
        let error = &json(&answer)["error"];
        assert_eq!((&error["code"], error["message"].is_string()), (&json!(401), true), "{error}");
        assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
        let known = server.ask(&request, &[&right, "Host: queue.example"], "").status;
        assert_eq!(known, if request == "GET /nowhere" { 404 } else { 200 }, "{request}");
        let foreign = server.ask(&request, &[&right, "Host: evil.example"], "");
        assert_eq!((foreign.status, &json(&foreign)["error"]["code"]), (403, &json!(403)));
    }
    assert_eq!(server.stop().code, 143);
}

#[tokio::test]
async fn a_client_that_keeps_its_connection_is_served_over_it() {
    let sandbox = Sandbox::new();
    let server = Serving::with_queues(&sandbox, &["q"]);
    let client = reqwest::Client::new();
    for (path, status) in [("/healthz", 200), (QUEUE, 200), ("/nowhere", 404), ("/metrics", 200)] {
        let answer = client.get(server.url(path)).send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{path}");
        assert!(!answer.text().await.expect("all of it").is_empty(), "{path}");
    }
}

#[test]
fn bodies_that_are_too_large_are_refused_as_the_protocol_has_it() {
    let sandbox = Sandbox::new();
    let server = Serving::with_queues(&sandbox, &["q"]);
    let large = vec![b' '; 100 << 20];
    for path in [format!("{QUEUE}/tasks"), "/v2beta2/projects/p/locations/l/queues".to_owned()] {
        let answer = server.ask(&format!("POST {path}"), &[], &large);
        assert_eq!((answer.status, &json(&answer)["error"]["code"]), (413, &json!(413)), "{path}");
    }
    server.done(&format!("POST {QUEUE}/tasks"), task(0));
}

#[test]
fn the_numbers_tell_what_was_done_and_what_is_left() {
    let sandbox = Sandbox::new();
    let server = Serving::with_queues(&sandbox, &["q", "empty"]);
    let soon = 1_000_000 * (chrono::Utc::now().timestamp() + 86_400);
    for eta in [0, 0, 0, soon] {
        server.done(&format!("POST {QUEUE}/tasks"), task(eta));
    }
    let leased =
        server.done(&format!("POST {QUEUE}/tasks/lease?numTasks=2&leaseSecs=60"), json!({}));
    let name = leased["items"][0]["id"].as_str().expect("a name");
    server.done(&format!("DELETE {QUEUE}/tasks/{name}"), Value::Null);
    for path in 0..20 {
        assert_eq!(server.ask(&format!("GET /nowhere/{path}"), &[], "").status, 404);
    }
    let answer = server.ask("GET /metrics", &[], "");
    assert!(answer.head.contains("content-type: application/openmetrics-text"), "{}", answer.head);
    for line in [
        r#"kakehi_queue_tasks{queue="q",state="ready"} 1"#,
        r#"kakehi_queue_tasks{queue="q",state="scheduled"} 1"#,
        r#"kakehi_queue_tasks{queue="q",state="leased"} 1"#,
        r#"kakehi_queue_tasks{queue="q",state="dead"} 0"#,
        r#"kakehi_queue_tasks{queue="empty",state="ready"} 0"#,
        r#"kakehi_queue_oldest_seconds{queue="empty"} 0.0"#,
        r#"kakehi_tasks_inserted_total{queue="q"} 4"#,
        r#"kakehi_tasks_leased_total{queue="q"} 2"#,
        r#"kakehi_tasks_deleted_total{queue="q"} 1"#,
        r#"kakehi_http_requests_total{route="taskqueue.tasks.insert",status="200"} 4"#,
        r#"kakehi_http_requests_total{route="none",status="404"} 20"#,
        r#"kakehi_http_request_seconds_count{route="taskqueue.tasks.lease",status="200"} 1"#,
        "kakehi_http_requests_in_flight 1",
        "# EOF",
    ] {
        assert!(answer.body.lines().any(|it| it == line), "{line} in:\n{}", answer.body);
    }
}

#[test]
fn no_secret_is_in_what_is_said() {
    let sandbox = Sandbox::new();
    sandbox.queue().args("create sqlite:q.db?queue=q").run().expect(0);
    let program = sandbox.queue().args("serve sqlite:q.db --listen 127.0.0.1:0 --token-file token");
    sandbox.write("token", TOKEN);
    let server = Serving::start_as(program.env("RUST_LOG", "trace"));
    let right = format!("Authorization: Bearer {TOKEN}");
    let query = "key=secret-of-a-query&access_token=secret-of-a-query&tag=secret-of-a-query";
    let insert = server.ask(&format!("POST {QUEUE}/tasks?{query}"), &[&right], task(0).to_string());
    assert_eq!(insert.status, 200);
    let lease = format!("POST {QUEUE}/tasks/lease?numTasks=9&leaseSecs=60&{query}&groupByTag=true");
    assert_eq!(server.ask(&lease, &[&right], "").status, 200);
    let wrong = "Authorization: Bearer a-wrong-but-secret-token";
    for headers in [&[wrong][..], &[&right, "Origin: http://evil.example"], &[&right, "Host: evil"]]
    {
        assert!(server.ask(&lease, headers, "{}").status >= 401);
    }
    let payload =
        format!(r#"{{"payloadBase64": "{}", "tag": 7}}"#, BASE64_URL_SAFE.encode(PAYLOAD));
    server.ask(&format!("POST {QUEUE}/tasks"), &[&right], payload);
    let end = server.stop();
    assert_eq!(end.code, 143);
    assert!(end.stderr.contains("answered") && end.stderr.contains(QUEUE), "{}", end.stderr);
    let payload = BASE64_URL_SAFE.encode(PAYLOAD);
    for secret in [TOKEN, "a-wrong-but-secret-token", "secret-of-a-query", PAYLOAD, &payload] {
        let said = end.stderr.lines().find(|line| line.contains(secret));
        assert_eq!(said, None, "{secret}");
    }
}
