//! Every document of the corpus through every sink: it comes out equal, or is refused by its field.

use crate::support::json_corpus::{Odd, documents};
use crate::support::mongo_client::connect;
use crate::support::pubsub_stage;
use crate::support::sandbox::{Run, Sandbox};
use crate::support::services;
use crate::support::sqs_queue;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use chrono::{DateTime, Timelike as _};
use futures_util::TryStreamExt as _;
use kakehi::envelope::Envelope;
use kakehi::json::Decimal;
use mongodb::bson::{Bson, Document, doc};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// All of them in the queue `q.db`.
fn published() -> (Sandbox, Vec<Odd>) {
    publish(documents())
}

fn publish(all: Vec<Odd>) -> (Sandbox, Vec<Odd>) {
    let sandbox = Sandbox::new();
    let run = sandbox.publish().args("stdin:?envelope --to sqlite:q.db").stdin(lines(&all)).run();
    let told = format!("{} published", all.len());
    assert!(run.expect(0).stderr.contains(&told));
    (sandbox, all)
}

fn lines(all: &[Odd]) -> String {
    let line = |odd: &Odd| {
        let body = BASE64_STANDARD.encode(&odd.body);
        format!("{{\"id\":\"{}\",\"body_base64\":\"{body}\"}}\n", odd.id)
    };
    all.iter().map(line).collect()
}

/// What `jq -c .` makes of a text; it must read all of it.
#[track_caller]
fn jq(text: &str) -> String {
    let mut jq = Command::new("jq")
        .args(["-c", "."])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tests need `jq`: install it with the system's packages");
    let (mut pipe, text) = (jq.stdin.take().expect("a pipe"), text.to_owned());
    let feeder = std::thread::spawn(move || pipe.write_all(text.as_bytes()));
    let run = Run::of(jq.wait_with_output().expect("it ends")).expect(0);
    feeder.join().expect("no panic").expect("jq reads to the end");
    run.stdout
}

/// The bodies of envelopes by id, each of which `jq` has read.
#[track_caller]
fn bodies(envelopes: &str) -> BTreeMap<String, Vec<u8>> {
    assert_eq!(jq(envelopes).lines().count(), envelopes.lines().count());
    let body = |line: &str| {
        let envelope: Envelope = serde_json::from_str(line).expect("an envelope");
        let message = envelope.into_message(|| panic!("it has an id")).expect("a message");
        (message.id, message.body.to_vec())
    };
    envelopes.lines().map(body).collect()
}

/// Why each message in the queue was given up; their lines hold the bodies as they were.
fn dead(sandbox: &Sandbox, all: &[Odd]) -> BTreeMap<String, String> {
    let list = sandbox.queue().args("dead list sqlite:q.db --json").run().expect(0).stdout;
    let bodies = bodies(&list);
    for odd in all.iter().filter(|odd| bodies.contains_key(&odd.id)) {
        assert_same(&bodies[&odd.id], odd);
    }
    let reason = |line: &str| {
        let letter: Value = serde_json::from_str(line).expect("a dead letter");
        let text = |name: &str| letter[name].as_str().expect(name).to_owned();
        (text("id"), text("reason"))
    };
    list.lines().map(reason).collect()
}

/// Equal byte by byte; of what is JSON, line breaks and blanks around it do not count.
#[track_caller]
fn assert_same(body: &[u8], odd: &Odd) {
    match odd.is_plain() {
        true => assert_eq!(flat(body), flat(&odd.body), "{}", odd.id),
        false => assert_eq!(body, odd.body, "{}", odd.id),
    }
}

fn flat(json: &[u8]) -> String {
    String::from_utf8(json.to_vec()).expect("UTF-8").replace(['\n', '\r'], " ").trim().to_owned()
}

/// Each is stored or refused with the name of its field, and nothing that others take is refused.
fn assert_all_accounted_for(
    all: &[Odd],
    refused: &BTreeMap<String, String>,
    is_stored: impl Fn(&Odd) -> bool,
    must_be_taken: impl Fn(&Odd) -> bool,
) {
    for odd in all {
        match refused.get(&odd.id) {
            None => assert!(is_stored(odd), "{} is lost", odd.id),
            Some(why) => {
                assert!(odd.is_named_in(why), "{} `{}`: {why}", odd.id, odd.field);
                assert!(!must_be_taken(odd), "{}: {why}", odd.id);
            }
        }
    }
}

fn is_object(odd: &Odd) -> bool {
    serde_json::from_slice::<Value>(&odd.body).is_ok_and(|value| value.is_object())
}

