//! `--metrics FILE`: numbers for node_exporter's textfile collector.

use crate::support::process::Process;
use crate::support::queue_file::publish_all;
use crate::support::sandbox::Sandbox;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// The value of the series of a name whose labels hold all of these.
#[track_caller]
fn value(text: &str, name: &str, labels: &[&str]) -> f64 {
    let is_it = |line: &&str| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'))
            && labels.iter().all(|label| line.contains(label))
    };
    let mut lines = text.lines().filter(is_it);
    let line = lines.next().unwrap_or_else(|| panic!("no {name} {labels:?} in\n{text}"));
    assert_eq!(lines.next(), None, "two of {name} {labels:?}");
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

fn read(sandbox: &Sandbox, name: &str) -> String {
    fs::read_to_string(sandbox.path(name)).expect("a file in the sandbox")
}

const TOTAL: &str = "kakehi_messages_total";

#[test]
fn a_run_tells_its_counts_which_go_on_its_times_and_its_queue() {
    let sandbox = Sandbox::new();
    let publish = |lines: &str| {
        let publish = sandbox.publish().args("stdin:?id=id --to sqlite:q.db --metrics p.prom");
        publish.stdin(lines).run()
    };
    publish("{\"id\":\"a\"}\n{\"id\":\"b\"}\n").expect(0);
    let text = read(&sandbox, "p.prom");
    let ends = ["program=\"publish\"", "from=\"stdin\"", "into=\"sqlite q.db queue default\""];
    let published = [ends.as_slice(), &["result=\"published\""]].concat();
    assert_eq!(value(&text, TOTAL, &published), 2.0);
    assert_eq!(value(&text, "kakehi_last_exit_code", &ends), 0.0);
    let success = value(&text, "kakehi_last_success_timestamp_seconds", &ends);
    assert!(success > 1.7e9, "{success}");
    assert!(text.contains("# TYPE kakehi_messages_total counter\n"), "{text}");
    let of_queue = ["program=\"publish\"", "queue=\"sqlite q.db queue default\""];
    let ready = [of_queue.as_slice(), &["state=\"ready\""]].concat();
    assert_eq!(value(&text, "kakehi_queue_tasks", &ready), 2.0);
    assert!(value(&text, "kakehi_queue_oldest_message_seconds", &of_queue) < 600.0);
    let mode = fs::metadata(sandbox.path("p.prom")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);

    // A run that fails: counts go on, and the time of the last success stays.
    publish("{\"id\":\"c\"}\nnonsense\n").expect(65);
    let text = read(&sandbox, "p.prom");
    assert_eq!(value(&text, TOTAL, &published), 3.0);
    assert_eq!(value(&text, TOTAL, &[ends.as_slice(), &["result=\"refused\""]].concat()), 1.0);
    assert_eq!(value(&text, "kakehi_last_exit_code", &ends), 65.0);
    assert_eq!(value(&text, "kakehi_last_success_timestamp_seconds", &ends), success);
    assert_eq!(fs::read_dir(sandbox.dir()).unwrap().filter(is_prom).count(), 1);
}

fn is_prom(entry: &std::io::Result<fs::DirEntry>) -> bool {
    let name = entry.as_ref().unwrap().file_name();
    let name = name.to_str().unwrap();
    name.contains("prom") || name.starts_with(".kakehi-")
}

#[test]
fn what_never_went_well_says_so() {
    let sandbox = Sandbox::new();
    let subscribe = sandbox.subscribe().args("--from sqlite:none.db --to sqlite:s.db");
    subscribe.args("--metrics s.prom").run().expect(69);
    let text = read(&sandbox, "s.prom");
    assert_eq!(value(&text, "kakehi_last_success_timestamp_seconds", &[]), 0.0);
    assert_eq!(value(&text, "kakehi_last_exit_code", &["program=\"subscribe\""]), 69.0);
}

