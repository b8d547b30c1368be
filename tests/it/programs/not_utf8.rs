//! Names, paths, variables and arguments that are not UTF-8: what can be used is used, and what
//! cannot is refused by name. Nothing panics, and whatever is printed is text.

use crate::support::process::Process;
use crate::support::sandbox::{Program, Run, Sandbox};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

const SOURCE: &str = "files:in/**/*?store=file:out&state=state";
/// Where nobody listens.
const NOBODY: &str = "127.0.0.1:1";

fn os(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

/// A sandbox with files to publish, some of whose names are no text.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    for folder in [&b"in"[..], b"out", b"in/d\xff"] {
        fs::create_dir(sandbox.dir().join(os(folder))).expect("a folder");
    }
    for name in [&b"in/a.jpg"[..], b"in/caf\xe9.jpg", b"in/\xff", b"in/d\xff/b.jpg", b"in/z.jpg"] {
        fs::write(sandbox.dir().join(os(name)), name).expect("a file");
    }
    sandbox
}

fn publish(sandbox: &Sandbox, source: &str) -> Program {
    sandbox.publish().arg(source).args("--to sqlite:queue.db --summary json")
}

#[track_caller]
fn counts(run: &Run, read: u64, published: u64, refused: u64) {
    let told: Value = serde_json::from_str(run.stderr.lines().last().expect("it")).expect("JSON");
    let found = ["read", "published", "refused"].map(|name| told[name].as_u64());
    assert_eq!(found, [Some(read), Some(published), Some(refused)], "{}", run.stderr);
}

#[test]
fn a_file_is_refused_by_its_name_once_and_the_others_go_on() {
    let sandbox = sandbox();
    let dry = publish(&sandbox, SOURCE).arg("--dry-run").run().expect(65);
    counts(&dry, 5, 0, 3);
    let run = publish(&sandbox, SOURCE).run().expect(65);
    counts(&run, 5, 2, 3);
    for name in ["in/caf\\xe9.jpg", "in/\\xff", "in/d\\xff/b.jpg"] {
        let line = format!("file `{name}` was refused: its name is not UTF-8");
        assert!(run.stderr.contains(&line), "{line}: {}", run.stderr);
    }
    counts(&publish(&sandbox, SOURCE).run().expect(0), 0, 0, 0);
    // What changed is told again, and what has another name is taken.
    fs::write(sandbox.dir().join(os(b"in/\xff")), "other").expect("a file");
    let from = sandbox.dir().join(os(b"in/caf\xe9.jpg"));
    fs::rename(from, sandbox.path("in/café.jpg")).expect("it");
    counts(&publish(&sandbox, SOURCE).run().expect(65), 2, 1, 1);
    counts(&publish(&sandbox, SOURCE).run().expect(0), 0, 0, 0);
    let state = fs::read_to_string(sandbox.path("state")).expect("it");
    assert!(state.contains("d\\\\xff") && !state.contains("xe9"), "{state}");
}

#[test]
fn a_file_that_is_too_large_is_told_once_and_taken_when_it_may_be_larger() {
    let sandbox = Sandbox::new();
    for folder in ["in", "out"] {
        fs::create_dir(sandbox.path(folder)).expect("a folder");
    }
    sandbox.write("in/large", "12345");
    let run = |max: usize| publish(&sandbox, &format!("{SOURCE}&max-size={max}")).run();
    counts(&run(4).expect(65), 1, 0, 1);
    counts(&run(4).expect(0), 0, 0, 0);
    counts(&run(3).expect(65), 1, 0, 1);
    counts(&run(5).expect(0), 1, 1, 0);
}

#[test]
fn a_check_names_what_will_be_refused() {
    let sandbox = sandbox();
    let run = sandbox.queue().args("check --source").arg(SOURCE).run().expect(0);
    assert!(run.stdout.contains("matches 5 files"), "{}", run.stdout);
    assert!(run.stdout.contains("`in/caf\\xe9.jpg` will be refused"), "{}", run.stdout);
}

