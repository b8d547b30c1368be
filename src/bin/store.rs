//! `store`: shows what arrived.

use kakehi::cli::{holder, store::Store};
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = std::env::vars_os().collect();
    holder::open::<Store>(std::env::args_os(), environment, std::env::current_exe).tell()
}
