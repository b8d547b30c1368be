//! Log lines on stderr.

use super::masks::Masks;
use super::progress::Progress;
use super::withheld::Withheld;
use super::{Basics, LogFormat, colours};
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use std::io::{self, Write};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// What is logged by default: warnings, but for AWS's own of a region that nobody names, a page each:
/// our error says it.
const DEFAULT: &str = "warn,aws_config=error";

/// Starts logging for this process: warnings by default, `-q`, `-v` and `-vv`, or `RUST_LOG`.
pub fn start(
    basics: &Basics,
    environment: &Environment,
    progress: &Progress,
    masks: Masks,
    withheld: Withheld,
) -> Result<()> {
    let level = match (basics.quiet, basics.verbose) {
        (true, _) => "error",
        (false, 0) => DEFAULT,
        (false, 1) => "warn,kakehi=info",
        (false, _) => "info,kakehi=debug",
    };
    let filter = environment.get("RUST_LOG")?.unwrap_or(level);
    let filter = EnvFilter::try_new(filter).map_err(|cause| {
        Error::new(Kind::Configuration, "`RUST_LOG` is not a filter").because(cause)
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(BesideProgress(
        progress.clone(),
        masks,
        withheld,
    ));
    let started = match basics.log_format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => {
            let text = builder.with_ansi(colours::of_stderr(environment)).with_target(false);
            text.without_time().try_init()
        }
    };
    started.map_err(|cause| Error::new(Kind::Bug, "logging was started twice").because_of(cause))
}

/// Writes log lines without secrets, and without tearing the progress line, unless they are kept back.
struct BesideProgress(Progress, Masks, Withheld);

impl<'a> MakeWriter<'a> for BesideProgress {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0, &self.1, &self.2)
    }
}

/// One log line.
struct Line<'a>(&'a Progress, &'a Masks, &'a Withheld);

impl Write for Line<'_> {
    /// Writes the line. Where the terminal is gone, it is lost and the run goes on.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        let line = self.1.hide(&line);
        self.2.tell(&line, |line| {
            let _ = self.0.aside(|| io::stderr().write_all(line.as_bytes()));
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
