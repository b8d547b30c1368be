//! What ours is compared with: gocraft/work's own programs, and Redis's own benchmark.

use super::namespace::Namespace;
use super::services;
use std::process::Command;

/// How many jobs a second the original enqueues.
pub fn enqueue(count: usize, types: usize, senders: usize) -> f64 {
    run(&Namespace::new(), "enqueue", count, types, senders)
}

/// How many jobs a second the original works on, with a handler that does nothing.
pub fn process(count: usize, types: usize, workers: usize) -> f64 {
    let namespace = Namespace::new();
    run(&namespace, "enqueue", count, types, 8);
    run(&namespace, "process", count, types, workers)
}

fn run(namespace: &Namespace, what: &str, count: usize, types: usize, beside: usize) -> f64 {
    let mut bench = Command::new(services::gocraft().join("bench"));
    bench.args(["-redis", &services::redis(), "-ns", &namespace.to_string(), what]);
    let text = said(bench.args([count, types, beside].map(|number| number.to_string())));
    text.trim().parse().unwrap_or_else(|_| panic!("no rate: {text}"))
}

/// How many jobs of 120 bytes a second Redis's own benchmark pushes on one connection.
pub fn redis_benchmark(count: usize, pipelined: usize) -> f64 {
    let (list, job) = (Namespace::new(), "x".repeat(120));
    let address = services::redis();
    let (host, port) = address.split_once(':').expect("host and port");
    let mut bench = Command::new("redis-benchmark");
    bench.args(["-h", host, "-p", port, "-c", "1", "--csv"]);
    bench.args(["-P", &pipelined.to_string(), "-n", &count.to_string()]);
    let text = said(bench.args(["LPUSH", &format!("{list}:all"), &job]));
    // Behind the title: the rate.
    let rate = text.lines().last().and_then(|line| line.split("\",\"").nth(1)?.parse().ok());
    rate.unwrap_or_else(|| panic!("no rate: {text}"))
}

fn said(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}
