//! `nature-remo:` against a real HTTP server with a script. The numbers in brackets are those of
//! the defects of the scripts that this source replaces.

mod devices;
mod failures;
mod meters;
mod polls;

use crate::support::http_server::{Answer, Server};
use crate::support::sandbox::Sandbox;
use chrono::{DateTime, Utc};
use kakehi::clock::{Clock, ClockControl};
use kakehi::message::IdForm;
use kakehi::sources::nature_remo::{self, Limits};
use kakehi::sources::{self, Batch, Options, Source};
use kakehi::{Error, Kind, Location, Message};
use serde_json::{Value, json};
use std::time::Duration;

const TOKEN: &str = "made-up_TOKEN.1~2+3/4=";
const TYPICAL: &str = include_str!("../../../fixtures/nature-remo/devices_typical.json");
const FUTURE: &str = include_str!("../../../fixtures/nature-remo/devices_lapis_nano_future.json");
const ERROR_401: &str = include_str!("../../../fixtures/nature-remo/error_401.json");
const ERROR_429: &str = include_str!("../../../fixtures/nature-remo/error_429.json");
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
        ids: IdForm::default(),
        dry_run: false,
        arguments: Vec::new(),
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
