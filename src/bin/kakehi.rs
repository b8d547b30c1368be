//! `kakehi`: the programs in one, `kakehi publish ...`.

use kakehi::cli::programs;
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = std::env::vars_os().collect();
    programs::run(std::env::args_os(), environment).tell()
}
