//! The configuration file: which one is read, what it says below the environment, and what is told of it.

use crate::support::process::Process;
use crate::support::sandbox::{Program, Sandbox};
use nix::sys::signal::Signal;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::PathBuf;

/// Writes a file that its owner alone may read, with the folders that it is in.
fn private(sandbox: &Sandbox, name: &str, text: &str) -> PathBuf {
    let path = sandbox.path(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    fs::write(&path, text).expect("a file");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a mode");
    path
}

/// Has a program look for its file as it does for a user.
fn usual(program: Program) -> Program {
    program.env("KAKEHI_CONFIG", "")
}

/// The lines of `--show-config` behind the first paragraph, as words with one space between them.
fn shown(program: Program) -> Vec<String> {
    let run = program.arg("--show-config").run().expect(0);
    assert_eq!(run.stderr, "");
    let (_, lines) = run.stdout.split_once("\n\n").expect("a first paragraph");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    lines.lines().map(words).collect()
}

#[test]
fn a_bare_program_speaks_of_the_pipeline_that_the_file_names() {
    let sandbox = Sandbox::new();
    let (queue, sink) = (sandbox.path("of cron.db"), sandbox.path("kept.db"));
    let text = format!(
        "# cron's\nKAKEHI_QUEUE='sqlite:{}'\nKAKEHI_SINK=\"sqlite:{}\"\n",
        queue.display(),
        sink.display()
    );
    private(&sandbox, ".config/kakehi/env", &text);
    usual(sandbox.publish()).stdin("{\"a\":1}\n{\"a\":2}\n").run().expect(0);
    let stats = usual(sandbox.queue()).args("stats --json").run().expect(0);
    assert!(stats.stdout.contains("\"ready\":2"), "{}", stats.stdout);
    assert!(queue.exists() && !sandbox.path(".local/share/kakehi/queue.db").exists());
    usual(sandbox.subscribe()).run().expect(0);
    assert!(sink.exists());
    // What the environment says stands above it; without a file the queue is another one.
    let url = format!("sqlite:{}", sandbox.path("shell.db").display());
    let other = usual(sandbox.queue()).args("stats").env("KAKEHI_QUEUE", url).run().expect(69);
    assert!(other.stderr.contains("shell.db"), "{}", other.stderr);
    let none = sandbox.queue().args("stats").run().expect(69);
    assert!(none.stderr.contains(".local/share/kakehi/queue.db"), "{}", none.stderr);
}

#[test]
fn the_file_that_is_named_comes_before_the_users() {
    let sandbox = Sandbox::new();
    let line = |name: &str| format!("KAKEHI_QUEUE='sqlite:{name}.db'\n");
    private(&sandbox, ".config/kakehi/env", &line("home"));
    private(&sandbox, "xdg/kakehi/env", &line("xdg"));
    let named = private(&sandbox, "named", &line("named"));
    let queue = |program: Program| {
        let mut lines = shown(program).into_iter();
        lines.find(|line| line.starts_with("KAKEHI_QUEUE ")).expect("a line")
    };
    let in_xdg = |program: Program| program.env("XDG_CONFIG_HOME", sandbox.path("xdg"));
    assert_eq!(queue(usual(sandbox.queue())), "KAKEHI_QUEUE line 1 sqlite:home.db");
    assert_eq!(queue(in_xdg(usual(sandbox.queue()))), "KAKEHI_QUEUE line 1 sqlite:xdg.db");
    let program = in_xdg(sandbox.queue()).env("KAKEHI_CONFIG", &named);
    assert_eq!(queue(program), "KAKEHI_QUEUE line 1 sqlite:named.db");
    // An empty XDG folder leads on to the machine's file, not to the home.
    let empty = usual(sandbox.queue()).env("XDG_CONFIG_HOME", sandbox.path("empty"));
    assert!(!queue(empty).contains("home.db"));
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_nothing_of_it_shown() {
    let sandbox = Sandbox::new();
    for (text, line, because) in [
        ("A='a'\nhunter2\n", 2, "it has no `=`"),
        ("export MONGODB_PASSWORD=hunter2\n", 1, "`export`"),
        ("A=a\n\nMONGODB_PASSWORD='hunter2\n", 3, "not closed"),
    ] {
        let path = private(&sandbox, "file", text);
        for program in
            [sandbox.publish(), sandbox.subscribe(), sandbox.queue().arg("stats"), sandbox.store()]
        {
            let run = program.env("KAKEHI_CONFIG", &path).run();
            // `store` without an action has its help to tell.
            if run.code == 2 {
                continue;
            }
            let run = run.expect(78);
            let what = format!("cannot read line {line} of `{}`\n", path.display());
            assert!(run.stderr.contains(&what), "{}", run.stderr);
            assert!(
                run.stderr.contains(because) && !run.stderr.contains("hunter2"),
                "{}",
                run.stderr
            );
        }
        // Help is there all the same.
        sandbox.queue().arg("--help").env("KAKEHI_CONFIG", &path).run().expect(0);
    }
}

#[test]
fn a_file_that_is_named_and_not_there_is_an_error() {
    let sandbox = Sandbox::new();
    for name in ["missing", "."] {
        let run = sandbox.queue().arg("stats").env("KAKEHI_CONFIG", name).run().expect(78);
        let what = format!("queue: cannot read the configuration file `{name}`\n");
        assert!(run.stderr.starts_with(&what), "{}", run.stderr);
        assert!(run.stderr.contains("hint: name a file in `KAKEHI_CONFIG`"), "{}", run.stderr);
    }
}

#[test]
fn secrets_that_others_may_read_are_warned_of() {
    let sandbox = Sandbox::new();
    let secret = "NATURE_REMO_TOKEN='hunter2'\n";
    for (text, mode, warns) in [
        (secret, 0o600, false),
        (secret, 0o640, false),
        (secret, 0o644, true),
        (secret, 0o602, true),
        ("KAKEHI_SINK='mongodb://me:hunter2@h/d'\n", 0o644, true),
        ("KAKEHI_SINK='sqlite:a.db'\nNATURE_REMO_TOKEN_FILE='/f'\n", 0o644, false),
    ] {
        let path = private(&sandbox, "my file", text);
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
        let publish = |words: &str| {
            let program = sandbox.publish().args("stdin: --to sqlite:q.db --summary none");
            let program = program.args(words).stdin("{\"a\":1}\n");
            program.env("KAKEHI_CONFIG", &path).run().expect(0).stderr
        };
        let said = publish("");
        assert_eq!(said.contains("everybody on this machine"), warns, "{mode:o} {text}: {said}");
        assert_eq!(said.lines().count(), usize::from(warns), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        let command = format!("`chmod o-rw '{}'`", path.display());
        assert_eq!(said.contains(&command), warns, "{said}");
        assert_eq!(publish("--quiet"), "");
    }
}

#[test]
fn a_file_that_we_may_not_read_is_one_warning() {
    let sandbox = Sandbox::new();
    let path = private(&sandbox, ".config/kakehi/env", "KAKEHI_QUEUE='sqlite:/nowhere/q.db'\n");
    let root = fs::metadata("/proc/self").expect("a process").uid() == 0;
    let program = match root {
        true => {
            for folder in [".", ".config", ".config/kakehi"] {
                chown(sandbox.path(folder), Some(65534), Some(65534)).expect("root may");
            }
            fs::copy(env!("CARGO_BIN_EXE_publish"), sandbox.path("publish")).expect("a copy");
            let words = "--reuid=65534 --regid=65534 --clear-groups ./publish";
            sandbox.command("setpriv").args(words)
        }
        false => {
            fs::set_permissions(&path, Permissions::from_mode(0o000)).expect("a mode");
            sandbox.publish()
        }
    };
    let program = usual(program).args("stdin: --to sqlite:q.db --summary none");
    let run = program.stdin("{\"a\":1}\n").run().expect(0);
    let what =
        format!("the configuration file `{}` is not read: Permission denied", path.display());
    assert!(run.stderr.contains(&what), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

#[test]
fn what_is_configured_is_shown_with_where_it_stands() {
    let sandbox = Sandbox::new();
    let text = "# the pipeline\nKAKEHI_SINK='mongodb://me:hunter2@db/home'\nSQL_USERNAME=me\n\
                REDIS_PASSWORD='hunter2'\nMONGODB_PASSWORD='hunter2'\nOTHER=x\n";
    let path = private(&sandbox, "file", text);
    let configured = |program: Program| {
        let program = program.env("KAKEHI_CONFIG", &path).env("SQL_USERNAME", "shell");
        program.env("MONGODB_PASSWORD_FILE", "/f").env("HTTP_TOKEN", "hunter2").env("NO", "x")
    };
    let queue = sandbox.path(".local/share/kakehi/queue.db");
    let expected = [
        "HTTP_TOKEN environment (hidden)".to_owned(),
        format!("KAKEHI_CONFIG environment {}", path.display()),
        format!("KAKEHI_QUEUE default sqlite:{}", queue.display()),
        "KAKEHI_SINK line 2 mongodb://db/home".to_owned(),
        "MONGODB_PASSWORD environment, not line 5 (not used)".to_owned(),
        "MONGODB_PASSWORD_FILE environment /f".to_owned(),
        "OTHER line 6 x".to_owned(),
        "REDIS_PASSWORD line 4 (hidden)".to_owned(),
        "SQL_USERNAME environment, not line 3 shell".to_owned(),
    ];
    for program in [
        sandbox.publish(),
        sandbox.subscribe(),
        sandbox.queue(),
        sandbox.queue().arg("stats"),
        sandbox.store(),
    ] {
        assert_eq!(shown(configured(program)), expected);
    }
    let run = configured(sandbox.store()).arg("--show-config").run().expect(0);
    assert!(run.stdout.starts_with(&format!("file: {}\n\n", path.display())), "{}", run.stdout);
    let none = usual(sandbox.store()).arg("--show-config").run().expect(0);
    let usual = format!("nor {}", sandbox.path(".config/kakehi/env").display());
    assert!(none.stdout.contains(&usual) || fs::exists("/etc/kakehi/env").unwrap_or(true));
}

#[test]
fn what_libraries_read_themselves_stands_in_the_processs_own_environment() {
    let sandbox = Sandbox::new();
    let lines = "AWS_CONFIG_FILE='/nowhere'\nKAKEHI_QUEUE='sqlite:queue.db'\nNATURE_REMO_TOKEN=x\n";
    let path = private(&sandbox, "file", lines);
    let start = |program: Program| {
        let program = program.env("KAKEHI_CONFIG", &path).arg("nature-remo:");
        let program = program.args("--every @yearly");
        let program = program.env("RUST_LOG", "kakehi::publish=debug");
        let mut process = Process::start(program, String::new(), false);
        process.wait_until("it waits", |it| it.said().contains("waiting for the next tick"));
        process
    };
    let door = sandbox.command(env!("CARGO_BIN_EXE_door"));
    for (program, called) in
        [(sandbox.publish(), env!("CARGO_BIN_EXE_publish")), (door, env!("CARGO_BIN_EXE_door"))]
    {
        let mut process = start(program);
        assert!(process.facts("environ").contains("AWS_CONFIG_FILE=/nowhere\0"));
        assert_eq!(process.facts("comm"), "publish\n");
        assert!(process.facts("cmdline").starts_with(&format!("{called}\0")));
        assert!(process.facts("cmdline").contains("--every\0@yearly\0"));
        process.signal(Signal::SIGTERM);
        assert_eq!(process.end().code, 143);
    }
    // Of our own nothing is in it that everything which we start could see.
    private(&sandbox, "file", "NATURE_REMO_TOKEN=x\nKAKEHI_QUEUE='sqlite:queue.db'\n");
    let mut process = start(sandbox.publish());
    assert!(!process.facts("environ").contains("NATURE_REMO_TOKEN=x"));
    process.signal(Signal::SIGTERM);
    assert_eq!(process.end().code, 143);
}

#[test]
fn a_command_sees_what_the_file_says_but_for_secrets() {
    let sandbox = Sandbox::new();
    let path = private(&sandbox, "file", "MINE='of the file'\nSQL_PASSWORD='hunter2'\n");
    let publish = sandbox.publish().args("--to sqlite:q.db").stdin("{\"a\":1}\n");
    publish.run().expect(0);
    let program = sandbox.subscribe().args("--from sqlite:q.db --summary none --");
    let program = program.arg("sh").arg("-c").arg("echo \"$MINE$SQL_PASSWORD\"");
    let run = program.env("KAKEHI_CONFIG", path).run().expect(0);
    assert_eq!(run.stdout, "of the file\n");
}
