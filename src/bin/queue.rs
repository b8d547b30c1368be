//! `queue`: looks inside a queue and mends it.

use kakehi::cli::{self, queue::Queue};
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = std::env::vars_os().collect();
    let ending = cli::run::<Queue>(std::env::args_os(), environment);
    // Nobody is left to be told where these cannot be written.
    let _ = std::io::stdout().write_all(ending.stdout.as_bytes());
    let _ = std::io::stderr().write_all(ending.stderr.as_bytes());
    ExitCode::from(ending.code)
}