#[test]
fn a_watch_refuses_what_was_there_and_what_comes() {
    let sandbox = sandbox();
    let source = format!("{SOURCE}&watch");
    let mut process = Process::start(publish(&sandbox, &source), String::new(), false);
    let stored = |name: &str| sandbox.path("out").join(name).exists();
    process.wait_until("it stores", |_| stored("a.jpg") && stored("z.jpg"));
    fs::write(sandbox.dir().join(os(b"in/new\xfe.jpg")), "x").expect("a file");
    sandbox.write("in/new.jpg", "x");
    process.wait_until("it stores", |_| stored("new.jpg"));
    process.wait_until("it refuses", |it| it.said().contains("`in/new\\xfe.jpg` was refused"));
    process.signal(Signal::SIGTERM);
    let end = process.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    assert_eq!(end.stderr.matches("`in/new\\xfe.jpg` was refused").count(), 1, "{}", end.stderr);
}

#[test]
fn a_glob_whose_part_is_none_is_refused() {
    let sandbox = sandbox();
    let run = publish(&sandbox, "files:in/[a/b]x?store=file:out").run().expect(2);
    assert!(run.stderr.contains("names no files"), "{}", run.stderr);
}

#[test]
fn an_argument_that_is_no_text_is_a_wrong_command_line() {
    let sandbox = Sandbox::new();
    for flag in [&b"\xff"[..], b"sqlite:\xff.db", b"--to=\xff", b"--batch=\xff", b"--\xff"] {
        for program in [sandbox.publish(), sandbox.subscribe(), sandbox.queue().arg("stats")] {
            let run = program.arg(os(flag)).run().expect(2);
            assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
        }
    }
    for action in ["verify", "repair"] {
        let run = sandbox.queue().arg(action).arg(os(b"\xff.db")).run().expect(78);
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    }
}

#[test]
fn a_variable_that_must_be_text_is_named() {
    let sandbox = Sandbox::new();
    for (name, program) in [
        ("KAKEHI_QUEUE", sandbox.publish()),
        ("KAKEHI_QUEUE", sandbox.queue().arg("stats")),
        ("KAKEHI_SINK", sandbox.subscribe()),
        ("RUST_LOG", sandbox.publish()),
        ("AWS_REGION", sandbox.publish().args("--to sqs:q")),
        ("PUBSUB_EMULATOR_HOST", sandbox.publish().args("--to pubsub://kakehi-not-utf8/readings")),
        ("NATURE_REMO_TOKEN", sandbox.publish().arg("nature-remo:")),
    ] {
        let run = program.env(name, os(b"\xff")).run().expect(78);
        assert!(run.stderr.contains(&format!("`{name}` is not UTF-8")), "{}", run.stderr);
    }
    // What nobody asks for is nobody's business.
    let program = sandbox.publish().env("OTHER", os(b"\xff")).env("KAKEHI_OTHER", os(b"\xfe"));
    program.stdin("{}\n").run().expect(0);
}

/// Runs a program in a folder whose name is no text.
fn within(program: Program, folder: &Path) -> Program {
    program.env("FOLDER", folder).through_shell("cd \"$FOLDER\" && exec \"$@\"")
}

#[test]
fn the_data_folder_may_be_anywhere() {
    for variable in ["HOME", "XDG_DATA_HOME"] {
        let sandbox = Sandbox::new();
        let home = sandbox.dir().join(os(b"h\xff"));
        fs::create_dir(&home).expect("a folder");
        let at = |program: Program| program.env(variable, &home);
        at(sandbox.publish()).stdin("{\"n\":1}\n").run().expect(0);
        let run = at(sandbox.subscribe().args("--lock")).run().expect(0);
        assert!(run.stderr.contains("1 stored"), "{}", run.stderr);
        let queue = "pubsub://kakehi-not-utf8/readings";
        let to = || at(sandbox.publish().args("--publish-timeout 1s --to").arg(queue));
        let spooled = to().env("PUBSUB_EMULATOR_HOST", NOBODY).stdin("{\"n\":2}\n").run();
        spooled.expect(75);
        let stats = at(sandbox.queue().arg("stats").arg(queue));
        let stats = stats.env("PUBSUB_EMULATOR_HOST", NOBODY).run().expect(69);
        assert!(
            stats.stdout.contains("spooled:   1") || stats.stdout.contains("spooled    1"),
            "{}",
            stats.stdout
        );
        let folder =
            if variable == "HOME" { home.join(".local/share/kakehi") } else { home.join("kakehi") };
        for file in ["queue.db", "store.db", "spool.db"] {
            assert!(folder.join(file).exists(), "{variable}: {file}");
        }
    }
}

