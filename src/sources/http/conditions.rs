//! Which version of an answer the queue has: `ETag` and `Last-Modified`.

use super::SOURCE;
use crate::error::Result;
use crate::sources::polling::Remembered;
use reqwest::header::{
    ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What the server said of the version of an answer, as it said it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Conditions {
    /// The URL's own name of its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
}

impl Conditions {
    /// Reads the headers of an answer.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::to_owned);
        Self { etag: text(ETAG), last_modified: text(LAST_MODIFIED) }
    }

    /// Adds the headers by which a server sends nothing where nothing has changed.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        let mut add = |name: HeaderName, value: &Option<String>| {
            let value = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok());
            headers.extend(value.map(|value| (name, value)));
        };
        add(IF_NONE_MATCH, &self.etag);
        add(IF_MODIFIED_SINCE, &self.last_modified);
    }
}

/// What is remembered: for this run, and for the next one where a file was named for that. Without
/// one, two queues that are filled from one URL cannot take each other's news away.
pub(super) enum Memory {
    Run(Conditions),
    File(Box<Remembered<Conditions>>),
}

impl Memory {
    /// Reads the file, which may be missing.
    ///
    /// # Errors
    /// `Configuration` for a file that cannot be read or is not ours.
    pub(super) fn open(file: Option<PathBuf>) -> Result<Self> {
        Ok(match file {
            None => Self::Run(Conditions::default()),
            Some(path) => Self::File(Box::new(Remembered::open(path, SOURCE, "http:")?)),
        })
    }

    pub(super) fn conditions(&self) -> &Conditions {
        match self {
            Self::Run(conditions) => conditions,
            Self::File(file) => file.state(),
        }
    }

    /// Remembers this in place of what was; on disk, where there is a file.
    pub(super) async fn remember(&mut self, conditions: Conditions) -> Result<()> {
        match self {
            Self::Run(known) => *known = conditions,
            Self::File(file) if *file.state() == conditions => {}
            Self::File(file) => file.replace(conditions).await?,
        }
        Ok(())
    }
}
