//! What the URL of `nature-remo:` says.

use super::api;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use std::path::PathBuf;

/// The parameters of a URL; the last one only with `mode=changes`.
pub(super) const PARAMETERS: &[&str] = &["mode", "group", "meter", "endpoint", "state"];

/// What a URL says.
pub(super) struct NatureRemoOptions {
    /// Whether each event is a message, and not each device.
    pub(super) wants_changes: bool,
    /// Whether the messages of a device are a group.
    pub(super) grouped: bool,
    /// Whether smart meters are read, too.
    pub(super) meter: bool,
    /// Another server, where the URL names one.
    pub(super) endpoint: Option<String>,
    /// Where changes are remembered, where the URL says it.
    pub(super) state: Option<PathBuf>,
}

impl NatureRemoOptions {
    /// Reads `nature-remo:?mode=snapshot|changes&group=device&meter&endpoint=URL&state=FILE`.
    pub(super) fn of(mut url: Location) -> Result<Self> {
        if !url.rest().is_empty() {
            return Err(Error::new(Kind::Usage, "`nature-remo:` has something after the colon")
                .hint("write `nature-remo:?endpoint=URL` for another server"));
        }
        if url.take("token")?.is_some() {
            return Err(Error::new(Kind::Usage, "a token does not belong into a URL")
                .because_of("everybody on this machine sees the command line")
                .hint(api::WHERE_TOKENS_ARE));
        }
        let modes = [("snapshot", false), ("changes", true)];
        let wants_changes = url.choice("mode", &modes)?.unwrap_or_default();
        let grouped = url.choice("group", &[("device", ())])?.is_some();
        let meter = url.flag("meter")?;
        let endpoint = url.take("endpoint")?;
        let state = if wants_changes { url.take("state")?.map(PathBuf::from) } else { None };
        url.finish(if wants_changes { PARAMETERS } else { &PARAMETERS[..4] })?;
        Ok(Self { wants_changes, grouped, meter, endpoint, state })
    }
}
