//! The file: read before it is written, replaced as a whole, and no reason to fail.

use super::text::{Before, textfile};
use crate::cli::whole_file;
use crate::text::of_name;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// What a run keeps from run to run where it has nothing new to say.
pub(super) const CARRIED: &str = "kakehi_last_success_timestamp_seconds";

/// A file of numbers.
pub struct MetricsFile {
    path: PathBuf,
    /// What it said before; `None` where it is not ours to write.
    before: Option<Before>,
    warned: AtomicBool,
}

impl MetricsFile {
    /// Reads what the file says. One that cannot be read, or is none of ours, is told, and left alone.
    pub(in crate::cli) fn open(path: &Path) -> Self {
        let before = match fs::read(path) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(Before::default()),
            Err(cause) => Err(cause.to_string()),
            Ok(bytes) => str::from_utf8(&bytes)
                .ok()
                .and_then(Before::parse)
                .ok_or_else(|| "it holds something else than metrics of ours".to_owned()),
        };
        let (path, warned) = (path.to_owned(), AtomicBool::new(false));
        match before {
            Ok(before) => Self { path, before: Some(before), warned },
            Err(why) => {
                let it = Self { path, before: None, warned };
                it.warn(&why);
                it
            }
        }
    }

    /// Replaces the file; that it cannot be is told once, and is no failure.
    pub(in crate::cli) fn write(&self, registry: &Registry) {
        let Some(before) = &self.before else { return };
        let mut encoded = String::new();
        encode(&mut encoded, registry).expect("writing to memory does not fail");
        let text = textfile(&encoded, before, CARRIED);
        // Whoever collects is another user.
        let written: io::Result<()> =
            whole_file::replace(&self.path, 0o644, false, text.as_bytes());
        if let Err(cause) = written {
            self.warn(&cause.to_string());
        }
    }

    fn warn(&self, why: &str) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("the metrics are not written to `{}`: {why}", of_name(&self.path));
        }
    }
}
