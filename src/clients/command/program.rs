//! The program that runs: found once, as a shell finds it.

use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::text;
use rustix::fs::{Access, access};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Where programs are looked for when `PATH` is not set.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program that may be run, and its arguments.
pub struct Program {
    /// The program as it was named; what is not UTF-8 in it is written out.
    pub name: String,
    /// The arguments that follow the program.
    pub arguments: Vec<OsString>,
    /// The program's file.
    pub path: PathBuf,
}

impl Program {
    /// Finds a program: a name with a slash is a path, another one is looked for in `PATH`.
    pub fn find(name: &OsStr, arguments: Vec<OsString>, environment: &Environment) -> Result<Self> {
        let path = environment.os("PATH").unwrap_or(OsStr::new(DEFAULT_PATH));
        let folders = path.as_bytes().split(|byte| *byte == b':').map(OsStr::from_bytes);
        let candidates: Vec<PathBuf> = match name.as_bytes().contains(&b'/') {
            true => vec![PathBuf::from(name)],
            false => folders.map(|folder| in_folder(folder, name)).collect(),
        };
        match candidates.iter().find(|path| may_run(path)).or(candidates.first()) {
            Some(path) => {
                let program = Self { name: text::of_name(name), arguments, path: path.clone() };
                program.ensure_runnable().map(|()| program)
            }
            None => unreachable!("a split gives at least one piece"),
        }
    }

    /// Fails unless the program is there and may be run, with what to do about it.
    pub fn ensure_runnable(&self) -> Result<()> {
        if may_run(&self.path) {
            return Ok(());
        }
        let why = match (self.name.contains('/'), self.path.is_file()) {
            (false, _) => "no folder of `PATH` has a program of this name",
            (true, true) => "it may not be executed",
            (true, false) => "there is no such file",
        };
        Err(Error::new(Kind::Configuration, format!("cannot run `{}`", self.name))
            .because_of(why)
            .hint(match self.path.is_file() {
                true => hint::command(["chmod", "+x", &text::of_name(&self.path)]) + " lets it run",
                false => "name a program by its path, or one that `PATH` leads to".to_owned(),
            }))
    }
}

/// An empty folder in `PATH` is the working folder.
fn in_folder(folder: &OsStr, name: &OsStr) -> PathBuf {
    Path::new(if folder.is_empty() { OsStr::new(".") } else { folder }).join(name)
}

fn may_run(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}
