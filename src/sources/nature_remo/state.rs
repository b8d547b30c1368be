//! What `?mode=changes` has published: the newest event of each sensor, in a small file.

use super::super::state_file::StateFile;
use super::SOURCE;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One event that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) device_id: String,
    pub(super) kind: String,
    pub(super) created_at: String,
    pub(super) val: String,
}

/// What the file says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Sensors {
    /// By device and kind.
    devices: BTreeMap<String, BTreeMap<String, Newest>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Newest {
    created_at: String,
    /// As JSON in a string: it keeps its digits.
    val: String,
}

/// The file, and what it says.
pub(super) struct Memory {
    file: StateFile,
    sensors: Sensors,
}

impl Memory {
    /// Reads the file, which may be missing.
    ///
    /// # Errors
    /// `Configuration` for a file that cannot be read or is not ours: it would be overwritten.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let (file, sensors) = StateFile::open(path, SOURCE, "nature-remo:?mode=changes")?;
        Ok(Self { file, sensors })
    }

    /// Whether this very event was published. One with any other time counts as new, also an
    /// earlier one: a sensor's clock may have been set back.
    pub(super) fn knows(&self, seen: &Seen) -> bool {
        let newest = self.sensors.devices.get(&seen.device_id).and_then(|d| d.get(&seen.kind));
        newest.is_some_and(|newest| newest.created_at == seen.created_at && newest.val == seen.val)
    }

    /// Remembers events, on disk.
    pub(super) async fn remember(&mut self, events: &[Seen]) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let mut sensors = self.sensors.clone();
        for Seen { device_id, kind, created_at, val } in events.iter().cloned() {
            let device = sensors.devices.entry(device_id).or_default();
            device.insert(kind, Newest { created_at, val });
        }
        self.file.write(&sensors).await?;
        self.sensors = sensors;
        Ok(())
    }
}
