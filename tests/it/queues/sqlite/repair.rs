//! Damaged files of the embedded queue: what is saved and what is named is all that there was.

use crate::support::sandbox::{Run, Sandbox};
use kakehi::clock::Clock;
use kakehi::queues::{self, RepairLoss, Repaired};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const PAGE: usize = 4096;

/// What a file holds: body by kind, queue and id.
type Contents = BTreeMap<(&'static str, String, String), Vec<u8>>;

/// A queue file with something of everything, and free pages with what was acknowledged.
struct Patient {
    sandbox: Sandbox,
    bytes: Vec<u8>,
    contents: Contents,
}

impl Patient {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let publish = |to: &str, lines: &[String]| {
            let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
            sandbox.publish().args("stdin:?envelope --to").arg(to).stdin(lines).run().expect(0);
        };
        let drain = |to: &str, code| {
            sandbox.subscribe().args("--from sqlite:q.db --to").arg(to).run().expect(code)
        };
        let line = |id: &str, body: usize, rest: &str| {
            format!("{{\"id\":\"{id}\",\"body\":{{\"{id}\":\"{}\"}}{rest}}}", id.repeat(body))
        };
        // What is done leaves its traces in free pages and in the gaps of others.
        let gone: Vec<_> = (0..150).map(|n| line(&format!("gone{n}"), n % 9, "")).collect();
        publish("sqlite:q.db?dedupe=1000d", &gone);
        drain("sqlite:s.db", 0);
        let bad: Vec<_> = (0..20)
            .map(|n| format!("{{\"id\":\"dead{n}\",\"body\":\"{}\"}}", "x".repeat(n * 300)))
            .collect();
        publish("sqlite:q.db", &bad);
        drain("sqlite:s.db", 65);
        let kinds = ["", ",\"group\":\"g\"", ",\"tag\":\"t\"", ",\"attributes\":{\"k\":\"v\"}"];
        let good: Vec<_> =
            (0..120).map(|n| line(&format!("m{n}"), n * n / 20, kinds[n % 4])).collect();
        publish("sqlite:q.db", &good);
        publish("sqlite:q.db?queue=second", &good[..10]);
        // Seven have no group; of three in a group the first is tried, and the others wait for it.
        sandbox.subscribe().args("--from sqlite:q.db?queue=second -- false").run();
        sandbox.queue().args("lease sqlite:q.db -n 7 --for 1h").run().expect(0);
        sandbox.queue().args("create sqlite:q.db?queue=alerts&topic=default").run().expect(0);
        let bytes = fs::read(sandbox.path("q.db")).unwrap();
        let contents = contents(&sandbox.path("q.db"));
        assert_eq!(contents.len(), 120 + 10 + 20 + 150);
        Self { sandbox, bytes, contents }
    }

    fn pages(&self) -> usize {
        self.bytes.len() / PAGE
    }

    /// Repairs these bytes.
    async fn repair(&self, bytes: &[u8], case: &str) -> (Repaired, Vec<RepairLoss>, Contents) {
        let path = self.sandbox.write("torn.db", bytes);
        let _ = fs::remove_file(self.sandbox.path("torn.db.repaired"));
        let clock = Clock::system();
        let lost = Arc::new(Mutex::new(Vec::new()));
        let told = lost.clone();
        let tell = move |it| told.lock().unwrap().push(it);
        let repaired = queues::repair(&path, false, &clock, tell).await;
        let repaired = repaired.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(fs::read(&path).unwrap(), bytes, "{case}: the file was touched");
        let checks = queues::verify(&repaired.file).await.unwrap();
        assert!(checks.iter().all(|check| check.wrong == 0), "{case}: {checks:?}");
        let holding = contents(&repaired.file);
        let lost = std::mem::take(&mut *lost.lock().unwrap());
        assert_eq!(lost.len() as u64, repaired.lost, "{case}");
        (repaired, lost, holding)
    }

    /// Repairs, and fails unless what is saved as it was and what is named is all there was.
    async fn check(&self, bytes: &[u8], case: &str) -> Repaired {
        let (repaired, lost, saved) = self.repair(bytes, case).await;
        let named: BTreeSet<_> =
            lost.iter().map(|lost| (lost.what, lost.queue.clone(), lost.id.clone())).collect();
        assert_eq!(named.len(), lost.len(), "{case}: named twice");
        for (key, body) in &self.contents {
            let whole = saved.get(key) == Some(body);
            assert!(whole != named.contains(key), "{case}: {key:?} saved: {whole}, {named:?}");
        }
        // Nothing comes back that was acknowledged, and nothing is made up.
        for (kind, queue, id) in saved.keys() {
            let of = |kind: &'static str| (kind, queue.clone(), id.clone());
            let known = self.contents.contains_key(&of(kind));
            let became_dead = *kind == "dead letter" && named.contains(&of("message"));
            assert!(known || became_dead, "{case}: {kind} {queue}/{id} was not there");
        }
        repaired
    }
}

