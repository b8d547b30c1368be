//! `nature-remo:?mode=changes`: every event once, whatever happens in between.

use crate::support::http_server::{Answer, Server};
use crate::support::sandbox::Sandbox;
use kakehi::clock::Clock;
use kakehi::message::IdForm;
use kakehi::sources::{self, Batch, Options, Source};
use kakehi::{Error, Kind, Location};
use std::path::Path;

const TYPICAL: &str = include_str!("../../fixtures/nature-remo/devices_typical.json");

fn options(sandbox: &Sandbox) -> Options {
    Options {
        batch: 1000,
        batch_bytes: 1 << 20,
        timezone: chrono_tz::Asia::Tokyo,
        ids: IdForm::default(),
        dry_run: false,
        arguments: Vec::new(),
        environment: [("NATURE_REMO_TOKEN", "made-up")].into_iter().collect(),
        data_dir: sandbox.path("data"),
        clock: Clock::manual("2026-07-20T03:31:07Z".parse().unwrap()).0,
    }
}

async fn try_open(
    server: &Server,
    params: &str,
    options: &Options,
) -> Result<Box<dyn Source>, Error> {
    let url = format!("nature-remo:?mode=changes&endpoint={}{params}", server.url());
    sources::open(Location::parse(&url).unwrap(), options).await
}

async fn open(server: &Server, params: &str, options: &Options) -> Box<dyn Source> {
    try_open(server, params, options).await.unwrap()
}

async fn read(source: &mut dyn Source, tick: u64) -> Batch {
    source.read(tick).await.unwrap().unwrap_or_default()
}

/// Ids without the device.
fn ids(batch: &Batch) -> Vec<&str> {
    batch.messages.iter().map(|message| message.id.split_once('/').unwrap().1).collect()
}

fn refused(batch: &Batch) -> Vec<String> {
    batch
        .refused
        .iter()
        .map(|refusal| format!("{}: {}", refusal.position, refusal.reason))
        .collect()
}

fn device(events: &str) -> Answer {
    Answer::ok(format!(r#"[{{"id":"d","name":"n","newest_events":{{{events}}}}}]"#))
}

fn te(val: &str, second: u32) -> String {
    format!(r#""te":{{"val":{val},"created_at":"2026-07-20T03:00:{second:02}Z"}}"#)
}

fn state_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    entries.into_iter().map(|entry| entry.unwrap().path()).collect()
}

/// [15, 32]
#[tokio::test]
async fn an_event_is_a_message_that_holds_only_what_is_its_own() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::ok(TYPICAL)]);
    let mut source = open(&server, "", &options(&sandbox)).await;
    let batch = read(&mut *source, 0).await;
    assert_eq!(batch.messages.len(), 4 + 4 + 1);
    let first = &batch.messages[0];
    assert_eq!(first.id, "0f3a9c52-6b1e-4d7a-9c40-5a1e7b2d8c01/hu@2025-03-20T09:26:24Z");
    assert_eq!(
        std::str::from_utf8(&first.body).unwrap(),
        concat!(
            r#"{"device_id":"0f3a9c52-6b1e-4d7a-9c40-5a1e7b2d8c01","kind":"hu","#,
            r#""val":50,"created_at":"2025-03-20T09:26:24Z"}"#,
        )
    );
    assert_eq!(first.attributes["schema"], "nature-remo.change.1");
    assert_eq!(first.attributes["kind"], "hu");
    assert_eq!(first.attributes["name"], "リビングのRemo 🏠");
}

#[tokio::test]
async fn the_same_event_is_the_same_message_in_every_poll() {
    let renamed = TYPICAL.replace("リビングのRemo 🏠", "new name").replace("24Z", "24.000+00:00");
    let mut batches = Vec::new();
    for answer in [TYPICAL, &renamed] {
        let sandbox = Sandbox::new();
        let server = Server::new([Answer::ok(answer)]);
        let mut source = open(&server, "", &options(&sandbox)).await;
        batches.push(read(&mut *source, 0).await.messages);
    }
    let same = |message: &kakehi::Message| (message.id.clone(), message.body.clone());
    assert!(batches[0].iter().map(same).eq(batches[1].iter().map(same)));
    assert_eq!(batches[1][0].attributes["name"], "new name", "its name may have changed");
}

