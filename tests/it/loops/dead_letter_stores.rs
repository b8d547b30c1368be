//! Where dead letters go, and what happens while no place takes them: they wait, and hold up nobody.

use crate::support::emulator::Name;
use crate::support::process::Process;
use crate::support::sandbox::{Program, Sandbox};
use crate::support::services;
use crate::support::sqs_queue::Stage;
use nix::sys::signal::Signal;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// What is rejected has an id that begins with `b`; the others are written down.
const REJECTS_B: &str = "case $KAKEHI_ID in b*) exit 65;; esac; echo $KAKEHI_ID >>out";

/// This many messages of a name and group, a line each.
fn lines(name: &str, count: usize, group: Option<&str>) -> String {
    let group = group.map(|group| format!("\"group\":\"{group}\",")).unwrap_or_default();
    (0..count).map(|at| format!("{{\"id\":\"{name}{at:03}\",{group}\"body\":{{}}}}\n")).collect()
}

fn written(sandbox: &Sandbox) -> Vec<String> {
    let out = fs::read_to_string(sandbox.path("out")).unwrap_or_default();
    out.lines().map(str::to_owned).collect()
}

/// How many messages of an embedded queue are ready.
fn ready(sandbox: &Sandbox, url: &str) -> u64 {
    let run = sandbox.queue().arg("stats").arg(url).arg("--json").run();
    let stats: serde_json::Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    stats["ready"].as_u64().unwrap_or_default()
}

/// An embedded queue whose dead letters have no place: a folder has the name of each file.
struct Blocked {
    sandbox: Sandbox,
}

impl Blocked {
    fn with(lines: String) -> Self {
        let blocked = Self { sandbox: Sandbox::new() };
        let publish = blocked.sandbox.publish().args("stdin:?envelope --to sqlite:q.db");
        publish.stdin(lines).run().expect(0);
        blocked.block();
        blocked
    }

    fn files(&self) -> [PathBuf; 2] {
        [self.sandbox.path("dead.db"), self.sandbox.path(".local/share/kakehi/spool.db")]
    }

    fn block(&self) {
        self.files().iter().for_each(|file| fs::create_dir_all(file).unwrap());
    }

    fn free(&self) {
        self.files().iter().for_each(|file| fs::remove_dir(file).unwrap());
    }

    fn subscribe(&self, words: &str) -> Program {
        let words = format!("--from sqlite:q.db --dead sqlite:dead.db {words} -- sh -c");
        self.sandbox.subscribe().args(&words).arg(REJECTS_B)
    }
}

#[test]
fn a_follower_goes_on_while_no_place_takes_dead_letters_and_keeps_them_all_afterwards() {
    // More than what may be in flight, and fewer and more than what may wait for a place.
    for bad in [30, 130] {
        let blocked = Blocked::with(lines("b", bad, None) + &lines("g", 30, None));
        let mut follower = Process::start(blocked.subscribe("--follow"), String::new(), false);
        follower.wait_until("the good ones are written", |_| written(&blocked.sandbox).len() == 30);
        assert!(follower.said().contains("dead letters have no place, and wait for one"));
        blocked.free();
        follower.wait_until("all letters are kept", |_| {
            ready(&blocked.sandbox, "sqlite:dead.db") == bad as u64
        });
        blocked.sandbox.publish().args("--to sqlite:q.db").stdin("{}\n").run().expect(0);
        follower.wait_until("it follows", |_| written(&blocked.sandbox).len() == 31);
        follower.signal(Signal::SIGTERM);
        let end = follower.end();
        assert_eq!(end.code, 143, "{}", end.stderr);
        assert!(end.stderr.contains("dead letters have a place again"), "{}", end.stderr);
        let run = blocked.sandbox.queue().args("stats sqlite:q.db --json").run().expect(0);
        for nothing in ["ready", "scheduled", "leased", "dead"] {
            assert!(run.stdout.contains(&format!("\"{nothing}\":0")), "{}", run.stdout);
        }
    }
}

#[test]
fn a_group_waits_with_its_dead_letter_and_no_other_does() {
    let sent = lines("b", 1, Some("one")) + &lines("g", 3, Some("one")) + &lines("o", 3, Some("o"));
    let blocked = Blocked::with(sent);
    let mut follower = Process::start(blocked.subscribe("--follow"), String::new(), false);
    follower.wait_until("the other group is written", |_| written(&blocked.sandbox).len() == 3);
    assert_eq!(written(&blocked.sandbox), ["o000", "o001", "o002"]);
    blocked.free();
    follower.wait_until("the rest follows", |_| written(&blocked.sandbox).len() == 6);
    assert_eq!(written(&blocked.sandbox)[3..], ["g000", "g001", "g002"]);
    assert_eq!(ready(&blocked.sandbox, "sqlite:dead.db"), 1);
    follower.signal(Signal::SIGTERM);
    assert_eq!(follower.end().code, 143);
}