fn contents(path: &Path) -> Contents {
    let file = Connection::open(path).unwrap();
    let mut contents = Contents::new();
    for (kind, sql) in [
        ("message", "SELECT name, messages.id, body FROM messages JOIN bodies USING (seq)"),
        ("dead letter", "SELECT name, dead.id, body FROM dead"),
        ("remembered id", "SELECT name, remembered.id, digest FROM remembered"),
    ] {
        let sql = format!("{sql} JOIN queues ON queues.id = queue");
        let mut statement = file.prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        contents.extend(rows.unwrap().map(|row| {
            let (queue, id, body) = row.unwrap();
            ((kind, queue, id), body)
        }));
    }
    contents
}

#[tokio::test]
async fn a_whole_file_is_saved_whole() {
    let patient = Patient::new();
    let (repaired, lost, saved) = patient.repair(&patient.bytes, "whole").await;
    assert_eq!((lost, repaired.pages, repaired.log_cut_off), (vec![], vec![], false));
    assert_eq!(saved, patient.contents);
    let file = Connection::open(&repaired.file).unwrap();
    let count = |sql| file.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM messages WHERE state = 3"), 0, "nothing is leased");
    assert_eq!(count("SELECT count(*) FROM queues WHERE topic = 'default'"), 1);
    assert_eq!(count("SELECT count(*) FROM messages WHERE attempts = 1"), 8);
}

#[tokio::test]
async fn each_page_may_be_zeroed() {
    let patient = Patient::new();
    let mut harmless = 0;
    for page in 0..patient.pages() {
        let mut torn = patient.bytes.clone();
        torn[page * PAGE..(page + 1) * PAGE].fill(0);
        let repaired = patient.check(&torn, &format!("page {} zeroed", page + 1)).await;
        harmless += usize::from(repaired.lost == 0);
        let most = patient.contents.len() as u64 / 3;
        assert!(repaired.lost < most, "page {page} took {} along", repaired.lost);
    }
    assert!(harmless > 10, "indexes, inner pages and free pages lose nothing: {harmless}");
}

#[tokio::test]
async fn each_page_may_be_half_written() {
    let patient = Patient::new();
    for page in 0..patient.pages() {
        let (start, middle) = (page * PAGE, page * PAGE + PAGE / 2);
        let mut torn = patient.bytes.clone();
        // The second half never came, or the first: what was there before is.
        let (half, old) = if page % 2 == 0 { (middle, 0) } else { (start, 0xa5) };
        torn[half..half + PAGE / 2].fill(old);
        patient.check(&torn, &format!("page {} torn", page + 1)).await;
    }
}

