//! The recipes of `docs/recipes.md`: each section runs as it stands, from a fresh home.

use crate::support::built::programs;
use crate::support::documents::{blocks, read};
use crate::support::mongo_client::connect;
use crate::support::sandbox::{Run, Sandbox};
use crate::support::services;
use mongodb::bson::{Document, doc};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

const READINGS: &str = r#"{"id":"study@09:00","room":"study","at":"2025-11-26T09:00:00Z","te":21.5}
{"id":"study@09:05","room":"study","at":"2025-11-26T09:05:00Z","te":21.7}
{"id":"kitchen@09:00","room":"kitchen","at":"2025-11-26T09:00:00Z","te":19.5}
"#;

/// The other host: its commands run in a folder of their own.
const SSH: &str = "#!/bin/sh\nmkdir -p \"$HOME/$1\" && cd \"$HOME/$1\" && exec sh -c \"$2\"\n";

/// What a section says when it runs, a section each: a new recipe needs a line here.
const TOLD: [(&str, &[&str]); 21] = [
    ("Publish the lines of a file, each once", &["3 published", "0 published, 3 duplicate"]),
    ("See what would be published, and publish nothing", &["kitchen@09:00"]),
    ("Look at what waits, then store it", &["ready", "3 received, 3 stored"]),
    ("Try a sink with nothing acknowledged", &["3 received", r#""te":19.5"#]),
    ("Choose and reshape on the way", &[r#"{"room":"study","te":21.7}"#, "1 filtered"]),
    ("Run a command for each message", &["3 received, 3 stored"]),
    ("Two readers of what is published once", &["3 received, 3 stored", "1 filtered"]),
    ("Several queues in one file", &["3 published", "kitchen", "study"]),
    ("Publish later", &["1 published", "scheduled"]),
    ("In order, where it matters", &["3 received, 3 stored"]),
    ("Not more than ten a second", &["3 received, 3 stored"]),
    ("Stay, and write what comes at once", &["3 received, 3 stored"]),
    ("From one host to another", &["3 read, 3 published", "3 received, 3 stored"]),
    ("To another broker", &["3 received, 3 stored"]),
    ("From the store in a file to MongoDB", &["3 received, 3 stored", "3 stored"]),
    ("A spreadsheet", &["3 received, 3 stored"]),
    ("Publish again what was stored", &["3 read, 3 published"]),
    (
        "Back up, while everything goes on",
        &["3 received, 3 stored", "pages, indexes and rows are whole"],
    ),
    ("Keep a year", &["3 received, 3 stored"]),
    ("Upgrade", &["pages, indexes and rows are whole"]),
    ("Uninstall", &["ready"]),
];

/// The sections that have commands, each with its title.
fn sections(page: &str) -> Vec<(&str, String)> {
    let sections = page.split("\n## ").skip(1).filter_map(|section| {
        let (title, text) = section.split_once('\n')?;
        let (blocks, _) = blocks(text);
        let lines = blocks.into_iter().flatten().collect::<Vec<_>>().join("\n");
        (!lines.is_empty()).then_some((title, lines))
    });
    sections.collect()
}

fn script_of(title: &str) -> String {
    let page = read("docs/recipes.md");
    let section = sections(&page).into_iter().find(|(known, _)| *known == title);
    section.unwrap_or_else(|| panic!("no recipe `{title}`")).1
}

/// A home with the readings, and a host of that name beside it.
fn home() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("readings.jsonl", READINGS);
    std::fs::create_dir(sandbox.path("bin")).expect("a folder");
    let ssh = sandbox.write("bin/ssh", SSH);
    std::fs::set_permissions(ssh, PermissionsExt::from_mode(0o755)).expect("it can be run");
    sandbox
}

fn read_from(sandbox: &Sandbox, name: &str) -> String {
    std::fs::read_to_string(sandbox.path(name)).unwrap_or_else(|cause| panic!("{name}: {cause}"))
}

fn run(sandbox: &Sandbox, script: &str, variables: &[(&str, String)]) -> Run {
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{}:{path}", sandbox.path("bin").display(), programs().display());
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(sandbox.dir())
        .env_clear()
        .env("HOME", sandbox.dir())
        .env("PATH", path)
        .env("KAKEHI_CONFIG", "/dev/null")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .expect("bash starts");
    Run::of(output)
}

/// Runs a section as it stands, and expects what it is to say.
#[track_caller]
fn expect(sandbox: &Sandbox, title: &str, script: &str, variables: &[(&str, String)]) -> Run {
    let run = run(sandbox, script, variables).expect(0);
    let said = format!("{}\n{}", run.stdout, run.stderr);
    let (_, told) = TOLD.iter().find(|(known, _)| *known == title).expect("a known recipe");
    for words in *told {
        assert!(said.contains(words), "`{title}` does not say `{words}`:\n{said}");
    }
    run
}

#[track_caller]
fn follow(title: &str) -> Sandbox {
    let sandbox = home();
    expect(&sandbox, title, &script_of(title), &[]);
    sandbox
}

#[test]
fn each_recipe_is_run_by_a_test() {
    let page = read("docs/recipes.md");
    let titles: Vec<_> = sections(&page).into_iter().map(|(title, _)| title).collect();
    assert_eq!(titles, TOLD.map(|(title, _)| title));
}

#[test]
fn recipes_that_only_say_what_they_did() {
    for title in [
        "Publish the lines of a file, each once",
        "See what would be published, and publish nothing",
        "Look at what waits, then store it",
        "Try a sink with nothing acknowledged",
        "Choose and reshape on the way",
        "Two readers of what is published once",
        "Several queues in one file",
        "Publish later",
        "In order, where it matters",
        "Not more than ten a second",
        "Publish again what was stored",
        "Upgrade",
    ] {
        follow(title);
    }
}

#[test]
fn what_was_tried_is_still_in_the_queue() {
    let sandbox = follow("Try a sink with nothing acknowledged");
    let again = sandbox.subscribe().args("--from sqlite:queue.db --to stdout:").run().expect(0);
    assert_eq!(again.stdout.lines().count(), 3, "{}", again.stderr);
}

#[test]
fn a_command_makes_something_of_each_message() {
    let sandbox = follow("Run a command for each message");
    let made = read_from(&sandbox, "made-kitchen@09:00.json");
    assert!(made.contains(r#""te":19.5"#), "{made}");
}

#[test]
fn a_follower_stays_for_its_time() {
    let sandbox = home();
    let title = "Stay, and write what comes at once";
    let script = script_of(title).replace("--max-time 1h", "--max-time 2s");
    expect(&sandbox, title, &script, &[]);
}

#[test]
fn another_host_has_what_this_one_sent() {
    let sandbox = follow("From one host to another");
    let there = sandbox.queue().args("stats --json sqlite:store.example/queue.db").run().expect(0);
    assert!(there.stdout.contains(r#""ready":3"#), "{}", there.stdout);
    let here = sandbox.queue().args("stats --json sqlite:queue.db").run().expect(0);
    assert!(here.stdout.contains(r#""ready":0"#), "{}", here.stdout);
}

#[test]
fn another_host_that_cannot_be_reached_loses_nothing() {
    let sandbox = home();
    let ssh = sandbox.write("bin/ssh", "#!/bin/sh\nexit 255\n");
    std::fs::set_permissions(ssh, PermissionsExt::from_mode(0o755)).expect("it can be run");
    let failed = run(&sandbox, &script_of("From one host to another"), &[]);
    assert_ne!(failed.code, 0, "{}", failed.stderr);
    let here = sandbox.queue().args("stats --json sqlite:queue.db").run().expect(0);
    assert!(here.stdout.contains(r#""dead":0"#), "{}", here.stdout);
    assert!(!here.stdout.contains(r#""total":0"#), "{}", here.stdout);
}

#[test]
fn a_broker_takes_what_waits() {
    let sandbox = home();
    let title = "To another broker";
    let name = format!("recipes-{}", uuid::Uuid::now_v7().simple());
    let script = script_of(title).replace("my-project", &name);
    let emulator = [("PUBSUB_EMULATOR_HOST", services::pubsub_emulator())];
    let made = format!("publish stdin: --to pubsub://{name}/readings --create </dev/null");
    run(&sandbox, &made, &emulator).expect(0);
    expect(&sandbox, title, &script, &emulator);
}

#[tokio::test]
async fn a_store_goes_to_mongodb() {
    let sandbox = home();
    let title = "From the store in a file to MongoDB";
    let mongo = services::mongodb();
    let name = format!("recipes-{}", uuid::Uuid::now_v7().simple());
    let script =
        script_of(title).replace("//localhost/home?", &format!("//{}/{name}?", mongo.hosts));
    let script = script.replace("export MONGODB_USERNAME=me MONGODB_PASSWORD_FILE=password", "");
    let mut variables = Vec::new();
    variables.extend(mongo.username.clone().map(|user| ("MONGODB_USERNAME", user)));
    variables.extend(mongo.password.clone().map(|word| ("MONGODB_PASSWORD", word)));
    expect(&sandbox, title, &script, &variables);
    let database = connect(&mongo).await.database(&name);
    let readings = database.collection::<Document>("readings");
    let stored = readings.count_documents(doc! {}).await.expect("a count");
    database.drop().await.expect("the database goes");
    assert_eq!(stored, 3);
}

#[test]
fn a_spreadsheet_has_a_row_for_each_reading() {
    let sandbox = follow("A spreadsheet");
    let rows = read_from(&sandbox, "readings.csv");
    assert_eq!(rows.lines().count(), 4, "{rows}");
    assert!(rows.contains("kitchen") && rows.contains("19.5"), "{rows}");
}

#[test]
fn a_backup_holds_what_was_there() {
    let sandbox = follow("Back up, while everything goes on");
    let store = rusqlite::Connection::open(sandbox.path("store-backup.db")).expect("a store");
    let count = store.query_row("select count(*) from messages", [], |row| row.get(0));
    assert_eq!(count, Ok(3));
}

#[test]
fn what_is_older_than_a_year_goes() {
    let sandbox = home();
    sandbox.write("readings.jsonl", READINGS.replace("2025-", "2020-"));
    let title = "Keep a year";
    expect(&sandbox, title, &script_of(title), &[]);
    let store = rusqlite::Connection::open(sandbox.path("store.db")).expect("a store");
    let count = store.query_row("select count(*) from messages", [], |row| row.get(0));
    assert_eq!(count, Ok(0));
}

#[test]
fn nothing_is_left_behind() {
    let sandbox = home();
    run(&sandbox, "publish 'stdin:?id=id' <readings.jsonl && subscribe", &[]).expect(0);
    let title = "Uninstall";
    expect(&sandbox, title, &script_of(title), &[]);
    for folder in [".local/share/kakehi", ".config/kakehi", ".cache/kakehi"] {
        assert!(!sandbox.path(folder).exists(), "{folder}");
    }
}
