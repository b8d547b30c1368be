//! `nature-remo:` against a real HTTP server with a script. The numbers in brackets are those of
//! the defects of the scripts that this source replaces.

use crate::support::http_server::{Answer, Server};
use crate::support::sandbox::Sandbox;
use chrono::{DateTime, Utc};
use kakehi::clock::{Clock, ClockControl};
use kakehi::sources::nature_remo::{self, Limits};
use kakehi::sources::{self, Batch, Options, Source};
use kakehi::{Error, Kind, Location, Message};
use serde_json::{Value, json};
use std::time::Duration;

const TOKEN: &str = "made-up_TOKEN.1~2+3/4=";
const TYPICAL: &str = include_str!("../../fixtures/nature-remo/devices_typical.json");
const FUTURE: &str = include_str!("../../fixtures/nature-remo/devices_lapis_nano_future.json");
const ERROR_401: &str = include_str!("../../fixtures/nature-remo/error_401.json");
const ERROR_429: &str = include_str!("../../fixtures/nature-remo/error_429.json");
/// 12:31:07.123 in Tokyo.
const NOW: &str = "2026-07-20T03:31:07.123456789Z";

fn now() -> DateTime<Utc> {
    NOW.parse().unwrap()
}

fn options(sandbox: &Sandbox) -> (Options, ClockControl) {
    let (clock, control) = Clock::manual(now());
    let options = Options {
        batch: 1000,
        batch_bytes: 1 << 20,
        timezone: chrono_tz::Asia::Tokyo,
        dry_run: false,
        environment: [("NATURE_REMO_TOKEN", TOKEN)].into_iter().collect(),
        data_dir: sandbox.path("data"),
        clock,
    };
    (options, control)
}

/// As the real ones, in little time.
fn limits() -> Limits {
    Limits {
        timeout: Duration::from_secs(30),
        pause: Duration::from_millis(1),
        patience: Duration::from_secs(5),
        ..Limits::default()
    }
}

fn open_with(server: &Server, params: &str, options: &Options, limits: Limits) -> Box<dyn Source> {
    let url = format!("nature-remo:?endpoint={}{params}", server.url());
    nature_remo::open_with(Location::parse(&url).unwrap(), options, limits).unwrap()
}

fn open(server: &Server, params: &str, options: &Options) -> Box<dyn Source> {
    open_with(server, params, options, limits())
}

/// What one poll of a server that answers this gives; nothing is an empty batch.
async fn poll(answer: &str, params: &str) -> Batch {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::ok(answer)]);
    let mut source = open(&server, params, &options(&sandbox).0);
    let batch = source.read(0).await.unwrap().unwrap_or_default();
    assert!(source.read(0).await.unwrap().is_none());
    assert_eq!(server.requests().len(), 1);
    batch
}

/// The error of a poll, and how many requests it took.
async fn fail(script: impl IntoIterator<Item = Answer>) -> (Error, usize) {
    let sandbox = Sandbox::new();
    let server = Server::new(script);
    let mut source = open(&server, "", &options(&sandbox).0);
    let error = source.read(0).await.expect_err("the poll fails");
    for shown in [error.to_string(), format!("{error:?}"), error.one_line()] {
        assert!(!shown.contains(TOKEN) && !shown.contains("made-up"), "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
        assert!(shown.len() < 2000, "{shown}");
    }
    (error, server.requests().len())
}

fn json_of(message: &Message) -> Value {
    serde_json::from_slice(&message.body).unwrap()
}

fn refused(batch: &Batch) -> Vec<String> {
    batch
        .refused
        .iter()
        .map(|refusal| format!("{}: {}", refusal.position, refusal.reason))
        .collect()
}

fn ids(batch: &Batch) -> Vec<&str> {
    batch.messages.iter().map(|message| &*message.id).collect()
}

#[tokio::test]
async fn a_poll_asks_once_with_the_bearer_token() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::ok("[]")]);
    let mut source = open(&server, "", &options(&sandbox).0);
    assert!(source.read(0).await.unwrap().is_none());
    assert!(source.read(0).await.unwrap().is_none());
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let head = requests[0].to_lowercase();
    assert!(head.starts_with("get /1/devices http/1.1\r\n"), "{head}");
    assert!(requests[0].contains(&format!("uthorization: Bearer {TOKEN}\r\n")), "{}", requests[0]);
    assert!(head.contains(&format!("user-agent: kakehi/{}\r\n", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn every_tick_is_a_poll_of_its_own() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::ok(TYPICAL)]);
    let (options, control) = options(&sandbox);
    let mut source = open(&server, "", &options);
    let first = source.read(0).await.unwrap().unwrap();
    assert!(source.read(0).await.unwrap().is_none());
    control.advance(chrono::TimeDelta::milliseconds(1));
    let second = source.read(1).await.unwrap().unwrap();
    assert!(source.read(1).await.unwrap().is_none());
    assert_eq!(server.requests().len(), 2);
    assert_ne!(first.messages[0].id, second.messages[0].id, "a millisecond tells polls apart");
}