#[tokio::test]
async fn a_file_may_end_at_each_page_and_within_it() {
    let patient = Patient::new();
    for page in 1..patient.pages() {
        for end in [page * PAGE, page * PAGE + 1000] {
            let case = format!("cut at {end}");
            let (_, lost, saved) = patient.repair(&patient.bytes[..end], &case).await;
            // Where table and index are both gone, nobody knows the names: what is left is right.
            for (key, body) in &saved {
                let whole = patient.contents.get(key) == Some(body);
                let kept = lost.iter().any(|it| it.kept && it.id == key.2);
                assert!(whole || kept, "{case}: {key:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_cut_off_log_gives_what_its_whole_commits_hold() {
    let patient = Patient::new();
    let path = patient.sandbox.path("q.db");
    // A reader keeps the log from going into the file.
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM queues").unwrap();
    let publish = |id: &str| {
        let line = format!("{{\"id\":\"{id}\",\"n\":1}}\n");
        let publish = sandbox_publish(&patient.sandbox).stdin(line);
        publish.run().expect(0);
    };
    publish("first");
    publish("second");
    patient.sandbox.queue().args("purge sqlite:q.db?queue=second --yes").run().expect(0);
    publish("third");
    let (file, log) = (fs::read(&path).unwrap(), fs::read(beside(&path, "-wal")).unwrap());
    drop(reader);
    let frames = (log.len() - 32) / (24 + PAGE);
    assert!(frames > 10, "{frames}");
    for frame in 0..=frames {
        let end = 32 + frame * (24 + PAGE);
        for (case, log) in [
            (format!("log cut at frame {frame}"), log[..end].to_vec()),
            (format!("log cut in frame {frame}"), log[..log.len().min(end + 700)].to_vec()),
            (format!("log damaged in frame {frame}"), {
                let mut log = log.clone();
                log.iter_mut().skip(end + 100).take(1).for_each(|byte| *byte ^= 1);
                log
            }),
        ] {
            patient.sandbox.write("sqlite.db", &file);
            patient.sandbox.write("sqlite.db-wal", &log);
            let expected = contents(&patient.sandbox.path("sqlite.db"));
            patient.sandbox.write("torn.db-wal", &log);
            let (repaired, lost, saved) = patient.repair(&file, &case).await;
            assert_eq!(saved, expected, "{case}");
            assert_eq!(lost, [], "{case}");
            let behind = case.contains("damaged") && frame < frames;
            assert_eq!(repaired.log_cut_off, behind, "{case}");
        }
    }
}

fn sandbox_publish(sandbox: &Sandbox) -> crate::support::sandbox::Program {
    sandbox.publish().args("stdin:?id=id --to sqlite:q.db")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Zeros the page on which the body of this message begins.
fn damage_body(sandbox: &Sandbox, id: &str) {
    let mut bytes = fs::read(sandbox.path("q.db")).unwrap();
    let body = format!("{{\"id\":\"{id}\"");
    // An earlier place may be a trace in a page that is used for something else by now.
    let at = bytes.windows(body.len()).rposition(|it| it == body.as_bytes()).unwrap();
    bytes[at / PAGE * PAGE..][..PAGE].fill(0);
    sandbox.write("q.db", bytes);
}

fn repair(sandbox: &Sandbox, words: &str) -> Run {
    sandbox.queue().args("repair q.db").args(words).run()
}

#[test]
fn the_program_saves_names_and_replaces() {
    let sandbox = Sandbox::new();
    let lines = (0..500).map(|n| format!("{{\"id\":\"m{n}\",\"n\":{n}}}\n")).collect::<String>();
    sandbox_publish(&sandbox).stdin(lines).run().expect(0);
    let run = repair(&sandbox, "").expect(0);
    assert!(run.stdout.contains("saved 500 messages and 0 dead letters"), "{}", run.stdout);
    let again = repair(&sandbox, "").expect(78);
    assert!(again.stderr.contains("it is there already"), "{}", again.stderr);
    fs::remove_file(sandbox.path("q.db.repaired")).unwrap();
    // A repair that was killed has left half of its work.
    sandbox.write("q.db.repairing", b"half");

    damage_body(&sandbox, "m77");
    let damaged = fs::read(sandbox.path("q.db")).unwrap();
    let verify = sandbox.queue().args("verify q.db").run();
    assert!([1, 78].contains(&verify.code), "{verify:?}");
    assert!(verify.stderr.contains("`queue repair "), "{}", verify.stderr);
    let run = repair(&sandbox, "--yes").expect(65);
    let line = "lost  message `m77` of `default`: its body is gone\n";
    assert!(run.stdout.contains(line), "{}", run.stdout);
    assert_eq!(fs::read(sandbox.path("q.db.damaged")).unwrap(), damaged);
    assert!(!sandbox.path("q.db.repairing").exists());
    sandbox.queue().args("verify q.db").run().expect(0);
    let lost = run.stdout.lines().filter(|line| line.starts_with("lost")).count();
    let drained = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
    assert_eq!(drained.stdout.lines().count() + lost, 500);
    let again = repair(&sandbox, "--yes").expect(78);
    assert!(again.stderr.contains("q.db.damaged"), "{}", again.stderr);
    let again = repair(&sandbox, "--json").expect(0);
    let last: serde_json::Value = serde_json::from_str(again.stdout.trim_end()).unwrap();
    assert_eq!(last["messages"], 0);
}

#[test]
fn a_damaged_file_of_version_1_becomes_a_good_one_of_this() {
    let sandbox = Sandbox::new();
    let old = include_str!("../../../fixtures/queue-version-1.sql");
    Connection::open(sandbox.path("q.db")).unwrap().execute_batch(old).unwrap();
    let contents = contents(&sandbox.path("q.db"));
    // Its head, without which SQLite takes it for no database.
    let mut bytes = fs::read(sandbox.path("q.db")).unwrap();
    bytes[..PAGE].fill(0);
    sandbox.write("q.db", bytes);
    sandbox.queue().args("verify q.db").run().expect(78);
    repair(&sandbox, "--yes").expect(0);
    assert_eq!(self::contents(&sandbox.path("q.db")), contents);
    let drained = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
    assert_eq!(drained.stdout.lines().count(), 7, "two were leased, and one is not due");
}

#[test]
fn a_file_that_others_have_open_is_not_repaired() {
    let sandbox = Sandbox::new();
    sandbox_publish(&sandbox).stdin("{\"id\":\"a\"}\n").run().expect(0);
    // A subscriber that waits; its log is in use once it has begun.
    let mut child = sandbox.subscribe().args("--from sqlite:q.db --to stdout: --follow").spawn();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !sandbox.path("q.db-wal").exists() {
        assert!(std::time::Instant::now() < deadline, "it never began");
        std::thread::yield_now();
    }
    let run = repair(&sandbox, "").expect(69);
    assert!(run.stderr.contains("another program has it open"), "{}", run.stderr);
    child.kill().unwrap();
    child.wait().unwrap();
    repair(&sandbox, "").expect(0);
}

#[test]
fn what_is_no_queue_is_not_repaired() {
    let sandbox = Sandbox::new();
    let store = "INSERT INTO t VALUES (1)";
    let other = Connection::open(sandbox.path("q.db")).unwrap();
    other.execute_batch(&format!("CREATE TABLE t (x); {store}")).unwrap();
    drop(other);
    repair(&sandbox, "").expect(78);
    for rubbish in [&b""[..], b"no", &[0; 9000], &[0xa5; 9000]] {
        sandbox.write("q.db", rubbish);
        let run = repair(&sandbox, "").expect(78);
        assert!(run.stderr.contains("hint:"), "{}", run.stderr);
        assert!(!sandbox.path("q.db.repaired").exists());
    }
    sandbox.queue().args("repair missing.db").run().expect(78);
    sandbox.queue().args("repair .").run().expect(78);
}
