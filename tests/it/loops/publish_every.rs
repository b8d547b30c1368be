//! `--every`: schedules that never come, and sources that give nothing.

use crate::support::http_server::{Answer, Server};
use crate::support::process::Process;
use crate::support::sandbox::Sandbox;
use nix::sys::signal::Signal;

#[test]
fn a_schedule_that_never_comes_is_refused_before_anything_is_opened() {
    let sandbox = Sandbox::new();
    for (schedule, why) in [
        ("0 0 31 2 *", "the schedule `0 0 31 2 *` never comes\n  because: February has no 31st"),
        ("0 0 0 30 2 *", "February has no 30th"),
        ("30 2", "missing: day of the month, month, day of the week"),
    ] {
        let program = sandbox.publish().args("nature-remo: --to sqlite:q.db --every").arg(schedule);
        let run = program.env("NATURE_REMO_TOKEN", "made-up").run().expect(2);
        assert!(run.stderr.contains(why), "{}", run.stderr);
        assert!(!sandbox.path("q.db").exists());
    }
}

/// Answers of the API: no device, one without events, and one with.
const NOBODY: &str = "[]";
const SILENT: &str = r#"[{"id":"d","name":"n","newest_events":{}}]"#;
const ALIVE: &str = r#"[{"id":"d","name":"n","newest_events":
    {"te":{"val":20,"created_at":"2026-07-20T03:00:00Z"}}}]"#;

#[test]
fn a_source_that_gives_nothing_is_said_once_for_each_change() {
    let sandbox = Sandbox::new();
    let answers = [NOBODY, NOBODY, NOBODY, SILENT, SILENT, ALIVE, ALIVE, NOBODY];
    let server = Server::new(answers.map(Answer::ok));
    let program = sandbox.publish().args("nature-remo:?mode=changes --to sqlite:q.db --every");
    let program = program.arg("* * * * * *").env("NATURE_REMO_TOKEN", "made-up");
    let program = program.env("NATURE_REMO_ENDPOINT", server.url());
    let mut process = Process::start(program, String::new(), false);
    process.wait_until("it has asked often", |_| server.requests().len() > answers.len());
    process.signal(Signal::SIGTERM);
    let end = process.end();
    let said = |words: &str| end.stderr.matches(words).count();
    assert_eq!(said("the account has no devices"), 2, "{}", end.stderr);
    assert_eq!(said("none of 1 devices has any event"), 1, "{}", end.stderr);
    assert_eq!(said("something came again"), 1, "{}", end.stderr);
}

#[test]
fn a_glob_that_matches_nothing_is_said_once_too() {
    let sandbox = Sandbox::new();
    for folder in ["in", "out"] {
        std::fs::create_dir(sandbox.path(folder)).expect("a folder");
    }
    let program = sandbox.publish().args("files:in/*?store=file:out --to sqlite:q.db --every");
    let program = program.arg("* * * * * *").env("RUST_LOG", "warn,kakehi::publish=debug");
    let mut process = Process::start(program, String::new(), false);
    let ticks = |it: &Process| it.said().matches("waiting for the next tick").count();
    process.wait_until("some ticks are over", |it| ticks(it) > 3);
    process.signal(Signal::SIGTERM);
    let end = process.end();
    assert_eq!(end.stderr.matches("nothing matches `in/*`").count(), 1, "{}", end.stderr);
}

#[test]
fn times_of_another_zone_than_the_machines_are_told_where_they_differ() {
    let sandbox = Sandbox::new();
    let told = |schedule: &str, words: &str| {
        let program = sandbox.publish().args("--to sqlite:q.db").args(words);
        let program = program.arg("--every").arg(schedule).env("TZ", "America/New_York");
        let program = program.env("RUST_LOG", "warn,kakehi::publish=debug");
        let program = program.args("-- echo 1");
        let mut process = Process::start(program, String::new(), false);
        process.wait_until("it waits", |it| it.said().contains("waiting for the next tick"));
        process.signal(Signal::SIGTERM);
        process.end().stderr.contains("are those of Asia/Tokyo, not of this machine's zone")
    };
    assert!(told("0 9 * * *", ""));
    // Somebody said it; or it makes no difference.
    assert!(!told("0 9 * * *", "--timezone America/New_York"));
    assert!(!told("*/5 * * * *", ""));
}
