//! `subscribe`: drains a queue into a sink.

use kakehi::cli::{holder, subscribe::Subscribe};
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = std::env::vars_os().collect();
    holder::open::<Subscribe>(std::env::args_os(), environment, std::env::current_exe).tell()
}
