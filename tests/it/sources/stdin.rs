//! `stdin:` on bytes, on pipes that pause, and on rubbish.

use crate::support::system::peak_memory;
use chrono::{DateTime, Utc};
use kakehi::clock::Clock;
use kakehi::message::IdForm;
use kakehi::sources::{Batch, Options, Source, stdin};
use kakehi::{Kind, Location, Message};
use std::io::{Cursor, Read, Write as _};
use std::time::Duration;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(30);

fn options() -> Options {
    let (clock, _) = Clock::manual(DateTime::<Utc>::UNIX_EPOCH + Duration::from_secs(1 << 30));
    Options {
        batch: 1000,
        batch_bytes: 1 << 20,
        timezone: chrono_tz::Asia::Tokyo,
        ids: IdForm::default(),
        dry_run: false,
        arguments: Vec::new(),
        environment: Default::default(),
        data_dir: "unused".into(),
        clock,
    }
}

fn open(url: &str, options: &Options, input: impl Read + Send + 'static) -> Box<dyn Source> {
    stdin::from_reader(Location::parse(url).unwrap(), options, Box::new(input)).unwrap()
}

fn refusal_of(url: &str) -> kakehi::Error {
    let opened =
        stdin::from_reader(Location::parse(url).unwrap(), &options(), Box::new(std::io::empty()));
    opened.err().expect("it is refused")
}

async fn next(source: &mut dyn Source) -> Option<Batch> {
    timeout(LONG, source.read(0)).await.expect("an answer").unwrap()
}

/// Everything, in one batch.
async fn read_all(source: &mut dyn Source) -> Batch {
    let mut all = Batch::default();
    while let Some(batch) = next(source).await {
        all.messages.extend(batch.messages);
        all.refused.extend(batch.refused);
        source.commit(batch.number).await.unwrap();
    }
    all
}

async fn read(url: &str, input: impl Into<Vec<u8>>) -> Batch {
    read_all(&mut *open(url, &options(), Cursor::new(input.into()))).await
}

fn bodies(batch: &Batch) -> Vec<&str> {
    batch.messages.iter().map(|message| std::str::from_utf8(&message.body).unwrap()).collect()
}

fn refused(batch: &Batch) -> Vec<String> {
    batch
        .refused
        .iter()
        .map(|refusal| format!("{}: {}", refusal.position, refusal.reason))
        .collect()
}

#[tokio::test]
async fn each_line_is_a_message_as_it_was_written() {
    let batch =
        read("stdin:", "{\"a\": 1.0}\n [1, 2] \r\n\n  \n\"x\"\nnull\n12345678901234567890.5").await;
    assert_eq!(
        bodies(&batch),
        ["{\"a\": 1.0}", " [1, 2] ", "\"x\"", "null", "12345678901234567890.5"]
    );
    assert!(batch.refused.is_empty());
}

