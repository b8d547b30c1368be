//! The alert of `docs/alerts.md`: `--where`, `--map` and `webhook:` on real readings.

use crate::support::http_server::{Answer, Server};
use crate::support::sandbox::{Run, Sandbox};
use crate::support::webhook::told;

const TYPICAL: &str = include_str!("../../fixtures/nature-remo/devices_typical.json");
const FUTURE: &str = include_str!("../../fixtures/nature-remo/devices_lapis_nano_future.json");

/// What chooses and reshapes a whole device; one of the fixtures has no name.
const DEVICES: [&str; 2] = [
    ".newest_events.te.val > 16.5",
    r#".newest_events.te as $te | (.name | select(. != "")) // .device_id
       | {text: "\(.): \($te.val) °C, above 16.5 (\($te.created_at))"}"#,
];

/// What chooses and reshapes a value that changed.
const CHANGES: [&str; 2] = [
    r#".kind == "te" and .val > 16.5"#,
    r#"{text: "\($message.attributes.name // .device_id): \(.val) °C, above 16.5 (\(.created_at))"}"#,
];

const READINGS: &str = r#"{"id":"cold","name":"庭","val":11.5,"created_at":"9:01"}
{"id":"warm","name":"庭 \"<!channel>\"","val":30,"created_at":"9:02"}
"#;

fn make_alerts(sandbox: &Sandbox) {
    sandbox.queue().args("create sqlite:q.db?queue=alerts&topic=default").run().expect(0);
}

/// Drains `alerts` into a webhook.
fn alert(sandbox: &Sandbox, webhook: &str, [choose, map]: [&str; 2]) -> Run {
    sandbox.write("webhook", webhook);
    let program = sandbox.subscribe().args("--from sqlite:q.db?queue=alerts --to");
    let program = program.arg("webhook:?allow-private").env("WEBHOOK_URL_FILE", "webhook");
    program.arg("--where").arg(choose).arg("--map").arg(map).run()
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
fn real_devices_are_told_of_in_both_modes_and_none_is_a_dead_letter() {
    let typical = [
        "リビングのRemo 🏠: 17.6 °C, above 16.5 (2025-03-20T09:00:22Z)",
        "寝室: 16.8 °C, above 16.5 (2025-01-05T08:15:43Z)",
    ];
    let future = [
        "60caf4b9-2e45-4ca9-9d3f-5a1e7b2d8c07: 25.149109 °C, above 16.5 (2026-07-20T03:31:07Z)",
        "書斎 \"Lapis\" 👨\u{200d}👩\u{200d}👧: 25.9 °C, above 16.5 (2026-07-20T03:31:07Z)",
    ];
    for (devices, expected) in [(TYPICAL, typical), (FUTURE, future)] {
        for (mode, programs) in [("", DEVICES), ("?mode=changes", CHANGES)] {
            let sandbox = Sandbox::new();
            make_alerts(&sandbox);
            let api = Server::new([Answer::ok(devices)]);
            let publish = sandbox.publish().arg(format!("nature-remo:{mode}"));
            let publish = publish.args("--to sqlite:q.db").env("NATURE_REMO_TOKEN", "made-up");
            publish.env("NATURE_REMO_ENDPOINT", api.url()).run().expect(0);
            let webhook = Server::new([Answer::ok("ok"), Answer::ok("ok")]);
            alert(&sandbox, &webhook.url(), programs).expect(0);
            assert_eq!(told(&webhook), expected, "{mode}");
            assert_eq!(counts(&sandbox), (0, 0), "{mode}");
        }
    }
}

#[test]
fn only_what_is_above_the_threshold_is_told_and_the_store_has_all() {
    let sandbox = Sandbox::new();
    make_alerts(&sandbox);
    sandbox.publish().args("stdin:?id=id --to sqlite:q.db").stdin(READINGS).run().expect(0);
    let server = Server::new([Answer::ok("ok")]);
    let map = r#"{text: "\(.name): \(.val) °C, above 25 (\(.created_at))"}"#;
    alert(&sandbox, &server.url(), [".val > 25", map]).expect(0);
    assert_eq!(told(&server), ["庭 \"<!channel>\": 30 °C, above 25 (9:02)"]);
    assert_eq!(counts(&sandbox), (0, 0));
    let readings = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run();
    assert_eq!(readings.expect(0).stdout.lines().count(), 2, "the readings are another queue's");
}
