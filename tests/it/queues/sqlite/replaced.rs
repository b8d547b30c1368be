//! A file of the embedded queue is replaced while others use it: by a repair, or by somebody who
//! moves, restores or removes it. What was accepted is in a file that has a name.

use crate::support::process::Process;
use crate::support::sandbox::{Program, Sandbox};
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long something may take that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

fn publisher(sandbox: &Sandbox, ids: &[&str]) -> Program {
    let lines: String = ids.iter().map(|id| format!("{{\"id\":\"{id}\"}}\n")).collect();
    sandbox.publish().args("stdin:?id=id --to sqlite:q.db --no-spool").stdin(lines)
}

/// The ids of the messages in a file.
fn ids(path: &Path) -> BTreeSet<String> {
    let file = rusqlite::Connection::open(path).expect("a file");
    let mut ids = file.prepare("SELECT id FROM messages").expect("a queue");
    ids.query_map([], |row| row.get(0)).expect("rows").map(|id| id.expect("an id")).collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// A queue with two messages, of which a publisher that was killed has left the second in the log.
fn with_log() -> Sandbox {
    let sandbox = Sandbox::new();
    publisher(&sandbox, &["a"]).run().expect(0);
    let killed = publisher(&sandbox, &["b"]).env("KAKEHI_FAILPOINTS", "sqlite-close=kill@1");
    killed.run().expect(137);
    assert!(fs::metadata(sandbox.path("q.db-wal")).expect("a log").len() > 0);
    sandbox
}

fn repair(sandbox: &Sandbox) -> Program {
    sandbox.queue().args("repair q.db --yes")
}

#[test]
fn a_repair_that_is_killed_anywhere_leaves_every_message_in_a_file_that_it_names() {
    for point in [
        "repair-saved=kill@1",
        "repair-linked=kill@1",
        "repair-log-moved=kill@1",
        "repair-exchanged=kill@1",
    ] {
        let sandbox = with_log();
        repair(&sandbox).env("KAKEHI_FAILPOINTS", point).run().expect(137);
        assert!(sandbox.path("q.db").exists(), "{point}: the path is empty");
        publisher(&sandbox, &["c"]).run().expect(0);
        let mut found = ids(&sandbox.path("q.db"));
        assert!(found.contains("c"), "{point}: {found:?}");
        let saved = sandbox.path("q.db.repaired");
        if saved.exists() {
            assert_eq!(ids(&saved), set(&["a", "b"]), "{point}");
            found.extend(ids(&saved));
        }
        assert_eq!(found, set(&["a", "b", "c"]), "{point}");
        sandbox.queue().args("verify q.db").run().expect(0);
        // The next one overwrites nothing that this one has left.
        let next = repair(&sandbox).run();
        if next.code == 78 {
            assert!(next.stderr.contains("it is there already"), "{point}: {}", next.stderr);
        }
        for name in ["q.db.repaired", "q.db.damaged", "q.db.damaged-wal", "q.db.damaged-shm"] {
            let _ = fs::rename(sandbox.path(name), sandbox.path(&format!("away-{name}")));
        }
        repair(&sandbox).run().expect(0);
        assert!(ids(&sandbox.path("q.db")).contains("c"), "{point}");
    }
}

#[test]
fn a_repair_keeps_the_damaged_file_with_its_log_and_the_new_one_without() {
    let sandbox = with_log();
    let (file, log) = (fs::read(sandbox.path("q.db")), fs::read(sandbox.path("q.db-wal")));
    repair(&sandbox).run().expect(0);
    assert!(!sandbox.path("q.db-wal").exists());
    assert!(!sandbox.path("q.db.repaired").exists());
    assert_eq!(ids(&sandbox.path("q.db")), set(&["a", "b"]));
    assert_eq!(fs::read(sandbox.path("q.db.damaged")).expect("it"), file.expect("it"));
    assert_eq!(fs::read(sandbox.path("q.db.damaged-wal")).expect("it"), log.expect("it"));
}

#[test]
fn a_file_that_is_known_by_a_link_is_repaired_with_its_log() {
    let sandbox = with_log();
    fs::create_dir(sandbox.path("links")).expect("a folder");
    std::os::unix::fs::symlink(sandbox.path("q.db"), sandbox.path("links/l.db")).expect("a link");
    sandbox.queue().args("repair links/l.db --yes").run().expect(0);
    assert!(sandbox.path("links/l.db").is_symlink());
    assert_eq!(ids(&sandbox.path("q.db")), set(&["a", "b"]));
    assert!(sandbox.path("q.db.damaged-wal").exists());
}

#[test]
fn who_waits_for_the_lock_of_a_repair_has_the_new_file_after_it() {
    for point in ["repair-saved", "repair-linked", "repair-log-moved", "repair-exchanged"] {
        let sandbox = with_log();
        let program = repair(&sandbox).env("KAKEHI_FAILPOINTS", format!("{point}=stop@1"));
        let mut repair = Process::start(program, String::new(), false);
        repair.wait_until_stopped();
        let lines = "{\"id\":\"c\"}\n".to_owned();
        let mut waiting = Process::start(publisher(&sandbox, &[]), lines, false);
        // It waits, or has published into the new file.
        let path = sandbox.path("q.db.damaged");
        if point == "repair-exchanged" {
            assert_eq!(waiting.end().code, 0);
            repair.signal(Signal::SIGCONT);
        } else {
            waiting.wait_until("it tries", |it| it.opens(&sandbox.path("q.db")));
            repair.signal(Signal::SIGCONT);
            let end = waiting.end();
            assert_eq!(end.code, 0, "{point}: {}", end.stderr);
        }
        assert_eq!(repair.end().code, 0, "{point}");
        assert_eq!(ids(&sandbox.path("q.db")), set(&["a", "b", "c"]), "{point}");
        sandbox.queue().args("verify q.db").run().expect(0);
        assert_eq!(ids(&path), set(&["a", "b"]), "{point}");
    }
}

#[test]
fn publishers_beside_repairs_lose_nothing() {
    let sandbox = Sandbox::new();
    publisher(&sandbox, &["first"]).run().expect(0);
    let (stop, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    let accepted = std::thread::scope(|scope| {
        let publish = |name: &'static str| {
            let (sandbox, stop, made) = (&sandbox, &stop, &made);
            scope.spawn(move || {
                let mut accepted = BTreeSet::new();
                while !stop.load(Ordering::Relaxed) {
                    let id = format!("{name}{}", made.fetch_add(1, Ordering::Relaxed));
                    let run = publisher(sandbox, &[&id]).run();
                    assert!([0, 69].contains(&run.code), "{run:?}");
                    if run.code == 0 {
                        accepted.insert(id);
                    }
                }
                accepted
            })
        };
        let publishers = ["x", "y", "z"].map(publish);
        let mut done = 0;
        let deadline = Instant::now() + PATIENCE;
        while done < 5 {
            assert!(Instant::now() < deadline, "only {done} repairs came through");
            let run = repair(&sandbox).run();
            assert!([0, 69].contains(&run.code), "{run:?}");
            if run.code == 0 {
                done += 1;
                for name in ["q.db.damaged", "q.db.damaged-wal", "q.db.damaged-shm"] {
                    let _ = fs::rename(sandbox.path(name), sandbox.path(&format!("{done}-{name}")));
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
        publishers.map(|it| it.join().expect("no panic")).into_iter().flatten().collect()
    });
    sandbox.queue().args("verify q.db").run().expect(0);
    let found = ids(&sandbox.path("q.db"));
    let lost: BTreeSet<_> = BTreeSet::difference(&accepted, &found).collect();
    assert!(lost.is_empty(), "{lost:?} of {}", accepted.len());
    assert!(accepted.len() > 5, "{accepted:?}");
}

/// What may happen to a file under those who have it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Removed,
    Renamed,
    Replaced,
    /// With its log, as a backup is restored.
    Restored,
}

const FATES: [Fate; 4] = [Fate::Removed, Fate::Renamed, Fate::Replaced, Fate::Restored];

impl Fate {
    fn befalls(self, sandbox: &Sandbox) {
        let path = |name: &str| sandbox.path(name);
        match self {
            Self::Removed => fs::remove_file(path("q.db")).expect("it"),
            Self::Renamed => fs::rename(path("q.db"), path("moved.db")).expect("it"),
            Self::Replaced => {
                // Its log goes first: it is of the file that goes.
                drop(fs::remove_file(path("q.db-wal")));
                drop(fs::remove_file(path("q.db-shm")));
                fs::rename(path("other.db"), path("q.db")).expect("it");
                return;
            }
            Self::Restored => {
                fs::remove_file(path("q.db")).expect("it");
                fs::copy(path("other.db"), path("q.db")).expect("it");
            }
        }
        drop(fs::remove_file(path("q.db-wal")));
        drop(fs::remove_file(path("q.db-shm")));
    }

    /// Another queue's file for those that need one.
    fn prepare(self, sandbox: &Sandbox) {
        sandbox.publish().args("--to sqlite:other.db").stdin("{\"n\":1}\n").run().expect(0);
        assert!(!sandbox.path("other.db-wal").exists());
    }
}

#[test]
fn a_follower_whose_file_goes_ends_and_says_why() {
    for fate in FATES {
        let sandbox = Sandbox::new();
        fate.prepare(&sandbox);
        publisher(&sandbox, &["a"]).run().expect(0);
        let words = "--from sqlite:q.db --to stdout: --follow";
        let follower = sandbox.subscribe().args(words).env("KAKEHI_FAILPOINTS", "");
        let mut follower = Process::start(follower, String::new(), false);
        follower.wait_until("it has the message", |_| {
            sandbox
                .queue()
                .args("stats sqlite:q.db --json")
                .run()
                .stdout
                .contains("\"ready\":0,\"waiting\":0,\"scheduled\":0,\"leased\":0")
        });
        fate.befalls(&sandbox);
        let end = follower.end();
        assert_eq!(end.code, 69, "{fate:?}: {}", end.stderr);
        let why = match fate {
            Fate::Removed | Fate::Renamed => "it was removed or renamed",
            Fate::Replaced | Fate::Restored => "another file has taken its place",
        };
        assert!(end.stderr.contains(why), "{fate:?}: {}", end.stderr);
        assert!(end.stderr.contains("hint: "), "{fate:?}: {}", end.stderr);
        let there = sandbox.path("q.db").exists();
        assert_eq!(there, [Fate::Replaced, Fate::Restored].contains(&fate), "it makes nothing");
    }
}

/// Waits until a file holds a message with this id.
#[track_caller]
fn until_stored(path: &Path, id: &str) {
    let deadline = Instant::now() + PATIENCE;
    let holds = || path.exists() && fs::metadata(path).is_ok_and(|it| it.len() > 0);
    while !holds() || !std::panic::catch_unwind(|| ids(path).contains(id)).unwrap_or(false) {
        assert!(Instant::now() < deadline, "`{id}` never came into {}", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_publisher_whose_file_goes_publishes_into_the_one_that_is_there() {
    for fate in FATES {
        let sandbox = Sandbox::new();
        fate.prepare(&sandbox);
        let path: PathBuf = sandbox.path("q.db");
        let mut child = publisher(&sandbox, &[]).spawn();
        let mut lines = child.stdin.take().expect("a pipe");
        lines.write_all(b"{\"id\":\"a\"}\n").expect("it reads");
        until_stored(&path, "a");
        fate.befalls(&sandbox);
        lines.write_all(b"{\"id\":\"b\"}\n").expect("it reads");
        until_stored(&path, "b");
        drop(lines);
        let output = child.wait_with_output().expect("its output");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{fate:?}: {said}");
        assert!(said.contains("opening it anew"), "{fate:?}: {said}");
        sandbox.queue().args("verify q.db").run().expect(0);
    }
}
