//! `http:` against a real HTTP server with a script.

use crate::support::http_server::{Answer, Server};
use crate::support::sandbox::Sandbox;
use kakehi::clients::http::Limits;
use kakehi::environment::Environment;
use kakehi::sources::{self, Batch, Options, Source, http};
use kakehi::{Kind, Location};
use std::time::Duration;

const AIR: &str = r#"{"data":[
    {"id":"a","co2":500,"at":"2026-05-01T09:00:00+09:00","room":"x"},
    {"id":"b","co2":1.50,"at":"2026-05-01T09:00:00+09:00","room":"y"}]}"#;
const POINTERS: &str = "?items=/data&id=/id&at=/at&group=/room";

fn options(sandbox: &Sandbox, environment: Environment) -> Options {
    Options::new(environment, sandbox.path("data"))
}

fn open(url: &str, options: &Options) -> Box<dyn Source> {
    let pause = Duration::from_millis(1);
    let limits = Limits { pause, ..Limits::default() };
    http::open_with(Location::parse(url).unwrap(), options, limits).unwrap()
}

/// Opens what a server says, with these parameters and no secrets.
fn plain(server: &Server, parameters: &str, sandbox: &Sandbox) -> Box<dyn Source> {
    let url = format!("{}/air{parameters}", server.url());
    open(&url, &options(sandbox, Environment::default()))
}

fn ids(batch: &Batch) -> Vec<&str> {
    batch.messages.iter().map(|message| &*message.id).collect()
}

/// Reads one tick to its end and commits it; gives the ids.
async fn tick(source: &mut dyn Source, tick: u64) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(batch) = source.read(tick).await.unwrap() {
        all.extend(ids(&batch).into_iter().map(str::to_owned));
        source.commit(batch.number).await.unwrap();
    }
    source.flush().await.unwrap();
    all
}

#[tokio::test]
async fn each_item_is_a_message_as_it_was_written() {
    let (sandbox, server) = (Sandbox::new(), Server::new([Answer::ok(AIR)]));
    let mut source = plain(&server, POINTERS, &sandbox);
    let batch = source.read(0).await.unwrap().unwrap();
    assert_eq!(ids(&batch), ["a@2026-05-01T00:00:00Z", "b@2026-05-01T00:00:00Z"]);
    assert_eq!(batch.messages[1].group.as_deref(), Some("y"));
    let body = r#"{"id":"b","co2":1.50,"at":"2026-05-01T09:00:00+09:00","room":"y"}"#;
    assert_eq!(batch.messages[1].body, body);
    assert!(source.read(0).await.unwrap().is_none());
    assert_eq!(server.requests().len(), 1);
    assert!(server.requests()[0].starts_with("GET /air HTTP/1.1\r\n"), "{:?}", server.requests());
}

#[tokio::test]
async fn an_item_that_is_no_message_costs_no_other() {
    let answer = r#"{"data":[{"id":"a","at":1},{"at":1},{"id":"c","at":"x"}]}"#;
    let (sandbox, server) = (Sandbox::new(), Server::new([Answer::ok(answer)]));
    let batch = plain(&server, POINTERS, &sandbox).read(0).await.unwrap().unwrap();
    assert_eq!(ids(&batch), ["a@1970-01-01T00:00:01Z"]);
    let refused: Vec<_> = batch.refused.iter().map(|it| &*it.position).collect();
    assert_eq!(refused, ["item 2 of 3", "item 3 of 3"]);
}

