//! What `--where` and `--map` cost: bodies a second of one thread, by body and program, beside reading
//! the body alone; and messages a second of a whole `subscribe` with and without them.
//!
//! `cargo bench --bench jq`; `-- --quick` takes a tenth. It prints and asserts nothing.

use kakehi::Message;
use kakehi::clock::Clock;
use kakehi::transform::{Programs, Transform};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BATCH: usize = 500;

/// Bodies: a reading as a line of JSON, and a device as Nature Remo has it.
fn bodies() -> [(&'static str, String); 2] {
    let reading = r#"{"name":"kitchen","te":{"val":21.50},"at":"2026-11-26T17:53:00Z"}"#.to_owned();
    let filler = "x".repeat(100);
    let events = (0..20).map(|n| format!(r#""e{n}":{{"val":{n}.50,"note":"{filler}"}}"#));
    let events = events.collect::<Vec<_>>().join(",");
    let device =
        format!(r#"{{"name":"kitchen","te":{{"val":21.50}},"newest_events":{{{events}}}}}"#);
    [("reading", reading), ("device", device)]
}

/// Names, and what `--where` and `--map` are.
const PROGRAMS: [(&str, Option<&str>, Option<&str>); 4] = [
    ("--where true", Some("true"), None),
    ("--where '.te.val > 28'", Some(".te.val > 28"), None),
    ("--map .", None, Some(".")),
    ("both, to a text", Some(".te.val > 20"), Some("{text: \"\\(.name): \\(.te.val) degrees\"}")),
];

#[tokio::main(worker_threads = 2)]
async fn main() {
    let quick = std::env::args().any(|word| word == "--quick");
    let messages = if quick { 20_000 } else { 200_000 };
    println!("{messages} bodies in batches of {BATCH}, one thread, bodies/s");
    for (name, body) in bodies() {
        println!("{name}, {} bytes", body.len());
        print("validated only", validate(&body, messages), messages);
        for (program, choose, map) in PROGRAMS {
            print(program, shape(&body, choose, map, messages).await, messages);
        }
    }
    println!("`subscribe` from the embedded queue into the embedded store, messages/s");
    for (name, flags) in [
        ("neither", &[][..]),
        ("--where true", &["--where", "true"]),
        ("--map '{name, te: .te.val}'", &["--map", "{name, te: .te.val}"]),
    ] {
        print(name, whole(flags, messages), messages);
    }
}

fn print(name: &str, took: Duration, messages: usize) {
    #[allow(clippy::cast_precision_loss)]
    let rate = messages as f64 / took.as_secs_f64();
    println!("{name:>34}{rate:>12.0}");
}

fn validate(body: &str, messages: usize) -> Duration {
    let start = Instant::now();
    for _ in 0..messages {
        std::hint::black_box(kakehi::json::validate(body.as_bytes(), 120).is_ok());
    }
    start.elapsed()
}

async fn shape(body: &str, choose: Option<&str>, map: Option<&str>, messages: usize) -> Duration {
    let programs = Programs::compile(choose, map, 1, Clock::system()).expect("they are programs");
    let transform = Transform::new(programs.expect("there are some"), Duration::from_secs(60));
    let batch: Vec<_> = (0..BATCH).map(|n| Message::new(n.to_string(), body.to_owned())).collect();
    let start = Instant::now();
    for _ in 0..messages / BATCH {
        assert_eq!(transform.begin(&batch).end().await.len(), BATCH);
    }
    let took = start.elapsed();
    transform.close();
    took
}

/// A drain by the program itself, from its start to its end.
fn whole(flags: &[&str], messages: usize) -> Duration {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("jq-bench");
    std::fs::create_dir_all(&folder).expect("a folder");
    let [(_, reading), _] = bodies();
    let lines = folder.join("lines");
    std::fs::write(&lines, format!("{reading}\n").repeat(messages)).expect("lines");
    let lines = std::fs::File::open(&lines).expect("they are there");
    let run = |program: &str, args: &[&str], stdin: Stdio| {
        let mut command = Command::new(program);
        command.args(args).args(["--summary", "none"]).current_dir(&folder).stdin(stdin);
        assert!(command.status().expect("it starts").success());
    };
    let publish = env!("CARGO_BIN_EXE_publish");
    run(publish, &["stdin:", "--to", "sqlite:q.db", "--no-spool"], lines.into());
    let start = Instant::now();
    let drain = ["--from", "sqlite:q.db", "--to", "sqlite:s.db"];
    run(env!("CARGO_BIN_EXE_subscribe"), &[&drain, flags].concat(), Stdio::null());
    let took = start.elapsed();
    std::fs::remove_dir_all(&folder).ok();
    took
}
