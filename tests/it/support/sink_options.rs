//! What a sink is opened with.

use crate::support::sandbox::Sandbox;
use kakehi::sinks::Options;

/// What a sink must know when it is opened.
pub fn sink_options(sandbox: &Sandbox, variables: &[(&str, &str)]) -> Options {
    Options::new(variables.iter().copied().collect(), sandbox.dir().to_owned())
}