#[tokio::test]
async fn secrets_go_into_headers_and_nowhere_else() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::http("401 Unauthorized", &[], "no")]);
    let file = sandbox.write("headers", "X-Api-Key: hunter2\n");
    let environment = [("HTTP_TOKEN", "made-up_token")].into_iter().collect();
    let url = format!("{}/air?appid=hunter3&header-file={}", server.url(), file.display());
    let error = open(&url, &options(&sandbox, environment)).read(0).await.unwrap_err();
    let request = &server.requests()[0].to_lowercase();
    assert!(request.contains("authorization: bearer made-up_token"), "{request}");
    assert!(request.contains("x-api-key: hunter2") && request.contains("appid=hunter3"));
    assert_eq!((error.kind(), server.requests().len()), (Kind::Credentials, 1));
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter") && !shown.contains("made-up"), "{shown}");
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again_once_the_queue_has_all_of_it() {
    let sandbox = Sandbox::new();
    let headers = ["ETag: \"v1\"", "Last-Modified: Fri, 01 May 2026 00:00:00 GMT"];
    let whole = || Answer::http("200 OK", &headers, AIR);
    let same = || Answer::http("304 Not Modified", &[], "");
    let server = Server::new([whole(), whole(), same(), same()]);
    let state = format!("{POINTERS}&state={}", sandbox.path("state.json").display());
    let mut source = plain(&server, &state, &sandbox);
    // Nobody says that this one is safe.
    assert!(source.read(0).await.unwrap().is_some());
    assert_eq!(tick(&mut *source, 1).await.len(), 2);
    assert_eq!(tick(&mut *source, 2).await.len(), 0);
    assert_eq!(source.nothing(), None);
    // The next run knows it from the file.
    assert_eq!(tick(&mut *plain(&server, &state, &sandbox), 0).await.len(), 0);
    let asked = |at: usize| server.requests()[at].to_lowercase().contains("if-none-match: \"v1\"");
    assert_eq!([0, 1, 2, 3].map(asked), [false, false, true, true]);
    assert!(server.requests()[2].contains("Fri, 01 May 2026 00:00:00 GMT"));
}

#[tokio::test]
async fn a_server_that_wants_to_be_left_alone_is() {
    let sandbox = Sandbox::new();
    let busy = Answer::http("429 Too Many Requests", &["Retry-After: 600"], "slow down");
    let server = Server::new([busy]);
    let mut source = plain(&server, "", &sandbox);
    let error = source.read(0).await.unwrap_err();
    assert!(error.to_string().contains("retry after 600 s: slow down"), "{error}");
    let error = source.read(1).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.to_string().contains("asked not to be asked"), "{error}");
    assert_eq!(server.requests().len(), 1, "the second tick has not asked");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_told() {
    let sandbox = Sandbox::new();
    for (answer, parameters, kind, told) in [
        (Answer::ok("<html>"), "", Kind::Unreachable, "is not JSON"),
        (Answer::ok(AIR).cut(3), "", Kind::Unreachable, "no whole answer"),
        (Answer::ok("{\"data\":1}"), "?items=/data", Kind::Failed, "there is no list at `/data`"),
        (Answer::ok("{}"), "?items=/data", Kind::Failed, "has nothing at `/data`"),
        (Answer::http("302 Found", &["Location: /x"], ""), "", Kind::Failed, "302"),
        (Answer::http("500 Internal Server Error", &[], ""), "", Kind::Unreachable, "500"),
    ] {
        let server = Server::new([answer]);
        let error = plain(&server, parameters, &sandbox).read(0).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{told}: {error}");
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[tokio::test]
async fn an_answer_is_cut_into_batches_and_one_without_items_is_nothing() {
    let (sandbox, server) =
        (Sandbox::new(), Server::new([Answer::ok("[1,2,3]"), Answer::ok("[]")]));
    let options = Options { batch: 2, ..options(&sandbox, Environment::default()) };
    let mut source = open(&format!("{}/", server.url()), &options);
    let sizes = [source.read(0).await, source.read(0).await];
    let sizes = sizes.map(|batch| batch.unwrap().unwrap().messages.len());
    assert_eq!(sizes, [2, 1]);
    assert!(source.read(1).await.unwrap().is_none());
    assert_eq!(source.nothing().as_deref(), Some("the answer has no items"));
}

#[tokio::test]
async fn a_look_asks_once_and_says_what_would_be_refused() {
    let (sandbox, server) = (Sandbox::new(), Server::new([Answer::ok("[{\"id\":1},{}]")]));
    let url = Location::parse(&format!("{}/x?id=/id", server.url())).unwrap();
    let findings = sources::preflight(url, &options(&sandbox, Environment::default())).await;
    let findings: Vec<_> = findings.unwrap().into_iter().map(|it| it.what).collect();
    assert!(findings[0].ends_with("/x` answers with 2 items"), "{findings:?}");
    assert_eq!(
        findings[1],
        "item 2 of 2 would be refused: it has no `/id`, which its id is made of"
    );
}

#[test]
fn the_program_publishes_once_what_does_not_change() {
    let (sandbox, server) = (Sandbox::new(), Server::new([Answer::ok(AIR)]));
    let url = format!("{}/air{POINTERS}", server.url());
    let publish = || sandbox.publish().arg(&url).args("--to sqlite:q.db").run().expect(0);
    assert!(publish().stderr.contains("2 published"));
    assert!(publish().stderr.contains("2 duplicate"));
}
