//! What `?mode=changes` has published: the newest event of each sensor, in a small file.

use super::SOURCE;
use crate::error::Result;
use crate::sources::polling::Remembered;
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
    /// The newest events by device and kind.
    devices: BTreeMap<String, BTreeMap<String, Newest>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Newest {
    created_at: String,
    /// The value as JSON in a string: it keeps its digits.
    val: String,
}

/// What was published, and its file.
pub(super) struct Memory(Remembered<Sensors>);

impl Memory {
    /// Reads the file, which may be missing.
    ///
    /// # Errors
    /// `Configuration` for a file that cannot be read or is not ours: it would be overwritten.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        Remembered::open(path, SOURCE, "nature-remo:?mode=changes").map(Self)
    }

    /// Whether this very event was published. One with any other time counts as new, also an
    /// earlier one: a sensor's clock may have been set back.
    pub(super) fn knows(&self, seen: &Seen) -> bool {
        let Sensors { devices } = self.0.state();
        let newest = devices.get(&seen.device_id).and_then(|device| device.get(&seen.kind));
        newest.is_some_and(|newest| newest.created_at == seen.created_at && newest.val == seen.val)
    }

    /// Remembers events, on disk.
    pub(super) async fn remember(&mut self, events: &[Seen]) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let mut sensors = self.0.state().clone();
        for Seen { device_id, kind, created_at, val } in events.iter().cloned() {
            let device = sensors.devices.entry(device_id).or_default();
            device.insert(kind, Newest { created_at, val });
        }
        self.0.replace(sensors).await
    }
}
