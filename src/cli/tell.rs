//! Results on stdout, for a person or for a program.

use crate::descriptors::Standard;
use crate::error::{Error, Kind, Result};
use std::io::{self, Write as _};

/// How a program tells what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines for a person.
    Human,
    /// A line of JSON each.
    Json,
}

impl Form {
    /// The form of a program that was called with `--json`, or without it.
    pub(super) fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Human }
    }
}

/// Writes a text to stdout; `false` where nobody reads it any more.
pub(super) fn say(text: &str) -> Result<bool> {
    say_bytes(text.as_bytes())
}

/// Writes bytes to stdout; `false` where nobody reads them any more.
pub(super) fn say_bytes(bytes: &[u8]) -> Result<bool> {
    match Standard::Output.open()?.write_all(bytes) {
        Ok(()) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(cause) => Err(Error::new(Kind::Failed, "cannot write to stdout").because(cause)),
    }
}