#[tokio::test]
async fn nothing_gives_nothing_and_stays_at_the_end() {
    for input in ["", "\n", "\r\n\n \n", "\u{feff}", "\u{feff}\n"] {
        let mut source = open("stdin:", &options(), Cursor::new(input));
        assert!(next(&mut *source).await.is_none(), "{input:?}");
        assert!(next(&mut *source).await.is_none(), "{input:?}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_passed_over_at_the_start_only() {
    let batch = read("stdin:", "\u{feff}{\"a\":1}\n\u{feff}{\"a\":2}\n").await;
    assert_eq!(bodies(&batch), ["{\"a\":1}"]);
    assert_eq!(refused(&batch), ["line 2: it is not JSON: expected value at column 1"]);
}

#[tokio::test]
async fn bad_lines_are_named_and_do_not_stop_the_others() {
    let mut input = b"{\"ok\":1}\nhunter2\n{\"a\":\n\n{\"a\":1} {\"b\":2}\n\"\xff\"\n".to_vec();
    input.extend_from_slice(b"{'single':1}\n{\"ok\":2}\n{\"cut\":");
    let batch = read("stdin:", input).await;
    assert_eq!(bodies(&batch), ["{\"ok\":1}", "{\"ok\":2}"]);
    assert_eq!(
        refused(&batch),
        [
            "line 2: it is not JSON: expected value at column 1",
            "line 3: it is not JSON: EOF while parsing a value at column 5",
            "line 5: it is not JSON: trailing characters at column 9",
            "line 6: it is not UTF-8: byte 2",
            "line 7: it is not JSON: key must be a string at column 2",
            "line 9: it is not JSON: EOF while parsing a value at column 7",
        ]
    );
}

#[tokio::test]
async fn ids_are_made_of_the_clock_all_different_and_growing() {
    let batch = read("stdin:", "1\n".repeat(5000)).await;
    let ids: Vec<&String> = batch.messages.iter().map(|message| &message.id).collect();
    assert_eq!(ids.len(), 5000);
    assert!(ids.is_sorted_by(|a, b| a < b));
    let uuid = uuid::Uuid::parse_str(ids[0]).unwrap();
    assert_eq!(uuid.get_version_num(), 7);
    assert_eq!(uuid.get_timestamp().unwrap().to_unix().0, 1 << 30);
}

#[tokio::test]
async fn ids_and_groups_come_from_fields() {
    let lines = [
        r#"{"k":"a","g":"x","k2":{"k":"inner"}}"#,
        r#"{"g":7,"k":1.50}"#,
        r#"{"k":true,"g":null}"#,
        r#"{"k":"\u00e9\u0022"}"#,
        r#"{"\u006b":"escaped key","g":""}"#,
    ];
    let batch = read("stdin:?id=k&group=g", lines.join("\n")).await;
    assert_eq!(refused(&batch), Vec::<String>::new());
    let found: Vec<_> = batch.messages.iter().map(|m| (&*m.id, m.group.as_deref())).collect();
    let expected = [
        ("a", Some("x")),
        ("1.50", Some("7")),
        ("true", None),
        ("é\"", None),
        ("escaped key", None),
    ];
    assert_eq!(found, expected);
    assert_eq!(bodies(&batch), lines);
}

#[tokio::test]
async fn a_line_without_a_usable_id_is_refused() {
    let lines = [
        r#"{"g":1}"#,
        r#"{"k":null}"#,
        r#"{"k":""}"#,
        r#"{"k":{"secret":1}}"#,
        r#"{"k":["secret"]}"#,
        r#"["k"]"#,
        r#""secret""#,
        "12",
        r#"{"k":1,"k":2}"#,
        r#"{"k":"\ud800"}"#,
        r#"{"k":"a","g":{}}"#,
        r#"{"k":"a"} x"#,
        r#"{"k":"a""#,
    ];
    let batch = read("stdin:?id=k&group=g", lines.join("\n")).await;
    assert!(batch.messages.is_empty());
    let reasons: Vec<&str> = batch.refused.iter().map(|refusal| &*refusal.reason).collect();
    assert_eq!(
        reasons,
        [
            "it has no `k`, which holds the id",
            "it has no `k`, which holds the id",
            "its `k` is empty",
            "its `k` is an object",
            "its `k` is a list",
            "it is not an object",
            "it is not an object",
            "it is not an object",
            "its `k` stands twice before column 13",
            "its `k` is not a string of valid Unicode",
            "its `g` is an object",
            "it is not JSON: trailing characters at column 11",
            "it is not JSON: EOF while parsing an object at column 8",
        ]
    );
}

#[tokio::test]
async fn one_field_can_be_id_and_group() {
    let batch = read("stdin:?id=k&group=k", r#"{"k":"a"}"#).await;
    assert_eq!((&*batch.messages[0].id, batch.messages[0].group.as_deref()), ("a", Some("a")));
}

#[tokio::test]
async fn envelopes_are_whole_messages() {
    let lines = [
        r#"{"id":"a","group":"g","tag":"t","attributes":{"k":"v"},"not_before":"2026-01-01T00:00:00+09:00","body":{"x":1.0}}"#,
        r#"{"body_base64":"/wA="}"#,
    ];
    let batch = read("stdin:?envelope", lines.join("\n")).await;
    let [first, second] = &batch.messages[..] else { panic!("{batch:?}") };
    let mut expected = Message::new("a", &b"{\"x\":1.0}"[..]);
    expected.group = Some("g".to_owned());
    expected.tag = Some("t".to_owned());
    expected.attributes.insert("k".to_owned(), "v".to_owned());
    expected.not_before = Some("2025-12-31T15:00:00Z".parse().unwrap());
    assert_eq!(first, &expected);
    assert_eq!(&second.body[..], b"\xff\0");
    assert_eq!(uuid::Uuid::parse_str(&second.id).unwrap().get_version_num(), 7);
}

#[tokio::test]
async fn a_bad_envelope_is_named_without_its_content() {
    let lines = [
        r#"{"id":"a"}"#,
        r#"{"body":1,"body_base64":""}"#,
        r#"{"body_base64":"hunter2!"}"#,
        r#"{"id":{"hunter2":1},"body":1}"#,
        r#"{"attributes":{"k":["hunter2"]},"body":1}"#,
        r#"{"group":"hunter2, expected hunter2","tag":7,"body":1}"#,
        r#"{"not_before":"hunter2","body":1}"#,
        r#""hunter2""#,
        "hunter2",
    ];
    let batch = read("stdin:?envelope", lines.join("\n")).await;
    assert!(batch.messages.is_empty(), "{batch:?}");
    assert_eq!(batch.refused.len(), lines.len());
    let all = refused(&batch).join("\n");
    assert!(!all.contains("hunter2"), "{all}");
    assert!(all.contains("line 1: it has neither `body` nor `body_base64`"), "{all}");
}

#[tokio::test]
async fn what_stdout_writes_is_read_back() {
    use kakehi::envelope::Envelope;
    let mut message = Message::new("a", &b"any \xff bytes"[..]);
    message.group = Some("g".to_owned());
    let receipt = kakehi::Receipt("".into());
    let delivery = kakehi::Delivery { message, attempts: Some(3), lost: 0, receipt };
    let line = serde_json::to_string(&Envelope::of(&delivery)).unwrap();
    assert_eq!(read("stdin:?envelope", line).await.messages, [delivery.message]);
}

#[tokio::test]
async fn a_line_up_to_the_bound_is_taken_and_one_beyond_it_refused() {
    let line = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let input = format!("\u{feff}{}\r\n{}\n{}\r\n{}", line(100), line(101), line(100), line(101));
    let batch = read("stdin:?max-line=100", input).await;
    assert_eq!(bodies(&batch), [line(100), line(100)]);
    let reason = "it is longer than 100 bytes (`max-line`)";
    assert_eq!(refused(&batch), [format!("line 2: {reason}"), format!("line 4: {reason}")]);
}

/// Gives `left` bytes of one line without ever having them, then a last line.
struct LongLine {
    left: u64,
    tail: Cursor<&'static [u8]>,
}

impl Read for LongLine {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            return self.tail.read(buffer);
        }
        let count = buffer.len().min(usize::try_from(self.left).unwrap());
        buffer[..count].fill(b' ');
        self.left -= count as u64;
        Ok(count)
    }
}

#[tokio::test]
async fn a_huge_line_is_passed_over_without_being_held() {
    let peak = || peak_memory(std::process::id());
    let before = peak();
    let input = LongLine { left: 200_000_000, tail: Cursor::new(b"\n{\"ok\":1}\n") };
    let batch = read_all(&mut *open("stdin:", &options(), input)).await;
    assert_eq!(bodies(&batch), ["{\"ok\":1}"]);
    assert_eq!(refused(&batch), ["line 1: it is longer than 10000000 bytes (`max-line`)"]);
    // Other tests of this process may take some of it.
    assert!(peak() - before < 150_000_000);
}

#[tokio::test]
async fn batches_keep_to_their_bounds() {
    let lines = "{\"n\":1}\nbad\n".repeat(500);
    for (batch, batch_bytes) in [(1, 1 << 20), (7, 1 << 20), (0, 1 << 20), (1000, 1), (1000, 200)] {
        let options = Options { batch, batch_bytes, ..options() };
        let mut source = open("stdin:", &options, Cursor::new(lines.clone()));
        let mut count = 0;
        while let Some(part) = next(&mut *source).await {
            assert!(part.messages.len() + part.refused.len() <= batch.max(1));
            let sizes = part.messages.iter().rev().skip(1).map(Message::size);
            assert!(sizes.sum::<usize>() < batch_bytes, "it was full before its last message");
            count += part.messages.len() + part.refused.len();
        }
        assert_eq!(count, 1000, "{batch} {batch_bytes}");
    }
}

#[tokio::test]
async fn what_is_there_comes_at_once_while_the_input_pauses() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut source = open("stdin:", &options(), reader);
    for round in 0..3 {
        // Half a line stays behind and does not hold up the whole one before it.
        writer.write_all(format!("{{\"n\":{round}}}\n{{\"half\":").as_bytes()).unwrap();
        let batch = next(&mut *source).await.unwrap();
        assert_eq!(bodies(&batch), [format!("{{\"n\":{round}}}")]);
        writer.write_all(b"1}\n").unwrap();
        let batch = next(&mut *source).await.unwrap();
        assert_eq!(bodies(&batch), ["{\"half\":1}"]);
    }
    drop(writer);
    assert!(next(&mut *source).await.is_none());
}

