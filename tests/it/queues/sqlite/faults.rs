//! Faults of the machine under the embedded queue: a full disk, a file that may only be read, a
//! clock that jumps by hours. Nothing is lost, nothing comes twice, and afterwards all goes on.

use crate::support::loop_fixture::plan;
use crate::support::pond::Pond;
use crate::support::sandbox::{Run, Sandbox};
use crate::support::scripted::Scripted;
use async_trait::async_trait;
use chrono::TimeDelta;
use kakehi::clock::ClockControl;
use kakehi::queues::{self, Options};
use kakehi::report::Counters;
use kakehi::sinks::{Outcome, Sink};
use kakehi::subscribe::{DeadLetters, Parts, subscribe};
use kakehi::{Delivery, Message, Result};
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

const COUNT: usize = 3000;

fn lines() -> String {
    (0..COUNT).map(|n| format!("{{\"id\":\"m{n}\",\"n\":{n}}}\n")).collect()
}

/// Runs a program that can write no file beyond so many KiB.
fn limited(sandbox: &Sandbox, kib: u32, program: &str, words: &str, stdin: Stdio) -> Run {
    let script = format!("ulimit -c 0; ulimit -f {kib}; exec \"$0\" {words}");
    let output = Command::new("bash")
        .args(["-c", &script, program])
        .env_clear()
        .env("HOME", sandbox.dir())
        .env("KAKEHI_CONFIG", "/dev/null")
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .current_dir(sandbox.dir())
        .stdin(stdin)
        .output()
        .unwrap();
    Run::of(output)
}

fn counts(sandbox: &Sandbox) -> [u64; 4] {
    let run = sandbox.queue().args("stats sqlite:q.db --json").run().expect(0);
    let stats: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    ["ready", "scheduled", "leased", "dead"].map(|name| stats[name].as_u64().unwrap())
}

/// Whatever is in the queue comes out, each message once, and nothing is dead.
fn all_come_out_once(sandbox: &Sandbox) {
    let drained = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
    let seen: BTreeSet<_> = drained.stdout.lines().collect();
    assert_eq!((drained.stdout.lines().count(), seen.len()), (COUNT, COUNT));
    assert_eq!(counts(sandbox), [0; 4]);
    sandbox.queue().args("verify q.db").run().expect(0);
}

#[test]
fn a_publish_that_finds_no_room_says_so_and_goes_on_when_there_is() {
    finds_no_room("--no-spool", &[69]);
}

#[test]
fn a_publish_that_finds_no_room_for_its_spool_either_loses_nothing() {
    finds_no_room("", &[69, 75]);
}

fn finds_no_room(spool: &str, codes: &[i32]) {
    let sandbox = Sandbox::new();
    let input = sandbox.write("lines", lines());
    let words = &format!("stdin:?id=id --to sqlite:q.db --batch 100 {spool}");
    // Too little for its tables, for its first batch, and for all of it.
    for kib in [4, 120, 400] {
        let stdin = fs::File::open(&input).unwrap().into();
        let run = limited(&sandbox, kib, env!("CARGO_BIN_EXE_publish"), words, stdin);
        assert!(codes.contains(&run.code), "{kib} KiB: {run:?}");
        assert!(run.stderr.contains("because:") && run.stderr.contains("hint:"), "{}", run.stderr);
        // The folder's random name may hold anything.
        let folder = sandbox.path("");
        let said = run.stderr.replace(folder.to_str().unwrap(), "");
        assert!(!said.contains("m1"), "no payload: {said}");
    }
    assert!(counts(&sandbox)[0] > 0 || spool.is_empty(), "the last one had room for some");
    sandbox.queue().args("verify q.db").run().expect(0);
    sandbox.publish().args(words).stdin(lines()).run().expect(0);
    all_come_out_once(&sandbox);
}

