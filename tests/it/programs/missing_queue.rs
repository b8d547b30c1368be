//! A queue that is not there is not read as an empty one: nobody who receives or looks makes it.

use crate::support::http_server::{Answer, Server};
use crate::support::process::Process;
use crate::support::sandbox::{Program, Sandbox};
use crate::support::services;
use nix::sys::signal::Signal;
use std::fs;

/// A sandbox whose file `n.db` holds the queue `readings` with a message.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let to = "--to sqlite:n.db?queue=readings";
    sandbox.publish().args(to).stdin("{\"n\":1}\n").run().expect(0);
    sandbox
}

/// The names of all that is in the folder.
fn names(sandbox: &Sandbox) -> Vec<String> {
    let names = fs::read_dir(sandbox.dir()).expect("a folder");
    let mut names: Vec<_> =
        names.map(|it| it.expect("it").file_name().into_string().expect("UTF-8")).collect();
    names.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    names.sort();
    names
}

#[test]
fn a_run_says_what_is_there_instead_and_makes_nothing() {
    let sandbox = sandbox();
    fs::write(sandbox.path("empty.db"), "").expect("a file");
    let before = names(&sandbox);
    for (from, because) in [
        ("sqlite:n.db", "it holds `readings`"),
        ("sqlite:n.db?queue=reading", "it holds `readings`"),
        ("sqlite:m.db", "there is no file `m.db`"),
        ("sqlite:m.db", "its folder holds `n.db`"),
        ("sqlite:no/such/folder/q.db", "there is no file"),
        ("sqlite:empty.db", "`empty.db` is empty"),
        ("sqlite:n.db?queue=alerts&topic=readings", "it holds `readings`"),
        ("sqlite:", "there is no file"),
    ] {
        for more in ["", "--once", "--debug", "--dry-run", "--max-messages 1"] {
            let program = sandbox.subscribe().arg("--from").arg(from).args("--to stdout:");
            let run = program.args(more).run().expect(69);
            assert_eq!(run.stdout, "");
            let says = run.stderr.contains("there is no queue") && run.stderr.contains(because);
            assert!(says && run.stderr.contains("hint: "), "{from} {more}: {}", run.stderr);
        }
    }
    assert_eq!(names(&sandbox), before);
    let held = sandbox.queue().args("stats sqlite:n.db?queue=readings --json").run().expect(0);
    assert!(held.stdout.contains("\"ready\":1"), "{}", held.stdout);
}

#[test]
fn every_action_that_looks_says_the_same() {
    let sandbox = sandbox();
    let before = names(&sandbox);
    for url in ["sqlite:n.db", "sqlite:m.db"] {
        for action in [
            "stats URL",
            "peek URL",
            "dead list URL",
            "dead redrive URL --all",
            "dead redrive URL --all --yes",
            "dead drop URL --all --yes",
            "lease URL",
            "ack URL 1",
            "extend URL 1",
            "release URL 1",
            "purge URL --yes",
            "delete URL",
            "delete URL --yes",
            "check --from URL",
        ] {
            let run = sandbox.queue().args(&action.replace("URL", url)).run().expect(69);
            let told = run.stdout + &run.stderr;
            assert!(told.contains("there is no queue `default`"), "{action}: {told}");
        }
    }
    assert_eq!(names(&sandbox), before);
    // Who publishes makes it.
    let check = sandbox.queue().args("check --source stdin: --to sqlite:m.db").run().expect(0);
    assert!(check.stdout.contains("will be made"), "{}", check.stdout);
}

#[test]
fn create_makes_it_and_the_run_finds_it_empty() {
    let sandbox = sandbox();
    for from in ["sqlite:n.db", "sqlite:m.db", "sqlite:"] {
        let run = || sandbox.subscribe().args("--to stdout: --from").arg(from);
        run().args("--create").run().expect(0);
        run().run().expect(0);
    }
    sandbox.queue().args("create sqlite:o.db").run().expect(0);
    sandbox.subscribe().args("--from sqlite:o.db --to stdout:").run().expect(0);
}

/// Starts a follower of what is missing; it has said so.
fn follower(program: Program) -> Process {
    let mut follower = Process::start(program.args("--follow --to stdout:"), String::new(), false);
    follower.wait_until("it says so", |it| it.said().contains("waiting for the queue to appear"));
    follower
}

fn ends_with(follower: Process, code: i32, lines: &str) {
    let end = follower.end();
    assert_eq!(end.code, code, "{}", end.stderr);
    assert_eq!(String::from_utf8_lossy(&end.stdout), lines, "{}", end.stderr);
    assert_eq!(end.stderr.matches("waiting for the queue to appear").count(), 1, "{}", end.stderr);
}

#[test]
fn a_follower_says_it_once_and_waits_for_it_to_appear() {
    for url in ["sqlite:n.db", "sqlite:new/m.db", "sqlite:"] {
        let sandbox = sandbox();
        let follower = follower(sandbox.subscribe().args("--max-messages 1 --from").arg(url));
        let publish = sandbox.publish().args("--to").arg(url);
        publish.stdin("{\"first\":1}\n").run().expect(0);
        ends_with(follower, 0, "{\"first\":1}\n");
    }
}

#[test]
fn a_follower_that_waits_ends_by_a_signal_or_its_time() {
    let sandbox = sandbox();
    let from = || sandbox.subscribe().args("--from sqlite:m.db");
    let mut waiting = follower(from());
    waiting.signal(Signal::SIGTERM);
    ends_with(waiting, 143, "");
    from().args("--follow --to stdout: --max-time 1s").run().expect(0);
    assert!(!sandbox.path("m.db").exists());
}

/// A service that has no such queue, and does not answer the second question.
fn stalled() -> Server {
    let missing = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"none"}"#;
    let kind = "Content-Type: application/x-amz-json-1.0";
    Server::new([Answer::http("400 Bad Request", &[kind], missing), Answer::Silence])
}

#[test]
fn a_follower_that_waits_ends_while_a_service_does_not_answer() {
    let sandbox = Sandbox::new();
    let from = |server: &Server| {
        let program = sandbox.subscribe().args("--from sqs:none");
        let program = program.env("AWS_ENDPOINT_URL", server.url()).env("AWS_REGION", "us-east-1");
        program.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test")
    };
    let server = stalled();
    let mut waiting = follower(from(&server));
    waiting.wait_until("it asks again", |_| server.requests().len() == 2);
    waiting.signal(Signal::SIGTERM);
    ends_with(waiting, 143, "");
    let server = stalled();
    from(&server).args("--follow --to stdout: --max-time 1s").run().expect(0);
}

#[test]
fn a_follower_waits_for_queues_of_services_alike() {
    let name = format!("missing-{}", fastrand::u64(..));
    let (pubsub, sqs) = (format!("pubsub://kakehi-missing/{name}"), format!("sqs:{name}"));
    let sandbox = Sandbox::new();
    let with = |program: Program| {
        let program = program.env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator());
        let variables = services::sqs_variables().into_iter();
        variables.fold(program, |program, (name, value)| program.env(name, value))
    };
    for url in [pubsub, sqs] {
        let drain = with(sandbox.subscribe().args("--to stdout: --from").arg(&url));
        drain.run().expect(69);
        let words = "--max-messages 1 --from";
        let follower = follower(with(sandbox.subscribe().args(words).arg(&url)));
        with(sandbox.publish().args("--create --to").arg(&url))
            .stdin("{\"n\":1}\n")
            .run()
            .expect(0);
        ends_with(follower, 0, "{\"n\":1}\n");
        with(sandbox.queue().args("delete --yes").arg(&url)).run().expect(0);
    }
}