#[tokio::test]
async fn a_read_that_was_dropped_loses_no_line() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let options = Options { batch: 3, ..options() };
    let mut source = open("stdin:", &options, reader);
    let feeder = std::thread::spawn(move || {
        for n in 0..20_000 {
            writer.write_all(format!("{n}\n").as_bytes()).unwrap();
        }
    });
    let (mut seen, mut dropped) = (Vec::new(), 0);
    loop {
        // Polled once, then dropped unless it is ready.
        let read = tokio::select! {
            biased;
            read = source.read(0) => read.unwrap(),
            () = std::future::ready(()) => {
                dropped += 1;
                tokio::task::yield_now().await;
                continue;
            }
        };
        let Some(batch) = read else { break };
        seen.extend(bodies(&batch).iter().map(|n| n.parse::<u32>().unwrap()));
    }
    feeder.join().unwrap();
    assert!(dropped > 0);
    assert!(seen.into_iter().eq(0..20_000));
}

#[tokio::test]
async fn a_source_that_is_dropped_lets_its_thread_end() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut source = open("stdin:", &Options { batch: 1, ..options() }, reader);
    writer.write_all(b"1\n2\n3\n4\n").unwrap();
    assert!(next(&mut *source).await.is_some());
    drop(source);
    // The thread holds the other end of the pipe: when that closes, the thread is gone.
    let closed = tokio::task::spawn_blocking(move || while writer.write_all(b"5\n").is_ok() {});
    timeout(LONG, closed).await.expect("the thread ends").unwrap();
}

