//! What `?mode=changes` has published: the newest event of each sensor, in a small file.
//!
//! It is written after the queue accepted the messages. A crash in between, or a file that is
//! lost, only publishes again what is known: under the same ids, which changes nothing.

use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// The first bytes of every such file: a file that begins otherwise is somebody else's.
const MARK: &[u8] = b"{\"kakehi\":\"nature-remo\"";

/// One event that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) device_id: String,
    pub(super) kind: String,
    pub(super) created_at: String,
    pub(super) val: String,
}

/// The file's content.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Content {
    /// `nature-remo`, and first: the mark.
    kakehi: String,
    version: u32,
    /// By device and kind.
    devices: BTreeMap<String, BTreeMap<String, Newest>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Newest {
    created_at: String,
    /// As JSON in a string: it keeps its digits.
    val: String,
}

impl Content {
    fn new() -> Self {
        Self { kakehi: "nature-remo".to_owned(), version: 1, devices: BTreeMap::new() }
    }
}

/// The file, and what it says.
pub(super) struct Memory {
    path: PathBuf,
    content: Content,
}

impl Memory {
    /// Reads the file. A missing or empty one says nothing, and so does one of ours that is
    /// damaged, with a warning.
    ///
    /// # Errors
    /// `Configuration` for a file that cannot be read or is not ours: it would be overwritten.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let failed = || {
            let what = format!("cannot use the state file `{}`", path.display());
            Error::new(Kind::Configuration, what)
        };
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            other => other.map_err(|cause| failed().because(cause))?,
        };
        if !bytes.starts_with(MARK) && !MARK.starts_with(&bytes) {
            return Err(failed()
                .because_of("it was not written by `nature-remo:?mode=changes`")
                .hint("name another file with `state`, or remove this one"));
        }
        let content = match serde_json::from_slice::<Content>(&bytes) {
            Ok(content) if content.version == 1 => content,
            Ok(_) => {
                return Err(failed()
                    .because_of("a newer version of this program wrote it")
                    .hint("update this program, or name another file with `state`"));
            }
            Err(_) if bytes.is_empty() => Content::new(),
            Err(error) => {
                let path = path.display().to_string();
                tracing::warn!(path, %error, "the state file is damaged: starting a new one");
                Content::new()
            }
        };
        Ok(Self { path, content })
    }

    /// Whether this very event was published. One with any other time counts as new, also an
    /// earlier one: a sensor's clock may have been set back.
    pub(super) fn knows(&self, seen: &Seen) -> bool {
        let newest = self.content.devices.get(&seen.device_id).and_then(|d| d.get(&seen.kind));
        newest.is_some_and(|newest| newest.created_at == seen.created_at && newest.val == seen.val)
    }

    /// Remembers events, on disk.
    pub(super) async fn remember(&mut self, events: &[Seen]) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let mut content = self.content.clone();
        for Seen { device_id, kind, created_at, val } in events.iter().cloned() {
            let device = content.devices.entry(device_id).or_default();
            device.insert(kind, Newest { created_at, val });
        }
        let bytes = serde_json::to_vec(&content).expect("strings are JSON");
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || write(&path, &bytes))
            .await
            .map_err(io::Error::other)
            .and_then(|written| written)
            .map_err(|cause| {
                let what = format!("cannot write the state file `{}`", self.path.display());
                Error::new(Kind::Failed, what)
                    .because(cause)
                    .hint("what was published will be published again, under the same ids")
            })?;
        self.content = content;
        Ok(())
    }
}

/// Replaces a file as a whole: after a crash at any point it is the old one or the new one.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".nature-remo-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    fail::fail_point!("nature-remo-state");
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}
