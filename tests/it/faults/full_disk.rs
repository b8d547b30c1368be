//! A disk that is really full, and a store that is gone: outages, and no message's fault.
//!
//! The disk is a tmpfs in a mount namespace of its own, for which root or user namespaces are needed.

use crate::support::built::programs;
use crate::support::pictures;
use crate::support::sandbox::{Run, Sandbox};
use crate::support::system::is_root;
use std::process::{Command, Stdio};

/// What every script knows: messages of some kilobytes, a disk that can be filled and emptied, and how
/// to wait for something.
const WORDS: &str = r#"
message() { echo "{\"id\":\"$1\",\"pad\":\"$(head -c 3000 /dev/zero | tr '\0' x)\"}"; }
messages() { for n; do message "$n"; done; }
fill() { dd if=/dev/zero of=disk/fill bs=4k 2>dd.log || grep -q 'No space left' dd.log; }
until_so() { for _ in $(seq 2400); do if eval "$1"; then return; fi; sleep 0.05; done; echo "never: $1"; exit 99; }
stored() { sqlite3 -readonly "$1" 'select count(*) from messages' 2>/dev/null || echo 0; }
dead() { queue stats sqlite:q.db --json | jq .dead; }
"#;

/// Why a disk of our own cannot be had here, if that is so.
fn no_disk() -> Option<String> {
    let tried = unshare("mount -t tmpfs -o size=1m tmpfs /mnt").output().expect("unshare starts");
    (!tried.status.success()).then(|| String::from_utf8_lossy(&tried.stderr).into_owned())
}

fn unshare(script: &str) -> Command {
    let mut command = Command::new("unshare");
    if is_root() {
        command.arg("--mount");
    } else {
        command.args(["--mount", "--map-root-user"]);
    }
    command.args(["bash", "-euc", script]);
    command
}

/// Runs a script in which `disk/` is a file system of 1 MiB; `None`, and it says so, where this
/// machine does not let us have one.
fn on_a_small_disk(sandbox: &Sandbox, script: &str) -> Option<Run> {
    if let Some(why) = no_disk() {
        eprintln!("NOT SHOWN, for want of root or user namespaces: {why}");
        return None;
    }
    std::fs::create_dir(sandbox.path("disk")).expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = unshare(&format!("mount -t tmpfs -o size=1m tmpfs disk\n{WORDS}\n{script}"))
        .current_dir(sandbox.dir())
        .env_clear()
        .env("HOME", sandbox.dir())
        .env("KAKEHI_CONFIG", "/dev/null")
        .env("PATH", format!("{}:{path}", programs().display()))
        .stdin(Stdio::null())
        .output()
        .expect("the script starts");
    Some(Run::of(output))
}

#[test]
fn a_full_disk_under_a_follower_is_waited_for_and_kills_nothing() {
    let sandbox = Sandbox::new();
    let script = r#"
        subscribe --follow --max-attempts 1 -vv --summary json --from sqlite:q.db --to sqlite:disk/s.db 2>log & pid=$!
        message 0 | publish -q 'stdin:?id=id' --to sqlite:q.db
        until_so '[ "$(stored disk/s.db)" = 1 ]'
        fill
        messages 1 2 3 4 5 | publish -q 'stdin:?id=id' --to sqlite:q.db
        until_so '[ "$(grep -c "the sink is still unavailable" log)" -ge 2 ]'
        echo "dead $(dead)"
        rm disk/fill
        until_so '[ "$(stored disk/s.db)" = 6 ]'
        kill -TERM $pid; wait $pid || echo "exit $?"
        grep '"program"' log"#;
    let Some(run) = on_a_small_disk(&sandbox, script) else { return };
    let log = std::fs::read_to_string(sandbox.path("log")).expect("the log");
    assert_eq!(run.code, 0, "{}{}\n{log}", run.stdout, run.stderr);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines[..2], ["dead 0", "exit 143"], "{}", run.stdout);
    let summary: serde_json::Value = serde_json::from_str(lines[2]).expect("a summary");
    assert_eq!((&summary["stored"], &summary["dead"]), (&6.into(), &0.into()), "{summary}");
    assert_eq!(summary["retried"], 0, "no attempt was spent: {summary}");
    assert!(log.contains("disk is full"), "{log}");
}

