//! `publish`: pours a source into a queue.

use kakehi::cli::{holder, publish::Publish};
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = std::env::vars_os().collect();
    holder::open::<Publish>(std::env::args_os(), environment, std::env::current_exe).tell()
}