#[test]
fn a_subscriber_that_finds_no_room_loses_nothing() {
    let sandbox = Sandbox::new();
    sandbox.publish().args("stdin:?id=id --to sqlite:q.db").stdin(lines()).run().expect(0);
    // The log is a file too: without room for it nothing can be leased, with a little nothing can
    // be acknowledged.
    for kib in [1, 64, 160] {
        let words = "--from sqlite:q.db --to stdout: --lease 1s --max-time 20s";
        let program = env!("CARGO_BIN_EXE_subscribe");
        let run = limited(&sandbox, kib, program, words, Stdio::null());
        assert_eq!(run.code, 69, "{kib} KiB: {}", run.stderr);
        assert!(run.stderr.contains("hint:"), "{}", run.stderr);
    }
    let held: u64 = counts(&sandbox).iter().sum();
    assert_eq!((held, counts(&sandbox)[3]), (COUNT as u64, 0), "nothing was acknowledged unseen");
    // What was leased comes back by itself.
    let raw = rusqlite::Connection::open(sandbox.path("q.db")).unwrap();
    raw.execute("UPDATE messages SET due = 1 WHERE state = 3", []).unwrap();
    drop(raw);
    all_come_out_once(&sandbox);
}

/// Runs a program as somebody for whom modes count: root is nobody here.
fn as_nobody(sandbox: &Sandbox, program: &str, words: &str) -> Run {
    let copy = sandbox.path("program");
    fs::copy(program, &copy).unwrap();
    let mut command = Command::new(&copy);
    command
        .args(words.split_whitespace())
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("KAKEHI_CONFIG", "/dev/null")
        .current_dir(sandbox.dir())
        .stdin(Stdio::null());
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    }
    let run = Run::of(command.output().unwrap());
    fs::remove_file(copy).unwrap();
    run
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_or_folder_that_may_only_be_read_is_refused_untouched() {
    let sandbox = Sandbox::new();
    sandbox.publish().args("stdin:?id=id --to sqlite:q.db").stdin(lines()).run().expect(0);
    let (folder, file) = (sandbox.dir().to_owned(), sandbox.path("q.db"));
    let before = fs::read(&file).unwrap();
    // The copy of the program needs a place; the queue's own folder is one below.
    let inner = sandbox.path("inner");
    fs::create_dir(&inner).unwrap();
    fs::rename(&file, inner.join("q.db")).unwrap();
    mode(&folder, 0o777);
    for (of_file, of_folder) in [(0o444, 0o777), (0o444, 0o555), (0o666, 0o555), (0o000, 0o777)] {
        mode(&inner.join("q.db"), of_file);
        mode(&inner, of_folder);
        for (program, words) in [
            (env!("CARGO_BIN_EXE_publish"), "--to sqlite:inner/q.db"),
            (env!("CARGO_BIN_EXE_subscribe"), "--from sqlite:inner/q.db --to stdout:"),
        ] {
            let run = as_nobody(&sandbox, program, words);
            let case = format!("{of_file:o} in {of_folder:o}: {words}: {}", run.stderr);
            assert_eq!(run.code, 78, "{case}");
            assert!(run.stderr.contains("inner/q.db") && run.stderr.contains("hint:"), "{case}");
            assert_eq!(run.stdout, "", "{case}");
        }
    }
    mode(&inner, 0o755);
    mode(&inner.join("q.db"), 0o644);
    fs::rename(inner.join("q.db"), &file).unwrap();
    assert!(fs::read(&file).unwrap() == before, "it was touched");
    all_come_out_once(&sandbox);
}

#[test]
fn a_file_shrinks_after_a_backlog() {
    let sandbox = Sandbox::new();
    let lines: String = (0..8000)
        .map(|n| format!("{{\"id\":\"m{n}\",\"pad\":\"{}\"}}\n", "x".repeat(400)))
        .collect();
    sandbox.publish().args("stdin:?id=id --to sqlite:q.db").stdin(lines).run().expect(0);
    let size = || fs::metadata(sandbox.path("q.db")).unwrap().len();
    let full = size();
    assert!(full > 3_000_000, "{full}");
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(0);
    assert!(size() < full / 4, "{full} bytes became {}", size());
    sandbox.queue().args("verify q.db").run().expect(0);
}