/// One poll of this answer, by the program, into the queue of the sandbox.
fn publish(sandbox: &Sandbox, answer: Answer) -> crate::support::sandbox::Run {
    let server = Server::new([answer]);
    let publish = sandbox.publish().arg("nature-remo:?mode=changes").args("--to sqlite:q.db");
    let publish = publish.env("NATURE_REMO_TOKEN", "made-up");
    publish.env("NATURE_REMO_ENDPOINT", server.url()).run().expect(0)
}

/// The queue knows an event again although its device was renamed, and the memory of it is lost.
#[test]
fn a_new_name_of_the_device_makes_no_other_event() {
    let renamed = TYPICAL.replace("Tom's room ", "Tom's");
    let sandbox = Sandbox::new();
    // Each of the two servers is another account: nothing is remembered.
    for (answer, told) in [(TYPICAL, "9 read, 9 published"), (&renamed, "9 duplicate")] {
        let run = publish(&sandbox, Answer::ok(answer));
        assert!(run.stderr.contains(told), "{}", run.stderr);
    }
}

#[tokio::test]
async fn a_name_is_an_attribute_that_every_queue_and_command_takes() {
    let long = format!("\"{}\"", "あ".repeat(300));
    for (name, attribute) in [
        ("\"\"", None),
        ("null", None),
        ("7", None),
        (r#"" \t ""#, None),
        (r#""a\u0000b\u001b[2J ""#, Some("a b [2J".to_owned())),
        (r#""half \ud83d""#, None),
        (&long, Some("あ".repeat(200) + "…")),
    ] {
        let sandbox = Sandbox::new();
        let events = te("20", 1);
        let answer = format!(r#"[{{"id":"d","name":{name},"newest_events":{{{events}}}}}]"#);
        let server = Server::new([Answer::ok(answer)]);
        let mut source = open(&server, "", &options(&sandbox)).await;
        let batch = read(&mut *source, 0).await;
        assert_eq!(batch.messages[0].attributes.get("name"), attribute.as_ref(), "{name}");
    }
}

#[test]
fn a_value_that_is_not_known_yet_is_skipped_with_a_line_at_every_poll() {
    let events = r#""te":{"val":null,"created_at":"2026-07-20T03:00:00Z"},
        "hu":{"val":50,"created_at":null},"il":{"created_at":"2026-07-20T03:00:00Z"},
        "mo":{"val":1,"created_at":""},"pr":null,"co":{"val":1,"created_at":"2026-07-20T03:00:00Z"}"#;
    let sandbox = Sandbox::new();
    for told in ["1 read, 1 published", "1 duplicate"] {
        let run = publish(&sandbox, device(events));
        assert!(run.stderr.contains(told), "{}", run.stderr);
        for (kind, what) in
            [("te", "val"), ("hu", "created_at"), ("il", "val"), ("mo", "created_at")]
        {
            let line = format!("event `{kind}` has no `{what}` yet, and is skipped");
            assert_eq!(run.stderr.matches(&line).count(), 1, "{line}: {}", run.stderr);
        }
    }
}

#[tokio::test]
async fn only_what_changed_since_the_commit_is_published() {
    let sandbox = Sandbox::new();
    let polls = [te("20", 1), te("20", 1), te("21", 2), te("20", 3), te("20", 1)];
    let server = Server::new(polls.iter().map(|events| device(events)));
    let mut source = open(&server, "", &options(&sandbox)).await;
    let mut seen = Vec::new();
    for tick in 0..5 {
        let batch = read(&mut *source, tick).await;
        seen.push(ids(&batch).join(" "));
        if !batch.messages.is_empty() {
            source.commit(batch.number).await.unwrap();
        }
    }
    // The last one went back in time: a sensor's clock may do that.
    let te = |second: u32| format!("te@2026-07-20T03:00:{second:02}Z");
    assert_eq!(seen, [te(1), String::new(), te(2), te(3), te(1)]);
}

#[tokio::test]
async fn what_was_committed_is_remembered_by_the_next_process() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::ok(TYPICAL)]);
    let options = options(&sandbox);
    let mut source = open(&server, "", &options).await;
    assert_eq!(read(&mut *source, 0).await.messages.len(), 9);
    drop(source);
    assert!(state_files(&options.data_dir).is_empty(), "nothing is remembered before the commit");

    let mut source = open(&server, "", &options).await;
    assert_eq!(read(&mut *source, 0).await.messages.len(), 9, "it was not committed");
    source.commit(0).await.unwrap();
    drop(source);

    let mut source = open(&server, "", &options).await;
    assert!(source.read(0).await.unwrap().is_none());
    assert_eq!(state_files(&options.data_dir).len(), 1, "and no temporary file stays");
}

#[tokio::test]
async fn a_commit_is_of_the_batch_that_it_names() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::ok(TYPICAL)]);
    let options = Options { batch: 4, ..options(&sandbox) };
    let mut source = open(&server, "", &options).await;
    let first = read(&mut *source, 0).await;
    let second = read(&mut *source, 0).await;
    let third = read(&mut *source, 0).await;
    assert_eq!([&first, &second, &third].map(|batch| batch.messages.len()), [4, 4, 1]);
    // The second one failed: it stops neither of the others.
    source.commit(third.number).await.unwrap();
    source.commit(first.number).await.unwrap();
    drop(source);

    let mut source = open(&server, "", &options).await;
    assert_eq!(read(&mut *source, 0).await.messages, second.messages);
    assert!(source.read(0).await.unwrap().is_none());
}

