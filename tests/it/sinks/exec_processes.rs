//! The processes that a command sink starts: nothing that they do harms us, and none outlives us.

use crate::support::process::Process;
use crate::support::queue_file::{publish, publish_all, stats, subscribe};
use crate::support::sandbox::Sandbox;
use crate::support::system::lives;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Starts two that would stay, in its group, and notes them and itself in `pids`. Nobody of them
/// ends when asked to.
const STUBBORN: &str = "trap '' TERM; sleep 600 & sleep 600 & echo $! $$ >>pids; wait";
/// Starts two that would stay, in its group, and notes them and itself in `pids`. All of them end
/// when asked to.
const PATIENT: &str = "sleep 600 & sleep 600 & echo $! $$ >>pids; wait";

#[track_caller]
fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !happened() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The processes that the scripts noted.
fn noted(sandbox: &Sandbox) -> Vec<Pid> {
    let text = fs::read_to_string(sandbox.path("pids")).unwrap_or_default();
    text.split_whitespace().map(|id| Pid::from_raw(id.parse().expect("an id"))).collect()
}

fn until_all_ended(sandbox: &Sandbox) {
    let all = noted(sandbox);
    assert!(!all.is_empty());
    until("they have ended", || !all.iter().any(|id| lives(*id)));
}

fn until_noted(sandbox: &Sandbox, how_many: usize) {
    until("the commands run", || noted(sandbox).len() == how_many);
}

#[test]
fn a_run_that_takes_too_long_is_ended_with_all_that_it_started() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1");
    for script in [PATIENT, STUBBORN] {
        let run = subscribe(&sandbox, "--timeout 400ms", script).run();
        let told = run.stderr.contains("`sh` took too long");
        assert!(told || run.stderr.contains("0 received"), "{}", run.stderr);
        run.expect(if told { 75 } else { 0 });
        until_all_ended(&sandbox);
    }
}

#[test]
fn a_batch_with_one_slow_message_stores_the_others() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1 slow 3");
    let script = "grep -q slow && sleep 600; true";
    let run = subscribe(&sandbox, "--batch 3 --timeout 400ms", script).run().expect(75);
    assert!(run.stderr.contains("2 stored, 1 to retry"), "{}", run.stderr);
}

#[test]
fn a_command_that_finds_its_sink_again_goes_on() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1 2 3");
    let script = r#"echo $KAKEHI_ID >>tried; [ -e up ] && echo $KAKEHI_ATTEMPT || exit 75"#;
    let program = subscribe(&sandbox, "--follow", script);
    let mut process = Process::start(program, String::new(), false);
    until("it was tried", || sandbox.path("tried").exists());
    sandbox.write("up", "");
    until("all is done", || stats(&sandbox)["ready"] == 0 && stats(&sandbox)["leased"] == 0);
    process.signal(Signal::SIGTERM);
    let end = process.end();
    assert_eq!((end.code, &end.stdout[..]), (143, &b"1\n1\n1\n"[..]), "{}", end.stderr);
}

#[test]
fn a_signal_lets_a_run_finish_within_the_grace() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1 2 3");
    let script = "echo $$ >>pids; until [ -e go ]; do sleep 0.01; done; echo done";
    let mut process =
        Process::start(subscribe(&sandbox, "--concurrency 1", script), String::new(), false);
    until_noted(&sandbox, 1);
    process.signal(Signal::SIGINT);
    sandbox.write("go", "");
    let end = process.end();
    assert_eq!((end.code, end.stdout.len()), (130, 2 * 5), "{}", end.stderr);
    assert!(end.stderr.contains("2 stored"), "{}", end.stderr);
}

#[test]
fn after_the_grace_the_groups_end_and_their_messages_are_redelivered() {
    for script in [PATIENT, STUBBORN] {
        let sandbox = Sandbox::new();
        publish_all(&sandbox, "1 2");
        let program = subscribe(&sandbox, "--follow --grace 300ms", script);
        let mut process = Process::start(program, String::new(), false);
        until_noted(&sandbox, 4);
        process.signal(Signal::SIGTERM);
        let end = process.end();
        assert_eq!(end.code, 143, "{}", end.stderr);
        // They were killed before we ended; the system takes a moment to bury them.
        until_all_ended(&sandbox);
        assert_eq!(stats(&sandbox)["ready"], 2, "{}", end.stderr);
    }
}

