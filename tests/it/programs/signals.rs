//! SIGTERM, SIGINT and SIGHUP while something else holds the program: the first ends it within its
//! grace, the second now; nothing is lost. `crash/points.rs` does it at every failpoint, `outage_*.rs`
//! while a server stalls.

use crate::support::endings::{ended_by_its_grace, ended_now, kept_in_the_spool};
use crate::support::process::Process;
use crate::support::sandbox::{Program, Sandbox};
use nix::sys::signal::Signal;
use rusqlite::Connection;

const SIGNALS: [(Signal, i32); 3] =
    [(Signal::SIGTERM, 143), (Signal::SIGINT, 130), (Signal::SIGHUP, 129)];

/// A program that hears SIGHUP, though these tests may be run by `nohup`.
fn attentive(program: Program) -> Program {
    program.through_shell("exec env --default-signal=HUP \"$@\"")
}

#[test]
fn a_publisher_that_waits_for_more_input_ends_with_what_it_has_read() {
    for (signal, code) in SIGNALS {
        let sandbox = Sandbox::new();
        let program = sandbox.publish().args("--to sqlite:queue.db --log-format json");
        let program = program.args("--summary json").env("RUST_LOG", "kakehi::publish=debug");
        let input = "{\"n\":1}\n{\"n\":2}\n".to_owned();
        let mut process = Process::start(attentive(program), input, true);
        process.wait_until("both are taken", |it| it.said().contains("taken"));
        process.signal(signal);
        let end = process.end();
        assert_eq!(end.code, code, "{}", end.stderr);
        assert_eq!(end.summary().expect("a summary")["published"], 2);
    }
}

#[test]
fn a_publisher_that_waits_for_its_next_tick_ends_at_once() {
    for (signal, code) in SIGNALS {
        let sandbox = Sandbox::new();
        let program = sandbox.publish().args("nature-remo: --to sqlite:queue.db --every");
        let program = program.arg("0 0 0 29 2 *").env("NATURE_REMO_TOKEN", "made-up");
        let program = program.env("RUST_LOG", "kakehi::publish=debug");
        let mut process = Process::start(attentive(program), String::new(), false);
        process.wait_until("it waits", |it| it.said().contains("waiting for the next tick"));
        process.signal(signal);
        assert_eq!(process.end().code, code);
    }
}

/// A queue with some messages, and its file as another program that writes to it holds it.
fn locked_queue() -> (Sandbox, Connection) {
    let sandbox = Sandbox::new();
    let lines: String = (0..20).map(|n| format!("{{\"id\":\"{n}\"}}\n")).collect();
    let publish = sandbox.publish().args("stdin:?id=id --to sqlite:queue.db -q");
    publish.stdin(lines).run().expect(0);
    let holder = Connection::open(sandbox.path("queue.db")).expect("a file");
    (sandbox, holder)
}

/// A queue with some messages, and a program that has stopped at this failpoint; then the file is held,
/// and it goes on.
///
/// All threads of a program stop at once: one of them may hold the file then, and another program is
/// started.
fn start_and_hold(
    make: impl Fn(&Sandbox) -> Program,
    point: &str,
) -> (Sandbox, Connection, Process) {
    loop {
        let (sandbox, holder) = locked_queue();
        let program = make(&sandbox).env("KAKEHI_FAILPOINTS", point);
        let mut process = Process::start(program, "{\"id\":\"new\"}\n".to_owned(), false);
        process.wait_until_stopped();
        let held = holder.execute_batch("BEGIN IMMEDIATE");
        process.signal(if held.is_ok() { Signal::SIGCONT } else { Signal::SIGKILL });
        match held {
            Ok(()) => return (sandbox, holder, process),
            Err(failure) => {
                let code = failure.sqlite_error_code();
                assert_eq!(code, Some(rusqlite::ErrorCode::DatabaseBusy), "{failure}");
                process.end();
            }
        }
    }
}

#[test]
fn a_subscriber_that_cannot_settle_ends_by_its_grace_or_at_the_second_signal() {
    for (signal, code, twice) in [(Signal::SIGTERM, 143, false), (Signal::SIGINT, 130, true)] {
        let subscribe = |sandbox: &Sandbox| {
            let ends = "--from sqlite:queue.db --to sqlite:store.db --lease 1s --summary json";
            sandbox.subscribe().args(ends)
        };
        let grace = if twice { "--grace 1h" } else { "--grace 100ms" };
        let point = "subscribe-written=stop@1";
        let (sandbox, holder, mut process) =
            start_and_hold(|sandbox| subscribe(sandbox).args(grace), point);
        process.signal(signal);
        if twice {
            process.insist(signal);
            ended_now(&process.end(), code);
        } else {
            ended_by_its_grace(&process.end(), code);
        }
        holder.execute_batch("ROLLBACK").expect("it was held");
        let end =
            Process::start(subscribe(&sandbox).args("--idle 1500ms"), String::new(), false).end();
        let summary = end.summary().expect("a summary");
        let told = ["duplicate", "stored", "dead"].map(|name| &summary[name]);
        assert_eq!((end.code, told), (0, [&20.into(), &0.into(), &0.into()]), "{}", end.stderr);
    }
}