#[test]
fn every_sink_on_a_full_disk_sees_it_before_it_takes_anything() {
    let picture = pictures::jpeg(&pictures::sample(320, 240));
    let sandbox = Sandbox::new();
    sandbox.write("a.jpg", picture);
    let script = r#"
        mkdir disk/photos; cp a.jpg disk/photos
        messages 1 2 | publish -q 'stdin:?id=id' --to sqlite:q.db
        for sink in sqlite:disk/s.db forward:sqlite:disk/to.db; do
          echo '{"id":"0"}' | publish -q 'stdin:?id=id' --to sqlite:first.db
          subscribe -q --from sqlite:first.db --to $sink
        done
        echo '{"key":"a.jpg"}' | publish -q stdin: --to 'sqlite:q.db?queue=photos'
        fill
        try() { code=0; "$@" 2>log || code=$?; echo "$code $(grep -ciE 'make room|has room' log)"; grep 'received' log; }
        try subscribe --from sqlite:q.db --to sqlite:disk/s.db --max-attempts 1
        try subscribe --from sqlite:q.db --to forward:sqlite:disk/to.db --max-attempts 1
        try sh -c 'exec subscribe --from sqlite:q.db --to stdout: --max-attempts 1 >disk/out'
        try subscribe --from 'sqlite:q.db?queue=photos' --to thumbnail:disk/photos --max-attempts 1
        echo "dead $(dead)"
        rm disk/fill
        subscribe -q --from sqlite:q.db --to sqlite:disk/s.db
        subscribe -q --from 'sqlite:q.db?queue=photos' --to thumbnail:disk/photos
        echo "$(stored disk/s.db) $(ls disk/photos/thumbnail)""#;
    let Some(run) = on_a_small_disk(&sandbox, script) else { return };
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let told: Vec<_> = run.stdout.lines().collect();
    assert_eq!(told.len(), 10, "{}{}", run.stdout, run.stderr);
    for pair in told[..8].chunks(2) {
        let (code, full) = pair[0].split_once(' ').expect("code and count");
        assert!(code == "69" && full != "0", "{}", run.stdout);
        assert!(pair[1].contains(" 0 received"), "{}", run.stdout);
    }
    assert_eq!(told[8..], ["dead 0", "3 a.jpg"]);
}

#[test]
fn a_full_disk_under_the_queue_is_said_and_what_was_read_is_spooled_or_named() {
    let sandbox = Sandbox::new();
    let script = r#"
        message 0 | publish -q 'stdin:?id=id' --to sqlite:disk/q.db
        fill
        try() { code=0; "$@" 2>log || code=$?; echo "$code $(grep -cE 'make room|disk is full' log)"; }
        messages 1 2 3 >lines
        try publish 'stdin:?id=id' --to sqlite:disk/q.db <lines
        try publish 'stdin:?id=id' --to sqlite:disk/q.db --spool disk/spool.db <lines
        try publish 'stdin:?id=id' --to sqlite:disk/q.db --no-spool <lines
        try subscribe --from sqlite:disk/q.db --to sqlite:s.db
        rm disk/fill
        publish -q 'stdin:?id=id' --to sqlite:disk/q.db </dev/null
        subscribe -q --from sqlite:disk/q.db --to sqlite:s.db
        stored s.db"#;
    let Some(run) = on_a_small_disk(&sandbox, script) else { return };
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let told: Vec<_> = run.stdout.lines().collect();
    let codes: Vec<_> = told.iter().take(4).map(|line| &line[..2]).collect();
    assert_eq!(codes, ["75", "69", "69", "69"], "{}", run.stdout);
    assert!(told[..4].iter().all(|line| !line.ends_with(" 0")), "{}", run.stdout);
    assert_eq!(told[4..], ["4"], "{}", run.stdout);
}

#[test]
fn a_limit_on_the_size_of_files_is_no_messages_fault() {
    let sandbox = Sandbox::new();
    let line = |n: u32| format!("{{\"id\":\"{n}\",\"pad\":\"{}\"}}\n", "x".repeat(60_000));
    let lines: String = (0..8).map(line).collect();
    sandbox.publish().args("stdin:?id=id --to sqlite:q.db").stdin(lines).run().expect(0);
    let drain = || sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db --max-attempts 1");
    // In blocks of 512 or 1024 bytes.
    let run = drain().through_shell("ulimit -f 200; exec \"$@\"").run().expect(69);
    assert!(run.stderr.contains("disk I/O error"), "{}", run.stderr);
    let run = drain().run().expect(0);
    assert!(run.stderr.contains("8 received, 8 stored"), "{}", run.stderr);
}

#[test]
fn a_store_that_is_removed_or_replaced_under_a_follower_is_noticed_before_anything_is_acknowledged()
{
    for gone in ["rm s.db*", "mkdir old; mv s.db* old", "cp s.db other.db; mv other.db s.db"] {
        let sandbox = Sandbox::new();
        let script = r#"
            subscribe --follow --max-attempts 1 -v --from sqlite:q.db --to sqlite:s.db 2>log & pid=$!
            message 1 | publish -q 'stdin:?id=id' --to sqlite:q.db
            until_so '[ "$(stored s.db)" = 1 ]'
            sqlite3 s.db 'pragma wal_checkpoint(truncate)' >/dev/null
            eval "$GONE"
            messages 2 3 | publish -q 'stdin:?id=id' --to sqlite:q.db
            until_so 'sqlite3 -readonly s.db "select group_concat(id, char(44)) from (select id from messages order by id)" 2>/dev/null | grep -q "2,3"'
            echo "dead $(dead)"
            kill -TERM $pid; wait $pid || echo "exit $?""#;
        let path = std::env::var("PATH").unwrap_or_default();
        let program = sandbox.shell(&format!("set -eu\n{WORDS}\n{script}"), "bash");
        let program = program.env("PATH", format!("{}:{path}", programs().display()));
        let run = program.env("GONE", gone).run();
        let log = std::fs::read_to_string(sandbox.path("log")).expect("the log");
        assert_eq!(run.stdout, "dead 0\nexit 143\n", "{gone}: {}\n{log}", run.stderr);
        assert!(log.contains("was removed or replaced"), "{gone}: {log}");
    }
}
