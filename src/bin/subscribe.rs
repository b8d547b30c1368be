//! `subscribe`: drains a queue into a sink.

use kakehi::cli::{programs, subscribe::Subscribe};
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = std::env::vars_os().collect();
    programs::open::<Subscribe>(std::env::args_os(), environment, std::env::current_exe).tell()
}
