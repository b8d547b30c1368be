//! `queue`: looks inside a queue and mends it.

use kakehi::cli::{holder, queue::Queue};
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = std::env::vars_os().collect();
    holder::open::<Queue>(std::env::args_os(), environment, std::env::current_exe).tell()
}
