//! `listen:` as a client of HTTP finds it.

use crate::support::http_client::{HttpAnswer, HttpClient};
use crate::support::process::{End, Process};
use crate::support::queue_file::stats;
use crate::support::sandbox::{Program, Sandbox};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;

/// A server that publishes what it is sent.
struct Listening {
    process: Process,
    address: SocketAddr,
}

impl Listening {
    /// Starts it with these parameters, at the path `/in`.
    fn start(sandbox: &Sandbox, parameters: &str, flags: &str) -> Self {
        let url = format!("listen:127.0.0.1:0/in{parameters}");
        Self::of(sandbox.publish().arg(url).args("-v").args(flags))
    }

    fn of(program: Program) -> Self {
        let mut process = Process::start(program, String::new(), false);
        let told = |it: &Process| {
            let said = it.said();
            let (_, rest) = said.split_once("listening on http://")?;
            rest.split_once("/in").map(|(address, _)| address.to_owned())
        };
        process.wait_until("it listens", |it| told(it).is_some());
        let address = told(&process).expect("it was there").parse().expect("an address");
        Self { process, address }
    }

    fn post(&self, headers: &[&str], body: impl AsRef<[u8]>) -> HttpAnswer {
        HttpClient::connect(self.address).ask("POST /in", headers, body)
    }

    fn stop(mut self) -> End {
        self.process.signal(Signal::SIGTERM);
        self.process.end()
    }
}

const TO: &str = "--to sqlite:q.db";
const JSON: &str = "Content-Type: application/json";
const LINES: &str = "Content-Type: application/x-ndjson";

fn json(answer: &HttpAnswer) -> Value {
    serde_json::from_str(&answer.body).expect("JSON")
}

/// What lies in the queue, line by line.
fn queued(sandbox: &Sandbox) -> Vec<Value> {
    let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout:?envelope --debug").run();
    run.expect(0).stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_request_is_answered_once_the_queue_has_it() {
    let sandbox = Sandbox::new();
    let server = Listening::start(&sandbox, "?id=id", TO);
    let answer = server.post(&[JSON], r#"{"id":"a","n":1.50}"#);
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(json(&answer)["success"], true);
    assert_eq!(json(&answer)["data"], serde_json::json!({"ids": ["a"]}));
    assert_eq!(stats(&sandbox)["ready"], 1);
    let answer = server.post(&[LINES], "{\"id\":\"b\"}\n\n{\"id\":\"c\"}\n");
    assert_eq!(json(&answer)["data"]["ids"], serde_json::json!(["b", "c"]));
    assert_eq!(stats(&sandbox)["ready"], 3);
    let end = server.stop();
    assert!(end.stderr.contains("3 published"), "{}", end.stderr);
    assert_eq!(queued(&sandbox)[0]["body"], serde_json::json!({"id": "a", "n": 1.5}));
}

#[test]
fn a_request_that_is_sent_again_is_one_message() {
    let sandbox = Sandbox::new();
    let server = Listening::start(&sandbox, "", TO);
    let key = "Idempotency-Key: \"k-1\"";
    for _ in 0..2 {
        let answer = server.post(&[JSON, key], "{}");
        assert_eq!((answer.status, &json(&answer)["data"]["ids"][0]), (201, &"k-1".into()));
    }
    let answer = server.post(&[JSON, key], "{\"other\":1}");
    assert_eq!((answer.status, &json(&answer)["success"]), (400, &false.into()), "{}", answer.body);
    let answer = server.post(&[LINES, "Idempotency-Key: k"], "1\n2");
    assert_eq!(json(&answer)["data"]["ids"], serde_json::json!(["k/1", "k/2"]));
    assert_eq!(stats(&sandbox)["ready"], 3);
    server.stop();
}

#[test]
fn what_cannot_be_taken_is_refused_with_its_status() {
    let sandbox = Sandbox::new();
    let server = Listening::start(&sandbox, "?max-size=100", TO);
    let long = format!("\"{}\"", "x".repeat(200));
    for (headers, body, status) in [
        (&[JSON][..], "", 400),
        (&[JSON], "hunter2", 400),
        (&[LINES], "1\nhunter2\n", 400),
        (&[JSON, "Idempotency-Key: "], "1", 400),
        (&[JSON], &*long, 413),
        (&["Content-Type: text/plain"], "1", 415),
        (&["Content-Type: application/x-www-form-urlencoded"], "1", 415),
        (&[JSON, "Content-Encoding: br"], "1", 415),
        (&[JSON, "Origin: https://evil.example"], "1", 403),
        (&[JSON, "Host: evil.example"], "1", 403),
    ] {
        let answer = server.post(headers, body);
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.body);
        assert_eq!(json(&answer)["success"], false);
        assert!(!answer.body.contains("hunter2"), "{}", answer.body);
    }
    let mut client = HttpClient::connect(server.address);
    let answer = client.ask("GET /in", &[], "");
    assert!(answer.status == 405 && answer.head.contains("allow: post"), "{}", answer.head);
    assert_eq!(client.ask("POST /in/other", &[JSON], "1").status, 404);
    let end = server.stop();
    assert!(end.stderr.contains("0 read") || !end.stderr.contains("published"), "{}", end.stderr);
    assert!(!end.stderr.contains("hunter2"), "{}", end.stderr);
}

#[test]
fn while_the_queue_is_away_the_spool_takes_it_and_the_answer_says_so() {
    let sandbox = Sandbox::new();
    let queue = "--to redis://127.0.0.1:1/0?job=j --spool spool.db";
    let server = Listening::start(&sandbox, "", queue);
    let answer = server.post(&[JSON, "Idempotency-Key: a"], "{}");
    assert_eq!((answer.status, &json(&answer)["data"]["ids"][0]), (202, &"a".into()));
    let end = server.stop();
    assert_eq!(end.code, 143);
    assert!(end.stderr.contains("1 spooled"), "{}", end.stderr);
}

#[test]
fn where_neither_takes_it_the_server_says_so_and_stays() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("kept")).unwrap();
    let queue = "--to redis://127.0.0.1:1/0?job=j --spool kept/spool.db";
    let server = Listening::start(&sandbox, "", queue);
    fs::remove_dir(sandbox.path("kept")).unwrap();
    sandbox.write("kept", "");
    for _ in 0..2 {
        let answer = server.post(&[JSON], "{}");
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.head.contains("retry-after: "), "{}", answer.head);
        assert_eq!(json(&answer)["success"], false);
    }
    server.stop();
}

