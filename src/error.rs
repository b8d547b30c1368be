//! Errors that tell what failed, why, and what to do; their kind decides the exit code.

use crate::{permissions, redact};
use std::path::Path;
use std::{fmt, io};

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure it is. The number is the exit code of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Something failed that no other kind names.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Done, but some messages became dead letters or were refused.
    Rejected = 65,
    /// A queue, a source or a sink cannot be reached; nothing is lost.
    Unreachable = 69,
    /// Our own bug.
    Bug = 70,
    /// Put off: published to the spool instead of the queue, or failed and left to a later run.
    Spooled = 75,
    /// Credentials were refused.
    Credentials = 77,
    /// The configuration cannot work: a missing file, a missing feature, a limit out of range.
    Configuration = 78,
    /// Stopped by SIGHUP: the terminal or the line was closed.
    HungUp = 129,
    /// Stopped by Ctrl-C.
    Interrupted = 130,
    /// Stopped by SIGTERM.
    Terminated = 143,
}

impl Kind {
    /// The exit code.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// An error for a person: what failed, why, and what to do about it.
///
/// All three are lowercase fragments with names in backticks, and never hold a password, a token
/// or a payload.
pub struct Error {
    kind: Kind,
    what: String,
    cause: Option<anyhow::Error>,
    hint: Option<String>,
    missing: bool,
    ends_run: bool,
}

impl Error {
    /// An error of a kind, with what failed.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), cause: None, hint: None, missing: false, ends_run: false }
    }

    /// Adds why it failed.
    #[must_use]
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds why it failed, in words.
    #[must_use]
    pub fn because_of(self, cause: impl fmt::Display) -> Self {
        let words = anyhow::anyhow!("{cause}");
        self.because(words)
    }

    /// Adds why it failed with a file: where that is a matter of permissions, also whose it is and as whom
    /// this runs.
    #[must_use]
    pub fn because_of_file(self, cause: io::Error, path: &Path) -> Self {
        self.because_of(permissions::explained(&cause, path))
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says that what was looked for is not there, and may come to be: who has time waits for it.
    #[must_use]
    pub fn of_missing(mut self) -> Self {
        self.missing = true;
        self
    }

    /// Whether what was looked for is not there.
    pub fn is_missing(&self) -> bool {
        self.missing
    }

    /// Says that a run which stays and tries again ends all the same: a person has to mend something.
    #[must_use]
    pub fn of_the_run(mut self) -> Self {
        self.ends_run = true;
        self
    }

    /// Whether a run which stays ends with this.
    pub fn ends_the_run(&self) -> bool {
        self.ends_run
    }

    /// What sort of failure this is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What failures of one cause have in common, however often they come: the exit code, and what failed
    /// without its numbers. How many messages wait or were refused makes no other failure of it.
    pub fn likeness(&self) -> String {
        let code = self.kind.code();
        match self.kind {
            Kind::Spooled | Kind::Rejected => code.to_string(),
            _ => format!("{code} {}", self.what.replace(|c: char| c.is_ascii_digit(), "")),
        }
    }

    /// What to do about it, where that is known.
    pub fn remedy(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What failed, its cause and its hint on one line, for a log or for the reason of a dead letter.
    pub fn one_line(&self) -> String {
        match &self.cause {
            Some(cause) => redact::text(&format!("{}: {}", self.what, chain(cause))).into_owned(),
            None => redact::text(&self.what).into_owned(),
        }
    }
}

impl fmt::Display for Error {
    /// `what failed`, then indented `because: cause` and `hint: what to do`, a line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact::text(&self.what))?;
        if let Some(cause) = &self.cause {
            write!(f, "\n  because: {}", redact::text(&chain(cause)))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {}", redact::text(hint))?;
        }
        Ok(())
    }
}

/// Shows the kind and the text, without a backtrace: that is no help to a person.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind)
    }
}

impl std::error::Error for Error {}

/// The causes from the outermost to the innermost, without those that repeat what was said.
fn chain(cause: &anyhow::Error) -> String {
    let mut text = String::new();
    for part in cause.chain().map(ToString::to_string).map(plain) {
        if text.contains(&part) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&part);
    }
    text
}

/// What a library says of a file that is not there, in words for a person.
fn plain(part: String) -> String {
    part.replace("entity not found", "there is no such file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn an_error_shows_what_why_and_what_to_do() {
        let error = Error::new(Kind::Unreachable, "cannot reach `queue`")
            .because_of("connection refused")
            .hint("start it");
        assert_eq!(
            error.to_string(),
            "cannot reach `queue`\n  because: connection refused\n  hint: start it"
        );
        assert_eq!(error.one_line(), "cannot reach `queue`: connection refused");
        assert_eq!(error.kind().code(), 69);
    }

    #[test]
    fn a_file_that_is_not_there_is_called_so() {
        let cause = std::io::Error::from(std::io::ErrorKind::NotFound);
        let error = Error::new(Kind::Configuration, "cannot read `a`").because(cause);
        assert_eq!(error.one_line(), "cannot read `a`: there is no such file");
    }

    #[test]
    fn a_cause_that_repeats_itself_is_said_once() {
        let cause = Err::<(), _>(std::io::Error::other("no route"))
            .context("connect: no route")
            .unwrap_err();
        let error = Error::new(Kind::Failed, "it failed").because(cause);
        assert_eq!(error.one_line(), "it failed: connect: no route");
    }
}
