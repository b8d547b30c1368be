//! What somebody may have meant who typed something else than a URL.

use crate::error::{Error, Result};
use crate::hint;
use crate::location::Location;
use crate::queues::QUEUES;
use crate::registry::Registry;
use crate::sinks::SINKS;
use crate::sources::SOURCES;
use std::path::Path;

/// The URL of a source; the name of a file leads to its lines.
pub(super) fn source(typed: &str) -> Result<Location> {
    let lines = |path: &str| {
        let command = hint::command_on(["publish"], path);
        format!("for the lines of a file write {command}, for whole files `files:GLOB`")
    };
    parse(typed, &SOURCES, lines)
}

/// The URL of a queue; the name of a file leads to the queue in it.
pub(super) fn queue(typed: &str) -> Result<Location> {
    parse(typed, &QUEUES, in_file)
}

/// The URL of a sink; the name of a file leads to the store in it.
pub(super) fn sink(typed: &str) -> Result<Location> {
    parse(typed, &SINKS, in_file)
}

fn in_file(path: &str) -> String {
    format!("for a file write {}", hint::command([format!("sqlite:{path}").as_str()]))
}

/// Parses a URL; where it is none, the hint is what it may have meant: a scheme without its colon, or a file.
fn parse<B: ?Sized + 'static>(
    typed: &str,
    shelf: &Registry<B>,
    file: impl FnOnce(&str) -> String,
) -> Result<Location> {
    let better = |error: Error| {
        if typed.contains(':') || typed.chars().any(char::is_control) {
            return error;
        }
        let (scheme, parameters) = typed.split_once('?').unwrap_or((typed, ""));
        match shelf.schemes().contains(&scheme) {
            true if parameters.is_empty() => error.hint(format!("write `{scheme}:`")),
            true => error.hint(format!("write {}", hint::command([with_colon(typed).as_str()]))),
            false if looks_like_a_file(typed) => error.hint(file(typed)),
            false => error,
        }
    };
    Location::parse(typed).map_err(better)
}

fn with_colon(typed: &str) -> String {
    typed.replacen('?', ":?", 1)
}

fn looks_like_a_file(typed: &str) -> bool {
    Path::new(typed).extension().is_some() || Path::new(typed).exists()
}
