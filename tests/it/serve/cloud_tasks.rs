//! The pull half of Cloud Tasks, by a server as a process.

use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;
use serde_json::{Value, json};

const LOCATION: &str = "/v2beta2/projects/p/locations/l";
const QUEUE: &str = "projects/p/locations/l/queues/q";

/// Sends a request to the queue `q`.
#[track_caller]
fn done(server: &Serving, method: &str, rest: &str, body: Value) -> Value {
    server.done(&format!("{method} {LOCATION}/queues/q{rest}"), body)
}

#[track_caller]
fn create(server: &Serving, name: &str, tag: &str) -> Value {
    let message = json!({"payload": "-_8", "tag": tag});
    let task = json!({"name": format!("{QUEUE}/tasks/{name}"), "pullMessage": message});
    done(server, "POST", "/tasks", json!({"parent": QUEUE, "task": task}))
}

#[track_caller]
fn lease(server: &Serving, filter: &str) -> Vec<Value> {
    let body = json!({"maxTasks": 9, "leaseDuration": "60s", "filter": filter});
    match done(server, "POST", "/tasks:lease", body)["tasks"].take() {
        Value::Array(tasks) => tasks,
        _ => Vec::new(),
    }
}

fn names(tasks: &[Value]) -> String {
    let name =
        |task: &Value| task["name"].as_str().expect("a name").rsplit('/').next().map(str::to_owned);
    tasks.iter().filter_map(name).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_task_is_leased_renewed_and_acknowledged() {
    let sandbox = Sandbox::new();
    let server = Serving::with_queues(&sandbox, &["q"]);
    let created = create(&server, "t", "x");
    assert_eq!(created["pullMessage"], json!({"tag": "x"}));
    assert_eq!(
        (&created["view"], &created["status"]["attemptDispatchCount"]),
        (&json!("BASIC"), &json!(0))
    );
    let full = done(&server, "GET", "/tasks/t?responseView=FULL", Value::Null);
    assert_eq!(full["pullMessage"], json!({"payload": "+/8=", "tag": "x"}));
    let numbers = done(&server, "GET", "/tasks/t?%24alt=json%3Benum-encoding%3Dint", Value::Null);
    assert_eq!(numbers["view"], 1);
    let leased = lease(&server, "tag=x").remove(0);
    assert_eq!(leased["status"]["attemptDispatchCount"], 1);
    assert_eq!(lease(&server, ""), Vec::<Value>::new());
    let time = |task: &Value| json!({"scheduleTime": task["scheduleTime"]});
    let mut renewal = time(&leased);
    renewal["leaseDuration"] = "3600s".into();
    let renewed = done(&server, "POST", "/tasks/t:renewLease", renewal.clone());
    assert_ne!(renewed["scheduleTime"], leased["scheduleTime"]);
    for (verb, body) in
        [("acknowledge", time(&leased)), ("renewLease", renewal), ("cancelLease", time(&leased))]
    {
        let (code, late) = server.call(&format!("POST {LOCATION}/queues/q/tasks/t:{verb}"), body);
        assert_eq!(
            (code, &late["error"]["status"]),
            (400, &json!("FAILED_PRECONDITION")),
            "{verb}"
        );
    }
    let cancelled = done(&server, "POST", "/tasks/t:cancelLease", time(&renewed));
    assert_eq!(cancelled["status"]["attemptDispatchCount"], 1);
    let leased = lease(&server, "").remove(0);
    assert_eq!(leased["status"]["attemptDispatchCount"], 2);
    assert_eq!(done(&server, "POST", "/tasks/t:acknowledge", time(&leased)), json!({}));
    let task = format!("{LOCATION}/queues/q/tasks/t");
    assert_eq!(server.call(&format!("GET {task}"), Value::Null).0, 404);
    let again = json!({"task": {"name": format!("{QUEUE}/tasks/t")}});
    let (code, taken) = server.call(&format!("POST {LOCATION}/queues/q/tasks"), again);
    assert_eq!((code, &taken["error"]["status"]), (409, &json!("ALREADY_EXISTS")));
}

#[test]
fn filters_select_tags() {
    let sandbox = Sandbox::new();
    let server = Serving::with_queues(&sandbox, &["q"]);
    for (name, tag) in [("a", "x"), ("b", "y"), ("c", "x"), ("d", "y"), ("e", "z"), ("f", "")] {
        create(&server, name, tag);
    }
    assert_eq!(names(&lease(&server, "tag=\"y\"")), "b d");
    assert_eq!(names(&lease(&server, "tag_function=oldest_tag()")), "a c");
    assert_eq!(names(&lease(&server, "tag=oldest_tag()")), "e");
    assert_eq!(names(&lease(&server, "tag=none")), "");
    assert_eq!(names(&lease(&server, "")), "f");
    assert_eq!(
        done(&server, "POST", "/tasks:lease", json!({"maxTasks": 1, "leaseDuration": "0s"})),
        json!({})
    );
}

#[test]
fn tasks_are_listed_in_pages() {
    let sandbox = Sandbox::new();
    let server = Serving::with_queues(&sandbox, &["q"]);
    for name in ["a", "b", "c"] {
        create(&server, name, "");
    }
    let first = done(&server, "GET", "/tasks?pageSize=2&responseView=FULL", Value::Null);
    assert_eq!(names(first["tasks"].as_array().expect("tasks")), "a b");
    assert_eq!(first["tasks"][0]["pullMessage"]["payload"], "+/8=");
    let token = first["nextPageToken"].as_str().expect("a next page");
    let second =
        done(&server, "GET", &format!("/tasks?page_size=2&page_token={token}"), Value::Null);
    assert_eq!(names(second["tasks"].as_array().expect("tasks")), "c");
    assert!(
        second.get("nextPageToken").is_none() && second["tasks"][0]["pullMessage"] == json!({})
    );
}

#[test]
fn queues_are_made_set_paused_and_purged() {
    let sandbox = Sandbox::new();
    let server = Serving::with_queues(&sandbox, &["a"]);
    let queue = json!({"name": QUEUE, "pullTarget": {}, "retry_config": {"max_attempts": 3}});
    let made = server.done(&format!("POST {LOCATION}/queues"), queue.clone());
    let retry = json!({"maxAttempts": 3});
    assert_eq!(
        made,
        json!({"name": QUEUE, "pullTarget": {}, "retryConfig": retry, "state": "RUNNING"})
    );
    assert_eq!(server.call(&format!("POST {LOCATION}/queues"), queue).0, 409);
    let listed = server.done(&format!("GET {LOCATION}/queues?pageSize=1"), Value::Null);
    assert_eq!(names(listed["queues"].as_array().expect("queues")), "a");
    let rest =
        format!("GET {LOCATION}/queues?pageToken={}", listed["nextPageToken"].as_str().unwrap());
    assert_eq!(names(server.done(&rest, Value::Null)["queues"].as_array().expect("queues")), "q");
    let body = json!({"retryConfig": {"unlimitedAttempts": true}});
    let set = done(&server, "PATCH", "?updateMask=retryConfig", body);
    assert_eq!(set["retryConfig"], json!({"unlimitedAttempts": true}));
    create(&server, "t", "");
    assert_eq!(done(&server, "POST", ":pause", json!({"name": QUEUE}))["state"], "PAUSED");
    let body = json!({"maxTasks": 1, "leaseDuration": "60s"});
    let (code, paused) =
        server.call(&format!("POST {LOCATION}/queues/q/tasks:lease?wait=60"), body);
    assert_eq!((code, &paused["error"]["status"]), (400, &json!("FAILED_PRECONDITION")));
    assert_eq!(done(&server, "POST", ":resume", Value::Null)["state"], "RUNNING");
    assert_eq!(names(&lease(&server, "")), "t");
    assert_eq!(done(&server, "POST", ":purge", json!({}))["state"], "RUNNING");
    assert_eq!(done(&server, "GET", "/tasks", Value::Null), json!({}));
    assert_eq!(done(&server, "GET", "", Value::Null)["name"], QUEUE);
    let new = server.done(
        &format!("PATCH {LOCATION}/queues/new?updateMask=retryConfig.maxAttempts"),
        json!({"retryConfig": {"maxAttempts": 2}}),
    );
    assert_eq!(new["retryConfig"], json!({"maxAttempts": 2}), "a queue that is not there is made");
}

/// Requests below the location, their bodies, and the code and the status of the answer.
const REFUSED: &[(&str, &str, u16, &str)] = &[
    ("POST /queues/q/tasks", "not JSON", 400, "INVALID_ARGUMENT"),
    ("POST /queues/q/tasks", "", 400, "INVALID_ARGUMENT"),
    ("POST /queues/q/tasks", "[]", 400, "INVALID_ARGUMENT"),
    ("POST /queues/q/tasks", "{}", 400, "INVALID_ARGUMENT"),
    ("POST /queues/q/tasks", r#"{"task": []}"#, 400, "INVALID_ARGUMENT"),
    ("POST /queues/q/tasks", r#"{"task": {"other": 1}}"#, 400, "INVALID_ARGUMENT"),
    ("POST /queues/q/tasks", r#"{"task": {"name": "t"}}"#, 400, "INVALID_ARGUMENT"),
    ("POST /queues/q/tasks", r#"{"task": {"scheduleTime": "soon"}}"#, 400, "INVALID_ARGUMENT"),
    (
        "POST /queues/q/tasks",
        r#"{"task": {"scheduleTime": "2999-01-01T00:00:00Z"}}"#,
        400,
        "INVALID_ARGUMENT",
    ),
    ("POST /queues/q/tasks", r#"{"task": {"httpRequest": {}}}"#, 400, "INVALID_ARGUMENT"),
    ("POST /queues/q/tasks", r#"{"task": {}, "responseView": "ALL"}"#, 400, "INVALID_ARGUMENT"),
    ("POST /queues/q/tasks", r#"{"task": {}, "parent": "projects/p"}"#, 400, "INVALID_ARGUMENT"),
    ("POST /queues/none/tasks", r#"{"task": {}}"#, 404, "NOT_FOUND"),
    (
        "POST /queues/q/tasks",
        r#"{"task": {"name": "projects/p/locations/l/queues/q/tasks/kept"}}"#,
        409,
        "ALREADY_EXISTS",
    ),
    (
        "POST /queues/q/tasks",
        r#"{"task": {"name": "projects/p/locations/l/queues/q/tasks/a b"}}"#,
        400,
        "INVALID_ARGUMENT",
    ),
    ("POST /queues/q/tasks:lease", "", 400, "INVALID_ARGUMENT"),
    (
        "POST /queues/q/tasks:lease",
        r#"{"maxTasks": 0, "leaseDuration": "1s"}"#,
        400,
        "INVALID_ARGUMENT",
    ),
    (
        "POST /queues/q/tasks:lease",
        r#"{"maxTasks": 1e30, "leaseDuration": "1s"}"#,
        400,
        "INVALID_ARGUMENT",
    ),
    (
        "POST /queues/q/tasks:lease",
        r#"{"maxTasks": 1, "leaseDuration": "9999999s"}"#,
        400,
        "INVALID_ARGUMENT",
    ),
    (
        "POST /queues/q/tasks:lease",
        r#"{"maxTasks": 1, "leaseDuration": "1s", "filter": "x"}"#,
        400,
        "INVALID_ARGUMENT",
    ),
    (
        "POST /queues/q/tasks:lease?$alt=proto",
        r#"{"maxTasks": 1, "leaseDuration": "1s"}"#,
        400,
        "INVALID_ARGUMENT",
    ),
    (
        "POST /queues/none/tasks:lease",
        r#"{"maxTasks": 1, "leaseDuration": "1s"}"#,
        404,
        "NOT_FOUND",
    ),
    ("GET /queues/q/tasks:lease", "", 405, "UNIMPLEMENTED"),
    ("POST /queues/q/tasks/kept:acknowledge", "{}", 400, "INVALID_ARGUMENT"),
    (
        "POST /queues/q/tasks/kept:acknowledge",
        r#"{"scheduleTime": "1999-01-01T00:00:00Z"}"#,
        400,
        "FAILED_PRECONDITION",
    ),
    (
        "POST /queues/q/tasks/none:acknowledge",
        r#"{"scheduleTime": "1999-01-01T00:00:00Z"}"#,
        404,
        "NOT_FOUND",
    ),
    (
        "POST /queues/q/tasks/kept:renewLease",
        r#"{"scheduleTime": "1999-01-01T00:00:00Z"}"#,
        400,
        "INVALID_ARGUMENT",
    ),
    ("POST /queues/q/tasks/kept:run", "{}", 400, "FAILED_PRECONDITION"),
    ("GET /queues/q/tasks/none", "", 404, "NOT_FOUND"),
    ("GET /queues/q/tasks/kept?responseView=ALL", "", 400, "INVALID_ARGUMENT"),
    ("GET /queues/q/tasks/%ff", "", 400, "INVALID_ARGUMENT"),
    ("DELETE /queues/q/tasks/none", "", 404, "NOT_FOUND"),
    ("GET /queues/q/tasks?pageSize=-1", "", 400, "INVALID_ARGUMENT"),
    ("GET /queues/q/tasks?pageToken=abc", "", 400, "INVALID_ARGUMENT"),
    ("GET /queues/none", "", 404, "NOT_FOUND"),
    ("GET /queues/no_queue", "", 400, "INVALID_ARGUMENT"),
    ("GET /queues?filter=state:PAUSED", "", 501, "UNIMPLEMENTED"),
    ("POST /queues", "{}", 400, "INVALID_ARGUMENT"),
    ("POST /queues", r#"{"name": "q"}"#, 400, "INVALID_ARGUMENT"),
    ("POST /queues", r#"{"name": "projects/p/locations/l/queues/a_b"}"#, 400, "INVALID_ARGUMENT"),
    ("POST /queues", r#"{"name": "projects/p/locations/l/queues/q"}"#, 409, "ALREADY_EXISTS"),
    ("PATCH /queues/q?updateMask=rateLimits", "{}", 400, "INVALID_ARGUMENT"),
    ("PATCH /queues/q", r#"{"retryConfig": {"maxAttempts": 0}}"#, 400, "INVALID_ARGUMENT"),
    ("DELETE /queues/q", "", 501, "UNIMPLEMENTED"),
    ("POST /queues/none:purge", "", 404, "NOT_FOUND"),
    (
        "POST /queues/q:purge",
        r#"{"name": "projects/p/locations/l/queues/other"}"#,
        400,
        "INVALID_ARGUMENT",
    ),
    ("GET /nothing", "", 404, "NOT_FOUND"),
];

#[test]
fn what_is_refused_has_its_status_and_loses_nothing() {
    let sandbox = Sandbox::new();
    let server = Serving::with_queues(&sandbox, &["q"]);
    create(&server, "kept", "x");
    let state = || done(&server, "GET", "/tasks?responseView=FULL", Value::Null);
    let before = state();
    for (request, body, code, status) in REFUSED {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let answer = server.ask(&format!("{method} {LOCATION}{path}"), &[], body);
        assert_eq!(answer.status, *code, "{request} {body}: {answer:?}");
        let error: Value = serde_json::from_str(&answer.body).expect("JSON");
        let error = &error["error"];
        assert_eq!(
            (&error["code"], &error["status"]),
            (&json!(code), &json!(status)),
            "{request} {body}"
        );
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{answer:?}");
    }
    let (code, nowhere) = server.call("GET /v2beta2/", Value::Null);
    assert_eq!((code, &nowhere["error"]["status"]), (404, &json!("NOT_FOUND")));
    let message = json!({"payload": "AAAA".repeat(1024 * 1024 / 3 + 1)});
    let large = json!({"task": {"pullMessage": message}});
    assert_eq!(server.call(&format!("POST {LOCATION}/queues/q/tasks"), large).0, 400);
    assert_eq!(state(), before);
}
