//! What both sides enqueue by the clock.

use super::stop;
use crate::support::process::Process;
use crate::support::redis_server::wait_for;
use crate::support::redis_stage::Stage;
use std::collections::BTreeSet;

const SPEC: &str = "0 */2 * * * *";

/// Waits until a pool has swept.
fn wait_for_a_sweep(stage: &Stage) {
    wait_for("a pool has swept", || stage.ask::<Option<u64>>(&["GET", "@last_periodic_enqueue"]));
}

#[test]
fn pools_of_both_sides_make_one_job_for_each_time() {
    let stage = Stage::new();
    let theirs = stage.work("-periodic").arg(format!("mail:{SPEC}")).arg("other");
    let theirs = Stage::started(theirs);
    wait_for_a_sweep(&stage);
    stop(theirs);
    let before = stage.members("@scheduled");
    assert!(!before.is_empty());
    // Who sweeps within two seconds of another one leaves it at that.
    stage.ask::<u64>(&["DEL", "@last_periodic_enqueue"]);
    let ours =
        stage.subscribe(&format!("job=other&periodic=mail:{SPEC}")).args("--follow --to stdout:");
    let ours = Process::start(ours, String::new(), false);
    wait_for_a_sweep(&stage);
    stop(ours);
    let after = stage.members("@scheduled");
    let times: BTreeSet<_> = stage.jobs("@scheduled").iter().map(|job| job["t"].as_i64()).collect();
    assert_eq!(after.len(), times.len(), "{after:?}");
    // A time may have come meanwhile: the last one of theirs is there, as they wrote it.
    assert!(after.contains(before.last().expect("some")), "{before:?} {after:?}");
}
