//! The sink `webhook:`, on a server that answers from a script.

use crate::support::http_server::{Answer, Server};
use crate::support::sandbox::{Run, Sandbox};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;

const ONE: &str = "{\"id\":\"a/1\",\"text\":\"hello\"}\n";
const THREE: &str = "{\"id\":\"a\",\"n\":1}\n{\"id\":\"b\",\"n\":2}\n{\"id\":\"c\",\"n\":3}\n";

fn published(lines: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.publish().args("stdin:?id=id --to sqlite:q.db").stdin(lines).run().expect(0);
    sandbox
}

/// Drains the queue into the webhook, whose address is a secret.
fn send(sandbox: &Sandbox, server: &Server, words: &str) -> Run {
    sandbox.write("webhook", format!("{}/hunter2?key=hunter2\n", server.url()));
    let program = sandbox.subscribe().args("--from sqlite:q.db --concurrency 1 --summary json");
    let program = program.env("WEBHOOK_URL_FILE", "webhook").args(words);
    let run = program.args("--to webhook:?allow-private").run();
    assert!(!run.stderr.contains("hunter2"), "the address is a secret: {}", run.stderr);
    run
}

/// The letters of the queue, as lines of JSON.
fn peek(sandbox: &Sandbox, words: &str) -> Vec<String> {
    let run = sandbox.queue().args("peek --json sqlite:q.db").args(words).run().expect(0);
    run.stdout.lines().map(str::to_owned).collect()
}

/// The attempts that the messages left are at next, by id.
fn attempts(sandbox: &Sandbox) -> Vec<String> {
    let show = "echo $KAKEHI_ID $KAKEHI_ATTEMPT";
    let mut shown = Vec::new();
    while !peek(sandbox, "").is_empty() {
        let run = sandbox.subscribe().args("--from sqlite:q.db -- sh -c").arg(show).run();
        shown.extend(run.expect(0).stdout.lines().map(str::to_owned));
    }
    shown.sort();
    shown
}

fn header<'r>(request: &'r str, name: &str) -> &'r str {
    let line = request.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    });
    line.unwrap_or_else(|| panic!("{name} is not in {request}"))
}

fn status(status: &str) -> Answer {
    Answer::http(status, &[], "no_service\nhunter2 hunter3")
}

#[test]
fn a_message_is_one_request_with_its_id() {
    let sandbox = published(ONE);
    let server = Server::new([Answer::ok("ok")]);
    send(&sandbox, &server, "").expect(0);
    assert_eq!(server.bodies(), [ONE.trim()]);
    let request = &server.requests()[0];
    assert!(request.starts_with("POST /hunter2?key=hunter2 HTTP/1.1\r\n"), "{request}");
    assert_eq!(header(request, "content-type"), "application/json");
    assert_eq!(header(request, "idempotency-key"), "a/1");
    assert!(!request.to_ascii_lowercase().contains("webhook-signature"), "{request}");
    assert!(peek(&sandbox, "").is_empty());
}

#[test]
fn a_request_is_signed_where_there_is_a_secret() {
    let sandbox = published("{\"id\":\"日 %\",\"n\":1}\n");
    sandbox.write("secret", format!("whsec_{}\n", BASE64_STANDARD.encode([7; 32])));
    let server = Server::new([Answer::ok("")]);
    let program = sandbox.subscribe().args("--from sqlite:q.db --to");
    let program = program.arg(format!("webhook:{}/?allow-private", server.url()));
    program.env("WEBHOOK_SECRET_FILE", "secret").run().expect(0);
    let request = &server.requests()[0];
    let signature = header(request, "webhook-signature").strip_prefix("v1,").expect("a version");
    assert_eq!(BASE64_STANDARD.decode(signature).expect("base64").len(), 32);
    assert_eq!(header(request, "webhook-id"), "%E6%97%A5%20%25", "what a header cannot hold");
    assert_eq!(header(request, "idempotency-key"), header(request, "webhook-id"));
    header(request, "webhook-timestamp").parse::<u64>().expect("seconds");
}

#[test]
fn what_the_webhook_refuses_is_a_dead_letter_with_the_first_line_of_the_answer() {
    for refused in ["400 Bad Request", "409 Conflict", "413 Content Too Large", "422 Unprocessable"]
    {
        let sandbox = published(ONE);
        send(&sandbox, &Server::new([status(refused)]), "").expect(65);
        let letters = peek(&sandbox, "--dead");
        assert!(letters[0].contains("no_service"), "{letters:?}");
        assert!(!letters[0].contains("hunter"), "{letters:?}");
    }
}

#[test]
fn refused_credentials_and_a_webhook_that_is_gone_spend_nothing() {
    for (answer, code) in [
        ("401 Unauthorized", 77),
        ("403 Forbidden", 77),
        ("404 Not Found", 69),
        ("410 Gone", 69),
        ("302 Found", 69),
        ("308 Permanent Redirect", 69),
    ] {
        let sandbox = published(THREE);
        let server = Server::new([Answer::http(answer, &["Location: /elsewhere"], "no_service")]);
        let run = send(&sandbox, &server, "").expect(code);
        assert!(run.stderr.contains(&answer[..3]), "{}", run.stderr);
        assert_eq!(server.bodies().len(), 1, "{answer}: it is asked once");
        assert_eq!(attempts(&sandbox), ["a 1", "b 1", "c 1"], "{answer}");
    }
}