#[tokio::test]
async fn what_a_failed_tick_has_read_is_not_what_the_next_commit_remembers() {
    let sandbox = Sandbox::new();
    let (hu, later) = (te("50", 1).replacen("te", "hu", 1), te("21", 2));
    let polls = [format!("{},{hu}", te("20", 1)), format!("{later},{hu}")];
    let server = Server::new(polls.iter().map(|events| device(events)));
    let options = Options { batch: 1, ..options(&sandbox) };
    let mut source = open(&server, "", &options).await;
    let [hu, te, later] =
        ["hu@2026-07-20T03:00:01Z", "te@2026-07-20T03:00:01Z", "te@2026-07-20T03:00:02Z"];
    // The queue does not take it, and the tick ends.
    let failed = read(&mut *source, 0).await;
    assert_eq!(ids(&failed), [hu]);
    let rest = read(&mut *source, 1).await;
    assert_eq!(ids(&rest), [te], "the rest of the first poll");
    source.commit(rest.number).await.unwrap();
    source.commit(failed.number).await.unwrap(); // too late: its tick is over
    for expected in [hu, later] {
        let batch = read(&mut *source, 1).await;
        assert_eq!(ids(&batch), [expected], "nobody has taken it yet");
        source.commit(batch.number).await.unwrap();
    }
    assert!(read(&mut *source, 2).await.messages.is_empty(), "each was taken");
}

#[tokio::test]
async fn two_values_of_one_moment_are_both_published() {
    let sandbox = Sandbox::new();
    let server = Server::new([device(&te("20", 1)), device(&te("21", 1)), device(&te("21", 1))]);
    let mut source = open(&server, "", &options(&sandbox)).await;
    let first = read(&mut *source, 0).await;
    source.commit(first.number).await.unwrap();
    let second = read(&mut *source, 1).await;
    source.commit(second.number).await.unwrap();
    assert_eq!(ids(&first), ids(&second), "so that the queue sees the conflict");
    assert!(read(&mut *source, 2).await.messages.is_empty());
}

