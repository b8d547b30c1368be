//! What a store must know when it is opened to be read.

use crate::clock::Clock;
use crate::environment::Environment;
use std::path::PathBuf;
use std::time::Duration;

/// What a store must know when it is opened to be read.
#[derive(Debug, Clone)]
pub struct Options {
    /// User, password and their files.
    pub environment: Environment,
    /// Where the default store lives.
    pub data_dir: PathBuf,
    /// Where what was counted once is kept, to be read again faster. It may be removed at any time;
    /// where it cannot be written, everything is counted anew.
    pub cache_dir: PathBuf,
    /// How long a server may take to answer.
    pub timeout: Duration,
    /// The time of day.
    pub clock: Clock,
}

impl Options {
    /// What the programs use where nothing else is asked for.
    pub fn new(environment: Environment, data_dir: PathBuf, cache_dir: PathBuf) -> Self {
        let (timeout, clock) = (Duration::from_secs(20), Clock::system());
        Self { environment, data_dir, cache_dir, timeout, clock }
    }
}