#[test]
fn a_webhook_is_left_alone_as_long_as_it_says() {
    for busy in ["429 Too Many Requests", "503 Service Unavailable", "500 Internal Server Error"] {
        let wait = |seconds: &str| Answer::http(busy, &[&format!("Retry-After: {seconds}")], "");
        let sandbox = published(THREE);
        let server = Server::new([wait("1"), wait("1"), Answer::ok("ok")]);
        let run = send(&sandbox, &server, "").expect(0);
        let summary: Value = serde_json::from_str(run.stderr.lines().last().unwrap()).unwrap();
        assert_eq!((&summary["stored"], &summary["retried"]), (&3.into(), &0.into()));
        assert_eq!(server.bodies().len(), 5, "{busy}");

        let sandbox = published(THREE);
        let run = send(&sandbox, &Server::new([wait("3600")]), "").expect(69);
        assert!(run.stderr.contains(&busy[..3]), "{}", run.stderr);
        assert_eq!(attempts(&sandbox), ["a 1", "b 1", "c 1"], "{busy}");
    }
}

#[test]
fn one_that_fails_among_others_spends_an_attempt_and_holds_up_nobody() {
    let sandbox = published(THREE);
    let server = Server::new([status("500 Internal Server Error"), Answer::ok("ok")]);
    let run = send(&sandbox, &server, "").expect(75);
    assert!(run.stderr.contains("the webhook answered 500"), "{}", run.stderr);
    assert_eq!(attempts(&sandbox), ["a 2"]);
}

#[test]
fn where_all_fail_it_is_an_outage() {
    for answer in [status("500 Internal Server Error"), status("502 Bad Gateway")] {
        let sandbox = published(THREE);
        let server = Server::new([answer]);
        send(&sandbox, &server, "").expect(69);
        assert_eq!(server.bodies().len(), 2, "the first might be at fault, not the second too");
        assert_eq!(attempts(&sandbox), ["a 2", "b 1", "c 1"]);
    }
}

#[test]
fn a_server_that_does_not_answer_is_left_and_nothing_is_stored() {
    let sandbox = published(ONE);
    let run = send(&sandbox, &Server::new([Answer::Silence]), "--write-timeout 1s").expect(75);
    assert!(run.stderr.contains("did not answer in time"), "{}", run.stderr);
    let sandbox = published(ONE);
    let program = sandbox.subscribe().args("--from sqlite:q.db --to");
    let run = program.arg("webhook:http://127.0.0.1:1/hunter2?allow-private").run().expect(69);
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    assert_eq!(attempts(&sandbox), ["a/1 1"]);
}

#[test]
fn a_group_waits_behind_its_message_that_failed() {
    let sandbox = Sandbox::new();
    let lines =
        "{\"id\":\"1\",\"g\":\"a\"}\n{\"id\":\"2\",\"g\":\"a\"}\n{\"id\":\"3\",\"g\":\"b\"}\n";
    let publish = sandbox.publish().args("stdin:?id=id&group=g --to sqlite:q.db").stdin(lines);
    publish.run().expect(0);
    let server = Server::new([status("500 Internal Server Error"), Answer::ok("ok")]);
    send(&sandbox, &server, "--batch 10").expect(75);
    assert_eq!(server.bodies(), [r#"{"id":"1","g":"a"}"#, r#"{"id":"3","g":"b"}"#]);
}

#[test]
fn a_body_that_is_no_json_is_sent_as_what_it_is_said_to_be_only() {
    let sandbox = Sandbox::new();
    let publish = |id: &str| {
        let line = format!("{{\"id\":\"{id}\",\"body_base64\":\"cGxhaW4=\"}}\n");
        let publish = sandbox.publish().args("stdin:?envelope --to sqlite:q.db").stdin(line);
        publish.run().expect(0);
    };
    let server = Server::new([Answer::ok("ok")]);
    publish("a");
    send(&sandbox, &server, "").expect(65);
    assert_eq!(server.bodies().len(), 0);
    publish("b");
    let program = sandbox.subscribe().args("--from sqlite:q.db --to");
    let to = format!("webhook:{}/?allow-private&content-type=text/plain", server.url());
    program.arg(to).run().expect(0);
    assert_eq!(server.bodies(), ["plain"]);
    assert_eq!(header(&server.requests()[0], "content-type"), "text/plain");
}

#[test]
fn an_address_that_is_private_or_no_webhook_is_refused_and_not_shown() {
    let sandbox = published(ONE);
    for (to, code) in [
        ("webhook:http://127.0.0.1:1/hunter2", 78),
        ("webhook:https://10.1.2.3/hunter2", 78),
        ("webhook:https://localhost/hunter2", 78),
        ("webhook:", 2),
        ("webhook:https://example.org/hunter2?token=hunter2", 2),
        ("webhook:ftp://example.org/hunter2", 78),
    ] {
        let run = sandbox.subscribe().args("--from sqlite:q.db --to").arg(to).run().expect(code);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    }
    assert_eq!(attempts(&sandbox), ["a/1 1"]);
}

#[test]
fn a_check_connects_and_sends_nothing() {
    let server = Server::new([Answer::ok("ok")]);
    let sandbox = published(ONE);
    let url = format!("webhook:{}/hunter2?allow-private", server.url());
    let check = || sandbox.queue().args("check --from sqlite:q.db --to").arg(&url);
    let run = check().run().expect(0);
    assert!(run.stdout.contains("webhook 127.0.0.1"), "{}", run.stdout);
    assert!(!run.stdout.contains("hunter2"), "{}", run.stdout);
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}
