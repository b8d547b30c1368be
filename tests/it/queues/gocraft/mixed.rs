//! Pools of both sides on one job with a limit.

use super::stop;
use crate::support::process::Process;
use crate::support::redis_stage::{Stage, told};
use serde_json::json;
use std::path::Path;

const LIMIT: usize = 3;
// Each side alone works on fewer than the limit, both together on more.
const WORKERS: usize = 2;
const JOBS: usize = 120;

/// Marks that a job is being worked on, and notes how many are marked.
const WORK: &str = "touch marks/$$; ls marks | wc -l >>counts; sleep 0.05; rm marks/$$";

/// The counts that were noted by our commands.
fn noted(folder: &Path) -> Vec<usize> {
    let text = std::fs::read_to_string(folder.join("counts")).unwrap_or_default();
    text.lines().map(|line| line.trim().parse().expect("a count")).collect()
}

#[test]
fn a_limit_holds_for_pools_of_both_sides_together() {
    let stage = Stage::new();
    let marks = stage.sandbox.path("marks");
    std::fs::create_dir(&marks).expect("a folder");
    let job = json!({"job": "mail", "args": {"mark": marks, "sleep_ms": 50}});
    stage.enqueue(&vec![job; JOBS]);
    let words = &format!("--follow --concurrency {WORKERS} -- sh -c");
    let ours = stage.subscribe(&format!("job=mail&max-concurrency={LIMIT}")).args(words).arg(WORK);
    let mut ours = Process::start(ours, String::new(), false);
    ours.wait_until("ours has begun", |_| !noted(stage.sandbox.dir()).is_empty());
    let mut theirs = stage.start_work(&format!("-workers {WORKERS} mail,max_concurrency={LIMIT}"));
    theirs.wait_until("all are done", |theirs| {
        told(theirs, "ended").len() + noted(stage.sandbox.dir()).len() >= JOBS
    });
    stage.wait_until_no_lock_is_left();
    stop(ours);
    let begun = told(&theirs, "began");
    stop(theirs);
    let ours = noted(stage.sandbox.dir());
    assert_eq!(ours.len() + begun.len(), JOBS, "each once");
    assert!(!ours.is_empty() && !begun.is_empty(), "{} and {}", ours.len(), begun.len());
    let beside = begun.iter().map(|job| job["beside"].as_u64().expect("a count"));
    let most = beside.chain(ours.iter().map(|count| *count as u64)).max();
    assert!(most <= Some(LIMIT as u64), "{most:?} at once");
    stage.assert_no_lock_is_left();
}
