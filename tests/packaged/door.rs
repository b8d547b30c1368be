//! `publish` as it is in packages: a small way to `kakehi`.

use kakehi::cli::{launcher, publish::Publish};
use std::process::ExitCode;

fn main() -> ExitCode {
    launcher::launch::<Publish>(std::env::args_os(), std::env::current_exe).tell()
}
