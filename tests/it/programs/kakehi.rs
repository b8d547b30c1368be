//! `kakehi` holds every program, and the others are ways to it: what either does, the other does.

use crate::support::built::programs;
use crate::support::documents::root;
use crate::support::process::Process;
use crate::support::sandbox::{Program, Run, Sandbox};
use kakehi::cli::programs::PROGRAMS;
use nix::sys::signal::Signal;
use std::fs;

/// `kakehi`, with this first argument.
fn kakehi(sandbox: &Sandbox, word: &str) -> Program {
    sandbox
        .shell("exec \"$0\" \"$@\"", programs().join("kakehi").to_str().expect("UTF-8"))
        .arg(word)
}

/// `publish` as packages have it.
fn packaged(sandbox: &Sandbox, _: &str) -> Program {
    sandbox.shell("exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_door"))
}

/// The program of this name, by its own door.
fn by_its_door(sandbox: &Sandbox, name: &str) -> Program {
    sandbox.shell("exec \"$0\" \"$@\"", programs().join(name).to_str().expect("UTF-8"))
}

/// The exit code and all that a run in a sandbox of its own said, but for how long it took.
fn outcome(program: fn(&Sandbox, &str) -> Program, name: &str, arguments: &str) -> Run {
    let sandbox = Sandbox::new();
    let run = program(&sandbox, name).args(arguments).stdin("{\"a\":1}\nno JSON\n").run();
    let folder = sandbox.dir().to_str().expect("UTF-8");
    Run { stderr: without_seconds(&run.stderr.replace(folder, "FOLDER")), ..run }
}

/// Lines without the seconds that a summary tells, `in 0.1 s`.
fn without_seconds(said: &str) -> String {
    let is_time = |word: &str| word.contains('.') && word.parse::<f64>().is_ok();
    let words = said.split(' ').map(|word| if is_time(word) { "SECONDS" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn kakehi_lists_every_program_in_one_line() {
    let sandbox = Sandbox::new();
    let program = sandbox.shell("exec \"$0\"", programs().join("kakehi").to_str().expect("UTF-8"));
    let run = program.run().expect(0);
    let (_, list) = run.stdout.split_once("Programs:\n").expect("a list");
    let list: Vec<_> = list.lines().take_while(|line| !line.is_empty()).collect();
    let told: Vec<_> =
        PROGRAMS.iter().map(|it| format!("  {:<9}  {}", it.name, it.line())).collect();
    assert_eq!(list, told);
    assert!(run.stdout.lines().all(|line| line.len() <= 80), "{}", run.stdout);
    let help = kakehi(&sandbox, "--help").run().expect(0);
    assert_eq!(help.stdout, run.stdout);
}

#[test]
fn the_list_of_programs_is_complete() {
    let doors = fs::read_dir(root().join("src/bin")).expect("the doors");
    let mut doors: Vec<_> = doors
        .map(|door| door.expect("a door").path().file_stem().expect("a name").to_owned())
        .filter(|name| name != "kakehi")
        .collect();
    let mut listed = PROGRAMS.map(|program| program.name).to_vec();
    doors.sort();
    listed.sort_unstable();
    assert_eq!(doors, listed);
}

#[test]
fn kakehi_tells_its_version_and_knows_no_other_word() {
    let sandbox = Sandbox::new();
    let run = kakehi(&sandbox, "--version").run().expect(0);
    assert_eq!(run.stdout, format!("kakehi {}\n", env!("CARGO_PKG_VERSION")));
    let run = kakehi(&sandbox, "pubish").run().expect(2);
    assert!(run.stderr.contains("'pubish'") && run.stderr.contains("'publish'"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

#[test]
fn a_program_does_the_same_by_its_door_and_within_kakehi() {
    for (name, arguments, code) in [
        ("publish", "--help", 0),
        ("publish", "-h", 0),
        ("publish", "--version", 0),
        ("publish", "--nonsense", 2),
        ("publish", "--to nonsense:x", 2),
        ("publish", "--generate completions:bash", 0),
        ("publish", "--to sqlite:q.db --summary none", 65),
        ("publish", "--to sqlite:q.db --every 0", 2),
        ("subscribe", "--help", 0),
        ("subscribe", "--version", 0),
        ("subscribe", "--from sqlite:missing.db --to stdout: --summary none", 69),
        ("queue", "--help", 0),
        ("queue", "", 2),
        ("queue", "dead list --help", 0),
        ("queue", "stats sqlite:missing.db", 69),
        ("store", "--help", 0),
        ("store", "latest sqlite:missing.db", 78),
    ] {
        let door = outcome(by_its_door, name, arguments);
        let mut others = vec![outcome(kakehi, name, arguments)];
        if name == "publish" {
            others.push(outcome(packaged, name, arguments));
        }
        for other in others {
            assert_eq!(door.stdout, other.stdout, "{name} {arguments}");
            assert_eq!(door.stderr, other.stderr, "{name} {arguments}");
            assert_eq!(door.code, other.expect(code).code, "{name} {arguments}");
        }
        if arguments == "--help" {
            assert!(door.stdout.contains(&format!("Usage: {name} ")), "{}", door.stdout);
        }
    }
}

#[test]
fn a_door_keeps_its_process_its_name_and_what_signals_do() {
    let sandbox = Sandbox::new();
    let program = packaged(&sandbox, "publish").args("nature-remo: --to sqlite:queue.db --every");
    let program = program.arg("0 0 0 29 2 *").env("NATURE_REMO_TOKEN", "made-up");
    let program = program.env("RUST_LOG", "kakehi::publish=debug");
    let mut process = Process::start(program, String::new(), false);
    process.wait_until("it waits", |it| it.said().contains("waiting for the next tick"));
    assert_eq!(process.facts("comm"), "publish\n");
    let called = format!("{}\0publish\0nature-remo:\0", env!("CARGO_BIN_EXE_door"));
    assert!(process.facts("cmdline").starts_with(&called), "{}", process.facts("cmdline"));
    process.signal(Signal::SIGTERM);
    assert_eq!(process.end().code, 143);
}

#[test]
fn a_door_alone_in_a_folder_says_what_is_missing() {
    let sandbox = Sandbox::new();
    let alone = sandbox.path("publish");
    fs::copy(env!("CARGO_BIN_EXE_door"), &alone).expect("a copy");
    let run = sandbox.shell("exec \"$0\" --version", alone.to_str().expect("UTF-8")).run();
    let run = run.expect(78);
    let holder = sandbox.path("kakehi");
    let what = format!("publish: cannot run `{}`\n", holder.display());
    assert!(run.stderr.starts_with(&what), "{}", run.stderr);
    assert!(run.stderr.contains("  because: No such file"), "{}", run.stderr);
    assert!(run.stderr.contains("  hint: `"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}
