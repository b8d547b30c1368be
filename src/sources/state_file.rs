//! A small file in which a source remembers what it has published.
//!
//! The file is written after the queue accepted the messages. A crash in between, or a file that is
//! lost, only publishes again what is known: under the same ids, which changes nothing.

use crate::error::{Error, Kind, Result};
use crate::text;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Whose file it is, and its version; then what it says.
#[derive(Serialize, Deserialize)]
struct Content<T> {
    /// The source's name, and first: the mark.
    kakehi: String,
    version: u32,
    #[serde(flatten)]
    said: T,
}

/// A file's path; where it is not there and an older version has one of these, that one has its name
/// from now on.
pub(super) fn renamed(path: PathBuf, mut older: impl Iterator<Item = PathBuf>) -> PathBuf {
    if path.exists() {
        return path;
    }
    let Some(old) = older.find(|old| old.is_file()) else { return path };
    match fs::rename(&old, &path) {
        Ok(()) => path,
        Err(error) => {
            let name = text::of_name(&old);
            tracing::warn!(name, %error, "the state file cannot be renamed: it stays in use");
            old
        }
    }
}

/// The state file of one source.
#[derive(Debug, Clone)]
pub(super) struct StateFile {
    path: PathBuf,
    source: &'static str,
}

impl StateFile {
    /// Reads a file that this source has written; `by` is what the user calls it. A missing or
    /// empty one says nothing, and so does one of ours that is damaged, with a warning.
    ///
    /// # Errors
    /// `Configuration` for a file that cannot be read or is not ours: it would be overwritten.
    pub(super) fn open<T: DeserializeOwned + Default>(
        path: PathBuf,
        source: &'static str,
        by: &str,
    ) -> Result<(Self, T)> {
        let failed = || {
            let what = format!("cannot use the state file `{}`", path.display());
            Error::new(Kind::Configuration, what)
        };
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            other => other.map_err(|cause| failed().because_of_file(cause, &path))?,
        };
        // A file that begins otherwise is somebody else's.
        let mark = format!("{{\"kakehi\":\"{source}\"").into_bytes();
        if !bytes.starts_with(&mark) && !mark.starts_with(&bytes) {
            return Err(failed()
                .because_of(format!("it was not written by `{by}`"))
                .hint("name another file with `state`, or remove this one"));
        }
        let said = match serde_json::from_slice::<Content<T>>(&bytes) {
            Ok(content) if content.version == 1 => content.said,
            Ok(_) => {
                return Err(failed()
                    .because_of("a newer version of this program wrote it")
                    .hint("update this program, or name another file with `state`"));
            }
            Err(_) if bytes.is_empty() => T::default(),
            Err(error) => {
                let path = path.display().to_string();
                tracing::warn!(path, %error, "the state file is damaged: starting a new one");
                T::default()
            }
        };
        Ok((Self { path, source }, said))
    }

    /// Replaces what the file says; it is on disk when this returns.
    pub(super) async fn write<T: Serialize>(&self, said: T) -> Result<()> {
        let content = Content { kakehi: self.source.to_owned(), version: 1, said };
        let bytes = serde_json::to_vec(&content).expect("strings and numbers are JSON");
        let (path, source) = (self.path.clone(), self.source);
        tokio::task::spawn_blocking(move || replace(&path, source, &bytes))
            .await
            .map_err(io::Error::other)
            .and_then(|written| written)
            .map_err(|cause| {
                let what = format!("cannot write the state file `{}`", self.path.display());
                Error::new(Kind::Failed, what)
                    .because_of_file(cause, &self.path)
                    .hint("what was published will be published again, under the same ids")
            })
    }
}

/// Replaces a file as a whole: after a crash at any point it is the old one or the new one.
fn replace(path: &Path, source: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(&format!(".{source}-")).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    fail::fail_point!("source-state");
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}