#[test]
fn the_embedded_store_keeps_each_as_it_was_written() {
    let (sandbox, all) = published();
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(65);
    let store = rusqlite::Connection::open(sandbox.path("s.db")).expect("a store");
    let mut rows = store.prepare("select id, document from messages").expect("a table");
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    let stored: BTreeMap<String, String> = rows.map(|row| row.expect("text")).collect();
    let as_it_was =
        |odd: &Odd| stored.get(&odd.id).is_some_and(|it| it.as_bytes() == odd.body.trim_ascii());
    assert_all_accounted_for(&all, &dead(&sandbox, &all), as_it_was, is_object);
}

#[test]
fn other_content_under_the_same_id_is_no_duplicate_in_the_embedded_store() {
    let sandbox = Sandbox::new();
    let run = |lines: String| {
        let publish = sandbox.publish().args("stdin:?id=id --to sqlite:q.db");
        publish.stdin(lines).run().expect(0);
        sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run()
    };
    for (at, [one, other]) in OTHER.iter().enumerate() {
        let line = |content: &str| format!("{{\"id\":\"{at}\",{content}}}\n");
        run(line(one)).expect(0);
        let again = run(line(one)).expect(0);
        assert!(again.stderr.contains("1 duplicate"), "{one}: {}", again.stderr);
        let refused = run(line(other)).expect(65);
        assert!(refused.stderr.contains("1 dead"), "{other}: {}", refused.stderr);
    }
}

