//! `kakehi`: the programs in one, `kakehi publish ...`.

use kakehi::cli::holder;
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = std::env::vars_os().collect();
    holder::run(std::env::args_os(), environment).tell()
}
