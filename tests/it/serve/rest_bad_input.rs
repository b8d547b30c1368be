//! What the REST API for pull queues refuses: the documented status in Google's JSON, and nothing is
//! lost.

use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;
use crate::support::serving_calls::json;
use serde_json::{Value, json};

const BASE: &str = "/taskqueue/v1beta2/projects/p/taskqueues";

/// Requests below the base, their bodies, and the status of the answer.
fn table() -> Vec<(String, Vec<u8>, u16)> {
    let mut table = Vec::new();
    let mut add = |request: &str, body: &[u8], status| {
        table.push((request.to_owned(), body.to_vec(), status));
    };
    for body in [
        &b"not JSON"[..],
        b"",
        b"[]",
        b"null",
        b"[\"id\"]",
        b"\"text\"",
        b"{\"id\": 5}",
        b"{\"id\": [\"a\"]}",
        b"{\"id\": \"no name\"}",
        b"{\"id\": \"a/b\"}",
        b"{\"tag\": 5}",
        b"{\"payloadBase64\": 5}",
        b"{\"payloadBase64\": \"#\"}",
        b"{\"payloadBase64\": \"a\"}",
        b"{\"leaseTimestamp\": true}",
        b"{\"leaseTimestamp\": 1.5}",
        b"{\"leaseTimestamp\": -1}",
        b"{\"leaseTimestamp\": 99999999999999999999999}",
        b"{\"leaseTimestamp\": \"9223372036854775807\"}",
        b"{\"queueName\": \"other\"}",
        b"{\"queueName\": \"projects/other/taskqueues/q\"}",
        b"{\"id\": \"a\", \"id\": \"b\"}",
        b"{\"id\": \"a\"",
        b"\xef\xbb\xbf{}",
        b"{\"tag\": \"\xff\"}",
        b"{\0\"\0i\0d\0\"\0}\0",
        b"{\"tag\": \"\\ud800\"}",
    ] {
        add("POST /q/tasks", body, 400);
    }
    add("POST /q/tasks", format!(r#"{{"id":"{}"}}"#, "a".repeat(501)).as_bytes(), 400);
    add("POST /q/tasks", format!(r#"{{"tag":"{}"}}"#, "a".repeat(501)).as_bytes(), 400);
    add("POST /q/tasks", "[".repeat(100_000).as_bytes(), 400);
    add("POST /q/tasks", format!(r#"{{"x":{}"#, "[".repeat(100_000)).as_bytes(), 400);
    let large = format!(r#"{{"payloadBase64":"{}"}}"#, "AAAA".repeat(1024 * 1024 / 3 + 1));
    add("POST /q/tasks", large.as_bytes(), 413);
    add("POST /q/tasks", &vec![b' '; 5 << 20], 413);
    add("POST /q/tasks", br#"{"id": "kept"}"#, 409);
    add("POST /q/tasks", br#"{"id": "deleted"}"#, 409);
    add("POST /none/tasks", br#"{"id": "a"}"#, 404);
    for parameters in [
        "",
        "?numTasks=1",
        "?leaseSecs=1",
        "?numTasks=0&leaseSecs=1",
        "?numTasks=1001&leaseSecs=1",
        "?numTasks=1&leaseSecs=-1",
        "?numTasks=1&leaseSecs=604801",
        "?numTasks=&leaseSecs=1",
        "?numTasks=one&leaseSecs=1",
        "?numTasks=1e3&leaseSecs=1",
        "?numTasks=1&numTasks=1&leaseSecs=1",
        "?numTasks=1&leaseSecs=99999999999999999999",
        "?numTasks=1&leaseSecs=1&tag=x",
        "?numTasks=1&leaseSecs=1&groupByTag=false&tag=x",
        "?numTasks=1&leaseSecs=1&groupByTag=2",
        "?numTasks=1&leaseSecs=1&groupByTag=true&tag=%ff",
        "?numTasks=%&leaseSecs=1",
        "?numTasks=1&leaseSecs=1&groupByTag=true&tag=a&tag=b",
        "?numTasks=1&leaseSecs=1&wait=-1",
        "?numTasks=1&leaseSecs=1&wait=long",
        "?numTasks=1&leaseSecs=1&alt=atom",
        "?numTasks=1&leaseSecs=1&fields=none",
        "?numTasks=1&leaseSecs=1&fields=items(",
        "?numTasks=1&leaseSecs=1&prettyPrint=perhaps",
    ] {
        add(&format!("POST /q/tasks/lease{parameters}"), b"", 400);
    }
    add("POST /none/tasks/lease?numTasks=1&leaseSecs=1", b"", 404);
    let leased = br#"{"id": "leased", "queueName": "q", "leaseTimestamp": "1"}"#;
    add("POST /q/tasks/leased?newLeaseSeconds=60", leased, 400);
    add("POST /q/tasks/leased", leased, 400);
    add("POST /q/tasks/leased?newLeaseSeconds=604801", leased, 400);
    add("POST /q/tasks/leased?newLeaseSeconds=60", b"", 400);
    add("POST /q/tasks/leased?newLeaseSeconds=60", br#"{"id": "leased"}"#, 400);
    add("POST /q/tasks/leased?newLeaseSeconds=60", br#"{"leaseTimestamp": "1"}"#, 400);
    add("POST /q/tasks/leased?newLeaseSeconds=60", br#"{"id": "x", "leaseTimestamp": "1"}"#, 400);
    add("POST /q/tasks/none?newLeaseSeconds=60", br#"{"id": "none", "leaseTimestamp": "1"}"#, 404);
    add("PATCH /q/tasks/leased?newLeaseSeconds=60", b"{}", 400);
    add("PATCH /q/tasks/leased?newLeaseSeconds=60", br#"{"queueName": "other"}"#, 400);
    add("PATCH /q/tasks/leased?newLeaseSeconds=60", leased, 400);
    add("PATCH /q/tasks/leased?newLeaseSeconds=x", br#"{"queueName": "q"}"#, 400);
    add("PATCH /q/tasks/kept?newLeaseSeconds=60", br#"{"queueName": "q"}"#, 400);
    add("PATCH /q/tasks/none?newLeaseSeconds=60", br#"{"queueName": "q"}"#, 404);
    add("GET /none", b"", 404);
    add("GET /no_queue!", b"", 400);
    add("GET /q?getStats=perhaps", b"", 400);
    add("GET /none/tasks", b"", 404);
    add("GET /q/tasks/none", b"", 404);
    add("GET /q/tasks/deleted", b"", 404);
    add("GET /q/tasks/%zz", b"", 400);
    add("GET /q/tasks/%ff", b"", 400);
    add("DELETE /q/tasks/none", b"", 404);
    add("DELETE /q/tasks/deleted", b"", 404);
    add("DELETE /q/tasks", b"", 405);
    add("PUT /q/tasks/kept", b"{}", 405);
    add("GET /q/other", b"", 404);
    add("GET /", b"", 404);
    table
}

#[test]
fn what_is_refused_has_its_status_and_loses_nothing() {
    let sandbox = Sandbox::new();
    let server = Serving::with_queues(&sandbox, &["q"]);
    for name in ["leased", "deleted", "kept"] {
        server.done(&format!("POST {BASE}/q/tasks"), json!({"id": name}));
    }
    server.done(&format!("DELETE {BASE}/q/tasks/deleted"), Value::Null);
    server.done(&format!("POST {BASE}/q/tasks/lease?numTasks=1&leaseSecs=600"), Value::Null);
    let state = || server.done(&format!("GET {BASE}/q/tasks"), Value::Null);
    let before = state();
    for (request, body, status) in table() {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let answer = server.ask(&format!("{method} {BASE}{path}"), &[], &body);
        let beginning = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(answer.status, status, "{request} {beginning}: {answer:?}");
        let error = &json(&answer)["error"];
        assert_eq!(error["code"], status, "{request} {beginning}: {answer:?}");
        let inner = &error["errors"][0];
        assert_eq!((&inner["domain"], &inner["message"]), (&json!("global"), &error["message"]));
        assert!(inner["reason"].is_string(), "{answer:?}");
    }
    assert_eq!(state(), before);
}

#[test]
fn an_answer_tells_no_payload() {
    let sandbox = Sandbox::new();
    let server = Serving::with_queues(&sandbox, &["q"]);
    for body in [
        r#"{"payloadBase64": "s3cret-payload#"}"#,
        r#"{"payloadBase64": {"s3cret-payload": 1}}"#,
        r#"{"leaseTimestamp": "s3cret-payload"}"#,
        r#"{"id": ["s3cret-payload"]}"#,
        r#"["s3cret-payload"]"#,
        "s3cret-payload",
    ] {
        let answer = server.ask(&format!("POST {BASE}/q/tasks"), &[], body);
        assert_eq!(answer.status, 400);
        assert!(!answer.body.contains("s3cret"), "{body}: {answer:?}");
    }
    assert!(!server.process.said().contains("s3cret"));
}
