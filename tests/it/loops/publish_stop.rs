//! A stop of `publish` loses no line: what it has read is published, kept in the spool or named, and
//! what it has not read is there for the next reader of the same input.

use crate::support::process::{End, Process};
use crate::support::sandbox::{Program, Sandbox};
use nix::sys::signal::Signal;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

fn line(n: usize) -> String {
    format!("{{\"id\":\"m{n}\",\"g\":\"g{}\"}}\n", n % 7)
}

fn lines(range: Range<usize>) -> String {
    range.map(line).collect()
}

fn publish(sandbox: &Sandbox) -> Program {
    let words = "stdin:?id=id --to sqlite:queue.db --summary json --log-format json";
    sandbox.publish().args(words).env("RUST_LOG", "warn,kakehi::publish=debug")
}

/// Everything in a file of messages, by id, dead letters included.
fn ids_in(sandbox: &Sandbox, file: &str, found: &mut BTreeMap<String, usize>) {
    let path = sandbox.path(file);
    if !path.exists() {
        return;
    }
    let connection = Connection::open(path).expect("a file");
    let sql = "SELECT id FROM messages UNION ALL SELECT id FROM dead";
    let mut statement = connection.prepare(sql).expect("our tables");
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    rows.for_each(|id| *found.entry(id.expect("an id")).or_default() += 1);
}

const SPOOL: &str = ".local/share/kakehi/spool.db";

/// Each of these is in the queue or in the spool, once, and nothing else is.
#[track_caller]
fn all_are_there(sandbox: &Sandbox, count: usize) {
    let mut found = BTreeMap::new();
    ids_in(sandbox, "queue.db", &mut found);
    ids_in(sandbox, SPOOL, &mut found);
    let missing: Vec<_> = (0..count).filter(|n| !found.contains_key(&format!("m{n}"))).collect();
    assert!(missing.is_empty(), "{} missing, the first is {}", missing.len(), missing[0]);
    let doubled = found.iter().find(|(_, times)| **times > 1);
    assert_eq!((doubled, found.len()), (None, count));
}

/// Publishers, one after the other, on inputs that are all the same one; all but the last are
/// ended at a random moment.
fn one_after_the_other(
    sandbox: &Sandbox,
    arguments: &str,
    stops: usize,
    mut input: impl FnMut() -> OwnedFd,
) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let signals = [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)];
    for _ in 0..stops {
        let mut process = Process::start_on(publish(sandbox).args(arguments), input());
        let (signal, code) = signals[dice.usize(..2)];
        std::thread::sleep(Duration::from_micros(dice.u64(..600_000)));
        process.signal(signal);
        let end = process.end();
        assert!([0, code].contains(&end.code), "{}: {}", end.code, end.stderr);
    }
    let end = Process::start_on(publish(sandbox).args(arguments), input()).end();
    assert_eq!(end.code, 0, "{}", end.stderr);
}

/// `KAKEHI_STOP_LINES` is how many lines go through.
fn how_many() -> usize {
    std::env::var("KAKEHI_STOP_LINES").map_or(30_000, |text| text.parse().expect("a number"))
}

#[test]
fn publishers_that_are_stopped_on_one_pipe_lose_no_line_and_double_none() {
    let count = how_many();
    for arguments in ["", "--batch 17"] {
        let sandbox = Sandbox::new();
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let feeder = std::thread::spawn(move || {
            let text = lines(0..count);
            // Pieces that end anywhere in a line.
            for piece in text.as_bytes().chunks(1013) {
                writer.write_all(piece).expect("somebody reads");
            }
        });
        one_after_the_other(&sandbox, arguments, 5, || reader.try_clone().expect("a pipe").into());
        feeder.join().expect("it was all read");
        all_are_there(&sandbox, count);
    }
}

#[test]
fn publishers_that_are_stopped_on_one_file_lose_no_line_and_double_none() {
    let (count, sandbox) = (how_many(), Sandbox::new());
    let file = File::open(sandbox.write("lines", lines(0..count))).expect("a file");
    one_after_the_other(&sandbox, "--batch 50", 5, || file.try_clone().expect("a file").into());
    all_are_there(&sandbox, count);
}

