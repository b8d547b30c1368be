//! How fast a store of a million readings is read back, and how much memory that takes.
//!
//! `cargo bench --no-default-features --features serve --bench readings`; `-- --quick` takes a tenth of
//! everything. It prints and asserts
//! nothing: the figures depend on the disk and on what else the machine does. Each read is a process of
//! its own, as `store` is: nothing is in its memory before.

mod fill;
mod programs;

use chrono::{DateTime, TimeDelta, Utc};
use kakehi::Location;
use kakehi::clock::Clock;
use kakehi::environment::Environment;
use kakehi::readings::{self, Options, Range, Store};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Into how many cells a chart is divided.
const CELLS: usize = 400;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let Some(at) = words.iter().position(|word| word == "--read") {
        let now = words[at + 3].parse().expect("a time");
        return read(Path::new(&words[at + 1]), &words[at + 2], now).await;
    }
    let part = if words.iter().any(|word| word == "--quick") { 10 } else { 1 };
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("readings-bench");
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).expect("a folder");
    // The time up to which there are readings.
    let now = Utc::now();
    let rows = fill::fill(&folder.join("store.db"), now, 10, 365 / part).await;
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len()) >> 20;
    println!("{rows} documents of 10 devices, {} MiB", size(&folder.join("store.db")));
    println!("{:<34}{:>12}{:>12}{:>14}", "", "ms", "readings", "memory MiB");
    for what in ["latest", "1", "7", "30", "365", "365", "200", "documents"] {
        run(&folder, what, now);
    }
    fill::one_more(&folder.join("store.db"), now);
    run(&folder, "365", now);
    let kept = std::fs::read_dir(folder.join("cache/readings")).expect("a cache");
    let kept: u64 = kept.flatten().map(|file| size(&file.path())).sum();
    println!("kept of each hour: {kept} MiB");
    programs::look(&folder);
    std::fs::remove_dir_all(&folder).ok();
}

/// Reads in a process of its own, which prints a line.
fn run(folder: &Path, what: &str, now: DateTime<Utc>) {
    let this = std::env::current_exe().expect("this program");
    let status =
        Command::new(this).arg("--read").arg(folder).args([what, &now.to_rfc3339()]).status();
    assert!(status.expect("it starts").success(), "reading {what} failed");
}

/// Reads once, and tells how long it took.
async fn read(folder: &Path, what: &str, now: DateTime<Utc>) {
    let options = Options {
        clock: Clock::manual(now).0,
        ..Options::new(Environment::default(), folder.to_owned(), folder.join("cache"))
    };
    let url = format!("sqlite:{}?collection=readings", folder.join("store.db").display());
    let start = Instant::now();
    let url = Location::parse(&url).expect("a URL");
    let store = readings::open(url, &options).await.expect("a store");
    let (name, count) = match what {
        "latest" => ("latest values".to_owned(), latest(&*store).await),
        "documents" => ("all documents".to_owned(), documents(&*store).await),
        days => (format!("chart of {days} days"), chart(&*store, days, now).await),
    };
    let millis = start.elapsed().as_secs_f64() * 1e3;
    println!("{name:<34}{millis:>12.1}{count:>12}{:>14}", memory());
}

async fn latest(store: &dyn Store) -> u64 {
    let latest = store.latest().await.expect("values");
    latest.iter().map(|latest| latest.values.len() as u64).sum()
}

async fn chart(store: &dyn Store, days: &str, now: DateTime<Utc>) -> u64 {
    let days = days.parse().expect("a number of days");
    let range = Range::back_from(now, TimeDelta::days(days)).expect("a range");
    let chart = store.chart(range, CELLS, &[]).await.expect("a chart");
    chart.lines.iter().filter_map(|line| line.total()).map(|total| total.count).sum()
}

async fn documents(store: &dyn Store) -> u64 {
    let mut documents = store.documents(None).await.expect("documents");
    let mut count = 0;
    while documents.next().await.expect("a document").is_some() {
        count += 1;
    }
    count
}

/// The most memory that this process has had, in MiB; `?` where the system does not tell.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let most = most.and_then(|most| most.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    most.map_or_else(|| "?".to_owned(), |kib| (kib / 1024).to_string())
}