#[test]
fn a_dry_run_reads_and_keeps_nothing() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("store")).unwrap();
    for parameters in ["", "?store=file:store"] {
        let server = Listening::start(&sandbox, parameters, &format!("{TO} --dry-run"));
        let kind = if parameters.is_empty() { JSON } else { "Content-Type: image/png" };
        let answer = server.post(&[kind], "{}");
        assert!(answer.status == 503 && answer.body.contains("dry run"), "{}", answer.body);
        server.stop();
    }
    assert_eq!(fs::read_dir(sandbox.path("store")).unwrap().count(), 0);
}

const FORM: &str = "Content-Type: multipart/form-data; boundary=XX";

/// A form with a file of this name, type and content.
fn form(name: &str, content: &str) -> String {
    format!(
        "--XX\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nhello\r\n--XX\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: image/jpeg\r\n\r\n{content}\r\n--XX--\r\n"
    )
}

#[test]
fn a_file_is_in_the_store_and_its_message_in_the_queue_before_the_answer() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("store")).unwrap();
    let server = Listening::start(&sandbox, "?store=file:store&prefix=up-", TO);
    let answer = server.post(&[FORM], form("../../etc/passwd.jpg", "abc"));
    assert_eq!(answer.status, 201, "{}", answer.body);
    let told = queued(&sandbox).remove(0)["body"].clone();
    let key = told["key"].as_str().expect("a key").to_owned();
    assert!(key.starts_with("up-") && key.ends_with(".jpg") && !key.contains('/'), "{key}");
    assert_eq!((&told["content_type"], &told["size"]), (&"image/jpeg".into(), &3.into()));
    assert_eq!(fs::read(sandbox.path("store").join(&key)).unwrap(), b"abc");
    let answer = server.post(&["Content-Type: image/png", "Idempotency-Key: k"], "def");
    assert_eq!(json(&answer)["data"]["ids"][0], "k");
    let again = server.post(&["Content-Type: image/png", "Idempotency-Key: k"], "def");
    assert_eq!(again.status, 201);
    let other = server.post(&["Content-Type: image/png", "Idempotency-Key: k"], "other");
    assert_eq!(other.status, 400, "{}", other.body);
    let end = server.stop();
    assert!(end.stderr.contains("2 published"), "{}", end.stderr);
}

#[test]
fn workers_that_expect_the_bare_key_get_it() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("store")).unwrap();
    let server = Listening::start(&sandbox, "?store=file:store&body=key", TO);
    assert_eq!(server.post(&[FORM], form("a.jpg", "abc")).status, 201);
    server.stop();
    let shown = sandbox.subscribe().args("--from sqlite:q.db -- cat").run().expect(0);
    assert!(sandbox.path("store").join(shown.stdout.trim()).is_file(), "{}", shown.stdout);
}

#[test]
fn a_file_that_cannot_be_taken_is_refused() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("store")).unwrap();
    let parameters = "?store=file:store&max-size=10&accept=image/*";
    let server = Listening::start(&sandbox, parameters, TO);
    for (headers, body, status) in [
        (FORM, form("a.jpg", ""), 400),
        (FORM, "rubbish".to_owned(), 400),
        ("Content-Type: image/png", String::new(), 400),
        ("Content-Type: image/png", "x".repeat(11), 413),
        ("Content-Type: text/html", "x".to_owned(), 415),
        ("Content-Type: multipart/mixed; boundary=XX", "x".to_owned(), 415),
    ] {
        let answer = server.post(&[headers], body);
        assert_eq!(answer.status, status, "{headers}: {}", answer.body);
    }
    fs::remove_dir_all(sandbox.path("store")).unwrap();
    let answer = server.post(&[FORM], form("a.jpg", "abc"));
    assert_eq!(answer.status, 503, "{}", answer.body);
    server.stop();
}

