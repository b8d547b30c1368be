//! App Engine's REST API for pull queues, by a server as a process.

use crate::support::http_client::HttpClient;
use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;
use crate::support::serving_calls::json;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write as _;

const QUEUE: &str = "/taskqueue/v1beta2/projects/s~p/taskqueues/pull-queue";

fn server(sandbox: &Sandbox) -> Serving {
    Serving::with_queues(sandbox, &["pull-queue"])
}

#[track_caller]
fn insert(server: &Serving, task: Value) -> Value {
    server.done(&format!("POST {QUEUE}/tasks"), task)
}

#[track_caller]
fn lease(server: &Serving, parameters: &str) -> Value {
    server.done(&format!("POST {QUEUE}/tasks/lease?{parameters}"), Value::Null)
}

/// A lease that waits for the first task.
#[track_caller]
fn waiting(server: &mut Serving) -> HttpClient {
    let mut client = HttpClient::connect(server.address);
    let lease = format!("POST {QUEUE}/tasks/lease?numTasks=1&leaseSecs=60&wait=3600");
    let head = format!("{lease} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    client.send(head).expect("the server reads");
    server.wait_in_flight(1);
    client
}

/// The names of the tasks in an answer.
fn names(answer: &Value) -> Vec<&str> {
    let tasks = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    tasks.iter().map(|task| task["id"].as_str().expect("a name")).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn a_task_is_shown_as_it_was_inserted() {
    let sandbox = Sandbox::new();
    let server = server(&sandbox);
    let task = json!({
        "kind": "taskqueues#task",
        "id": "t-1",
        "queueName": "projects/p/taskqueues/pull-queue",
        "payloadBase64": "+/8",
        "leaseTimestamp": "1000000",
        "tag": "a tag 水",
        "retry_count": 9,
        "unknown": {"deep": [null]},
    });
    let inserted = insert(&server, task);
    assert_eq!(inserted["payloadBase64"], "-_8=");
    assert_eq!(inserted["queueName"], "pull-queue");
    assert_eq!(inserted["tag"], "a tag 水");
    assert_eq!(inserted["retry_count"], 0);
    let shown = server.done(&format!("GET {QUEUE}/tasks/t-1"), Value::Null);
    assert_eq!(shown, inserted);
    let listed = server.done(&format!("GET {QUEUE}/tasks"), Value::Null);
    assert_eq!(names(&listed), ["t-1"]);
    assert!(listed["items"][0].get("payloadBase64").is_none(), "{listed}");
    let leased = lease(&server, "numTasks=1&leaseSecs=60");
    let leased = &leased["items"][0];
    assert_eq!(leased["queueName"], "projects/s~p/taskqueues/pull-queue");
    assert_eq!(leased["payloadBase64"], "-_8=");
    assert_eq!(leased["retry_count"], 1);
    assert!(leased["leaseTimestamp"].as_str().is_some_and(|time| time.len() == 16), "{leased}");
}

#[test]
fn requests_come_in_many_forms() {
    let sandbox = Sandbox::new();
    let server = server(&sandbox);
    // As Java's client: each body in gzip, the empty one too, and PATCH as POST.
    let packed = ["Content-Encoding: gzip", "Content-Type: application/json"];
    let task = gzip(r#"{"id":"java","queueName":"pull-queue","payloadBase64":"aGk"}"#);
    assert_eq!(server.ask(&format!("POST {QUEUE}/tasks?alt=json"), &packed, task).status, 200);
    let form = ["Content-Encoding: gzip", "Content-Type: application/x-www-form-urlencoded"];
    let request = format!("POST {QUEUE}/tasks/lease?numTasks=1&leaseSecs=60&key=any");
    let leased = json(&server.ask(&request, &form, gzip("")));
    assert_eq!(names(&leased), ["java"]);
    let patch = ["Content-Encoding: gzip", "X-HTTP-Method-Override: PATCH"];
    let body = gzip(r#"{"queueName":"pull-queue"}"#);
    let request = format!("POST {QUEUE}/tasks/java?newLeaseSeconds=0");
    assert_eq!(server.ask(&request, &patch, body).status, 200);
    // As gcloud-taskqueue: slashes at the end, long names, capital letters.
    let plain = QUEUE.replace("s~p", "s%7Ep");
    let task = json!({"queueName": "projects/p/taskqueues/pull-queue", "id": "slash", "tag": "x"});
    server.done(&format!("POST {plain}/tasks/"), task);
    let request = format!("POST {QUEUE}/tasks/lease?groupByTag=True&numTasks=1&leaseSecs=1&tag=x");
    assert_eq!(names(&server.done(&request, Value::Null)), ["slash"]);
    // As Python's: nothing but null for a tag, and false for its group.
    insert(&server, json!({"id": "none", "tag": null, "payloadBase64": ""}));
    let rest = lease(&server, "numTasks=9&leaseSecs=60&groupByTag=false&tag=");
    assert_eq!(names(&rest), ["java", "none"]);
    // As Rust's: a question mark and nothing behind it.
    assert_eq!(server.call(&format!("DELETE {QUEUE}/tasks/none?"), Value::Null).0, 204);
}

#[test]
fn a_response_is_as_large_as_wanted() {
    let sandbox = Sandbox::new();
    let server = server(&sandbox);
    insert(&server, json!({"id": "a", "tag": "x"}));
    let list = format!("GET {QUEUE}/tasks?fields=items(id,tag)&prettyPrint=false");
    let answer = server.ask(&list, &[], "");
    assert_eq!(answer.body, r#"{"items":[{"id":"a","tag":"x"}]}"#);
    assert!(answer.head.contains("content-type: application/json; charset=utf-8"), "{answer:?}");
    assert!(server.ask(&format!("GET {QUEUE}/tasks"), &[], "").body.contains("\n  \"items\""));
    let queue = server.done(&format!("GET {QUEUE}"), Value::Null);
    let id = "projects/s~p/taskqueues/pull-queue";
    assert_eq!(queue, json!({"kind": "taskqueues#taskqueue", "id": id}));
    lease(&server, "numTasks=1&leaseSecs=60");
    let queue = server.done(&format!("GET {QUEUE}?getStats=true&fields=stats"), Value::Null);
    let stats = &queue["stats"];
    assert_eq!((&stats["totalTasks"], &stats["leasedLastMinute"]), (&json!(1), &json!("1")));
    assert!(stats["oldestTask"].as_str().is_some_and(|time| time.len() == 10), "{stats}");
}

#[test]
fn tags_are_leased_together() {
    let sandbox = Sandbox::new();
    let server = server(&sandbox);
    for (name, tag) in [("a", "x"), ("b", "y"), ("c", "x"), ("d", ""), ("e", ""), ("f", "y")] {
        insert(&server, json!({"id": name, "tag": tag}));
    }
    let tagged = |parameters: &str| {
        let answer = lease(&server, &format!("numTasks=9&leaseSecs=60&{parameters}"));
        names(&answer).join(" ")
    };
    assert_eq!(tagged("groupByTag=true&tag=y"), "b f");
    assert_eq!(tagged("groupByTag=true"), "a c");
    assert_eq!(tagged("groupByTag=true"), "d e", "the oldest has no tag: only those without one");
    assert_eq!(tagged(""), "");
}

#[test]
fn the_end_of_a_lease_proves_it() {
    let sandbox = Sandbox::new();
    let server = server(&sandbox);
    insert(&server, json!({"id": "a"}));
    let task = &lease(&server, "numTasks=1&leaseSecs=60")["items"][0];
    let update = |seconds: u32, body: &Value| {
        server.call(&format!("POST {QUEUE}/tasks/a?newLeaseSeconds={seconds}"), body.clone())
    };
    let (status, extended) = update(120, task);
    assert_eq!(status, 200, "{extended}");
    assert_eq!((&extended["id"], &extended["retry_count"]), (&json!("a"), &json!(1)));
    let (status, late) = update(120, task);
    assert_eq!((status, &late["error"]["message"]), (400, &json!("The task lease has expired")));
    assert_eq!(update(0, &extended).0, 200);
    assert_eq!(update(60, &extended).0, 400, "the lease has ended");
    let patch = format!("PATCH {QUEUE}/tasks/a?newLeaseSeconds=60");
    let queue = || json!({"queueName": "pull-queue"});
    assert_eq!(server.call(&patch, queue()).0, 400, "it is not leased");
    assert_eq!(lease(&server, "numTasks=1&leaseSecs=60")["items"][0]["retry_count"], 2);
    assert_eq!(server.call(&patch, queue()).0, 200, "whichever lease it has");
    // A delete asks for no lease.
    assert_eq!(server.call(&format!("DELETE {QUEUE}/tasks/a"), Value::Null), (204, Value::Null));
    assert_eq!(server.call(&format!("DELETE {QUEUE}/tasks/a"), Value::Null).0, 404);
    assert_eq!(server.call(&format!("POST {QUEUE}/tasks"), json!({"id": "a"})).0, 409);
}

#[test]
fn a_lease_waits_for_a_task_of_any_process() {
    let sandbox = Sandbox::new();
    let mut server = server(&sandbox);
    let mut waiting = waiting(&mut server);
    assert!(!waiting.has_answer(), "there is none yet");
    let publish = sandbox.publish().args("stdin: --to").arg("sqlite:q.db?queue=pull-queue");
    publish.stdin("{\"n\":1}\n").run().expect(0);
    let leased = json(&waiting.answer());
    assert_eq!(leased["items"][0]["payloadBase64"], "eyJuIjoxfQ==");
}

#[test]
fn a_lease_that_waits_ends_empty_when_the_server_stops() {
    let sandbox = Sandbox::new();
    let mut server = server(&sandbox);
    let mut waiting = waiting(&mut server);
    let stopping = std::thread::spawn(|| server.stop());
    let answer = waiting.answer();
    assert_eq!(answer.status, 200);
    assert_eq!(json(&answer), json!({"kind": "taskqueues#tasks"}));
    let end = stopping.join().expect("no panic");
    assert_eq!(end.code, 143, "{}", end.stderr);
}

#[test]
fn who_has_left_is_leased_nothing() {
    let sandbox = Sandbox::new();
    let mut server = server(&sandbox);
    let waiting = waiting(&mut server);
    drop(waiting);
    server.wait_in_flight(0);
    insert(&server, json!({"id": "a"}));
    assert_eq!(lease(&server, "numTasks=1&leaseSecs=60")["items"][0]["retry_count"], 1);
}

#[test]
fn what_was_answered_outlasts_a_kill() {
    let sandbox = Sandbox::new();
    let first = server(&sandbox);
    insert(&first, json!({"id": "leased", "payloadBase64": "aGk="}));
    let leased = lease(&first, "numTasks=1&leaseSecs=600")["items"][0].clone();
    insert(&first, json!({"id": "left"}));
    first.kill();
    let second = Serving::start(&sandbox, "");
    assert_eq!(names(&lease(&second, "numTasks=9&leaseSecs=60")), ["left"]);
    let update = format!("POST {QUEUE}/tasks/leased?newLeaseSeconds=0");
    second.done(&update, leased);
    assert_eq!(names(&lease(&second, "numTasks=9&leaseSecs=60")), ["leased"]);
}

#[test]
fn a_task_waits_for_its_time() {
    let sandbox = Sandbox::new();
    let server = server(&sandbox);
    let soon = chrono::Utc::now().timestamp_micros() + 300_000_000;
    let waits = insert(&server, json!({"id": "waits", "leaseTimestamp": soon.to_string()}));
    assert_eq!(waits["leaseTimestamp"], soon.to_string());
    assert_eq!(lease(&server, "numTasks=9&leaseSecs=60"), json!({"kind": "taskqueues#tasks"}));
    let late = json!({"leaseTimestamp": (soon + 31 * 86_400_000_000_i64).to_string()});
    assert_eq!(server.call(&format!("POST {QUEUE}/tasks"), late).0, 400);
}

#[test]
fn queues_are_as_their_file_says() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "queue.yaml",
        "queue:\n- name: pull-queue\n  mode: pull\n  retry_parameters:\n    task_retry_limit: 2\n  \
         acl:\n  - user_email: a@example.com\n  - writer_email: b@example.com\n- name: pushed\n",
    );
    let server = Serving::start(&sandbox, "--queues queue.yaml");
    let queue = server.done(&format!("GET {QUEUE}"), Value::Null);
    assert_eq!(queue["maxLeases"], 2);
    let emails = json!({"consumerEmails": ["a@example.com"], "producerEmails": ["b@example.com"]});
    assert_eq!(queue["acl"], emails);
    let pushed = QUEUE.replace("pull-queue", "pushed");
    for request in [
        format!("GET {pushed}"),
        format!("POST {pushed}/tasks/lease?numTasks=1&leaseSecs=1"),
        format!("POST {pushed}/tasks"),
    ] {
        let (status, answer) = server.call(&request, json!({}));
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(status == 400 && message.contains("push queue"), "{request}: {status} {answer}");
    }
    insert(&server, json!({"id": "fails"}));
    for count in [1, 2] {
        let leased = lease(&server, "numTasks=9&leaseSecs=0");
        assert_eq!(leased["items"][0]["retry_count"], count);
    }
    assert_eq!(names(&lease(&server, "numTasks=9&leaseSecs=0")), [""; 0]);
    let dead = sandbox.queue().args("dead list sqlite:q.db?queue=pull-queue").run().expect(0);
    assert!(dead.stdout.contains("fails"), "{}", dead.stdout);
}

#[test]
fn the_description_leads_to_the_server() {
    let sandbox = Sandbox::new();
    let server = server(&sandbox);
    let address = server.address;
    let host = format!("Host: {address}");
    let request = "GET /discovery/v1/apis/taskqueue/v1beta2/rest";
    let described = json(&server.ask(request, &[&host], ""));
    assert_eq!(described["rootUrl"], format!("http://{address}/"));
    assert_eq!(described["resources"]["tasks"]["methods"]["lease"]["httpMethod"], "POST");
    let other = server.call(&request.replace("GET", "POST"), Value::Null);
    assert_eq!((other.0, &other.1["error"]["code"]), (405, &json!(405)));
}
