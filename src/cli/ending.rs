//! How a program ends: what is printed at last, and the exit code.

use super::{Program, colours};
use crate::descriptors::Standard;
use crate::environment::Environment;
use crate::error::{Error, Kind};
use std::io::{self, Write as _};
use std::process::ExitCode;

/// How a program ended: what is left for its door to print, and the exit code.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// What is printed to stdout.
    pub stdout: String,
    /// What is printed to stderr.
    pub stderr: String,
    /// The exit code.
    pub code: u8,
}

impl Ending {
    /// Prints what is left, and gives the exit code: a failure where stdout did not take its part,
    /// unless its reader has read enough.
    pub fn tell(self) -> ExitCode {
        let Self { stdout, mut stderr, mut code } = self;
        let told = match &stdout[..] {
            "" => Ok(()),
            text => Standard::Output.open().and_then(|mut file| {
                let cannot = |cause| {
                    Error::new(Kind::Failed, "cannot write to standard output").because(cause)
                };
                file.write_all(text.as_bytes()).or_else(unless_gone).map_err(cannot)
            }),
        };
        if let Err(error) = told {
            stderr += &format!("{error}\n");
            code = error.kind().code();
        }
        // Nobody is left to be told where this cannot be written.
        drop(io::stderr().write_all(stderr.as_bytes()));
        ExitCode::from(code)
    }
}

/// Takes a pipe whose reader has gone for a success: nobody wants more.
fn unless_gone(cause: io::Error) -> io::Result<()> {
    match cause.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(cause),
    }
}

/// The ending of a program that failed, in words that may be coloured.
pub(super) fn failed<P: Program>(error: &Error, coloured: bool) -> Ending {
    let name = colours::alarming(&format!("{}:", P::NAME), coloured);
    Ending { stderr: format!("{name} {error}\n"), code: error.kind().code(), ..Ending::default() }
}

/// The ending of a command line that was not run: help and version go to stdout with exit code 0, a
/// wrong command line to stderr with 2.
pub(super) fn usage(help: &clap::Error, environment: &Environment) -> Ending {
    let coloured = match help.use_stderr() {
        true => colours::of_stderr(environment),
        false => colours::of_stdout(environment),
    };
    let text = help.render();
    let text = if coloured { text.ansi().to_string() } else { text.to_string() };
    if help.use_stderr() {
        Ending { stderr: text, code: Kind::Usage.code(), ..Ending::default() }
    } else {
        Ending { stdout: text, ..Ending::default() }
    }
}
