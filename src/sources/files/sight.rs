//! The files among what a glob found: what each is at a glance.

use super::pattern::Pattern;
use super::state::Stamp;
use std::path::{Path, PathBuf};

/// A file that matches.
pub(super) struct Sighted {
    pub(super) path: PathBuf,
    /// The file's key without the prefix; or why it has none.
    pub(super) key: Result<String, &'static str>,
    pub(super) stamp: Stamp,
}

impl Sighted {
    /// The file's key behind the prefix; `None` where it has none.
    pub(super) fn key(&self, prefix: &str) -> Option<String> {
        self.key.as_ref().ok().map(|key| prefix.to_owned() + key)
    }
}

/// The regular files among paths, but for those of a store that lies below the same folder.
pub(super) fn sight(paths: Vec<PathBuf>, pattern: &Pattern, store: Option<&Path>) -> Vec<Sighted> {
    let ours = |path: &Path| {
        store.is_some_and(|store| path.canonicalize().is_ok_and(|it| it.starts_with(store)))
    };
    paths
        .into_iter()
        .filter_map(|path| {
            // What is gone by now, or is a folder, is no file of ours; nor is a link to nowhere.
            let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
            let (key, stamp) = (pattern.key(&path), Stamp::of(&metadata));
            (!ours(&path)).then_some(Sighted { path, key, stamp })
        })
        .collect()
}