#[test]
fn a_file_that_cannot_be_written_or_is_none_of_ours_is_one_warning() {
    let sandbox = Sandbox::new();
    sandbox.write("mine.txt", "mine\n");
    for path in ["none/p.prom", "mine.txt"] {
        let publish = sandbox.publish().args("--to sqlite:q.db --metrics").arg(path);
        let run = publish.stdin("{}\n").run().expect(0);
        let warnings = run.stderr.matches("the metrics are not written to").count();
        assert_eq!(warnings, 1, "{path}: {}", run.stderr);
    }
    assert_eq!(read(&sandbox, "mine.txt"), "mine\n");
}

#[test]
fn a_run_that_stays_writes_as_it_goes_on() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a b c");
    let subscribe = sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db --follow");
    let mut subscribe = Process::start(subscribe.args("--metrics s.prom"), String::new(), true);
    let file = sandbox.path("s.prom");
    subscribe.wait_until("it has written", |_| file.exists());
    subscribe.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(subscribe.end().code, 143);
    let text = read(&sandbox, "s.prom");
    assert_eq!(value(&text, TOTAL, &["result=\"stored\""]), 3.0);
    assert_eq!(value(&text, "kakehi_last_exit_code", &[]), 143.0);
    assert!(value(&text, "kakehi_last_success_timestamp_seconds", &[]) > 1.7e9);
    assert_eq!(value(&text, "kakehi_queue_tasks", &["state=\"ready\""]), 0.0);
}

#[test]
fn queue_tells_numbers_of_any_queue_and_that_it_is_down() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a b");
    sandbox.queue().args("stats sqlite:q.db --metrics q.prom").run().expect(0);
    let text = read(&sandbox, "q.prom");
    assert_eq!(value(&text, "kakehi_queue_up", &["program=\"queue\""]), 1.0);
    assert_eq!(value(&text, "kakehi_queue_tasks", &["state=\"ready\""]), 2.0);
    assert_eq!(value(&text, "kakehi_spool_messages", &["state=\"waiting\""]), 0.0);
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(0);
    let check = sandbox.queue().args("check sqlite:none.db --to sqlite:s.db --max-ready 5");
    check.args("--stored-within 1h --metrics q.prom").run().expect(69);
    let text = read(&sandbox, "q.prom");
    assert_eq!(value(&text, "kakehi_queue_up", &["none.db"]), 0.0);
    let store = ["program=\"queue\"", "store=\"sqlite s.db collection messages\""];
    assert!(value(&text, "kakehi_store_newest_seconds", &store) < 600.0);
}

#[test]
fn a_run_of_store_tells_what_it_did_and_when_it_went_well() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a b");
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(0);
    let import = "import sqlite:s.db --to sqlite:t.db --metrics i.prom";
    sandbox.store().args(import).run().expect(0);
    let labels =
        ["program=\"store\"", "from=\"sqlite s.db collection messages\"", "into=\"import\""];
    let stored =
        |text: &str| value(text, TOTAL, &[labels.as_slice(), &["result=\"stored\""]].concat());
    let text = read(&sandbox, "i.prom");
    assert_eq!((stored(&text), value(&text, "kakehi_last_exit_code", &labels)), (2.0, 0.0));
    let success = value(&text, "kakehi_last_success_timestamp_seconds", &labels);
    assert!(success > 1.7e9, "{success}");
    fs::remove_file(sandbox.path("s.db")).unwrap();
    sandbox.store().args(import).run().expect(78);
    let text = read(&sandbox, "i.prom");
    assert_eq!((stored(&text), value(&text, "kakehi_last_exit_code", &labels)), (2.0, 78.0));
    assert_eq!(value(&text, "kakehi_last_success_timestamp_seconds", &labels), success);
    let prune = "prune sqlite:t.db --older-than 1d --metrics p.prom";
    sandbox.store().args(prune).run().expect(0);
    let text = read(&sandbox, "p.prom");
    assert!(!text.contains(TOTAL) && text.contains("into=\"prune\""), "{text}");
}
