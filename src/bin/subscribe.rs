//! `subscribe`: drains a queue into a sink.

use kakehi::cli::{self, subscribe::Subscribe};
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = std::env::vars_os().collect();
    cli::run::<Subscribe>(std::env::args_os(), environment).tell()
}