#[tokio::test]
async fn a_failed_tick_does_not_ask_again_and_the_next_one_does() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::http("401 Unauthorized", &[], ERROR_401), Answer::ok("[]")]);
    let mut source = open(&server, "", &options(&sandbox).0);
    assert!(source.read(0).await.is_err());
    assert!(source.read(0).await.unwrap().is_none());
    assert_eq!(server.requests().len(), 1);
    assert!(source.read(1).await.unwrap().is_none());
    assert_eq!(server.requests().len(), 2);
}

/// [1, 3, 4, 5, 7, 8, 19]
#[tokio::test]
async fn a_snapshot_is_the_documents_of_before_and_more() {
    let batch = poll(TYPICAL, "").await;
    assert!(batch.refused.is_empty());
    assert_eq!(batch.messages.len(), 4);
    let first = &batch.messages[0];
    assert_eq!(first.id, "0f3a9c52-6b1e-4d7a-9c40-5a1e7b2d8c01@2026-07-20T03:31:07.123Z");
    assert_eq!(
        std::str::from_utf8(&first.body).unwrap(),
        concat!(
            r#"{"device_id":"0f3a9c52-6b1e-4d7a-9c40-5a1e7b2d8c01","name":"リビングのRemo 🏠","#,
            r#""newest_events":{"hu":{"val":50,"created_at":"2025-03-20T09:26:24Z"},"#,
            r#""il":{"val":21,"created_at":"2025-03-20T09:07:06Z"},"#,
            r#""mo":{"val":1,"created_at":"2025-01-24T11:40:02Z"},"#,
            r#""te":{"val":17.6,"created_at":"2025-03-20T09:00:22Z"}},"#,
            r#""updated_at":"2024-09-16T05:02:31Z","request_at":"2026-07-20T12:31:07.123+09:00","#,
            r#""temperature_offset":0,"humidity_offset":0,"#,
            r#""firmware_version":"Remo/1.14.8","online":true}"#,
        )
    );
    let attributes: Vec<_> = first.attributes.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(
        attributes,
        [
            ("device_id", "0f3a9c52-6b1e-4d7a-9c40-5a1e7b2d8c01"),
            ("schema", "nature-remo.snapshot.1"),
            ("source", "nature-remo"),
        ]
    );
    let second = json_of(&batch.messages[1]);
    assert_eq!(second["name"], "Tom's room ");
    assert_eq!(second["humidity_offset"], -20);
    assert_eq!(second.get("online"), None, "not reported is not offline");
    assert_eq!(json_of(&batch.messages[3])["newest_events"], json!({}));
}

#[tokio::test]
async fn all_devices_of_a_poll_have_one_time() {
    let batch = poll(TYPICAL, "").await;
    for message in &batch.messages {
        assert_eq!(json_of(message)["request_at"], "2026-07-20T12:31:07.123+09:00");
        assert!(message.id.ends_with("@2026-07-20T03:31:07.123Z"));
    }
}

#[tokio::test]
async fn people_addresses_and_serial_numbers_never_leave() {
    for (answer, mode) in [(TYPICAL, ""), (TYPICAL, "&mode=changes"), (FUTURE, "")] {
        for message in poll(answer, mode).await.messages {
            let shown = format!("{message:?} {}", String::from_utf8_lossy(&message.body));
            for secret in ["はなこ", "O'Neil", "02:00:5e", "1W3", "1W2", "2W2", "users", "mac_"]
            {
                assert!(!shown.contains(secret), "{secret} in {shown}");
            }
        }
    }
}