#[test]
fn a_file_shrinks_after_a_purge() {
    let sandbox = Sandbox::new();
    let lines: String = (0..8000)
        .map(|n| format!("{{\"id\":\"m{n}\",\"pad\":\"{}\"}}\n", "x".repeat(6000)))
        .collect();
    sandbox.publish().args("stdin:?id=id --to sqlite:q.db").stdin(lines).run().expect(0);
    let size = || fs::metadata(sandbox.path("q.db")).unwrap().len();
    let full = size();
    assert!(full > 45_000_000, "more than is freed at once: {full}");
    sandbox.queue().args("purge sqlite:q.db --yes").run().expect(0);
    // What was given back leaves the file when its log does: with the next program that writes.
    sandbox
        .publish()
        .args("stdin:?id=id --to sqlite:q.db")
        .stdin("{\"id\":\"z\"}\n")
        .run()
        .expect(0);
    assert!(size() < full / 20, "{full} bytes became {}", size());
}

/// Stores, and moves the clock by hours while it does, forward and back.
struct Shaken {
    stores: Scripted,
    control: ClockControl,
    random: std::sync::Mutex<fastrand::Rng>,
}

impl Shaken {
    fn shake(&self) {
        let hours = self.random.lock().unwrap().i64(-9..10);
        self.control.advance(TimeDelta::hours(hours));
    }
}

#[async_trait]
impl Sink for Shaken {
    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        self.shake();
        let outcomes = self.stores.write(batch).await;
        self.shake();
        outcomes
    }

    fn ordered(&self) -> bool {
        false
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_clock_that_jumps_by_hours_loses_nothing_and_buries_nothing() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let pond = Pond::new();
    let publisher = pond.publisher().await;
    let batch: Vec<_> = (0..300)
        .map(|n| {
            let mut message = Message::new(format!("m{n}"), "x");
            message.group = (n % 3 == 0).then(|| format!("g{}", n % 5));
            message.not_before =
                (n % 7 == 0).then(|| pond.options.clock.now() + TimeDelta::hours(2));
            message
        })
        .collect();
    publisher.publish(&batch).await.unwrap();
    let random = fastrand::Rng::with_seed(seed).into();
    let sink = Shaken { stores: Scripted::default(), control: pond.control.clone(), random };
    let plan = plan();
    // Whatever was not due yet, or leased by a clock that ran ahead, is there for the next run.
    for run in 0..10 {
        if run == 9 {
            pond.pass(1000 * 60 * 60);
        }
        let options = Options { lease: plan.lease, ..pond.options.clone() };
        let queue = queues::open_subscriber(pond.url(""), &options).await.unwrap();
        let dead = DeadLetters::new(None, "sqlite:".to_owned(), options);
        let counters = Counters::default();
        let parts = Parts {
            queue: &*queue,
            sink: &sink,
            dead: &dead,
            attempts: None,
            plan: &plan,
            counters: &counters,
        };
        subscribe(parts, std::future::pending()).await.unwrap();
        queue.close().await.unwrap();
    }
    let queue = queues::open_inspector(pond.url(""), &pond.options).await.unwrap();
    let stats = queue.stats().await.unwrap();
    let left = [stats.ready, stats.waiting, stats.scheduled, stats.leased].map(Option::unwrap);
    let left: u64 = left.iter().sum();
    let stored = sink.stores.stored();
    assert_eq!(stats.dead, Some(0), "no good message is dead");
    assert_eq!(stored.iter().collect::<BTreeSet<_>>().len(), stored.len(), "none is stored twice");
    assert_eq!(stored.len() as u64 + left, 300, "none is lost; {left} are left");
    assert_eq!(left, 0, "all is due by now");
}