/// Fails after its bytes.
struct Broken(Cursor<&'static [u8]>);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(std::io::Error::other("the disk is gone")),
            count => Ok(count),
        }
    }
}

#[tokio::test]
async fn an_input_that_breaks_gives_what_came_before_and_then_the_error() {
    let mut source = open("stdin:", &options(), Broken(Cursor::new(b"1\n2\n3")));
    assert_eq!(bodies(&next(&mut *source).await.unwrap()), ["1", "2"]);
    let error = source.read(0).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert_eq!(error.one_line(), "cannot read `stdin:`: the disk is gone");
    assert!(next(&mut *source).await.is_none());
}

struct Panicking;

impl Read for Panicking {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        panic!("on purpose")
    }
}

#[tokio::test]
async fn a_panic_while_reading_is_not_taken_for_the_end() {
    let mut source = open("stdin:", &options(), Panicking);
    let error = timeout(LONG, source.read(0)).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), Kind::Bug);
}

#[tokio::test]
async fn wrong_parameters_are_refused() {
    for url in [
        "stdin:?ids=k",
        "stdin:?id",
        "stdin:?envelope&id=k",
        "stdin:?envelope&group=k",
        "stdin:?envelope=maybe",
        "stdin:?max-line=0",
        "stdin:?max-line=-1",
        "stdin:?max-line=10MB",
        "stdin:readings.jsonl",
    ] {
        assert_eq!(refusal_of(url).kind(), Kind::Usage, "{url}");
    }
}

#[tokio::test]
async fn rubbish_is_refused_line_by_line_and_never_more() {
    let mut dice = fastrand::Rng::with_seed(7);
    for _ in 0..300 {
        let mut input = Vec::new();
        let mut good = 0;
        for _ in 0..dice.usize(..20) {
            if dice.bool() {
                good += 1;
                input.extend_from_slice(br#"{"k":"good","body":1}"#);
            } else {
                // Bytes that are likely to be nearly JSON, and never a message of their own.
                let alphabet = b"{}[]\",:\\u0123knulltrue\x00\xff\xf0\x9f\r ";
                input.push(b'!');
                input.extend((0..dice.usize(..40)).map(|_| alphabet[dice.usize(..alphabet.len())]));
            }
            input.push(b'\n');
        }
        let lines = input.iter().filter(|byte| **byte == b'\n').count();
        for url in ["stdin:", "stdin:?id=k", "stdin:?group=k", "stdin:?envelope"] {
            let batch = read(url, input.clone()).await;
            assert_eq!(batch.messages.len(), good, "{url} {input:?}");
            assert_eq!(batch.refused.len(), lines - good, "{url} {input:?}");
        }
    }
}
