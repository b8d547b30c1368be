//! `publish`: pours a source into a queue.

use kakehi::cli::{programs, publish::Publish};
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = std::env::vars_os().collect();
    programs::open::<Publish>(std::env::args_os(), environment, std::env::current_exe).tell()
}
