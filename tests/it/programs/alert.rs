//! The alert of `examples/`: what the webhook answers decides what becomes of the message.

use crate::support::http_server::{Answer, Server};
use crate::support::sandbox::{Run, Sandbox};
use crate::support::webhook::told;
use std::path::Path;

const TYPICAL: &str = include_str!("../../fixtures/nature-remo/devices_typical.json");
const FUTURE: &str = include_str!("../../fixtures/nature-remo/devices_lapis_nano_future.json");

const READINGS: &str = r#"{"id":"cold","name":"庭","val":11.5,"created_at":"9:01"}
{"id":"warm","name":"庭 \"<!channel>\"","val":30,"created_at":"9:02"}
"#;

fn published(lines: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    make_alerts(&sandbox);
    sandbox.publish().args("stdin:?id=id --to sqlite:q.db").stdin(lines).run().expect(0);
    sandbox
}

fn make_alerts(sandbox: &Sandbox) {
    sandbox.queue().args("create sqlite:q.db?queue=alerts&topic=default").run().expect(0);
}

#[test]
fn real_devices_are_told_of_in_both_modes_and_none_is_a_dead_letter() {
    let typical = [
        "リビングのRemo 🏠: 17.6 °C, above 16.5 (2025-03-20T09:00:22Z)",
        "寝室: 16.8 °C, above 16.5 (2025-01-05T08:15:43Z)",
    ];
    // The third device has no name.
    let future = [
        "60caf4b9-2e45-4ca9-9d3f-5a1e7b2d8c07: 25.1491 °C, above 16.5 (2026-07-20T03:31:07Z)",
        "書斎 \"Lapis\" 👨\u{200d}👩\u{200d}👧: 25.9 °C, above 16.5 (2026-07-20T03:31:07Z)",
    ];
    for (devices, expected) in [(TYPICAL, typical), (FUTURE, future)] {
        for mode in ["", "?mode=changes"] {
            let sandbox = Sandbox::new();
            make_alerts(&sandbox);
            let api = Server::new([Answer::ok(devices)]);
            let publish = sandbox.publish().arg(format!("nature-remo:{mode}"));
            let publish = publish.args("--to sqlite:q.db").env("NATURE_REMO_TOKEN", "made-up");
            publish.env("NATURE_REMO_ENDPOINT", api.url()).run().expect(0);
            let webhook = Server::new([Answer::ok("ok"), Answer::ok("ok")]);
            alert_above(&sandbox, &webhook.url(), "16.5").expect(0);
            assert_eq!(told(&webhook), expected, "{mode}");
            assert_eq!(counts(&sandbox), (0, 0), "{mode}");
        }
    }
}

/// Drains `alerts` into the script of the example.
fn alert(sandbox: &Sandbox, webhook: &str) -> Run {
    alert_above(sandbox, webhook, "25")
}

fn alert_above(sandbox: &Sandbox, webhook: &str, threshold: &str) -> Run {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/slack_alert.py");
    sandbox.write("webhook", webhook);
    sandbox
        .subscribe()
        .args("--from sqlite:q.db?queue=alerts")
        .env("ALERT_ABOVE", threshold)
        .env("SLACK_WEBHOOK_FILE", "webhook")
        .args("-- python3")
        .arg(script)
        .run()
}

/// How many messages and dead letters `alerts` holds.
fn counts(sandbox: &Sandbox) -> (usize, usize) {
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
    assert_eq!(counts(&sandbox), (0, 0));
    let readings = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run();
    assert_eq!(readings.expect(0).stdout.lines().count(), 2, "the readings are another queue's");
}

#[test]
fn a_webhook_that_is_down_or_busy_is_an_outage_and_holds_nothing_against_the_message() {
    for status in ["500 Internal Server Error", "429 Too Many Requests"] {
        let sandbox = published(READINGS);
        let server = Server::new([Answer::http(status, &[], "no"), Answer::ok("ok")]);
        let run = alert(&sandbox, &server.url()).expect(69);
        assert!(!run.stderr.contains(&server.url()), "the address is a secret: {}", run.stderr);
        assert_eq!(counts(&sandbox).1, 0, "{status}");
        alert(&sandbox, &server.url()).expect(0);
        assert_eq!((counts(&sandbox), server.bodies().len()), ((0, 0), 2));
    }
    let sandbox = published(READINGS);
    alert(&sandbox, "http://127.0.0.1:1/").expect(69);
    assert_eq!(counts(&sandbox).1, 0);
}

#[test]
fn what_the_webhook_refuses_and_what_is_no_reading_is_a_dead_letter() {
    let sandbox =
        published("{\"id\":\"x\",\"val\":\"hot\"}\n{\"id\":\"warm\",\"name\":\"a\",\"val\":30}\n");
    let server = Server::new([Answer::http("404 Not Found", &[], "no_service")]);
    let run = alert(&sandbox, &server.url()).expect(65);
    assert_eq!(counts(&sandbox), (0, 2), "{}", run.stderr);
}
