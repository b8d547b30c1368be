//! `--on-failure first`: an outage is told once, and its end; the exit code is always that of the run.

use crate::support::emulator::Name;
use crate::support::process::Process;
use crate::support::proxy::Proxy;
use crate::support::sandbox::{Run, Sandbox};
use crate::support::services;
use std::fs;

const PROJECT: &str = "kakehi-test";

/// A publisher to Pub/Sub by way of a proxy, with one message a run.
struct Bed {
    sandbox: Sandbox,
    proxy: Proxy,
    name: Name,
}

impl Bed {
    fn new() -> Self {
        let proxy = Proxy::start(&services::pubsub_emulator());
        Self { sandbox: Sandbox::new(), proxy, name: Name::new(PROJECT, "t") }
    }

    fn publish(&self, flags: &str) -> Run {
        let program = self.sandbox.publish().arg("--to");
        let program = program.arg(format!("pubsub://{PROJECT}/{}", self.name));
        let program = program.args("--create --publish-timeout 5s --on-failure first").args(flags);
        program.env("PUBSUB_EMULATOR_HOST", self.proxy.address()).stdin("{\"a\":1}\n").run()
    }
}

#[test]
fn an_outage_of_the_queue_is_told_once_and_its_end_with_what_was_sent() {
    let bed = Bed::new();
    let run = bed.publish("").expect(0);
    assert!(run.stderr.contains("publish: 1 read, 1 published"), "{}", run.stderr);
    bed.proxy.cut();
    let run = bed.publish("").expect(75);
    assert!(run.stderr.contains("publish: a message waits in the spool"), "{}", run.stderr);
    for _ in 0..2 {
        let run = bed.publish("").expect(75);
        assert_eq!(run.stderr, "");
    }
    // Whoever reads JSON reads of each run.
    let run = bed.publish("--summary json").expect(75);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(run.stderr.starts_with('{'), "{}", run.stderr);
    bed.proxy.restore();
    let run = bed.publish("--quiet --summary none").expect(0);
    assert!(run.stderr.starts_with("publish: back after "), "{}", run.stderr);
    assert!(run.stderr.ends_with(", 5 messages sent\n"), "{}", run.stderr);
    assert_eq!(bed.publish("--quiet --summary none").expect(0).stderr, "");
}

/// A drain of a queue with a message into a command that works unless there is a file of this name.
fn drain(sandbox: &Sandbox, flags: &str) -> Run {
    sandbox.publish().args("--to sqlite:q.db --quiet").stdin("{\"a\":1}\n").run().expect(0);
    let subscribe = sandbox.subscribe().args("--from sqlite:q.db --on-failure first").args(flags);
    let script = "test ! -e gone || exit 69; test ! -e odd || exit 65; test ! -e slow || exit 1";
    subscribe.args("-- sh -c").arg(script).run()
}

#[test]
fn another_failure_in_an_outage_is_told_and_a_dry_run_decides_nothing() {
    let sandbox = Sandbox::new();
    let touch = |name: &str| sandbox.write(name, "");
    let remove = |name: &str| fs::remove_file(sandbox.path(name)).unwrap();
    assert!(drain(&sandbox, "").expect(0).stderr.contains("1 received, 1 stored"));
    touch("gone");
    assert!(drain(&sandbox, "").expect(69).stderr.contains("hint: "));
    assert_eq!(drain(&sandbox, "").expect(69).stderr, "");
    // A command line that is wrong is told whatever was told before.
    for _ in 0..2 {
        let run = drain(&sandbox, "--lease 0s").expect(2);
        assert!(run.stderr.contains("`--lease`"), "{}", run.stderr);
    }
    let run = drain(&sandbox, "--dry-run").expect(0);
    assert!(!run.stderr.contains("back after"), "{}", run.stderr);
    assert_eq!(drain(&sandbox, "").expect(69).stderr, "");
    remove("gone");
    touch("odd");
    assert!(drain(&sandbox, "").expect(65).stderr.contains("dead"));
    assert_eq!(drain(&sandbox, "").expect(65).stderr, "");
    remove("odd");
    let run = drain(&sandbox, "--quiet").expect(0);
    assert!(run.stderr.starts_with("subscribe: back after "), "{}", run.stderr);
    assert!(run.stderr.ends_with(", 1 message stored\n"), "{}", run.stderr);
    assert!(fs::read_dir(sandbox.path(".local/share/kakehi/failing")).unwrap().next().is_none());
}

#[test]
fn each_is_the_default_and_each_pair_of_ends_is_told_on_its_own() {
    let sandbox = Sandbox::new();
    sandbox.write("gone", "");
    let fails = |flags: &str| {
        let program = sandbox.subscribe().args("--from sqlite:none.db").args(flags).run();
        program.expect(69).stderr
    };
    for _ in 0..2 {
        assert!(fails("--to sqlite:s.db").contains("there is no"));
    }
    let first = "--on-failure first --to sqlite:s.db";
    assert!(fails(first).contains("there is no"));
    assert_eq!(fails(first), "");
    // One file by another name is the same; another collection is not.
    assert_eq!(fails("--on-failure first --to sqlite:./s.db"), "");
    assert!(fails("--on-failure first --to sqlite:s.db?collection=other").contains("there is no"));
}

#[test]
fn a_folder_that_cannot_be_written_silences_nothing() {
    let sandbox = Sandbox::new();
    let data = sandbox.path(".local/share/kakehi");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("failing"), "a file in its way").unwrap();
    for _ in 0..2 {
        let run = sandbox
            .subscribe()
            .args("--from sqlite:none.db --to sqlite:s.db")
            .args("--on-failure first");
        let run = run.run().expect(69);
        assert!(run.stderr.contains("there is no"), "{}", run.stderr);
        assert!(run.stderr.contains("cannot remember that this was told"), "{}", run.stderr);
    }
}

#[test]
fn a_run_that_stays_tells_a_tick_that_fails_once() {
    let sandbox = Sandbox::new();
    let program = sandbox.publish().args("--to sqlite:q.db --every").arg("* * * * * *");
    let program = program.args("--on-failure first -v --log-format json -- sh -c");
    let script = "echo x >> runs; test $(wc -l < runs) -gt 3 || exit 1; echo '{}'";
    let mut publish = Process::start(program.arg(script), String::new(), true);
    publish.wait_until("it is back", |it| it.said().contains("back after "));
    publish.signal(nix::sys::signal::Signal::SIGTERM);
    let said = publish.end().stderr;
    assert_eq!(said.matches("this tick failed").count(), 1, "{said}");
}
