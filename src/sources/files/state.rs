//! What was published: each file by its key, as it was when it was read; and what was refused, so
//! that it is told once.

use super::SOURCE;
use crate::error::Result;
use crate::sources::polling::Remembered;
use crate::text;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What shows that a file has changed without reading it. Times are seconds and nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// When the content changed: the first field, so that stamps sort as the files are to be taken.
    pub(super) modified: (i64, i64),
    /// When the file's entry changed, a time that no program can set back.
    pub(super) changed: (i64, i64),
    pub(super) size: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            size: metadata.size(),
        }
    }

    /// How long ago the file changed; nothing where that is to come.
    pub(super) fn age(&self, now_millis: i64) -> Duration {
        let changed =
            self.changed.0.saturating_mul(1000).saturating_add(self.changed.1 / 1_000_000);
        Duration::from_millis(now_millis.saturating_sub(changed).try_into().unwrap_or(0))
    }

    /// Whether a change after this moment must show in the stamp: the system's clock for files has
    /// ticks, and some file systems count in seconds.
    pub(super) fn is_settled(&self, now_millis: i64) -> bool {
        let tick = if self.changed.1 == 0 { 2_000 } else { 50 };
        self.age(now_millis) > Duration::from_millis(tick)
    }
}

/// What is remembered of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// The stamp of the content; `None` where the file may have changed behind it: only its content
    /// tells.
    pub(super) stamp: Option<Stamp>,
    /// The digest of the content, in hexadecimal digits.
    pub(super) digest: String,
}

/// A file that was refused, and will be until it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refused {
    pub(super) stamp: Stamp,
    /// The limit that the file is larger than, in bytes; `None` where its size is not the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max_size: Option<u64>,
}

impl Refused {
    /// Whether a file of this stamp would be refused again, where larger ones than `max_size` are.
    fn holds(&self, stamp: &Stamp, max_size: u64) -> bool {
        self.stamp == *stamp && self.max_size.is_none_or(|it| it == max_size)
    }
}

/// What the file of the state says.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Published {
    /// The files that were published, by key.
    files: BTreeMap<String, Seen>,
    /// The files that were refused, by path; what is not UTF-8 in one is written out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    refused: BTreeMap<String, Refused>,
}

/// What was published, and its file.
pub(super) struct Memory(Remembered<Published>);

impl Memory {
    /// Reads the file, which may be missing.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        Remembered::open(path, SOURCE, "files:").map(Self)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Seen> {
        self.0.state().files.get(key)
    }

    /// Remembers a file that was published. It is on disk after the next `save`.
    pub(super) fn remember(&mut self, key: String, seen: Seen) {
        self.0.change(|published| {
            published.files.insert(key, seen);
            true
        });
    }

    /// Whether a file was refused as it is, and would be again.
    pub(super) fn refuses(&self, path: &Path, stamp: &Stamp, max_size: u64) -> bool {
        let known = self.0.state().refused.get(&text::of_name(path));
        known.is_some_and(|refused| refused.holds(stamp, max_size))
    }

    /// Remembers a file whose refusal was told. It is on disk after the next `save`.
    pub(super) fn remember_refused(&mut self, path: &Path, refused: Refused) {
        self.0.change(|published| {
            published.refused.insert(text::of_name(path), refused);
            true
        });
    }

    /// Forgets all files but those of these keys, and all that were refused but those of these paths.
    pub(super) fn keep(&mut self, keys: &HashSet<String>, paths: &HashSet<String>) {
        self.0.change(|Published { files, refused }| {
            let before = files.len() + refused.len();
            files.retain(|key, _| keys.contains(key));
            refused.retain(|path, _| paths.contains(path));
            files.len() + refused.len() < before
        });
    }

    /// Writes what is new; where this is not the `last` time, it may be left to the next one.
    pub(super) async fn save(&mut self, last: bool) -> Result<()> {
        self.0.save(last).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_settles_when_the_clock_for_files_has_ticked() {
        let stamp = |nanos| Stamp { modified: (9, 9), changed: (100, nanos), size: 1 };
        assert!(!stamp(500_000_000).is_settled(100_540));
        assert!(stamp(500_000_000).is_settled(100_560));
        assert!(!stamp(0).is_settled(101_900));
        assert!(stamp(0).is_settled(102_001));
        assert!(!stamp(1).is_settled(50_000), "a clock that was set back");
        assert_eq!(stamp(0).age(103_000), Duration::from_secs(3));
    }
}
