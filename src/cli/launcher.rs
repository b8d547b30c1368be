//! A program that is only the way to `kakehi`, which lies beside it and holds them all.

use super::ending::failed;
use super::{Ending, Program};
use crate::error::{Error, Kind};
use crate::{descriptors, text};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

/// What the program that holds the others is called.
pub const HOLDER: &str = "kakehi";

/// Becomes `kakehi NAME ARGUMENTS...`: the process stays, with its descriptors, its environment and
/// what it ignores of signals. Comes back only where that fails.
pub fn launch<P: Program>(
    args: impl Iterator<Item = OsString>,
    this: impl FnOnce() -> io::Result<PathBuf>,
) -> Ending {
    let error = match this() {
        Ok(path) => execute(path.with_file_name(HOLDER), P::NAME, args),
        Err(cause) => {
            Error::new(Kind::Failed, "cannot tell where this program lies").because(cause)
        }
    };
    failed::<P>(&error, false)
}

/// Why this process did not become the holder.
fn execute(holder: PathBuf, name: &str, mut args: impl Iterator<Item = OsString>) -> Error {
    let called = args.next().unwrap_or_else(|| name.into());
    let cause = match descriptors::stay_closed() {
        Ok(()) => Command::new(&holder).arg0(called).arg(name).args(args).exec(),
        Err(cause) => cause,
    };
    Error::new(Kind::Configuration, format!("cannot run `{}`", text::of_name(&holder)))
        .because(cause)
        .hint(format!("`{name}` is only the way to `{HOLDER}`: install the two in one folder"))
}
