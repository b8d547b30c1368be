//! A second start with the whole configuration as the environment, for what reads that by itself: the
//! clients of Google and AWS, and what knows the system's certificates.

use super::Configuration;
use crate::descriptors;
use crate::environment::Environment;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

/// How variables begin that libraries read past us.
const READ_BY_OTHERS: &[&str] = &["AWS_", "CLOUDSDK_", "GOOGLE_", "GRPC_", "SSL_CERT_", "TZ"];

impl Configuration {
    /// Becomes this program anew where the file has a variable that others read from the process's own
    /// environment. Then nothing is new in the file, so that this happens once.
    ///
    /// # Errors
    /// Comes back where nothing is to be done, and with the system's error where it cannot be.
    pub(in crate::cli) fn start_anew(&self) -> io::Result<()> {
        let by_others = |name: &str| READ_BY_OTHERS.iter().any(|start| name.starts_with(start));
        if self.lines.iter().any(|(name, line)| line.used && by_others(name)) {
            return Err(become_anew(&self.environment));
        }
        Ok(())
    }
}

/// Why this process did not become itself.
fn become_anew(environment: &Environment) -> io::Error {
    let begun = || {
        let this = fs::read_link("/proc/self/exe")?;
        descriptors::stay_closed()?;
        Ok::<_, io::Error>((this, words()?))
    };
    let (this, words): (PathBuf, _) = match begun() {
        Ok(found) => found,
        Err(cause) => return cause,
    };
    let mut words = words.into_iter();
    let called = words.next().unwrap_or_else(|| this.clone().into_os_string());
    Command::new(&this).arg0(called).args(words).env_clear().envs(environment.all()).exec()
}

/// The words that this process was called with, its own name first.
fn words() -> io::Result<Vec<OsString>> {
    let line = fs::read("/proc/self/cmdline")?;
    let line = line.strip_suffix(b"\0").unwrap_or(&line);
    Ok(line.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect())
}