#[test]
fn the_working_folder_may_be_anywhere() {
    let sandbox = sandbox();
    let folders: Vec<PathBuf> =
        [&b"w\xff"[..], b"w\xfe"].iter().map(|name| sandbox.dir().join(os(name))).collect();
    for folder in &folders {
        for name in ["in", "out"] {
            fs::create_dir_all(folder.join(name)).expect("a folder");
        }
        fs::write(folder.join("in/a.jpg"), "x").expect("a file");
        let source = "files:in/*?store=file:out";
        // Each folder has a state of its own.
        let run = within(publish(&sandbox, source), folder).run().expect(0);
        counts(&run, 1, 1, 0);
        counts(&within(publish(&sandbox, source), folder).run().expect(0), 0, 0, 0);
        assert!(folder.join("out/a.jpg").exists());
        let words = "--from sqlite:queue.db --to sqlite:store.db --lock";
        within(sandbox.subscribe().args(words), folder).run().expect(0);
        within(sandbox.queue().args("verify queue.db"), folder).run().expect(0);
        let repair = within(sandbox.queue().args("repair queue.db --yes --json"), folder);
        repair.run().expect(0);
        let full = folder.join("queue.db");
        let repair = sandbox.queue().args("repair --json").arg(&full).run().expect(0);
        let last: Value = serde_json::from_str(repair.stdout.trim_end()).expect("JSON");
        assert!(last["file"].as_str().expect("it").contains("/w\\xf"), "{last}");
        let forward = "--from sqlite:store.db --to forward:sqlite:queue.db";
        within(sandbox.subscribe().args(forward), folder).run().expect(78);
    }
    // A byte of a path may be written as it is in every URL of a file.
    let to = "--from sqlite:w%ff/queue.db --to sqlite:w%fe/store.db";
    sandbox.subscribe().args(to).run().expect(0);
}

#[test]
fn a_command_may_have_any_name_arguments_and_variables() {
    let sandbox = Sandbox::new();
    let bin = sandbox.dir().join(os(b"bin\xff"));
    fs::create_dir(&bin).expect("a folder");
    let script = bin.join(os(b"tell\xfe"));
    fs::write(&script, "#!/bin/sh\nprintf '%s|%s|' \"$1\" \"$ODD\" >told\n").expect("a file");
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it");
    let path = [bin.as_os_str().as_bytes(), b":/usr/bin:/bin"].concat();
    for name in [script.as_os_str(), os(b"tell\xfe")] {
        sandbox.publish().args("--to sqlite:q.db").stdin("{}\n").run().expect(0);
        let program = sandbox.subscribe().args("--from sqlite:q.db --").arg(name);
        let program = program.arg(os(b"arg\xfd")).env("ODD", os(b"\xfc")).env("PATH", os(&path));
        program.run().expect(0);
        assert_eq!(fs::read(sandbox.path("told")).expect("it"), b"arg\xfd|\xfc|");
        fs::remove_file(sandbox.path("told")).expect("it");
    }
    let none = sandbox.subscribe().args("--from sqlite:q.db --").arg(os(b"none\xfe"));
    let none = none.run().expect(78);
    assert!(none.stderr.contains("cannot run `none\\xfe`"), "{}", none.stderr);
}

#[test]
fn a_secret_may_be_in_a_file_of_any_name() {
    let sandbox = Sandbox::new();
    let file = sandbox.dir().join(os(b"token\xff"));
    fs::write(&file, "").expect("a file");
    let program = sandbox.publish().arg("nature-remo:").env("NATURE_REMO_TOKEN_FILE", &file);
    let run = program.run().expect(78);
    assert!(run.stderr.contains("the file is empty"), "{}", run.stderr);
}
