//! What whole runs of the programs cost, as cron starts them: `cargo bench --bench runs`.
//!
//! Prints processor time, memory and time. Asserts nothing.

#[path = "../tests/it/http_server.rs"]
#[allow(dead_code)]
mod http_server;
#[path = "../tests/it/services.rs"]
#[allow(dead_code)]
mod services;

use http_server::{Answer, Server};
use nix::sys::resource::{UsageWho, getrusage};
use std::process::{Command, Stdio};
use std::time::Instant;

const ROUNDS: usize = 10;
/// Asks this program to run the rest of its arguments and to say what they cost.
const MEASURE: &str = "--measure-one-run";
const DEVICES: &str = include_str!("../tests/fixtures/nature-remo/devices_typical.json");

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).is_some_and(|arg| arg == MEASURE) {
        return measure(&args[2..]);
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
}

struct Cost {
    cpu_millis: f64,
    mebibytes: f64,
    seconds: f64,
}

impl Cost {
    fn of(words: &str, environment: &[(&str, String)]) -> Self {
        let output = Command::new(std::env::current_exe().expect("this program"))
            .arg(MEASURE)
            .args(words.split_whitespace())
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .current_dir(&environment[0].1)
            .output()
            .expect("it starts");
        let text = String::from_utf8_lossy(&output.stdout);
        let numbers: Vec<f64> = text.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [cpu_millis, mebibytes, seconds] = numbers[..] else {
            panic!("{words}: {}", String::from_utf8_lossy(&output.stderr))
        };
        Self { cpu_millis, mebibytes, seconds }
    }

    fn median(costs: &[Self]) -> String {
        let middle = |part: fn(&Self) -> f64| {
            let mut values: Vec<f64> = costs.iter().map(part).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        format!(
            "{:>6.1} ms cpu {:>6.1} MiB {:>6.3} s",
            middle(|cost| cost.cpu_millis),
            middle(|cost| cost.mebibytes),
            middle(|cost| cost.seconds)
        )
    }
}

/// Runs one command, and says what the system counted for it.
fn measure(words: &[String]) {
    let start = Instant::now();
    let status = Command::new(&words[0]).args(&words[1..]).stdout(Stdio::null()).status();
    let seconds = start.elapsed().as_secs_f64();
    assert!(status.expect("it starts").success());
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system counts");
    let cpu = usage.user_time() + usage.system_time();
    let cpu_millis = cpu.tv_sec() as f64 * 1e3 + cpu.tv_usec() as f64 / 1e3;
    println!("{cpu_millis} {} {seconds}", usage.max_rss() as f64 / 1024.0);
}
