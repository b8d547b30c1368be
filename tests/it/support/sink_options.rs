//! What a sink is opened with.

use crate::support::sandbox::Sandbox;
use kakehi::clock::Clock;
use kakehi::sinks::Options;
use std::time::Duration;

/// What a sink must know when it is opened.
pub fn sink_options(sandbox: &Sandbox, variables: &[(&str, &str)]) -> Options {
    Options {
        write_timeout: Duration::from_secs(20),
        command: Default::default(),
        environment: variables.iter().copied().collect(),
        data_dir: sandbox.dir().to_owned(),
        clock: Clock::system(),
    }
}
