//! Every command that a hint names is whole: it runs as it stands, whatever the URL looks like.

use crate::support::built::programs;
use crate::support::emulator::Name;
use crate::support::sandbox::{Program, Run, Sandbox};
use crate::support::services;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// A file's name that a shell would take apart.
const ODD: &str = "it's $HOME & mine.db";

/// The URL of a queue in that file.
fn odd_url() -> String {
    format!("sqlite:{ODD}?queue=a%26b c")
}

/// The commands of our programs, and of the system's, that a run names.
fn commands(run: &Run) -> Vec<String> {
    let starts = ["queue ", "publish ", "subscribe ", "mkdir ", "chmod ", "gcloud "];
    let told = format!("{}{}", run.stdout, run.stderr);
    let spans = told.split('`').skip(1).step_by(2);
    let named = spans.filter(|span| starts.iter().any(|start| span.starts_with(start)));
    named.map(str::to_owned).collect()
}

/// Runs the only command that a run names, as a person would who copies it.
#[track_caller]
fn follow(sandbox: &Sandbox, run: &Run, prepare: impl Fn(Program) -> Program) -> Run {
    let named = commands(run);
    let [command] = named.as_slice() else { panic!("{named:?}: {} {}", run.stdout, run.stderr) };
    let path = std::env::var("PATH").expect("a path");
    let path = format!("{}:{path}", programs().display());
    prepare(sandbox.shell(command, "sh").env("PATH", path)).run()
}

fn alone(program: Program) -> Program {
    program
}

#[test]
fn where_dead_letters_are_is_a_command_that_shows_them() {
    let sandbox = Sandbox::new();
    for url in ["sqlite:q.db".to_owned(), odd_url(), "sqlite:".to_owned()] {
        sandbox.publish().arg("--to").arg(&url).stdin("[1]\n").run().expect(0);
        let run = sandbox.subscribe().args("--to sqlite:s.db --from").arg(&url).run().expect(65);
        let shown = follow(&sandbox, &run, alone).expect(0);
        assert!(shown.stdout.contains("[1]"), "{}", shown.stdout);
        let drop = sandbox.queue().args("dead drop --id nobody --").arg(&url).run().expect(1);
        let shown = follow(&sandbox, &drop, alone).expect(0);
        assert!(shown.stdout.contains("[1]"), "{}", shown.stdout);
    }
}

#[test]
fn what_a_queue_refused_is_shown_by_the_command_that_is_named() {
    let sandbox = Sandbox::new();
    let publish = |line: &str| {
        let program = sandbox.publish().args("stdin:?id=id --to").arg(odd_url());
        program.stdin(format!("{line}\n")).run()
    };
    publish("{\"id\":\"a\",\"n\":1}").expect(0);
    let run = publish("{\"id\":\"a\",\"n\":2}").expect(65);
    let shown = follow(&sandbox, &run, alone).expect(0);
    assert!(shown.stdout.contains("\"n\":2"), "{}", shown.stdout);
}

#[test]
fn a_queue_of_another_topic_is_deleted_by_the_command_that_is_named() {
    let sandbox = Sandbox::new();
    let create = |topic: &str| {
        let url = format!("{}&topic={topic}", odd_url());
        sandbox.queue().arg("create").arg(url).run()
    };
    create("one").expect(0);
    let run = create("other").expect(78);
    follow(&sandbox, &run, alone).expect(0);
    create("other").expect(0);
}

#[test]
fn a_damaged_file_is_repaired_by_the_command_that_is_named() {
    let sandbox = Sandbox::new();
    let lines: String = (0..300).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    sandbox.publish().arg("--to").arg(odd_url()).stdin(lines).run().expect(0);
    let mut bytes = fs::read(sandbox.path(ODD)).expect("the file");
    let length = bytes.len();
    bytes[length - 4096..].fill(0);
    sandbox.write(ODD, bytes);
    let run = sandbox.queue().arg("verify").arg(ODD).run();
    let shown = follow(&sandbox, &run, alone);
    assert!([0, 65].contains(&shown.code), "{} {}", shown.stdout, shown.stderr);
    assert!(sandbox.path(&format!("{ODD}.repaired")).exists(), "{}", shown.stdout);
}

#[test]
fn a_folder_and_a_files_mode_are_mended_by_the_commands_that_are_named() {
    let sandbox = Sandbox::new();
    let store = "my & 'store";
    let thumbnails = || sandbox.subscribe().args("--from sqlite:q.db --create --to");
    let run = thumbnails().arg(format!("thumbnail:file:{store}")).run().expect(78);
    follow(&sandbox, &run, alone).expect(0);
    assert!(sandbox.path(store).is_dir());

    let token = sandbox.write("my & token", "token");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).expect("a mode");
    let poll = sandbox.publish().args("nature-remo:?endpoint=http://127.0.0.1:1 --to sqlite:q.db");
    let run = poll.env("NATURE_REMO_TOKEN_FILE", &token).run().expect(69);
    follow(&sandbox, &run, alone).expect(0);
    let mode = fs::metadata(&token).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_is_missing_on_a_service_is_made_by_the_command_that_is_named() {
    let sandbox = Sandbox::new();
    let name = format!("h{}", uuid::Uuid::now_v7().simple());
    let on_sqs = |program: Program| {
        let variables = services::sqs_variables();
        variables.iter().fold(program, |program, (name, value)| program.env(name, value))
    };
    let url = format!("sqs:{name}");
    for arguments in ["stats", "check --from"] {
        let run = on_sqs(sandbox.queue().args(arguments).arg(&url)).run().expect(69);
        follow(&sandbox, &run, on_sqs).expect(0);
        on_sqs(sandbox.queue().args(arguments).arg(&url)).run();
        on_sqs(sandbox.queue().args("delete --yes").arg(&url)).run().expect(0);
    }
    let host = services::pubsub_emulator();
    let on_pubsub = |program: Program| program.env("PUBSUB_EMULATOR_HOST", &host);
    let name = Name::new("kakehi-hints", "hint-");
    let url = format!("pubsub://kakehi-hints/{name}");
    let check = || on_pubsub(sandbox.queue().args("check --queue").arg(&url)).run();
    let run = check().expect(69);
    follow(&sandbox, &run, on_pubsub).expect(0);
    check().expect(0);
}

/// The lines of the product that are code.
fn code(folder: &Path, lines: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            code(&path, lines);
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        let product = text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
        let product = product.filter(|line| !line.trim_start().starts_with("//"));
        lines.extend(product.map(|line| format!("{}: {}", path.display(), line.trim())));
    }
}

#[test]
fn every_command_in_a_hint_is_made_in_one_place() {
    let mut lines = Vec::new();
    code(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut lines);
    // What has no URL or path of the user's in it; all else is `hint::command`'s.
    let whole = [
        "`queue --help`",
        "`store --help`",
        "`publish stdin: < FILE`",
        "`cargo install --path . --features {feature}`",
        "`gcloud auth application-default login`",
        "`aws sso login`",
    ];
    let starts =
        ["queue", "publish", "subscribe", "store", "mkdir", "chmod", "gcloud", "aws", "cargo"];
    let starts = starts.map(|program| format!("`{program} "));
    let by_hand = lines.iter().filter(|line| {
        let bare = whole.iter().fold((*line).clone(), |line, known| line.replace(known, ""));
        starts.iter().any(|start| bare.contains(start))
    });
    let by_hand: Vec<_> = by_hand.collect();
    assert!(by_hand.is_empty(), "{by_hand:#?}");
}
