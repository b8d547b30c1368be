//! How programs end that were signalled: by their grace, or now.

use crate::support::process::{End, Process};
use crate::support::proxy::Proxy;
use nix::sys::signal::Signal;

/// Ended by the second signal: without a word about why.
#[track_caller]
pub fn ended_now(end: &End, code: i32) {
    assert_eq!(end.code, code, "{}", end.stderr);
    assert!(end.summary().is_some() && !end.stderr.contains("because:"), "{}", end.stderr);
}

/// Ended by its grace, and says so.
#[track_caller]
pub fn ended_by_its_grace(end: &End, code: i32) {
    assert_eq!(end.code, code, "{}", end.stderr);
    assert!(end.stderr.contains("the grace after the signal is over"), "{}", end.stderr);
}

/// Goes on from where it has stopped, to an end, while nothing comes through any more.
pub fn stall_and_end(process: &mut Process, proxy: &Proxy, twice: bool) {
    process.wait_until_stopped();
    proxy.stall();
    process.signal(Signal::SIGCONT);
    process.signal(Signal::SIGTERM);
    if twice {
        process.insist(Signal::SIGTERM);
    }
}

/// A publisher that ended by its grace, or where it got the signal twice, now: what it has read is in
/// the spool.
#[track_caller]
pub fn kept_in_the_spool(end: &End, messages: &str, twice: bool) {
    let why = if twice { "a second signal ended the run" } else { "the grace after the signal" };
    let what = format!("{messages} in the spool");
    assert!(end.stderr.contains(&what) && end.stderr.contains(why), "{}", end.stderr);
    assert_eq!((end.code, &end.summary().expect("a summary")["unpublished"]), (143, &0.into()));
}
