//! `queue tail`, which shows what is published and takes nothing.

use super::*;
use crate::support::process::Process;
use crate::support::queue_file::subscribe;
use nix::sys::signal::Signal;

fn tail(sandbox: &Sandbox, words: &str) -> Process {
    let program = sandbox.queue().args("tail sqlite:q.db").args(words);
    Process::start(program, String::new(), false)
}

/// The ids that were shown, once there are so many.
#[track_caller]
fn shown(tail: &mut Process, count: usize) -> Vec<String> {
    tail.wait_until("they are shown", |it| it.written().matches('\n').count() >= count);
    let lines = tail.written();
    let id = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned()
    };
    lines.lines().map(id).collect()
}

fn drain(sandbox: &Sandbox) {
    subscribe(sandbox, "", "cat > /dev/null").run().expect(0);
}

#[test]
fn the_newest_messages_are_shown_then_each_new_one_and_none_is_taken() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a b c");
    let other = sandbox.publish().args("--to sqlite:q.db?queue=other stdin:?id=id");
    other.stdin("{\"id\":\"elsewhere\"}\n").run().expect(0);
    let mut tail = tail(&sandbox, "-n 2 --json");
    assert_eq!(shown(&mut tail, 2), ["b", "c"]);
    publish_all(&sandbox, "d e@g");
    publish_all(&sandbox, "f");
    assert_eq!(shown(&mut tail, 5), ["b", "c", "d", "e", "f"]);
    assert_eq!(counts(&sandbox), [6, 0, 0, 0, 0]);
    tail.signal(Signal::SIGINT);
    assert_eq!(tail.end().code, 130);
}

#[test]
fn what_is_drained_as_fast_as_it_comes_is_shown_each_time() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "old");
    let mut tail = tail(&sandbox, "-n 1 --json");
    assert_eq!(shown(&mut tail, 1), ["old"]);
    drain(&sandbox);
    // Each has the number in the table that the one before had.
    for round in 0..4 {
        publish_all(&sandbox, &format!("m{round}"));
        assert_eq!(shown(&mut tail, round + 2)[round + 1], format!("m{round}"));
        drain(&sandbox);
    }
    tail.signal(Signal::SIGTERM);
    assert_eq!(tail.end().code, 143);
}

#[test]
fn a_queue_that_is_gone_or_cannot_be_followed_is_said() {
    let sandbox = Sandbox::new();
    let none = queue(&sandbox, "tail sqlite:none.db").expect(69);
    assert!(none.stderr.contains("hint: "), "{}", none.stderr);
    publish_all(&sandbox, "a");
    let mut tail = tail(&sandbox, "");
    tail.wait_until("it follows", |it| it.written().contains("{\"n\":\"a\"}"));
    fs::rename(sandbox.path("q.db"), sandbox.path("away.db")).unwrap();
    let end = tail.end();
    assert!(end.code == 69 && end.stderr.contains("removed or renamed"), "{}", end.stderr);
}