#[test]
fn publishers_that_are_stopped_on_one_socket_lose_no_line_and_double_none() {
    let (count, sandbox) = (how_many(), Sandbox::new());
    let (reader, mut writer) = UnixStream::pair().expect("two sockets");
    let feeder = std::thread::spawn(move || {
        writer.write_all(lines(0..count).as_bytes()).expect("somebody reads");
    });
    one_after_the_other(&sandbox, "--batch 50", 5, || reader.try_clone().expect("it").into());
    feeder.join().expect("it was all read");
    all_are_there(&sandbox, count);
}

#[test]
fn half_a_line_stays_in_the_pipe_for_the_next_reader() {
    let sandbox = Sandbox::new();
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let input = || reader.try_clone().expect("a pipe");
    let mut process = Process::start_on(publish(&sandbox).args("--grace 1h"), input());
    writer.write_all(b"{\"id\":\"m0\"}\n{\"id\":").expect("it reads");
    process.wait_until("the first is taken", |it| it.said().contains("taken"));
    process.signal(Signal::SIGTERM);
    assert_eq!(process.end().code, 143);
    writer.write_all(b"\"m1\"}\n").expect("room");
    drop(writer);
    assert_eq!(Process::start_on(publish(&sandbox), input()).end().code, 0);
    all_are_there(&sandbox, 2);
}

/// The beginning of a line that is longer than a pipe.
fn beginning() -> Vec<u8> {
    let mut bytes = b"{\"id\":\"m0\",\"long\":\"".to_vec();
    bytes.resize(100_000, b'x');
    bytes
}

/// A publisher that has a line's beginning in hand, whose rest is still to come.
fn begun(
    sandbox: &Sandbox,
    arguments: &str,
) -> (Process, std::io::PipeReader, std::io::PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let input = reader.try_clone().expect("a pipe");
    let process = Process::start_on(publish(sandbox).args(arguments), input);
    // It is taken once there is room for the last byte of it.
    writer.write_all(&beginning()).expect("it reads");
    (process, reader, writer)
}

#[test]
fn the_rest_of_a_line_that_was_begun_is_read_and_not_a_byte_more() {
    let sandbox = Sandbox::new();
    let (mut process, reader, mut writer) = begun(&sandbox, "--grace 1h");
    process.signal(Signal::SIGTERM);
    writer.write_all(b"\"}\n{\"id\":\"m1\"}\n").expect("it reads");
    let end = process.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    drop(writer);
    assert_eq!(Process::start_on(publish(&sandbox), reader).end().code, 0);
    all_are_there(&sandbox, 2);
}

#[test]
fn a_line_whose_rest_does_not_come_in_time_is_kept_as_far_as_it_came() {
    let sandbox = Sandbox::new();
    let (mut process, _reader, _writer) = begun(&sandbox, "--grace 100ms");
    process.signal(Signal::SIGTERM);
    let end = process.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    let connection = Connection::open(sandbox.path(SPOOL)).expect("a spool");
    let (body, reason): (Vec<u8>, String) = connection
        .query_row("SELECT body, reason FROM dead", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("one dead letter");
    assert!(beginning().starts_with(&body) && body.len() > 30_000, "{}", body.len());
    assert_eq!(reason, "line 1: the reading was ended before the rest of it came");
}

#[test]
fn a_line_whose_rest_does_not_come_is_named_where_there_is_no_spool() {
    let sandbox = Sandbox::new();
    let (mut process, _reader, _writer) = begun(&sandbox, "--grace 100ms --no-spool");
    process.signal(Signal::SIGTERM);
    let end = process.end();
    assert_eq!(end.code, 1, "{}", end.stderr);
    assert!(end.stderr.contains("a part of line 1"), "{}", end.stderr);
    assert!(!sandbox.path(SPOOL).exists());
}

/// A queue that has taken one message, and whose file somebody holds by now.
fn locked_queue() -> (Sandbox, Connection) {
    let sandbox = Sandbox::new();
    publish(&sandbox).stdin(line(0)).run().expect(0);
    let holder = Connection::open(sandbox.path("queue.db")).expect("a file");
    (sandbox, holder)
}

/// A publisher in whose hands 50 messages are that the queue does not take.
fn stuck(sandbox: &Sandbox, holder: &Connection, arguments: &str) -> Process {
    let words = "--batch 7 --publish-timeout 1h";
    let program = publish(sandbox).args(words).args(arguments);
    let program = program.env("KAKEHI_FAILPOINTS", "publish-read=stop@1");
    let mut process = Process::start(program, lines(1..51), true);
    process.wait_until_stopped();
    holder.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    process.signal(Signal::SIGCONT);
    process
}

fn summary(end: &End) -> [u64; 4] {
    let summary = end.summary().unwrap_or_else(|| panic!("no summary: {}", end.stderr));
    ["read", "published", "spooled", "unpublished"]
        .map(|name| summary[name].as_u64().expect("a number"))
}

#[test]
fn what_the_queue_has_not_taken_when_the_grace_is_over_is_in_the_spool() {
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
        let (sandbox, holder) = locked_queue();
        let mut process = stuck(&sandbox, &holder, "--grace 1s");
        process.signal(signal);
        let end = process.end();
        assert_eq!(end.code, code, "{}", end.stderr);
        assert!(end.stderr.contains("50 messages wait in the spool"), "{}", end.stderr);
        assert!(end.stderr.contains("the grace after the signal is over"), "{}", end.stderr);
        assert_eq!(summary(&end), [50, 0, 50, 0]);
        holder.execute_batch("ROLLBACK").expect("it was held");
        all_are_there(&sandbox, 51);
        publish(&sandbox).run().expect(0);
        all_are_there(&sandbox, 51);
    }
}