#[test]
fn a_token_is_asked_for_where_there_is_one_and_needed_beyond_this_machine() {
    let sandbox = Sandbox::new();
    let token = "0123456789abcdef";
    sandbox.write("token", token);
    let server = Listening::start(&sandbox, "?token-file=token", TO);
    assert_eq!(server.post(&[JSON], "1").status, 401);
    let shown = format!("Authorization: Bearer {token}");
    assert_eq!(server.post(&[JSON, &shown], "1").status, 201);
    let end = server.stop();
    assert!(!end.stderr.contains(token), "{}", end.stderr);
    let run = sandbox.publish().args("listen:0.0.0.0:0/in").args(TO).run().expect(78);
    assert!(run.stderr.contains("`token-file=FILE` names a token"), "{}", run.stderr);
    let run = sandbox.publish().args("listen:127.0.0.1:0/ --every @hourly").args(TO).run();
    assert!(run.expect(2).stderr.contains("`--every` does not go with"));
}

#[test]
fn a_kill_loses_nothing_that_was_answered() {
    let sandbox = Sandbox::new();
    let server = Listening::start(&sandbox, "", TO);
    let mut client = HttpClient::connect(server.address);
    let taken = (0..50).filter(|n| {
        let key = format!("Idempotency-Key: {n}");
        client.ask("POST /in", &[JSON, &key], n.to_string()).status == 201
    });
    assert_eq!(taken.count(), 50);
    let mut process = server.process;
    process.signal(Signal::SIGKILL);
    process.end();
    assert_eq!(stats(&sandbox)["ready"], 50);
}

#[test]
fn a_file_whose_server_is_killed_is_one_object_and_one_message_when_it_is_sent_again() {
    for point in ["listen-put=kill@1", "publish-taken=kill@1", "publish-committed=kill@1"] {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.path("store")).unwrap();
        let publish = || {
            let publish = sandbox.publish().args("listen:127.0.0.1:0/in?store=file:store -v");
            publish.args(TO)
        };
        let send = |server: &Listening| {
            let headers = ["Content-Type: image/png", "Idempotency-Key: a photo"];
            HttpClient::connect(server.address).try_ask("POST /in", &headers, "a picture")
        };
        let killed = Listening::of(publish().env("KAKEHI_FAILPOINTS", point));
        let answer = send(&killed);
        // Once the queue has it, the answer may be faster than the end.
        assert!(answer.is_err() || point != "listen-put=kill@1", "{point}");
        assert_eq!(killed.process.end().code, 137, "{point}");
        assert_eq!(fs::read_dir(sandbox.path("store")).unwrap().count(), 1, "{point}");
        let server = Listening::of(publish());
        assert_eq!(send(&server).expect("an answer").status, 201, "{point}");
        server.stop();
        assert_eq!(fs::read_dir(sandbox.path("store")).unwrap().count(), 1, "{point}");
        assert_eq!(stats(&sandbox)["ready"], 1, "{point}");
    }
}

#[test]
fn a_look_takes_the_address_and_asks_the_store() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("store")).unwrap();
    let look = |url: &str| sandbox.queue().args("check --source").arg(url).run();
    let run = look("listen:127.0.0.1:0/in?store=file:store").expect(0);
    assert!(run.stdout.contains("can be listened at"), "{}", run.stdout);
    assert!(run.stdout.contains("answers"), "{}", run.stdout);
    look("listen:127.0.0.1:0/in?store=file:nowhere").expect(78);
}

#[test]
fn who_sent_what_a_program_leaves_out_or_cannot_reshape_hears_it() {
    let sandbox = Sandbox::new();
    let flags = format!("{TO} --where .keep --map .bodies[]");
    let server = Listening::start(&sandbox, "", &flags);
    for (body, status) in [
        (r#"{"keep":true,"bodies":[1,2]}"#, 201),
        (r#"{"keep":false}"#, 201),
        (r#"{"keep":true,"bodies":7}"#, 400),
        (r#"{"keep":true,"bodies":[3]}"#, 201),
    ] {
        let answer = server.post(&[JSON], body);
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
    let lines = "{\"keep\":false}\n{\"keep\":true,\"bodies\":7}\n{\"keep\":true,\"bodies\":[4]}\n";
    let answer = server.post(&[LINES, "Idempotency-Key: k"], lines);
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(json(&answer)["data"]["ids"], serde_json::json!(["k/1", "k/3"]));
    server.stop();
    assert_eq!(stats(&sandbox)["ready"], 4);
}
