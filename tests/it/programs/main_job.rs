//! The main job of the documents, as it stands there, on recorded devices.

use crate::support::built::programs;
use crate::support::documents::blocks;
use crate::support::http_server::{Answer, Server};
use crate::support::mongo_client::connect;
use crate::support::sandbox::{Run, Sandbox};
use crate::support::services;
use crate::support::webhook::told;
use mongodb::bson::{Document, doc};
use std::path::Path;
use std::process::{Command, Stdio};

const DEVICES: &str = include_str!("../../fixtures/nature-remo/devices_typical.json");
const README: &str = include_str!("../../../README.md");
const SENSORS: &str = include_str!("../../../docs/nature-remo.md");
const CLOUD: &str = include_str!("../../../docs/pubsub-to-mongodb.md");

/// The commands of a page's first block that holds a text.
fn commands(page: &str, holds: &str) -> Vec<String> {
    let (blocks, _) = blocks(page);
    let block = blocks.into_iter().find(|block| block.iter().any(|line| line.contains(holds)));
    let block = block.unwrap_or_else(|| panic!("no block with `{holds}`"));
    block.into_iter().filter(|line| !line.is_empty()).collect()
}

/// Runs lines of a page in a home where its files are, beside a server that plays Nature.
fn run(sandbox: &Sandbox, script: &str, variables: &[(&str, String)]) -> Run {
    let api = Server::new([Answer::ok(DEVICES)]);
    std::fs::create_dir_all(sandbox.path(".config/kakehi")).expect("a folder");
    sandbox.write(".config/kakehi/token", "made-up");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    std::os::unix::fs::symlink(examples, sandbox.path("examples")).expect("a link");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-euc", script])
        .current_dir(sandbox.dir())
        .env_clear()
        .env("HOME", sandbox.dir())
        .env("KAKEHI_CONFIG", "/dev/null")
        .env("PATH", format!("{}:{path}", programs().display()))
        .env("NATURE_REMO_ENDPOINT", api.url())
        .env("NATURE_REMO_TOKEN", "made-up")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .expect("bash starts");
    Run::of(output)
}

#[test]
fn the_main_job_and_its_alert_run_as_they_are_shown() {
    let local = commands(README, "store latest");
    let alert = commands(SENSORS, "queue=alerts");
    let (first, last) = alert.split_at(2);
    let webhook = Server::new([Answer::ok("ok"), Answer::ok("ok")]);
    let sandbox = Sandbox::new();
    sandbox.write("webhook", webhook.url());
    let lines = [first, &local, last].concat().join("\n");
    let script = lines.replace("> 28", "> 16.5");
    assert_ne!(script, lines, "the threshold is one that these readings exceed");
    let script = script.replace("--to webhook:", "--to 'webhook:?allow-private'");
    let script = format!("unset NATURE_REMO_TOKEN\n{script}");
    let run = run(&sandbox, &script, &[]).expect(0);
    for ends in ["4 received, 4 stored in", "4 received, 2 stored, 2 filtered in"] {
        assert!(run.stderr.contains(ends), "{ends}: {}", run.stderr);
    }
    let told = told(&webhook);
    assert!(told[0].contains("17.6 degrees") && told[1].contains("16.8 degrees"), "{told:?}");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(run.stdout.contains("17.6"), "a table of temperatures: {}", run.stdout);
    let store = rusqlite::Connection::open(sandbox.path(".local/share/kakehi/store.db"));
    let count =
        store.expect("a store").query_row("select count(*) from messages", [], |row| row.get(0));
    assert_eq!(count, Ok(4));
}

#[tokio::test]
async fn the_main_job_through_the_cloud_runs_as_it_is_shown() {
    let cloud = commands(CLOUD, "publish nature-remo:");
    let mongo = services::mongodb();
    let name = format!("readme-{}", uuid::Uuid::now_v7().simple());
    let ours = cloud.iter().filter(|line| !line.starts_with("export "));
    let script = ours.cloned().collect::<Vec<_>>().join("\n");
    let script = script.replace("my-project", &name);
    let script = script.replace("//localhost/home?", &format!("//{}/{name}?", mongo.hosts));
    let mut variables = vec![("PUBSUB_EMULATOR_HOST", services::pubsub_emulator())];
    variables.extend(mongo.username.clone().map(|user| ("MONGODB_USERNAME", user)));
    variables.extend(mongo.password.clone().map(|word| ("MONGODB_PASSWORD", word)));
    let sandbox = Sandbox::new();
    let run = run(&sandbox, &script, &variables).expect(0);
    let database = connect(&mongo).await.database(&name);
    let readings = database.collection::<Document>("readings");
    let stored = readings.count_documents(doc! {}).await.expect("a count");
    database.drop().await.expect("the database goes");
    assert_eq!(stored, 4, "{}", run.stderr);
}