#[test]
fn a_second_signal_puts_it_into_the_spool_at_once() {
    let (sandbox, holder) = locked_queue();
    let mut process = stuck(&sandbox, &holder, "--grace 1h");
    process.signal(Signal::SIGTERM);
    process.insist(Signal::SIGTERM);
    let end = process.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    assert!(end.stderr.contains("a second signal ended the run"), "{}", end.stderr);
    holder.execute_batch("ROLLBACK").expect("it was held");
    // What it had not read by the first signal is gone with the test's own pipe.
    let [read, _, spooled, unpublished] = summary(&end);
    assert_eq!((spooled, unpublished), (read, 0), "{}", end.stderr);
    all_are_there(&sandbox, usize::try_from(read).expect("a small number") + 1);
}

#[test]
fn without_a_spool_it_is_counted_and_named_and_the_run_has_failed() {
    let (sandbox, holder) = locked_queue();
    let mut process = stuck(&sandbox, &holder, "--grace 100ms --no-spool");
    process.signal(Signal::SIGTERM);
    let end = process.end();
    assert_eq!(end.code, 1, "{}", end.stderr);
    assert!(end.stderr.contains("50 messages were read, and are not published: lines 1 to 50"));
    assert!(!end.stderr.contains("nothing is lost"), "{}", end.stderr);
    assert_eq!(summary(&end), [50, 0, 0, 50]);
    assert!(!sandbox.path(SPOOL).exists());
    drop(holder);
}

#[test]
fn a_spool_that_cannot_take_it_either_is_no_reason_to_be_silent() {
    let (sandbox, holder) = locked_queue();
    std::fs::create_dir_all(sandbox.path(SPOOL)).expect("a folder in its place");
    let mut process = stuck(&sandbox, &holder, "--grace 100ms --spool other.db");
    std::fs::create_dir(sandbox.path("other.db")).expect("a folder in its place");
    process.signal(Signal::SIGTERM);
    let end = process.end();
    assert_eq!(end.code, 1, "{}", end.stderr);
    assert!(end.stderr.contains("not published: lines 1 to 50"), "{}", end.stderr);
    assert!(end.stderr.contains("other.db"), "{}", end.stderr);
}

#[test]
fn what_was_read_ahead_of_a_queue_that_fails_is_named_too() {
    let sandbox = Sandbox::new();
    let words = "stdin:?id=id --batch 3 --to pubsub://kakehi-stop/none --publish-timeout 1s";
    let program = sandbox.publish().args(words).args("--no-spool --summary json");
    let program = program.env("PUBSUB_EMULATOR_HOST", "127.0.0.1:1");
    let end = Process::start(program, lines(0..500), true).end();
    assert_eq!(end.code, 69, "{}", end.stderr);
    let [read, published, spooled, unpublished] = summary(&end);
    assert_eq!([published, spooled, unpublished], [0, 0, read]);
    assert!(end.stderr.contains("not published: lines 1 to "), "{}", end.stderr);
}