#[test]
fn a_publisher_that_cannot_publish_ends_by_its_grace_or_at_the_second_signal() {
    for twice in [false, true] {
        let publish = |sandbox: &Sandbox| {
            sandbox.publish().args("stdin:?id=id --to sqlite:queue.db --summary json")
        };
        let grace = if twice { "--grace 1h" } else { "--grace 100ms" };
        let (sandbox, holder, mut process) =
            start_and_hold(|sandbox| publish(sandbox).args(grace), "publish-read=stop@1");
        process.signal(Signal::SIGTERM);
        if twice {
            process.insist(Signal::SIGTERM);
        }
        kept_in_the_spool(&process.end(), "a message waits", twice);
        holder.execute_batch("ROLLBACK").expect("it was held");
        publish(&sandbox).stdin("{\"id\":\"new\"}\n").run().expect(0);
        let to = "--from sqlite:queue.db --to sqlite:store.db --summary json";
        let run = sandbox.subscribe().args(to).run().expect(0);
        assert!(run.stderr.contains("\"stored\":21"), "{}", run.stderr);
    }
}

/// A program of each kind that does not end by itself. The file is held from when it has begun.
fn each(sandbox: &Sandbox) -> [Program; 3] {
    let publish = "--to sqlite:queue.db -q";
    let subscribe = "--from sqlite:queue.db --to sqlite:store.db --follow -q";
    let lease = "lease sqlite:queue.db -q";
    [
        sandbox.publish().args(publish),
        sandbox.subscribe().args(subscribe),
        sandbox.queue().args(lease),
    ]
}

#[test]
fn a_line_that_is_closed_ends_each_program() {
    let (sandbox, holder) = locked_queue();
    for program in each(&sandbox) {
        let program = program.env("KAKEHI_FAILPOINTS", "sqlite-commit=stop@1");
        let mut process = Process::start(attentive(program), String::new(), true);
        process.wait_until_stopped();
        process.signal(Signal::SIGHUP);
        process.signal(Signal::SIGCONT);
        let end = process.end();
        assert_eq!(end.code, 129, "{}", end.stderr);
    }
    drop(holder);
}

#[test]
fn a_program_under_nohup_goes_on_and_hears_the_other_signals() {
    let sandbox = Sandbox::new();
    sandbox.queue().args("create sqlite:queue.db").run().expect(0);
    let words = "--from sqlite:queue.db --to stdout: --follow -vv";
    let program = sandbox.subscribe().args(words).through_shell("trap '' HUP; exec \"$@\"");
    let mut process = Process::start(program, String::new(), false);
    let message = |id: &str| {
        let publish = sandbox.publish().args("stdin:?id=id --to sqlite:queue.db");
        publish.stdin(format!("{{\"id\":\"{id}\"}}\n")).run().expect(0);
    };
    let left = || {
        let connection = Connection::open(sandbox.path("queue.db")).expect("a file");
        connection.query_row("SELECT count(*) FROM messages", [], |row| row.get::<_, i64>(0))
    };
    for id in ["before", "after"] {
        message(id);
        process.wait_until("it is received", |_| left().is_ok_and(|left| left == 0));
        process.signal(Signal::SIGHUP);
    }
    process.signal(Signal::SIGTERM);
    let end = process.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    assert_eq!(end.stdout, b"{\"id\":\"before\"}\n{\"id\":\"after\"}\n");
}

#[test]
fn a_terminal_that_is_gone_stops_nobody_in_the_middle() {
    use std::io::Write as _;
    let sandbox = Sandbox::new();
    let mut child = sandbox.publish().args("stdin:?id=id --to sqlite:queue.db -vv").spawn();
    drop((child.stderr.take(), child.stdout.take()));
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"bad\n{\"id\":\"a\"}\n").expect("it reads");
    drop(stdin);
    assert_eq!(child.wait().expect("it ends").code(), Some(65));
    let run = sandbox.queue().args("peek sqlite:queue.db").run().expect(0);
    assert!(run.stdout.starts_with('a'), "{}", run.stdout);
}