#[test]
fn a_drain_whose_dead_letters_have_no_place_writes_the_rest_and_loses_nothing() {
    let blocked = Blocked::with(lines("b", 130, None) + &lines("g", 30, None));
    let run = blocked.subscribe("--lease 5s").run().expect(69);
    assert!(run.stderr.contains("130 messages could not be kept as dead letters"), "{run:?}");
    assert!(run.stderr.contains("dead.db") && run.stderr.contains("spool.db"), "{run:?}");
    assert_eq!(written(&blocked.sandbox).len(), 30, "{}", run.stderr);
    blocked.free();
    let run = blocked.subscribe("").run().expect(65);
    assert!(run.stderr.contains("each keeps its reason in `sqlite:dead.db`"), "{}", run.stderr);
    // Those that had to be given back are due after a pause only.
    let deadline = Instant::now() + services::EMULATOR_PATIENCE;
    while ready(&blocked.sandbox, "sqlite:dead.db") < 130 {
        assert!(Instant::now() < deadline, "{}", ready(&blocked.sandbox, "sqlite:dead.db"));
        let code = blocked.subscribe("--idle 5s").run().code;
        assert!([0, 65].contains(&code), "{code}");
    }
    assert_eq!(written(&blocked.sandbox).len(), 30);
}

#[test]
fn a_killed_follower_leaves_the_letters_that_waited_in_the_queue() {
    let blocked = Blocked::with(lines("b", 3, None) + &lines("g", 1, None));
    let follower = blocked.subscribe("--follow --lease 2s");
    let mut follower = Process::start(follower, String::new(), false);
    follower.wait_until("the good one is written", |_| written(&blocked.sandbox).len() == 1);
    follower.signal(Signal::SIGKILL);
    assert_eq!(follower.end().code, 137);
    blocked.free();
    let run = blocked.subscribe("--idle 5s").run().expect(65);
    assert!(run.stderr.contains("3 dead"), "{}", run.stderr);
    assert_eq!(ready(&blocked.sandbox, "sqlite:dead.db"), 3);
}

/// Blocks the spool, which takes what the queue of dead letters does not.
fn block_spool(sandbox: &Sandbox) -> PathBuf {
    let spool = sandbox.path(".local/share/kakehi/spool.db");
    fs::create_dir_all(&spool).unwrap();
    spool
}

#[test]
fn on_sqs_letters_that_wait_take_no_room_and_are_kept_when_their_queue_is_there() {
    let stage = Stage::named("");
    stage.queue(&format!("create {}", stage.url())).run().expect(0);
    let dead = format!("sqs:{}-later", stage.name);
    stage.publish("stdin:?envelope --no-spool").stdin(lines("b", 7, None)).run().expect(0);
    let spool = block_spool(&stage.sandbox);
    let words = format!("--follow --max-in-flight 4 --dead {dead} -- sh -c");
    let mut follower = Process::start(stage.subscribe(&words).arg(REJECTS_B), String::new(), false);
    follower.wait_until("dead letters wait", |it| it.said().contains("wait for one"));
    stage.publish("stdin:?envelope --no-spool").stdin(lines("g", 5, None)).run().expect(0);
    follower.wait_until("the good ones are written", |_| written(&stage.sandbox).len() == 5);
    stage.queue(&format!("create {dead}")).run().expect(0);
    follower.wait_until("they have a place", |it| it.said().contains("have a place again"));
    // Whoever counts looks into the spool, too.
    fs::remove_dir(spool).unwrap();
    assert_eq!(stage.lines(&format!("stats {dead}")).remove(0)["ready"], 7);
    follower.signal(Signal::SIGTERM);
    let end = follower.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    let summary = end.summary().expect("a summary");
    assert_eq!((&summary["dead"], &summary["stored"]), (&7.into(), &5.into()));
}

/// A follower whose dead letter waits, as the service says that it is busy whenever this one is to be
/// buried, for longer than we ask it at once.
///
/// On a machine with much to do the service may give no answer in time instead: then the spool has the
/// letter, as it should, and another follower is started.
fn told_later(ending: &str) -> (Stage, Process) {
    for _ in 0..5 {
        let stage = Stage::made(ending);
        let busy = format!(
            "{{\"id\":\"b\",\"body\":{{\"mishap\":\"bury-busy\",\"of\":\"{}\"}}}}\n",
            stage.name
        );
        stage.publish("stdin:?envelope --no-spool").stdin(busy).run().expect(0);
        let follow = stage.subscribe("--follow -- sh -c").arg(REJECTS_B);
        let mut follower = Process::start(follow, String::new(), false);
        let waits = |it: &Process| it.said().contains("wait for one");
        let gave_no_answer = |it: &Process| it.said().contains("there was no answer in time");
        follower.wait_until("it waits", |it| waits(it) || gave_no_answer(it));
        if waits(&follower) {
            return (stage, follower);
        }
        follower.signal(Signal::SIGTERM);
        follower.end();
    }
    panic!("the service never answers in time");
}

