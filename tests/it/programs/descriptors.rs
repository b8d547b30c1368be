//! Standard input and output that are closed, full, or opened the wrong way round.

use crate::support::sandbox::{Program, Run, Sandbox};

/// A sandbox with three messages in `q.db`.
fn pond() -> Sandbox {
    let sandbox = Sandbox::new();
    let lines = "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n";
    sandbox.publish().args("--to sqlite:q.db").stdin(lines).run().expect(0);
    sandbox
}

/// Runs a program with its descriptors changed by a shell.
fn with(redirection: &str, program: Program) -> Run {
    program.through_shell(&format!("exec \"$@\" {redirection}")).run()
}

#[track_caller]
fn expect_ready(sandbox: &Sandbox, ready: u64) {
    let run = sandbox.queue().args("stats sqlite:q.db --json").run().expect(0);
    let stats: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(stats["ready"], ready, "{}", run.stdout);
}

#[test]
fn a_closed_standard_output_takes_no_message() {
    let sandbox = pond();
    let subscribe = || sandbox.subscribe().args("--from sqlite:q.db --to");
    for sink in ["stdout:", "stdout:?envelope"] {
        let run = with(">&-", subscribe().arg(sink)).expect(78);
        assert!(run.stderr.contains("standard output is closed"), "{}", run.stderr);
        expect_ready(&sandbox, 3);
    }
    with(">/dev/full", subscribe().arg("stdout:")).expect(69);
    with("1</dev/null", subscribe().arg("stdout:")).expect(69);
    expect_ready(&sandbox, 3);
}

#[test]
fn what_is_thrown_away_on_purpose_is_thrown_away() {
    // As a shell opens it, and as Python, Node and daemons do.
    for redirection in [">/dev/null", "1<>/dev/null", ">/dev/null 2>&1 </dev/null"] {
        let sandbox = pond();
        let subscribe = sandbox.subscribe().args("--from sqlite:q.db --to stdout:");
        with(redirection, subscribe).expect(0);
        expect_ready(&sandbox, 0);
        with(redirection, sandbox.queue().args("stats sqlite:q.db")).expect(0);
    }
}

#[test]
fn a_closed_standard_input_is_no_empty_one() {
    let sandbox = Sandbox::new();
    let publish = || sandbox.publish().args("--to sqlite:q.db");
    let run = with("<&-", publish()).expect(78);
    assert!(run.stderr.contains("standard input is closed"), "{}", run.stderr);
    // As `nohup` gives it.
    with("0>/dev/null", publish()).expect(1);
    for empty in ["</dev/null", "0<>/dev/null"] {
        with(empty, publish()).expect(0);
    }
    // Who reads something else does not need it.
    sandbox.write("a.txt", "a");
    std::fs::create_dir(sandbox.path("store")).expect("a folder");
    let files = sandbox.publish().args("files:*.txt?store=file:store --to sqlite:q.db");
    with("<&-", files).expect(0);
}

#[test]
fn a_command_writes_to_no_closed_output_unnoticed() {
    let sandbox = pond();
    let subscribe = "--from sqlite:q.db --once --summary json --";
    let run = with(">&-", sandbox.subscribe().args(subscribe).arg("cat")).expect(75);
    assert!(run.stderr.contains("\"stored\":0"), "{}", run.stderr);
    let sandbox = pond();
    let subscribe = "--from sqlite:q.db --summary json --";
    with(">&-", sandbox.subscribe().args(subscribe).arg("true")).expect(0);
    expect_ready(&sandbox, 0);
}

#[test]
fn what_queue_tells_reaches_somebody_or_is_a_failure() {
    let sandbox = pond();
    for action in [
        "stats sqlite:q.db --json",
        "stats sqlite:q.db",
        "peek sqlite:q.db --json",
        "create sqlite:q.db?queue=more --json",
        "check --from sqlite:q.db --json",
        "verify q.db --json",
        "purge sqlite:q.db",
        "lease sqlite:q.db",
    ] {
        for full in [">/dev/full", "1</dev/null"] {
            let run = with(full, sandbox.queue().args(action)).expect(1);
            assert!(run.stderr.contains("cannot write to stdout"), "{action}: {}", run.stderr);
        }
        let run = with(">&-", sandbox.queue().args(action)).expect(78);
        assert!(run.stderr.contains("standard output is closed"), "{action}: {}", run.stderr);
    }
    let sandbox = pond();
    with(">&-", sandbox.queue().args("purge sqlite:q.db --yes")).expect(78);
    expect_ready(&sandbox, 3);
}

#[test]
fn help_that_is_cut_short_is_a_failure() {
    let sandbox = Sandbox::new();
    for arguments in ["--help", "--version", "--generate man", "--generate completions:bash"] {
        for program in [Sandbox::publish, Sandbox::subscribe, Sandbox::queue, Sandbox::store] {
            with(">/dev/full", program(&sandbox).args(arguments)).expect(1);
            with(">&-", program(&sandbox).args(arguments)).expect(78);
            with("2>&-", program(&sandbox).args(arguments)).expect(0);
        }
    }
}

#[test]
fn a_closed_standard_error_is_no_ones_file() {
    let sandbox = pond();
    let subscribe = sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db -vv");
    with("2>&-", subscribe).expect(0);
    sandbox.queue().args("verify q.db").run().expect(0);
    expect_ready(&sandbox, 0);
}
