//! `queue`: looks inside a queue and mends it.

use kakehi::cli::{self, queue::Queue};
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = std::env::vars_os().collect();
    cli::run::<Queue>(std::env::args_os(), environment).tell()
}