#[test]
fn a_second_signal_and_a_kill_leave_no_process_and_acknowledge_nothing() {
    for (script, signals) in [
        (STUBBORN, &[Signal::SIGINT, Signal::SIGINT][..]),
        (PATIENT, &[Signal::SIGKILL][..]),
        (STUBBORN, &[Signal::SIGKILL][..]),
    ] {
        let sandbox = Sandbox::new();
        publish_all(&sandbox, "1 2");
        let program = subscribe(&sandbox, "--lease 1s", script);
        let mut process = Process::start(program, String::new(), false);
        until_noted(&sandbox, 4);
        signals.iter().for_each(|signal| process.signal(*signal));
        let end = process.end();
        assert!([130, 137].contains(&end.code), "{}: {}", end.code, end.stderr);
        until_all_ended(&sandbox);
        until("the leases end", || stats(&sandbox)["leased"] == 0);
        let run = subscribe(&sandbox, "", "echo $KAKEHI_ID").run().expect(0);
        assert_eq!(run.stdout.lines().collect::<BTreeSet<_>>(), BTreeSet::from(["1", "2"]));
    }
}

#[test]
fn a_command_that_had_only_just_started_ends_with_us() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1");
    let script = "trap '' TERM; echo $$ >>pids; sleep 600; echo it stayed >>pids";
    let program = subscribe(&sandbox, "", script);
    // The end of the run is that of its output, which the command has, too.
    program.env("KAKEHI_FAILPOINTS", "exec-started=kill@1").run().expect(137);
    assert_eq!(noted(&sandbox).len(), 1, "it was ended");
    until_all_ended(&sandbox);
}

#[test]
fn what_a_command_left_in_the_background_stays_and_does_not_hold_us() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1");
    subscribe(&sandbox, "", "sleep 600 >/dev/null & echo $! >>pids").run().expect(0);
    let [left] = noted(&sandbox)[..] else { panic!("it notes one") };
    assert!(lives(left));
    kill(left, Signal::SIGKILL).expect("it lives");
}

#[test]
fn a_flood_on_stderr_is_told_in_short_lines_and_takes_no_memory() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1");
    let script = "head -c 100000000 /dev/zero | tr '\\0' x >&2; printf '\\033[31m\\nlast' >&2; \
                  grep VmHWM /proc/$PPID/status";
    let run = subscribe(&sandbox, "", script).run().expect(0);
    let peak: usize = run.stdout.split_whitespace().nth(1).expect("kB").parse().expect("a number");
    assert!(peak < 80_000, "{peak} kB");
    assert!(run.stderr.len() < 20_000, "{}", run.stderr.len());
    assert!(run.stderr.contains("`sh`: last"), "{}", run.stderr);
}

#[test]
fn a_killed_subscriber_has_acknowledged_only_what_its_commands_finished() {
    let sandbox = Sandbox::new();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let lines: Vec<_> = (0..300).map(|n| json!({"id": n.to_string(), "body": n})).collect();
    publish(&sandbox, &lines);
    let script = "echo $KAKEHI_ID >>done; sleep 0.0$KAKEHI_ATTEMPT";
    let mut hits = 0;
    while hits < 12 {
        let program = subscribe(&sandbox, "--lease 1s", script);
        let mut process = Process::start(program, String::new(), false);
        std::thread::sleep(Duration::from_millis(dice.u64(10..150)));
        process.signal(Signal::SIGKILL);
        hits += usize::from(process.end().code == 137);
        let open = open(&sandbox);
        let acknowledged = 300 - usize::try_from(open).expect("few");
        let done = done(&sandbox.path("done"));
        assert!(done.len() >= acknowledged, "{acknowledged} of {} were done", done.len());
        if open == 0 {
            break;
        }
    }
    until("all is done", || {
        subscribe(&sandbox, "--concurrency 16", script).run().expect(0);
        open(&sandbox) == 0
    });
    assert_eq!(done(&sandbox.path("done")).len(), 300, "seed {seed}");
}

/// How many messages are not acknowledged.
fn open(sandbox: &Sandbox) -> u64 {
    let held = stats(sandbox);
    let counts = ["ready", "waiting", "scheduled", "leased"].map(|state| held[state].as_u64());
    counts.into_iter().flatten().sum()
}

fn done(path: &Path) -> BTreeSet<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}