#[test]
fn a_queue_of_dead_letters_that_answers_later_is_asked_again() {
    for ending in ["", ".fifo"] {
        let (stage, mut follower) = told_later(ending);
        stage.publish("stdin:?envelope --no-spool").stdin(lines("g", 3, None)).run().expect(0);
        follower.wait_until("the good ones are written", |_| written(&stage.sandbox).len() == 3);
        follower.wait_until("it is kept", |it| it.said().contains("have a place again"));
        follower.signal(Signal::SIGTERM);
        assert_eq!(follower.end().code, 143);
        let dead = stage.dead();
        assert_eq!((dead.len(), &dead[0]["id"]), (1, &"b".into()), "{dead:?}");
    }
}

#[test]
fn on_pubsub_letters_that_wait_take_no_room_and_are_kept_when_their_topic_is_there() {
    let (sandbox, name) = (Sandbox::new(), Name::new("kakehi-test", "t"));
    let url = format!("pubsub://kakehi-test/{name}");
    let on_emulator =
        |program: Program| program.env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator());
    on_emulator(sandbox.queue()).args(&format!("create {url}?topic={name}")).run().expect(0);
    let publish = |lines: String| {
        let publish =
            on_emulator(sandbox.publish()).args(&format!("stdin:?envelope --no-spool --to {url}"));
        publish.stdin(lines).run().expect(0);
    };
    block_spool(&sandbox);
    publish(lines("b", 6, None));
    let words = format!(
        "--from {url}?streams=1 --lease 10s --dead {url}-later --follow --max-in-flight 4 -- sh -c"
    );
    let follow = on_emulator(sandbox.subscribe()).args(&words).arg(REJECTS_B);
    let mut follower = Process::start(follow, String::new(), false);
    follower.wait_until("dead letters wait", |it| it.said().contains("wait for one"));
    publish(lines("g", 5, None));
    follower.wait_until("the good ones are written", |_| written(&sandbox).len() >= 5);
    let later = format!("create {url}-later?topic={name}-later");
    on_emulator(sandbox.queue()).args(&later).run().expect(0);
    follower.wait_until("they have a place", |it| it.said().contains("have a place again"));
    follower.signal(Signal::SIGTERM);
    assert_eq!(follower.end().code, 143);
}

/// Runs the command of the last hint of a run, which must show the letter of this id.
fn shown_by_the_hint(program: Program, sandbox: &Sandbox, id: &str) {
    let run = program.run().expect(65);
    let hint = run.stderr.lines().rfind(|line| line.contains("each keeps its reason"));
    let hint = hint.unwrap_or_else(|| panic!("no hint: {}", run.stderr));
    let command = hint.split('`').nth(1).expect("a command").replacen("queue", "\"$0\"", 1);
    let queue = env!("CARGO_BIN_EXE_queue");
    let shown = sandbox.shell(&command, queue).run().expect(0).stdout;
    assert!(shown.starts_with(&format!("{id}  died")), "{command}: {shown}");
}

#[test]
fn the_last_line_names_the_place_where_the_letters_are() {
    let sandbox = Sandbox::new();
    let publish = sandbox.publish().args("stdin:?envelope --to sqlite:q.db?queue=a%20b");
    publish.stdin(lines("b", 1, None)).run().expect(0);
    let drain =
        sandbox.subscribe().args("-q --from sqlite:q.db?queue=a%20b -- sh -c").arg(REJECTS_B);
    shown_by_the_hint(drain, &sandbox, "b000");

    let stage = Stage::named("");
    stage.queue(&format!("create {}", stage.url())).run().expect(0);
    stage.publish("stdin:?envelope").stdin(lines("b", 1, None)).run().expect(0);
    let words = format!("-q --dead sqs:{}-none -- sh -c", stage.name);
    shown_by_the_hint(stage.subscribe(&words).arg(REJECTS_B), &stage.sandbox, "b000");
}

#[test]
fn a_topic_that_nobody_reads_is_no_place_for_a_dead_letter() {
    let (sandbox, name) = (Sandbox::new(), Name::new("kakehi-test", "t"));
    let url = format!("pubsub://kakehi-test/{name}");
    let on_emulator =
        |program: Program| program.env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator());
    let queue = |words: &str| on_emulator(sandbox.queue()).args(words).run().expect(0);
    queue(&format!("create {url}?topic={name}"));
    // The topic stays, and drops what it is given.
    queue(&format!("delete {url}-dead --yes"));
    let publish = on_emulator(sandbox.publish()).args(&format!("stdin:?envelope --to {url}"));
    publish.stdin(lines("b", 1, None)).run().expect(0);
    let words = format!("-q --from {url} --lease 10s --idle 400s --max-messages 1 -- sh -c");
    let drain = on_emulator(sandbox.subscribe()).args(&words).arg(REJECTS_B);
    shown_by_the_hint(drain, &sandbox, "b000");
}
