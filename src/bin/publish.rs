//! `publish`: pours a source into a queue.

use kakehi::cli::{self, publish::Publish};
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = std::env::vars_os().collect();
    cli::run::<Publish>(std::env::args_os(), environment).tell()
}
