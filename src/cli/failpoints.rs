//! Places in the code where the tests end or stop a program: `fail::fail_point!("name")`.
//!
//! They are there in a build with the feature `failpoints` only, which no default build has:
//! elsewhere the macro expands to nothing, and nothing here reads the environment.

use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use signal_hook::consts::{SIGKILL, SIGSTOP};
use signal_hook::low_level::raise;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `NAME=ACTION`, several with semicolons. `kill@3` ends the process at the third passing of the
/// place, as `kill -9` does; `stop@3` stops it there until it is told to go on (`kill -CONT`).
/// Anything else is an action of the crate `fail`: `sleep(500)`.
const VARIABLE: &str = "KAKEHI_FAILPOINTS";

/// Arms the places that the environment names.
pub fn arm(environment: &Environment) -> Result<()> {
    if !fail::has_failpoints() {
        return Ok(());
    }
    let settings = environment.get(VARIABLE)?.unwrap_or_default();
    settings.split(';').filter(|setting| !setting.is_empty()).try_for_each(|setting| {
        arm_one(setting).map_err(|why| {
            Error::new(Kind::Configuration, format!("cannot set the failpoint `{setting}`"))
                .because_of(why)
                .hint("write `NAME=kill@1`, or `NAME=stop@1`")
        })
    })
}

fn arm_one(setting: &str) -> Result<(), String> {
    let (name, action) = setting.split_once('=').ok_or("it has no action")?;
    let signal = match action.split_once('@') {
        Some(("kill", passing)) => Some((SIGKILL, passing)),
        Some(("stop", passing)) => Some((SIGSTOP, passing)),
        _ => None,
    };
    let Some((signal, passing)) = signal else { return fail::cfg(name, action) };
    let passing: usize = passing.parse().map_err(|cause| format!("{cause}"))?;
    let passed = AtomicUsize::new(0);
    fail::cfg_callback(name, move || {
        if passed.fetch_add(1, Ordering::SeqCst) + 1 == passing {
            raise(signal).expect("a process may signal itself");
        }
    })
}
