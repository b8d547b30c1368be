//! `exec:`: lines of JSON from a command, one run a tick.

use crate::support::process::Process;
use crate::support::sandbox::{Program, Sandbox};
use crate::support::system::lives;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::fs;

/// A publish of what a shell prints.
fn shell(sandbox: &Sandbox, flags: &str, script: &str) -> Program {
    let program = sandbox.publish().args(flags).args("--to sqlite:q.db");
    program.args("-- sh -c").arg(script)
}

/// How many messages the queue has, where it is there.
fn ready(sandbox: &Sandbox) -> u64 {
    let run = sandbox.queue().args("stats sqlite:q.db --json").run();
    let stats: Option<serde_json::Value> = serde_json::from_str(&run.stdout).ok();
    stats.and_then(|stats| stats["ready"].as_u64()).unwrap_or(0)
}

#[test]
fn lines_are_messages_with_the_parameters_of_stdin() {
    let sandbox = Sandbox::new();
    let script = r#"echo '{"id":"a","co2":500}'; echo '{"id":"b"}'; printf '{"id":"a","co2":500}'"#;
    let run = shell(&sandbox, "exec:?id=id", script).run().expect(0);
    assert!(
        run.stderr.contains("2 published") && run.stderr.contains("1 duplicate"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains(" from exec sh into "), "{}", run.stderr);
}

#[test]
fn a_program_by_its_url_needs_no_arguments() {
    let sandbox = Sandbox::new();
    sandbox.write("sensor", "#!/bin/sh\necho 1\n");
    let path = sandbox.path("sensor");
    let run = |code| sandbox.publish().args("exec:./sensor --to sqlite:q.db").run().expect(code);
    assert!(run(78).stderr.contains("it may not be executed"));
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert!(run(0).stderr.contains("1 published"));
}

#[test]
fn a_run_that_fails_refuses_nothing_and_ends_with_69() {
    let sandbox = Sandbox::new();
    let run = shell(&sandbox, "", "echo 1; echo why >&2; exit 3").run().expect(69);
    for said in ["`sh` exited with 3", "`sh`: why", "1 published"] {
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    }
    let run = shell(&sandbox, "", "echo 2; kill -9 $$").run().expect(69);
    assert!(run.stderr.contains("`sh` was killed by signal 9"), "{}", run.stderr);
    assert_eq!(ready(&sandbox), 2);
}

#[test]
fn a_line_that_is_no_json_is_a_dead_letter_and_costs_no_other() {
    let sandbox = Sandbox::new();
    let run = shell(&sandbox, "--spool spool.db", "echo 1; echo hunter2; echo 3").run().expect(65);
    assert!(run.stderr.contains("line 2 was refused: it is not JSON"), "{}", run.stderr);
    assert!(
        run.stderr.contains("2 published") && !run.stderr.contains("hunter2"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_run_that_takes_too_long_is_ended_with_all_that_it_started() {
    let sandbox = Sandbox::new();
    let script = "echo 1; sleep 600 & echo $! >pids; echo $$ >>pids; wait";
    let run = shell(&sandbox, "exec:?timeout=300ms", script).run().expect(69);
    assert!(run.stderr.contains("`sh` took too long"), "{}", run.stderr);
    assert!(run.stderr.contains("1 published"), "{}", run.stderr);
    for id in fs::read_to_string(sandbox.path("pids")).unwrap().lines() {
        let id = id.parse().expect("an id");
        assert!(!lives(Pid::from_raw(id)), "{id}");
    }
}

#[test]
fn a_signal_asks_the_command_to_end_and_takes_what_it_still_says() {
    let sandbox = Sandbox::new();
    let script = "trap 'echo 2; exit 0' TERM; echo 1; while :; do sleep 0.01; done";
    let mut process = Process::start(shell(&sandbox, "-v", script), String::new(), false);
    process.wait_until("the first line is in the queue", |_| ready(&sandbox) == 1);
    process.signal(Signal::SIGTERM);
    let end = process.end();
    assert!(end.stderr.contains("2 published"), "{}", end.stderr);
}

#[test]
fn each_tick_is_one_run_and_one_that_fails_ends_nothing() {
    let sandbox = Sandbox::new();
    let script = "echo $$; [ -e once ] || { touch once; exit 1; }";
    let program = sandbox.publish().args("--to sqlite:q.db --every").arg("* * * * * *");
    let program = program.args("-- sh -c").arg(script);
    let mut process = Process::start(program, String::new(), false);
    process.wait_until("three runs have printed", |_| ready(&sandbox) >= 3);
    process.signal(Signal::SIGTERM);
    let end = process.end();
    assert!(end.stderr.contains("this tick failed, the next one tries again"), "{}", end.stderr);
}

#[test]
fn no_secret_of_ours_reaches_the_command() {
    let sandbox = Sandbox::new();
    let program = shell(&sandbox, "", "echo \"\\\"[$HTTP_TOKEN] $MINE\\\"\"");
    program.env("HTTP_TOKEN", "hunter2").env("MINE", "seen").run().expect(0);
    let shown = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
    assert_eq!(shown.stdout, "\"[] seen\"\n");
}

#[test]
fn a_source_and_a_command_are_not_both_given() {
    let sandbox = Sandbox::new();
    for typed in ["nature-remo:", "stdin:", "exec:true"] {
        let run = shell(&sandbox, typed, "echo 1").run().expect(2);
        assert!(run.stderr.contains("a source and a command are both given"), "{}", run.stderr);
    }
    let run = shell(&sandbox, "exec:?no=1", "echo 1").run().expect(2);
    assert!(run.stderr.contains("unknown parameter `no`"), "{}", run.stderr);
    let run = sandbox.publish().args("exec: --to sqlite:q.db").run().expect(2);
    assert!(run.stderr.contains("`exec:` names no program"), "{}", run.stderr);
    assert!(!sandbox.path("q.db").exists());
}
