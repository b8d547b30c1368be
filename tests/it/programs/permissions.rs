//! What a program may not read or write is told with whose it is, and as whom the program runs.

use crate::support::queue_file::publish_all;
use crate::support::sandbox::{Program, Sandbox};
use crate::support::system::is_root;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// A program that is no root's, who may do everything.
fn program(sandbox: &Sandbox, name: &str) -> Program {
    let built = Path::new(env!("CARGO_BIN_EXE_publish")).with_file_name(name);
    if !is_root() {
        return sandbox.command(built);
    }
    fs::copy(built, sandbox.path(name)).expect("a copy");
    let words = format!("--reuid=65534 --regid=65534 --clear-groups ./{name}");
    sandbox.command("setpriv").args(&words)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

/// What is told of a file or folder of this mode.
fn told(path: &Path, mode: &str) -> String {
    let name = |id: &str| {
        let run = std::process::Command::new("id").args(["-un", id]).output().expect("`id`");
        String::from_utf8(run.stdout).expect("UTF-8").trim().to_owned()
    };
    let owner = name(&fs::metadata(path).expect("it is there").uid().to_string());
    let user = if is_root() { name("65534") } else { owner.clone() };
    format!("`{}` belongs to {owner}, mode {mode}, and this runs as {user}", path.display())
}

#[test]
fn a_file_or_folder_that_a_program_may_not_use_is_told_with_its_owner_and_its_user() {
    let sandbox = Sandbox::new();
    set_mode(sandbox.dir(), 0o755);
    publish_all(&sandbox, "a");
    let (queue, token, folder) =
        (sandbox.path("q.db"), sandbox.write("token", "secret\n"), sandbox.path("closed"));
    fs::create_dir(&folder).expect("a folder");
    for path in [&queue, &token] {
        set_mode(path, 0o000);
    }
    set_mode(&folder, 0o555);
    let store = sandbox.path("objects");
    fs::create_dir(&store).expect("a folder");
    set_mode(&store, 0o555);
    for (name, words, path, mode) in [
        ("queue", "stats sqlite:q.db", &queue, "0000"),
        ("subscribe", "--from sqlite:q.db --to stdout:", &queue, "0000"),
        ("publish", "stdin: --to sqlite:closed/q.db --no-spool", &folder, "0555"),
        ("publish", "stdin: --to sqlite:closed/new/q.db --no-spool", &folder, "0555"),
        ("publish", "nature-remo: --to sqlite:closed/q.db --no-spool", &token, "0000"),
    ] {
        let program = program(&sandbox, name).args(words).env("NATURE_REMO_TOKEN_FILE", &token);
        let run = program.stdin("{}\n").run();
        let told = told(path, mode);
        assert!(
            run.code != 0 && run.stderr.contains(&told),
            "{words}: no {told} in\n{}",
            run.stderr
        );
    }
    set_mode(&folder, 0o000);
    let run = program(&sandbox, "queue").args("stats sqlite:closed/q.db").run();
    let told = told(&folder, "0000");
    assert!(run.stderr.contains(&told), "no {told} in\n{}", run.stderr);
    set_mode(&folder, 0o755);
}