#[tokio::test]
async fn devices_to_come_and_devices_without_sensors_are_devices() {
    let batch = poll(FUTURE, "").await;
    assert!(batch.refused.is_empty());
    let [lapis, nano, future] = &batch.messages[..] else { panic!("{batch:?}") };
    assert_eq!(json_of(lapis)["name"], "書斎 \"Lapis\" 👨‍👩‍👧");
    assert!(String::from_utf8_lossy(&lapis.body).contains(r#""temperature_offset":-0.5,"#));
    let nano = json_of(nano);
    assert_eq!(nano["name"], "Remo nano\u{a0}玄関");
    assert_eq!(nano["newest_events"], json!({}));
    assert_eq!(nano["online"], false);
    let body = String::from_utf8_lossy(&future.body).into_owned();
    assert!(body.contains(r#""pr":{"val":1008.25,"#), "an unknown event stays: {body}");
    assert!(body.contains(r#""val":25.149109,"#), "digits stay: {body}");
    assert!(!body.contains("some_new_field"), "{body}");
}

#[tokio::test]
async fn numbers_keep_the_digits_that_the_api_wrote() {
    let tokens = ["53", "53.0", "1e2", "-0.5", "27.900", "12345678901234567890.25"];
    for token in tokens {
        let event = format!(r#"{{"val":{token},"created_at":"2026-01-01T00:00:00Z"}}"#);
        let answer = format!(r#"[{{"id":"d","newest_events":{{"te":{event}}}}}]"#);
        for mode in ["", "&mode=changes"] {
            let batch = poll(&answer, mode).await;
            let body = String::from_utf8_lossy(&batch.messages[0].body).into_owned();
            assert!(body.contains(&format!(r#""val":{token},"#)), "{body}");
        }
    }
}

/// [1]: names that the replaced scripts lost, changed or took for fields.
#[tokio::test]
async fn any_name_arrives_as_it_is() {
    let names = [
        "リビング",
        "🏠",
        "👨‍👩‍👧",
        "\u{3000}",
        "\\",
        "a\nb",
        "\u{200b}",
        "\u{feff}",
        "Tom's room",
        "My \"Remo\"",
        "'\"",
        "Nonette",
        "\u{a0}",
        "\u{7f}",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "\u{1fae8}",
        "TrueNorth",
        "FalseDoor",
        "x', 'owner': 'attacker', 'y': '",
        "",
        "\u{0}",
    ];
    let devices: Vec<Value> = names.iter().map(|name| json!({"id": "d", "name": name})).collect();
    let batch = poll(&json!(devices).to_string(), "").await;
    let found: Vec<Value> = batch.messages.iter().map(|m| json_of(m)["name"].clone()).collect();
    assert_eq!(found, names);
    let fields = json_of(&batch.messages[18]).as_object().unwrap().len();
    assert_eq!(fields, 8, "a name adds no fields");
}

#[tokio::test]
async fn two_devices_of_one_name_stay_two() {
    let answer = json!([{"id": "a", "name": "Remo"}, {"id": "b", "name": "Remo"}]).to_string();
    let batch = poll(&answer, "").await;
    let at = "2026-07-20T03:31:07.123Z";
    assert_eq!(ids(&batch), [format!("a@{at}"), format!("b@{at}")]);
}

#[tokio::test]
async fn what_is_missing_is_null_and_loses_nothing_else() {
    let batch = poll(r#"[{"id":"d"}]"#, "").await;
    let expected = json!({
        "device_id": "d", "name": null, "newest_events": {}, "updated_at": null,
        "request_at": "2026-07-20T12:31:07.123+09:00", "temperature_offset": null,
        "humidity_offset": null, "firmware_version": null,
    });
    assert_eq!(json_of(&batch.messages[0]), expected);
}

/// [2, 9, 14]
#[tokio::test]
async fn one_bad_device_does_not_lose_the_others() {
    let answer = r#"[{"id":"a"},null,{"name":"no id"},{"id":7},[],{"id":"b","newest_events":7}]"#;
    let batch = poll(answer, "").await;
    let devices: Vec<Value> =
        batch.messages.iter().map(|m| json_of(m)["device_id"].clone()).collect();
    assert_eq!(devices, ["a", "b"]);
    assert_eq!(
        refused(&batch),
        [
            "device 2 of 6: it is not an object",
            "device 3 of 6: it has no `id`",
            "device 4 of 6: its `id` is not a string",
            "device 5 of 6: it is not an object",
        ]
    );
}

#[tokio::test]
async fn events_of_any_form_stay_in_a_snapshot() {
    let events = r#"{"te":null,"hu":{},"il":{"val":null},"mo":7,"a b":"x","":[1]}"#;
    let batch = poll(&format!(r#"[{{"id":"d","newest_events":{events}}}]"#), "").await;
    let expected: Value = serde_json::from_str(events).unwrap();
    assert_eq!(json_of(&batch.messages[0])["newest_events"], expected);
}

#[tokio::test]
async fn no_devices_are_no_messages() {
    for answer in ["[]", "null", " [ ] ", "\u{feff}[]"] {
        assert!(poll(answer, "").await.messages.is_empty(), "{answer}");
    }
}

#[tokio::test]
async fn a_wrong_byte_in_a_name_costs_no_readings() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::ok(b"[{\"id\":\"d\",\"name\":\"a\xffb\"}]")]);
    let mut source = open(&server, "", &options(&sandbox).0);
    let batch = source.read(0).await.unwrap().unwrap();
    assert_eq!(json_of(&batch.messages[0])["name"], "a\u{fffd}b");
}

/// [4, 5]
#[tokio::test]
async fn the_time_has_the_true_offset_of_its_zone() {
    for (zone, expected) in [
        ("Asia/Tokyo", "2026-07-20T12:31:07.123+09:00"),
        ("UTC", "2026-07-20T03:31:07.123+00:00"),
        ("Europe/London", "2026-07-20T04:31:07.123+01:00"),
        ("America/St_Johns", "2026-07-20T01:01:07.123-02:30"),
        ("Asia/Kathmandu", "2026-07-20T09:16:07.123+05:45"),
    ] {
        let sandbox = Sandbox::new();
        let server = Server::new([Answer::ok(r#"[{"id":"d"}]"#)]);
        let options = Options { timezone: zone.parse().unwrap(), ..options(&sandbox).0 };
        let mut source = open(&server, "", &options);
        let batch = source.read(0).await.unwrap().unwrap();
        assert_eq!(json_of(&batch.messages[0])["request_at"], expected);
        let time = DateTime::parse_from_rfc3339(expected).unwrap();
        assert_eq!(time.timestamp_millis(), now().timestamp_millis());
        assert_eq!(ids(&batch), ["d@2026-07-20T03:31:07.123Z"]);
    }
}

#[tokio::test]
async fn a_group_is_the_device_where_it_is_asked_for() {
    for mode in ["", "&mode=changes", "&mode=snapshot"] {
        let batch = poll(TYPICAL, mode).await;
        assert!(batch.messages.iter().all(|message| message.group.is_none()));
        let batch = poll(TYPICAL, &format!("{mode}&group=device")).await;
        assert!(batch.messages.iter().all(|m| m.group.as_ref() == m.attributes.get("device_id")));
        assert!(!batch.messages.is_empty());
    }
}

#[tokio::test]
async fn a_poll_of_many_devices_comes_in_batches() {
    let sandbox = Sandbox::new();
    let devices: Vec<Value> = (0..25).map(|n| json!({"id": format!("d{n}")})).collect();
    let server = Server::new([Answer::ok(json!(devices).to_string())]);
    let options = Options { batch: 10, ..options(&sandbox).0 };
    let mut source = open(&server, "", &options);
    let mut sizes = Vec::new();
    while let Some(batch) = source.read(0).await.unwrap() {
        sizes.push(batch.messages.len());
        source.commit(batch.number).await.unwrap();
    }
    assert_eq!(sizes, [10, 10, 5]);
    assert_eq!(server.requests().len(), 1);
}

/// [10]
#[tokio::test]
async fn refused_credentials_are_said_at_once() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let (error, requests) = fail([Answer::http(status, &[], ERROR_401)]).await;
        assert_eq!(error.kind(), Kind::Credentials);
        assert_eq!(requests, 1);
        let shown = error.to_string();
        assert!(shown.contains(status) && shown.contains(r#""message":"Unauthorized""#), "{shown}");
        assert!(shown.contains("hint: make a token"), "{shown}");
    }
}

#[tokio::test]
async fn an_error_with_a_good_status_is_no_list_of_devices() {
    let (error, requests) = fail([Answer::ok(ERROR_401)]).await;
    assert_eq!((error.kind(), requests), (Kind::Failed, 1));
    assert!(error.to_string().contains("the answer is not a list: Unauthorized"), "{error}");
}

/// [12]
#[tokio::test]
async fn a_rate_limit_that_ends_late_is_an_error_at_once() {
    let reset = now().timestamp() + 133;
    let reset = format!("X-Rate-Limit-Reset: {reset}");
    let headers = ["X-Rate-Limit-Limit: 30", "X-Rate-Limit-Remaining: 0", &reset];
    let (error, requests) =
        fail([Answer::http("429 Too Many Requests", &headers, ERROR_429)]).await;
    assert_eq!((error.kind(), requests), (Kind::Unreachable, 1));
    let shown = error.to_string();
    let expected = "limit 30, remaining 0, resets at 2026-07-20T03:33:20Z";
    assert!(shown.contains("429 Too Many Requests") && shown.contains(expected), "{shown}");
    assert!(shown.contains("30 requests in 5 minutes"), "{shown}");
}

#[tokio::test]
async fn a_rate_limit_that_says_nothing_useful_is_tried_three_times() {
    let past = format!("X-Rate-Limit-Reset: {}", now().timestamp() - 60);
    for header in ["X-Other: 1", "X-Rate-Limit-Reset: soon", "X-Rate-Limit-Reset: -5", &past] {
        let answer = Answer::http("429 Too Many Requests", &[header], ERROR_429);
        let (error, requests) = fail([answer]).await;
        assert_eq!((error.kind(), requests), (Kind::Unreachable, 3), "{header}");
        assert!(error.to_string().contains("429"), "{error}");
    }
}

#[tokio::test]
async fn a_rate_limit_that_ends_soon_is_waited_for() {
    let sandbox = Sandbox::new();
    let reset = format!("X-Rate-Limit-Reset: {}", now().timestamp() + 1);
    let script = [
        Answer::http("429 Too Many Requests", &[&reset], ERROR_429),
        Answer::ok(r#"[{"id":"d"}]"#),
    ];
    let server = Server::new(script);
    let mut source = open(&server, "", &options(&sandbox).0);
    assert_eq!(source.read(0).await.unwrap().unwrap().messages.len(), 1);
    assert_eq!(server.requests().len(), 2);
}

/// [12]
#[tokio::test]
async fn a_server_that_fails_is_asked_again() {
    let html = "<html><head><title>502 Bad Gateway</title></head>\u{1b}[2J</html>";
    let troubles = [
        Answer::http("500 Internal Server Error", &[], ""),
        Answer::http("502 Bad Gateway", &["Content-Type: text/html"], html),
        Answer::http("503 Service Unavailable", &["Retry-After: 0"], "busy"),
        Answer::ok(TYPICAL).cut(100),
        Answer::ok(&TYPICAL[..500]),
        Answer::ok(""),
        Answer::ok("<html>please log in to this network</html>"),
        Answer::Bytes(Vec::new()),
        Answer::Bytes(b"rubbish\r\n\r\n".to_vec()),
    ];
    for trouble in troubles {
        let sandbox = Sandbox::new();
        let server = Server::new([trouble.clone(), trouble.clone(), Answer::ok(TYPICAL)]);
        let mut source = open(&server, "", &options(&sandbox).0);
        assert_eq!(source.read(0).await.unwrap().unwrap().messages.len(), 4, "{trouble:?}");
        assert_eq!(server.requests().len(), 3);

        let (error, requests) = fail([trouble.clone()]).await;
        assert_eq!((error.kind(), requests), (Kind::Unreachable, 3), "{trouble:?}");
        let shown = error.to_string();
        assert!(!shown.contains("はなこ") && !shown.contains("please log in"), "{shown}");
    }
}

#[tokio::test]
async fn an_error_page_is_shown_in_part_and_without_control_characters() {
    let page = format!("\u{1b}[2J<h1>{}</h1>", "very long ".repeat(10_000));
    let (error, _) = fail([Answer::http("502 Bad Gateway", &[], page)]).await;
    assert!(error.to_string().contains("502 Bad Gateway: [2J<h1>very long"), "{error}");
}

#[tokio::test]
async fn any_other_refusal_is_said_at_once() {
    for status in ["400 Bad Request", "404 Not Found", "410 Gone", "418 I'm a teapot"] {
        let (error, requests) = fail([Answer::http(status, &[], "no")]).await;
        assert_eq!((error.kind(), requests), (Kind::Failed, 1), "{status}");
        assert!(error.to_string().contains(status), "{error}");
    }
}

/// [19]
#[tokio::test]
async fn a_redirect_never_takes_the_token_anywhere() {
    let other = Server::new([Answer::ok("[]")]);
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"] {
        let location = format!("Location: {}/1/devices", other.url());
        let (error, requests) = fail([Answer::http(status, &[&location], "")]).await;
        assert_eq!((error.kind(), requests), (Kind::Failed, 1));
        assert!(error.to_string().contains("redirects are not followed"), "{error}");
    }
    assert!(other.requests().is_empty());
}

/// [11]
#[tokio::test]
async fn a_silent_server_is_given_up() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::Silence]);
    let limits = Limits { timeout: Duration::from_millis(50), ..limits() };
    let mut source = open_with(&server, "", &options(&sandbox).0, limits);
    let error = source.read(0).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.to_string().contains("timed out"), "{error}");
    assert_eq!(server.requests().len(), 3);
}

/// [19]
#[tokio::test]
async fn an_answer_without_end_is_refused() {
    let (error, requests) = fail([Answer::Endless]).await;
    assert_eq!((error.kind(), requests), (Kind::Unreachable, 1));
    assert!(error.to_string().contains("longer than 16777216 bytes"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let sandbox = Sandbox::new();
    let gone = Server::new([Answer::Silence]).url();
    let url = Location::parse(&format!("nature-remo:?endpoint={gone}")).unwrap();
    let mut source = nature_remo::open_with(url, &options(&sandbox).0, limits()).unwrap();
    let error = source.read(0).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.to_string().to_lowercase().contains("connection refused"), "{error}");
}

#[tokio::test]
async fn a_poll_that_was_dropped_has_taken_nothing() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::Silence, Answer::ok(TYPICAL)]);
    let mut source = open(&server, "", &options(&sandbox).0);
    let until_asked = async {
        while server.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        read = source.read(0) => panic!("{read:?}"),
        () = until_asked => {}
    }
    assert_eq!(source.read(0).await.unwrap().unwrap().messages.len(), 4);
}

/// An environment for opening.
fn refusal(url: &str, environment: &[(&str, &str)]) -> Error {
    let sandbox = Sandbox::new();
    let environment = environment.iter().copied().collect();
    let options = Options { environment, ..options(&sandbox).0 };
    let opened = nature_remo::open(Location::parse(url).unwrap(), &options);
    let error = opened.err().expect("it is refused");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    error
}

#[test]
fn a_token_that_is_missing_or_none_is_a_configuration_error() {
    for environment in [
        &[][..],
        &[("NATURE_REMO_TOKEN", "")],
        &[("NATURE_REMO_TOKEN", " \n")],
        &[("NATURE_REMO_TOKEN", "hunter2 hunter2")],
        &[("NATURE_REMO_TOKEN", "hunter2\r\nX-Evil: 1")],
        &[("NATURE_REMO_TOKEN", "hunter2\u{7f}")],
        &[("NATURE_REMO_TOKEN", "hunter2トークン")],
        &[("NATURE_REMO_TOKEN", "hunter2"), ("NATURE_REMO_TOKEN_FILE", "x")],
        &[("NATURE_REMO_TOKEN_FILE", "/nowhere/at/all")],
        &[("NATURE_REMO_TOKEN_FILE", "/dev/null")],
    ] {
        let error = refusal("nature-remo:", environment);
        assert_eq!(error.kind(), Kind::Configuration, "{environment:?}");
    }
    assert!(refusal("nature-remo:", &[]).to_string().contains("hint: make a token"));
}

#[test]
fn an_endpoint_that_would_show_the_token_is_a_configuration_error() {
    let token = ("NATURE_REMO_TOKEN", "hunter2");
    for url in ["http://example.org", "http://192.168.1.2:80", "ftp://x", "https://u:hunter2@x"] {
        let by_parameter = refusal(&format!("nature-remo:?endpoint={url}"), &[token]);
        assert_eq!(by_parameter.kind(), Kind::Configuration, "{url}");
        let by_variable = refusal("nature-remo:", &[token, ("NATURE_REMO_ENDPOINT", url)]);
        assert_eq!(by_variable.kind(), Kind::Configuration, "{url}");
    }
}

#[test]
fn unknown_words_in_the_url_are_a_usage_error() {
    for url in [
        "nature-remo:?mode=all",
        "nature-remo:?group=name",
        "nature-remo:?token=hunter2",
        "nature-remo:?state=x.json",
        "nature-remo://api.nature.global",
    ] {
        let error = refusal(url, &[("NATURE_REMO_TOKEN", "hunter2")]);
        assert_eq!(error.kind(), Kind::Usage, "{url}");
    }
}

/// [18]
#[tokio::test]
async fn the_token_comes_from_a_file_and_the_endpoint_from_the_environment() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("token", format!(" {TOKEN}\r\n\n"));
    let server = Server::new([Answer::ok("[]")]);
    let environment = [
        ("NATURE_REMO_TOKEN_FILE", file.to_str().unwrap()),
        ("NATURE_REMO_ENDPOINT", &format!("{}/prefix/", server.url())),
    ];
    let environment = environment.into_iter().collect();
    let options = Options { environment, ..options(&sandbox).0 };
    let url = Location::parse("nature-remo:").unwrap();
    let mut source = sources::open(url, &options).await.unwrap();
    source.read(0).await.unwrap();
    let head = &server.requests()[0];
    assert!(head.starts_with("GET /prefix/1/devices "), "{head}");
    assert!(head.contains(&format!("uthorization: Bearer {TOKEN}\r\n")), "{head}");
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_asked_for_https_and_never_sees_the_token() {
    let sandbox = Sandbox::new();
    let proxy = Server::new([Answer::http("403 Forbidden", &[], "")]);
    let environment = [("NATURE_REMO_TOKEN", TOKEN), ("https_proxy", &proxy.url())];
    let environment = environment.into_iter().collect();
    let options = Options { environment, ..options(&sandbox).0 };
    let url = Location::parse("nature-remo:?endpoint=https://remo.invalid").unwrap();
    let mut source = nature_remo::open_with(url, &options, limits()).unwrap();
    assert_eq!(source.read(0).await.unwrap_err().kind(), Kind::Unreachable);
    let requests = proxy.requests();
    assert!(requests[0].starts_with("CONNECT remo.invalid:443 "), "{requests:?}");
    assert!(requests.iter().all(|head| !head.contains(TOKEN)));
}

#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// [17, 35]
#[tokio::test]
async fn logs_tell_the_rate_limit_and_the_open_token_file_but_no_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // With a single subscriber, an event that another test's thread meets first is asked of that
    // thread alone, which has none, and is then off for all of us.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    tracing::callsite::rebuild_interest_cache();

    let sandbox = Sandbox::new();
    let file = sandbox.write("token", TOKEN);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&file, mode).unwrap();
    let environment = [("NATURE_REMO_TOKEN_FILE", file)].into_iter().collect();
    let options = Options { environment, ..options(&sandbox).0 };
    let headers = ["X-Rate-Limit-Limit: 30", "X-Rate-Limit-Remaining: 29"];
    let server = Server::new([
        Answer::http("500 Internal Server Error", &[], ""),
        Answer::http("200 OK", &headers, TYPICAL),
    ]);
    let mut source = open(&server, "", &options);
    source.read(0).await.unwrap();

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("limit 30, remaining 29"), "{text}");
    assert!(text.contains("the token's file can be read by others"), "{text}");
    assert!(text.contains("asking again"), "{text}");
    assert!(!text.contains(TOKEN) && !text.contains("はなこ") && !text.contains("17.6"), "{text}");
}

#[tokio::test]
async fn rubbish_never_panics_and_never_loses_a_good_device() {
    let mut dice = fastrand::Rng::with_seed(11);
    let sandbox = Sandbox::new();
    let (options, _) = options(&sandbox);
    let limits = Limits { tries: 1, ..limits() };
    let alphabet = b"{}[]\",:\\u012idnametevalnull \n\x00\xff\xf0\x9f";
    for _ in 0..150 {
        let mut answer = TYPICAL.as_bytes().to_vec();
        for _ in 0..dice.usize(1..6) {
            let at = dice.usize(..answer.len());
            answer[at] = alphabet[dice.usize(..alphabet.len())];
        }
        let server = Server::new([Answer::ok(&answer)]);
        for mode in ["", "&mode=changes"] {
            let mut source = open_with(&server, mode, &options, limits.clone());
            match source.read(0).await {
                Ok(batch) => {
                    let batch = batch.unwrap_or_default();
                    batch.messages.iter().for_each(|m| assert!(json_of(m).is_object()));
                }
                Err(error) => {
                    assert!(matches!(error.kind(), Kind::Unreachable | Kind::Failed), "{error}");
                }
            }
        }
    }
}
