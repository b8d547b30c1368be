//! The program `queue` on files that the other two programs made.

mod dead;
mod list;
mod peek;
mod receipts;
mod rewritten;
mod stats;
mod tags;
mod tail;
mod verify;
mod whole_queues;

use crate::support::documents::{actions, examples};
use crate::support::queue_file::{publish, publish_all, stats};
use crate::support::sandbox::{Run, Sandbox};
use serde_json::{Value, json};
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

/// Makes dead letters of these: the store refuses a body that is no object.
fn bury(sandbox: &Sandbox, ids: &str) {
    let lines: Vec<_> =
        ids.split_whitespace().map(|id| json!({"id": id, "body": "no object"})).collect();
    publish(sandbox, &lines);
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(65);
}

fn queue(sandbox: &Sandbox, words: &str) -> Run {
    sandbox.queue().args(words).run()
}

/// What the program says with `--json`, a value a line.
fn lines(run: &Run) -> Vec<Value> {
    run.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The five counts: ready, waiting, scheduled, leased, dead.
fn counts(sandbox: &Sandbox) -> [u64; 5] {
    let stats = stats(sandbox);
    ["ready", "waiting", "scheduled", "leased", "dead"].map(|name| stats[name].as_u64().unwrap())
}

/// The file as another process sees it.
fn raw(sandbox: &Sandbox) -> rusqlite::Connection {
    rusqlite::Connection::open(sandbox.path("q.db")).unwrap()
}

fn millis() -> i64 {
    kakehi::clock::Clock::system().millis()
}

/// Leases, and gives the lines of JSON.
fn lease(sandbox: &Sandbox, words: &str) -> Vec<Value> {
    lines(&queue(sandbox, &format!("lease sqlite:q.db --json {words}")).expect(0))
}

#[test]
fn looking_changes_nothing_and_makes_nothing() {
    let sandbox = Sandbox::new();
    for words in ["stats sqlite:missing.db", "stats sqlite:no/such/folder/q.db"] {
        let run = queue(&sandbox, words).expect(69);
        assert!(run.stderr.contains("because:") && run.stderr.contains("hint:"), "{}", run.stderr);
        assert_eq!(run.stdout, "");
    }
    assert_eq!(fs::read_dir(sandbox.dir()).unwrap().count(), 0);

    sandbox.write("empty.db", "");
    let run = queue(&sandbox, "stats sqlite:empty.db").expect(69);
    assert!(run.stderr.contains("`empty.db` is empty"), "{}", run.stderr);
    assert_eq!(fs::metadata(sandbox.path("empty.db")).unwrap().len(), 0);

    sandbox.write("text.db", "not a database, but long enough to look like one".repeat(99));
    queue(&sandbox, "stats sqlite:text.db").expect(78);

    publish_all(&sandbox, "a b");
    let before = fs::read(sandbox.path("q.db")).unwrap();
    queue(&sandbox, "stats sqlite:q.db").expect(0);
    assert_eq!(fs::read(sandbox.path("q.db")).unwrap(), before);
}

#[test]
fn a_store_is_not_taken_for_a_queue() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(0);
    let run = queue(&sandbox, "stats sqlite:s.db").expect(78);
    assert!(run.stderr.contains("it is a store, not a queue"), "{}", run.stderr);
}

#[test]
fn a_queue_that_is_not_in_the_file_is_refused_with_those_that_are() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    let run = queue(&sandbox, "stats sqlite:q.db?queue=readings").expect(69);
    assert!(run.stderr.contains("there is no queue `readings`"), "{}", run.stderr);
    assert!(run.stderr.contains("it holds `default`"), "{}", run.stderr);
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 0]);
}

#[test]
fn queues_without_an_inside_say_why() {
    let sandbox = Sandbox::new();
    let run = queue(&sandbox, "stats memory:q").expect(78);
    assert!(run.stderr.contains("process") && run.stderr.contains("sqlite:PATH"), "{}", run.stderr);
    queue(&sandbox, "stats ftp://x").expect(2);
    queue(&sandbox, "stats sqlite:q.db?qeue=x").expect(2);
}

#[test]
fn without_an_url_it_is_the_default_queue() {
    let sandbox = Sandbox::new();
    sandbox.publish().stdin("{\"a\":1}\n").run().expect(0);
    let run = queue(&sandbox, "stats --json").expect(0);
    assert_eq!(lines(&run)[0]["ready"], 1);
    publish_all(&sandbox, "a b");
    let run = sandbox.queue().args("stats --json").env("KAKEHI_QUEUE", "sqlite:q.db").run();
    assert_eq!(lines(&run.expect(0))[0]["ready"], 2);
}

#[test]
fn the_examples_of_its_help_run() {
    let sandbox = Sandbox::new();
    let publish = |line: &str| {
        sandbox.publish().args("--to sqlite:queue.db").stdin(format!("{line}\n")).run().expect(0);
    };
    publish("\"no object\"");
    sandbox.subscribe().args("--from sqlite:queue.db --to sqlite:s.db").run().expect(65);
    let message = sandbox.publish().args("stdin:?id=id --to sqlite:queue.db");
    message.stdin("{\"id\":\"ID\"}\n").run().expect(0);
    let programs = Path::new(env!("CARGO_BIN_EXE_queue")).parent().expect("a folder");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("a PATH"));
    let commands = examples("queue");
    assert!(commands.len() >= 2, "{commands:?}");
    for command in commands {
        let output = Command::new("bash")
            .args(["-o", "pipefail", "-euc", &command])
            .env_clear()
            .env("HOME", sandbox.dir())
            .env("KAKEHI_CONFIG", "/dev/null")
            .env("PATH", &path)
            .current_dir(sandbox.dir())
            .output()
            .expect("bash starts");
        let run = Run::of(output).expect(0);
        assert!(!run.stdout.is_empty(), "{command}");
    }
}

#[test]
fn the_help_of_each_action_fits_a_terminal_of_80_columns() {
    let sandbox = Sandbox::new();
    let actions = actions();
    assert!(actions.contains(&"stats".to_owned()), "{actions:?}");
    for action in actions {
        let help = queue(&sandbox, &format!("{action} --help")).expect(0).stdout;
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{action}: {line}");
        }
        assert!(help.contains("--json"), "{action}");
    }
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let sandbox = Sandbox::new();
    for words in ["", "nonsense", "--json", "stats --nonsense", "stats -q -v"] {
        let run = queue(&sandbox, words).expect(2);
        assert!(!run.stderr.is_empty(), "{words}");
    }
}
