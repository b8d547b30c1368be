//! What whole runs of the programs cost, as cron starts them: `cargo bench --bench runs`.
//!
//! Prints processor time, memory and time. Asserts nothing.

mod cost;
mod follow;
#[path = "../tests/it/support/http_server.rs"]
#[allow(dead_code)]
mod http_server;
#[path = "../tests/it/support/services.rs"]
#[allow(dead_code)]
mod services;

use cost::Cost;
use follow::Follower;
use http_server::{Answer, Server};

const ROUNDS: usize = 10;
/// Messages at full load.
const MANY: usize = 100_000;
const DEVICES: &str = include_str!("../tests/fixtures/nature-remo/devices_typical.json");

fn main() {
    if cost::is_counted() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let environment = [
        ("HOME", folder.path().display().to_string()),
        ("PUBSUB_EMULATOR_HOST", services::pubsub_emulator()),
        ("NATURE_REMO_TOKEN", "token".to_owned()),
    ];
    let run = |what: &str, goal: &str, words: &str| {
        let costs: Vec<Cost> = (0..ROUNDS).map(|_| Cost::of(words, &environment)).collect();
        println!("{what:<44} {}   {goal}", Cost::median(&costs));
    };
    let server = Server::new((0..=ROUNDS).map(|_| Answer::ok(DEVICES)));
    let (publish, subscribe) = (env!("CARGO_BIN_EXE_publish"), env!("CARGO_BIN_EXE_subscribe"));
    let name = format!("runs-{}", uuid::Uuid::now_v7().simple());
    let queue = format!("pubsub://kakehi-bench/{name}");
    let create = format!("{subscribe} --create --from {queue}?topic={name} --to stdout: --idle 0s");
    Cost::of(&create, &environment);
    let create = format!("{} create sqlite:runs.db", env!("CARGO_BIN_EXE_queue"));
    Cost::of(&create, &environment);

    println!("the median of {ROUNDS} runs");
    let poll = format!("{publish} nature-remo:?endpoint={} --to {queue}", server.url());
    run("one `nature-remo:` poll to Pub/Sub", "(goal: 30 ms, 20 MiB)", &poll);
    run(
        "an empty `subscribe`, embedded queue",
        "(goal: 0.1 s)",
        &format!("{subscribe} --from sqlite:runs.db --to stdout:"),
    );
    let drain = format!("{subscribe} --from {queue} --to stdout: --idle 2s");
    Cost::of(&drain, &environment);
    run("an empty `subscribe`, Pub/Sub, idle 2 s", "(goal: 2.3 s)", &drain);
    follow(folder.path());
}

/// One message through a follower of the embedded queue, and as many as can be.
fn follow(folder: &std::path::Path) {
    let mut follower = Follower::start(folder);
    follower.latency(); // until then it may be starting
    let mut times: Vec<_> = (0..5 * ROUNDS).map(|_| follower.latency()).collect();
    times.sort_unstable();
    let (median, ninth) = (times[times.len() / 2], times[times.len() * 9 / 10]);
    let what = "from `publish` to a follower's output";
    println!("{what:<44} median {median:.1?}, ninth decile {ninth:.1?}   (goal: 20 ms)");
    let rate = follower.throughput(MANY);
    println!("{:<44} {rate:.0} messages/s", format!("{MANY} messages on the same way"));
    follower.end();
}
