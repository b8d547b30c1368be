//! What the URL of `files:` says.

use super::pattern::Pattern;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use std::path::PathBuf;

/// The largest file, in bytes, unless `?max-size` says otherwise.
const MAX_SIZE: u64 = 64 << 20;

/// The parameters of a URL.
pub(super) const PARAMETERS: &[&str] = &["store", "prefix", "state", "max-size", "watch"];

/// What a URL says.
pub(super) struct FilesOptions {
    /// Which files.
    pub(super) pattern: Pattern,
    /// The object store that they are put into, where the URL names it.
    pub(super) store: Option<Location>,
    /// What stands before each key.
    pub(super) prefix: String,
    /// The largest file that is taken, in bytes.
    pub(super) max_size: u64,
    /// Where it is remembered what was published, where the URL says it.
    pub(super) state: Option<PathBuf>,
    /// Whether to stay, and take new files as they are finished.
    pub(super) watch: bool,
    /// The URL without its parameters, for errors.
    pub(super) bare: Location,
}

impl FilesOptions {
    /// Reads `files:GLOB?store=URL&prefix=TEXT&state=FILE&max-size=BYTES&watch`.
    pub(super) fn of(mut url: Location) -> Result<Self> {
        let pattern = Pattern::of(&url)?;
        let store = url.take("store")?;
        let prefix = url.take("prefix")?.unwrap_or_default();
        let state = url.take("state")?.map(PathBuf::from);
        let max_size = url.bytes("max-size", 1..=u64::MAX)?.unwrap_or(MAX_SIZE);
        let watch = url.flag("watch")?;
        url.finish(PARAMETERS)?;
        let store = store.map(|store| Location::parse(&store)).transpose()?;
        Ok(Self { pattern, store, prefix, max_size, state, watch, bare: url })
    }

    /// The object store that the files are put into.
    ///
    /// # Errors
    /// `Usage` where the URL names none.
    pub(super) fn needed_store(&self) -> Result<&Location> {
        self.store.as_ref().ok_or_else(|| {
            let what = format!("`{}` does not say where the files go", self.bare);
            Error::new(Kind::Usage, what).hint(format!(
                "add `store=file:FOLDER` or `store=s3://BUCKET`{}",
                self.bare.cut_hint()
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_url_says_is_told_with_its_defaults() {
        let read = |text: &str| FilesOptions::of(Location::parse(text).unwrap());
        let plain = read("files:in/*.jpg?store=file:store").unwrap();
        assert_eq!((plain.max_size, plain.watch, plain.state), (MAX_SIZE, false, None));
        let full = read("files:in/*.jpg?prefix=a&state=s&max-size=1KiB&watch").unwrap();
        let error = full.needed_store().err().unwrap();
        assert!(error.to_string().starts_with("`files:in/*.jpg` does not say where"), "{error}");
        assert_eq!((full.max_size, full.watch, full.state), (1024, true, Some("s".into())));
        for text in ["files:", "files:a?max-size=0", "files:a?watch=maybe", "files:a?x"] {
            assert_eq!(read(text).err().unwrap().kind(), Kind::Usage, "{text}");
        }
    }
}
