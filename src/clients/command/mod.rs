//! Commands that run for us: found as a shell finds them, each run a process group of its own that ends
//! with its time, with our grace or with us.

mod groups;
mod program;
mod stderr;

pub use groups::{Expected, Group, Groups};
pub use program::Program;
pub use stderr::each_line;

use rustix::fs::{MemfdFlags, memfd_create};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};

/// How long we listen to what a run left in the background, after it has ended.
pub const LAST_WORDS: Duration = Duration::from_millis(500);

/// A file in memory for the standard input of a run, by whose name the guard knows the run.
pub fn input(mark: &str) -> io::Result<File> {
    Ok(File::from(memfd_create(format!("message-{mark}"), MemfdFlags::CLOEXEC)?))
}

/// Starts a program in a process group of its own, with these variables and no others; its standard
/// error is a pipe.
pub fn spawn(
    program: &Program,
    variables: impl Iterator<Item = (OsString, OsString)>,
    stdin: File,
    stdout: Stdio,
) -> io::Result<Child> {
    let Program { name, arguments, path } = program;
    Command::new(path)
        .arg0(name)
        .args(arguments)
        .env_clear()
        .envs(variables)
        .stdin(stdin)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The run ended by itself, or by somebody's signal.
    Exit(ExitStatus),
    /// We stopped it: it took too long.
    TimedOut,
}

impl End {
    /// The exit code, where there is one.
    pub fn code(self) -> Option<i32> {
        match self {
            Self::Exit(status) => status.code(),
            Self::TimedOut => None,
        }
    }

    /// What went wrong, if anything did. It names the program and the code, and nothing that the
    /// program said, which may be a payload.
    pub fn failure(self, program: &str) -> Option<String> {
        let status = match self {
            Self::Exit(status) => status,
            Self::TimedOut => return Some(format!("`{program}` took too long")),
        };
        match (status.code(), status.signal()) {
            (Some(0), _) => None,
            (Some(code), _) => Some(format!("`{program}` exited with {code}")),
            (None, Some(signal)) => Some(format!("`{program}` was killed by signal {signal}")),
            (None, None) => Some(format!("`{program}` ended in an unknown way")),
        }
    }
}
