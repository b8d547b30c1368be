//! What is looked for: a glob, the folder that it starts from, and a file's key below that.

use super::walk::{OPTIONS, Part, Walk, here};
use crate::error::{Error, Kind, Result};
use crate::identity;
use crate::location::Location;
use crate::text;
use std::path::{Path, PathBuf};

/// A glob that was taken apart.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    text: String,
    whole: glob::Pattern,
    /// The folder before the first wildcard, as it was written.
    folder: PathBuf,
    /// The folder before the first wildcard from the root, for whoever is told of files by their full
    /// paths.
    from_root: PathBuf,
    /// What follows that folder.
    parts: Vec<Part>,
}

impl Pattern {
    /// The glob that stands behind `files:`.
    pub(super) fn of(url: &Location) -> Result<Self> {
        let refused = |why: &str| {
            Error::new(Kind::Usage, format!("`{url}` names no files"))
                .because_of(why)
                .hint("write a glob, for instance `files:pictures/*.jpg?store=file:store`, and a `?` in it as `%3F`")
        };
        let written = url.path()?;
        if written.is_empty() {
            return Err(refused("nothing stands after `files:`"));
        }
        if written.ends_with('/') {
            return Err(refused("it ends with `/`, as a folder does"));
        }
        let text = plain(&written);
        let no_glob = |cause: glob::PatternError| refused(&cause.to_string());
        let whole = glob::Pattern::new(&text).map_err(no_glob)?;
        let parts: Vec<_> = text.split('/').collect();
        let first = parts.iter().position(|part| part.contains(['*', '?', '[']));
        let fixed = first.unwrap_or(parts.len() - 1);
        if parts[fixed..].contains(&"..") {
            return Err(refused("it has a `..` behind its first wildcard, or at its end"));
        }
        let folder = match (fixed, parts[..fixed].join("/")) {
            (1, folder) if folder.is_empty() => PathBuf::from("/"),
            (_, folder) => PathBuf::from(folder),
        };
        let behind = parts[fixed..].iter().map(|part| Part::of(part));
        let parts = behind.collect::<Result<_, _>>().map_err(no_glob)?;
        let failed = |cause| Error::new(Kind::Failed, "there is no working folder").because(cause);
        let from_root = std::path::absolute(here(&folder)).map_err(failed)?;
        Ok(Self { text, whole, folder, from_root, parts })
    }

    /// The glob, as it was written but for dots that mean nothing.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The folder before the first wildcard.
    pub(super) fn folder(&self) -> &Path {
        here(&self.folder)
    }

    /// The folder without links, for whoever keeps something under its name.
    pub(super) fn real_folder(&self) -> String {
        let real = identity::real_path(self.folder());
        text::of_name(real.as_deref().unwrap_or(&self.from_root))
    }

    /// What follows the folder.
    pub(super) fn below_folder(&self) -> &str {
        let folder = self.folder.to_str().unwrap_or_default();
        self.text.strip_prefix(folder).unwrap_or(&self.text).trim_start_matches('/')
    }

    /// The folder before the first wildcard, from the root.
    pub(super) fn rooted(&self) -> &Path {
        &self.from_root
    }

    /// All that matches now. It reads folders: not for an async thread.
    pub(super) fn walk(&self) -> Walk {
        let mut walk = Walk::default();
        walk.go(&self.folder, &self.parts);
        walk
    }

    /// The path of a file by its path from the root, as a walk would find it, where it matches.
    pub(super) fn matching(&self, from_root: &Path) -> Option<PathBuf> {
        let path = self.folder.join(from_root.strip_prefix(&self.from_root).ok()?);
        self.whole.matches_with(&path.to_string_lossy(), OPTIONS).then_some(path)
    }

    /// The path from the root of a file that a walk has found.
    pub(super) fn to_root(&self, path: &Path) -> Option<PathBuf> {
        Some(self.from_root.join(path.strip_prefix(&self.folder).ok()?))
    }

    /// A file's key: its path below the folder before the first wildcard.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub(super) fn key(&self, path: &Path) -> Result<String, &'static str> {
        let below =
            path.strip_prefix(&self.folder).map_err(|_| "it is not below the glob's folder")?;
        below.to_str().map(str::to_owned).ok_or("its name is not UTF-8")
    }
}

/// A path without `.` and empty parts.
fn plain(text: &str) -> String {
    let parts: Vec<_> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let root = if text.starts_with('/') { "/" } else { "" };
    root.to_owned() + &parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Result<Pattern> {
        Pattern::of(&Location::parse(&format!("files:{text}")).unwrap())
    }

    #[test]
    fn the_folder_ends_before_the_first_wildcard() {
        for (text, folder, path, key) in [
            ("*.jpg", ".", "a.jpg", "a.jpg"),
            ("./*.jpg", ".", "a.jpg", "a.jpg"),
            ("in/**/*.jpg", "in", "in/a/b c.jpg", "a/b c.jpg"),
            ("in//./20[0-9]6/x.jpg", "in", "in/2026/x.jpg", "2026/x.jpg"),
            ("/srv/in/a.jpg", "/srv/in", "/srv/in/a.jpg", "a.jpg"),
            ("/*.jpg", "/", "/a.jpg", "a.jpg"),
            ("../in/*", "../in", "../in/寝室.png", "寝室.png"),
            ("a%3Fc/100%25*", ".", "abc/100%.jpg", "abc/100%.jpg"),
            ("a.jpg", ".", "a.jpg", "a.jpg"),
        ] {
            let pattern = pattern(text).unwrap();
            assert_eq!(pattern.folder(), Path::new(folder), "{text}");
            assert_eq!(pattern.key(Path::new(path)).unwrap(), key, "{text}");
            let from_root = pattern.rooted().join(key);
            assert_eq!(pattern.matching(&from_root).as_deref(), Some(Path::new(path)), "{text}");
        }
    }

    #[test]
    fn what_is_no_glob_is_refused() {
        for text in ["", "in/", "in/*/../x", "..", "in/..", "a***b", "a[b", "in/[a/b]x"] {
            assert_eq!(pattern(text).unwrap_err().kind(), Kind::Usage, "{text}");
        }
    }

    #[test]
    fn hidden_files_and_other_folders_do_not_match() {
        let pattern = pattern("in/*.jpg").unwrap();
        for name in [".a.jpg", "a/b.jpg", "a.jpg.part"] {
            assert_eq!(pattern.matching(&pattern.rooted().join(name)), None, "{name}");
        }
    }
}