#[tokio::test]
async fn an_event_that_cannot_be_told_apart_is_refused_by_name() {
    let events = r#""c":{"val":1,"created_at":"yesterday"},"d":{"val":1,"created_at":7},"e":7,"h\u001b[2J":{"val":1,"created_at":"2026-07-20T03:00:00Z"},
        "i":null,"te":{"val":20.5,"created_at":"2026-07-20T03:00:00.5Z"}"#;
    let sandbox = Sandbox::new();
    let server = Server::new([device(events)]);
    let mut source = open(&server, "", &options(&sandbox)).await;
    let batch = read(&mut *source, 0).await;
    assert_eq!(ids(&batch), ["te@2026-07-20T03:00:00.500Z"]);
    assert_eq!(
        refused(&batch),
        [
            "device 1 of 1, event `c`: its `created_at` is not a time in RFC 3339",
            "device 1 of 1, event `d`: its `created_at` is not a string",
            "device 1 of 1, event `e`: it is not an event",
            "device 1 of 1, event `h [2J`: its name is empty, too long or holds control characters",
        ]
    );
}

#[tokio::test]
async fn accounts_and_servers_do_not_share_their_memory() {
    let sandbox = Sandbox::new();
    let (one, two) = (Server::new([Answer::ok(TYPICAL)]), Server::new([Answer::ok(TYPICAL)]));
    let other = Options {
        environment: [("NATURE_REMO_TOKEN", "another")].into_iter().collect(),
        ..options(&sandbox)
    };
    for (server, options) in
        [(&one, &options(&sandbox)), (&two, &options(&sandbox)), (&one, &other)]
    {
        let mut source = open(server, "", options).await;
        assert_eq!(read(&mut *source, 0).await.messages.len(), 9);
        source.commit(0).await.unwrap();
    }
    let files = state_files(&sandbox.path("data"));
    assert_eq!(files.len(), 3);
    assert!(files.iter().all(|file| !file.to_str().unwrap().contains("made-up")));
}

#[tokio::test]
async fn the_state_file_can_be_named() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("a folder/state.json");
    let server = Server::new([Answer::ok(TYPICAL)]);
    let params = format!("&state={}", path.display());
    let mut source = open(&server, &params, &options(&sandbox)).await;
    read(&mut *source, 0).await;
    source.commit(0).await.unwrap();
    assert!(std::fs::read_to_string(path).unwrap().starts_with(r#"{"kakehi":"nature-remo""#));
    assert!(state_files(&sandbox.path("data")).is_empty());
}

#[tokio::test]
async fn a_damaged_state_file_publishes_again_and_is_made_new() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("state.json");
    let params = format!("&state={}", path.display());
    let server = Server::new([Answer::ok(TYPICAL)]);
    let mut source = open(&server, &params, &options(&sandbox)).await;
    read(&mut *source, 0).await;
    source.commit(0).await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 1, 10, 30, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let mut source = open(&server, &params, &options(&sandbox)).await;
        assert_eq!(read(&mut *source, 0).await.messages.len(), 9, "{length}");
        source.commit(0).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
}

#[tokio::test]
async fn a_file_of_somebody_else_is_never_overwritten() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::ok(TYPICAL)]);
    for foreign in ["{}", "my diary", "{\"kakehi\":\"nature-remo\",\"version\":2,\"devices\":{}}"] {
        let path = sandbox.write("state.json", foreign);
        let params = format!("&state={}", path.display());
        let error = try_open(&server, &params, &options(&sandbox)).await.err().unwrap();
        assert_eq!(error.kind(), Kind::Configuration, "{foreign}");
        assert!(error.to_string().contains("hint: "), "{error}");
        assert_eq!(std::fs::read_to_string(path).unwrap(), foreign);
    }
    let folder = format!("&state={}", sandbox.dir().display());
    let error = try_open(&server, &folder, &options(&sandbox)).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Configuration);
}

#[tokio::test]
async fn a_state_that_cannot_be_written_is_said_and_published_again() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "");
    let server = Server::new([Answer::ok(TYPICAL)]);
    let options = Options { data_dir: sandbox.path("data"), ..options(&sandbox) };
    let mut source = open(&server, "", &options).await;
    assert_eq!(read(&mut *source, 0).await.messages.len(), 9);
    // In the place of the folder there is a file now.
    sandbox.write("data", "");
    let error = source.commit(0).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.to_string().contains("published again, under the same ids"), "{error}");
    assert_eq!(read(&mut *source, 1).await.messages.len(), 9);
}
