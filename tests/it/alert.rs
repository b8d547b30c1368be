//! The alert of `examples/`: what the webhook answers decides what becomes of the message.

use crate::http_server::{Answer, Server};
use crate::sandbox::{Run, Sandbox};
use std::path::Path;

const READINGS: &str = r#"{"id":"cold","name":"庭","val":11.5,"created_at":"9:01"}
{"id":"warm","name":"庭 \"<!channel>\"","val":30,"created_at":"9:02"}
"#;

fn published(lines: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let alerts = "create sqlite:q.db?queue=alerts&topic=readings";
    sandbox.queue().args(alerts).run().expect(0);
    let publish = sandbox.publish().args("stdin:?id=id --to sqlite:q.db?queue=readings");
    publish.stdin(lines).run().expect(0);
    sandbox
}

/// Drains `alerts` into the script of the example.
fn alert(sandbox: &Sandbox, webhook: &str) -> Run {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/slack_alert.py");
    sandbox.write("webhook", webhook);
    sandbox
        .subscribe()
        .args("--from sqlite:q.db?queue=alerts")
        .env("ALERT_ABOVE", "25")
        .env("SLACK_WEBHOOK_FILE", "webhook")
        .args("-- python3")
        .arg(script)
        .run()
}

/// How many messages and dead letters `alerts` holds.
fn held(sandbox: &Sandbox) -> (usize, usize) {
    let peek = |words: &str| {
        let run = sandbox.queue().args("peek --json sqlite:q.db?queue=alerts").args(words).run();
        run.expect(0).stdout.lines().count()
    };
    (peek(""), peek("--dead"))
}

#[test]
fn only_what_is_above_the_threshold_is_told_and_in_slacks_json() {
    let sandbox = published(READINGS);
    let server = Server::new([Answer::ok("ok")]);
    alert(&sandbox, &server.url()).expect(0);
    let bodies = server.bodies();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let told: serde_json::Value = serde_json::from_str(&bodies[0]).expect("JSON");
    let text = "庭 \"<!channel>\": 30 °C, above 25 (9:02)";
    assert_eq!(told, serde_json::json!({ "text": text }));
    assert!(server.requests()[0].starts_with("POST / "), "{:?}", server.requests());
    assert_eq!(held(&sandbox), (0, 0));
    let readings = sandbox.subscribe().args("--from sqlite:q.db?queue=readings --to stdout:").run();
    assert_eq!(readings.expect(0).stdout.lines().count(), 2, "the readings are another queue's");
}

#[test]
fn a_webhook_that_is_down_or_busy_is_an_outage_and_holds_nothing_against_the_message() {
    for status in ["500 Internal Server Error", "429 Too Many Requests"] {
        let sandbox = published(READINGS);
        let server = Server::new([Answer::http(status, &[], "no"), Answer::ok("ok")]);
        let run = alert(&sandbox, &server.url()).expect(69);
        assert!(!run.stderr.contains(&server.url()), "the address is a secret: {}", run.stderr);
        assert_eq!(held(&sandbox).1, 0, "{status}");
        alert(&sandbox, &server.url()).expect(0);
        assert_eq!((held(&sandbox), server.bodies().len()), ((0, 0), 2));
    }
    let sandbox = published(READINGS);
    alert(&sandbox, "http://127.0.0.1:1/").expect(69);
    assert_eq!(held(&sandbox).1, 0);
}

#[test]
fn what_the_webhook_refuses_and_what_is_no_reading_is_a_dead_letter() {
    let sandbox =
        published("{\"id\":\"x\",\"val\":\"hot\"}\n{\"id\":\"warm\",\"name\":\"a\",\"val\":30}\n");
    let server = Server::new([Answer::http("404 Not Found", &[], "no_service")]);
    let run = alert(&sandbox, &server.url()).expect(65);
    assert_eq!(held(&sandbox), (0, 2), "{}", run.stderr);
}