/// Pairs that a reader with doubles, milliseconds or one value a key takes for the same.
const OTHER: &[[&str; 2]] = &[
    [r#""n":18446744073709551615"#, r#""n":18446744073709551614"#],
    [r#""n":9007199254740993"#, r#""n":9007199254740992"#],
    [r#""n":0.1"#, r#""n":0.10000000000000001"#],
    [r#""n":12345678901234567890.5"#, r#""n":12345678901234567890.25"#],
    [r#""created_at":"2025-01-01T00:00:00.1234Z""#, r#""created_at":"2025-01-01T00:00:00.1235Z""#],
    [r#""created_at":"2025-01-01T00:00:00.123Z""#, r#""created_at":"2025-01-01T00:00:00.1235Z""#],
    [r#""a":1,"a":2"#, r#""a":2"#],
    ["\"s\":\"é\"", "\"s\":\"e\u{301}\""],
    [r#""n":1"#, r#""n":"1""#],
    [r#""n":null"#, r#""m":null"#],
];

#[test]
fn a_line_of_standard_output_is_json_to_everybody() {
    let (sandbox, all) = published();
    let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
    assert_eq!(jq(&run.stdout).lines().count(), all.len());
    for (line, odd) in run.stdout.lines().zip(&all) {
        let text = serde_json::from_str::<String>(line);
        let carried = match (odd.is_plain(), std::str::from_utf8(&odd.body)) {
            (true, _) => line.trim() == flat(&odd.body),
            (false, Ok(body)) => text.is_ok_and(|text| text == body),
            (false, Err(_)) => {
                line == format!(r#"{{"body_base64":"{}"}}"#, BASE64_STANDARD.encode(&odd.body))
            }
        };
        assert!(carried, "{}: {line}", odd.id);
    }
}

#[test]
fn envelopes_and_what_is_shown_of_a_queue_carry_each_there_and_back() {
    let (sandbox, all) = published();
    let peeked = sandbox.queue().args("peek sqlite:q.db --json -n 1000").run().expect(0).stdout;
    let out = sandbox.subscribe().args("--from sqlite:q.db --to stdout:?envelope").run().expect(0);
    let back = sandbox.publish().args("stdin:?envelope --to sqlite:back.db");
    back.stdin(out.stdout.clone()).run().expect(0);
    let again = sandbox.subscribe().args("--from sqlite:back.db --to stdout:?envelope").run();
    for carried in [bodies(&peeked), bodies(&out.stdout), bodies(&again.expect(0).stdout)] {
        all.iter().for_each(|odd| assert_same(&carried[&odd.id], odd));
        assert_eq!(carried.len(), all.len());
    }
}

#[test]
fn another_embedded_queue_takes_each_byte_by_byte() {
    let (sandbox, all) = published();
    sandbox.subscribe().args("--from sqlite:q.db --to forward:sqlite:to.db").run().expect(0);
    let drain = sandbox.subscribe().args("--from sqlite:to.db");
    drain.args("-- sh -c").arg("cat >\"out-$KAKEHI_ID\"").run().expect(0);
    for odd in &all {
        let taken = std::fs::read(sandbox.path(&format!("out-{}", odd.id))).expect("its body");
        assert_eq!(taken, odd.body, "{}", odd.id);
    }
}

#[test]
fn a_command_is_given_lines_that_everybody_reads() {
    let (sandbox, all) = published();
    let drain = sandbox.subscribe().args("--from sqlite:q.db --batch 40 --concurrency 1");
    drain.args("-- sh -c").arg("cat >>lines").run().expect(0);
    let carried = bodies(&std::fs::read_to_string(sandbox.path("lines")).expect("lines"));
    all.iter().for_each(|odd| assert_same(&carried[&odd.id], odd));
    assert_eq!(carried.len(), all.len());
}

#[tokio::test]
async fn pubsub_takes_each_byte_by_byte() {
    let (sandbox, all) = published();
    let stage = pubsub_stage::Stage::new();
    stage.create().await;
    let emulator = services::pubsub_emulator();
    let forward = sandbox.subscribe().args("--from sqlite:q.db --to");
    let forward = forward.arg(format!("forward:{}", stage.queue()));
    forward.env("PUBSUB_EMULATOR_HOST", &emulator).run().expect(0);
    let drain = sandbox.subscribe().arg("--from").arg(stage.queue()).args("--idle 5s");
    let drain = drain.args("--to stdout:?envelope").env("PUBSUB_EMULATOR_HOST", &emulator);
    let carried = bodies(&drain.run().expect(0).stdout);
    all.iter().for_each(|odd| assert_same(&carried[&odd.id], odd));
}

#[test]
fn sqs_takes_each_byte_by_byte() {
    let (sandbox, all) = published();
    let stage = sqs_queue::Stage::made("");
    let on_sqs = |program: crate::support::sandbox::Program| {
        let variables = services::sqs_variables();
        variables.into_iter().fold(program, |program, (name, value)| program.env(name, value))
    };
    let forward = sandbox.subscribe().args("--from sqlite:q.db --to");
    on_sqs(forward.arg(format!("forward:{}", stage.url()))).run().expect(0);
    let drain = sandbox.subscribe().arg("--from").arg(stage.url()).args("--to stdout:?envelope");
    let carried = bodies(&on_sqs(drain).run().expect(0).stdout);
    all.iter().for_each(|odd| assert_same(&carried[&odd.id], odd));
}

/// A database of its own on the server that speaks MongoDB's protocol.
struct Mongo {
    server: services::Mongo,
    database: mongodb::Database,
}

impl Mongo {
    async fn new() -> Self {
        let server = services::mongodb();
        let name = format!("corpus-{}", uuid::Uuid::now_v7().simple());
        let database = connect(&server).await.database(&name);
        Self { server, database }
    }

    fn drain(&self, sandbox: &Sandbox) -> Run {
        let (hosts, name) = (&self.server.hosts, self.database.name());
        let url = format!("mongodb://{hosts}/{name}?authSource=admin&collection=c");
        // One by one: FerretDB fails others for a while after a batch that it has stumbled over.
        let program = sandbox.subscribe().args("--from sqlite:q.db --batch 1 --to").arg(url);
        let user = self.server.username.clone().unwrap_or_default();
        let password = self.server.password.clone().unwrap_or_default();
        program.env("MONGODB_USERNAME", user).env("MONGODB_PASSWORD", password).run()
    }

    async fn stored(&self) -> BTreeMap<String, Document> {
        let found = self.database.collection::<Document>("c").find(doc! {}).await.expect("a look");
        let all: Vec<Document> = found.try_collect().await.expect("documents");
        let by_id =
            |document: Document| (document.get_str("_id").expect("an id").to_owned(), document);
        all.into_iter().map(by_id).collect()
    }
}

/// The driver reads a document that is nested deep by calling itself.
#[test]
fn mongodb_stores_each_with_its_values_or_names_the_field() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let run = move || runtime.block_on(each_is_stored_or_its_field_is_named());
    let deep = std::thread::Builder::new().stack_size(64 << 20).spawn(run).expect("a thread");
    deep.join().expect("the test's thread");
}

async fn each_is_stored_or_its_field_is_named() {
    // FerretDB takes a name with a line break, and cannot read its collection any more.
    let unread = |odd: &Odd| odd.body.windows(4).any(|piece| piece == br#""\n""#);
    let (sandbox, all) = publish(documents().into_iter().filter(|odd| !unread(odd)).collect());
    let mongo = Mongo::new().await;
    mongo.drain(&sandbox).expect(65);
    let (stored, refused) = (mongo.stored().await, dead(&sandbox, &all));
    mongo.database.drop().await.expect("it goes");
    let is_stored = |odd: &Odd| stored.get(&odd.id).is_some_and(|document| agrees(odd, document));
    let plain = |odd: &Odd| {
        let kind = odd.id.split('-').next().expect("a kind");
        is_object(odd) && ["date", "size"].contains(&kind)
    };
    assert_all_accounted_for(&all, &refused, is_stored, plain);
    let unnamed: Vec<_> = all
        .iter()
        .filter(|odd| odd.id.contains("key"))
        .filter_map(|odd| refused.get(&odd.id))
        .filter(|why| !why.contains('`'))
        .collect();
    assert!(unnamed.is_empty(), "{unnamed:?}");
    assert!(stored.len() > 100, "{} of {}: {refused:?}", stored.len(), all.len());
}

#[tokio::test]
async fn other_content_under_the_same_id_is_no_duplicate_in_mongodb() {
    let mongo = Mongo::new().await;
    let sandbox = Sandbox::new();
    let publish = |lines: String| {
        let publish = sandbox.publish().args("stdin:?id=id --to sqlite:q.db");
        publish.stdin(lines).run().expect(0);
    };
    let line = |(at, content): (usize, &str)| format!("{{\"id\":\"{at}\",{content}}}\n");
    publish(OTHER.iter().map(|[one, _]| *one).enumerate().map(line).collect());
    mongo.drain(&sandbox);
    let first = mongo.stored().await;
    publish(OTHER.iter().map(|[_, other]| *other).enumerate().map(line).collect());
    let run = mongo.drain(&sandbox).expect(65);
    let second = mongo.stored().await;
    mongo.database.drop().await.expect("it goes");
    assert!(!run.stderr.contains("duplicate"), "{}", run.stderr);
    assert!(first.iter().all(|(id, document)| second.get(id) == Some(document)), "as they were");
    let why = sandbox.queue().args("dead list sqlite:q.db --json").run().expect(0).stdout;
    assert!(why.contains("in the field `n`"), "{why}");
}

/// Whether a document has the fields of a body with their values, and no others.
fn agrees(odd: &Odd, document: &Document) -> bool {
    let text = std::str::from_utf8(&odd.body).expect("what is stored was JSON");
    let mut document = document.clone();
    document.remove("_id");
    let exact = (!text.contains("exact_dates")).then(|| document.remove("exact_dates")).flatten();
    let exact = exact.as_ref().and_then(Bson::as_array).and_then(|list| list[0].as_document());
    if let Some(exact) = exact {
        let ours: Value = serde_json::from_str(text).expect("JSON");
        let at = |text: &str| DateTime::parse_from_rfc3339(text).expect("a time").to_utc();
        let field = exact.get_str("field").expect("a path");
        let same =
            at(exact.get_str("at").expect("a time")) == at(ours[field].as_str().expect("text"));
        if !same {
            return false;
        }
    }
    same(text.trim(), &Bson::Document(document), exact.is_some())
}

/// `exact`: what milliseconds cut off a date is kept elsewhere.
fn same(json: &str, bson: &Bson, exact: bool) -> bool {
    match (json.as_bytes()[0], bson) {
        (b'{', Bson::Document(document)) => {
            let fields: BTreeMap<String, &RawValue> =
                serde_json::from_str(json).expect("an object");
            let one = |(key, value): (&String, &&RawValue)| {
                document.get(key).is_some_and(|bson| same(value.get(), bson, exact))
            };
            fields.len() == document.len() && fields.iter().all(one)
        }
        (b'[', Bson::Array(array)) => {
            let values: Vec<&RawValue> = serde_json::from_str(json).expect("an array");
            values.len() == array.len()
                && values.iter().zip(array).all(|(json, bson)| same(json.get(), bson, exact))
        }
        (b'"', Bson::String(text)) => {
            serde_json::from_str::<String>(json).is_ok_and(|it| it == *text)
        }
        (b'"', Bson::DateTime(date)) => {
            let text: String = serde_json::from_str(json).expect("text");
            let time = DateTime::parse_from_rfc3339(&text).expect("a date was a time");
            let whole =
                time.nanosecond().is_multiple_of(1_000_000) && time.nanosecond() < 1_000_000_000;
            time.timestamp_millis() == date.timestamp_millis() && (whole || exact)
        }
        (b't' | b'f', Bson::Boolean(value)) => json == value.to_string(),
        (b'n', Bson::Null) => true,
        (_, Bson::Int64(whole)) => Decimal::of(json) == Decimal::of(&whole.to_string()),
        (_, Bson::Double(real)) => Decimal::of(json) == Decimal::of_double(*real),
        _ => false,
    }
}
