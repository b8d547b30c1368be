//! What the URL of an embedded queue says: which file, which queue in it, how long ids count.

use super::Options;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use std::path::PathBuf;
use std::time::Duration;

/// Where an embedded queue is.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The queue's name in the file.
    pub name: String,
    /// How long an id counts after its message is done.
    pub remember: Duration,
}

impl Place {
    /// Reads `sqlite:PATH?queue=NAME&dedupe=DURATION`.
    pub fn of(mut url: Location, options: &Options) -> Result<Self> {
        let name = url.take("queue")?.unwrap_or_else(|| "default".to_owned());
        let remember = match url.take("dedupe")? {
            None => Duration::ZERO,
            Some(text) => humantime::parse_duration(&text).map_err(|cause| {
                Error::new(Kind::Usage, format!("`dedupe={text}` is not a duration"))
                    .because(cause)
                    .hint("write it as `dedupe=10m`")
            })?,
        };
        url.finish(&["queue", "dedupe"])?;
        let path = match url.path()? {
            path if path.is_empty() => options.data_dir.join("queue.db"),
            path => PathBuf::from(path),
        };
        Ok(Self { path, name, remember })
    }
}
