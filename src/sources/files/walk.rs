//! What matches a glob now: folders are read along its parts.
//!
//! The crate `glob` matches the names, one part at a time; its own walk panics at a name that is not
//! UTF-8 (rust-lang/glob#162). Here such a name is compared as far as it is text, so that whoever
//! looks for it is told that it is there.

use glob::MatchOptions;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A `*` stays within a folder and leaves hidden files alone, as in a shell: what is written under
/// a name with a dot is renamed when it is finished.
pub(super) const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// A part of a glob, between two slashes.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// A name without wildcards.
    Name(String),
    /// A name with wildcards.
    Names(glob::Pattern),
    /// `**`: any number of folders.
    Folders,
}

impl Part {
    /// A part as it was written.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn of(text: &str) -> Result<Self, glob::PatternError> {
        Ok(match glob::Pattern::new(text)? {
            _ if text == "**" => Self::Folders,
            pattern if text.contains(['*', '?', '[']) => Self::Names(pattern),
            _ => Self::Name(text.to_owned()),
        })
    }
}

/// What a walk has found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Whatever matches, folders too.
    pub(super) paths: Vec<PathBuf>,
    /// What could not be looked into, and why.
    pub(super) unread: Vec<(PathBuf, String)>,
}

impl Walk {
    /// Adds all that matches these parts below a folder. Links to folders are followed, but never
    /// back into a folder that they lie in.
    pub(super) fn go(&mut self, folder: &Path, parts: &[Part]) {
        match parts {
            [] => self.paths.push(folder.to_owned()),
            [Part::Name(name), rest @ ..] => self.enter(folder.join(name), rest),
            [Part::Names(pattern), rest @ ..] => {
                let fits = |name: &OsStr| fits(pattern, name);
                for (path, _) in self.children(folder, fits) {
                    self.enter(path, rest);
                }
            }
            // One that ends so names folders only.
            [Part::Folders] => {}
            [Part::Folders, rest @ ..] if matches!(rest, [Part::Folders, ..]) => {
                self.go(folder, rest);
            }
            [Part::Folders, rest @ ..] => self.dive(folder, rest, &mut Vec::new()),
        }
    }

    /// Goes on below a path, or ends there; where nothing is, nothing matches.
    fn enter(&mut self, path: PathBuf, rest: &[Part]) {
        match rest {
            [] if path.symlink_metadata().is_ok() => self.paths.push(path),
            [_, ..] if path.is_dir() => self.go(&path, rest),
            _ => {}
        }
    }

    /// Looks for the parts in a folder and in every one below it; `above` are those on the way.
    fn dive(&mut self, folder: &Path, rest: &[Part], above: &mut Vec<(u64, u64)>) {
        let facts = fs::metadata(here(folder)).map(|facts| (facts.dev(), facts.ino()));
        let Ok(identity) = facts else { return };
        if above.contains(&identity) {
            return;
        }
        self.go(folder, rest);
        above.push(identity);
        // Hidden folders are left alone.
        let open = |name: &OsStr| !name.as_encoded_bytes().starts_with(b".");
        for (path, _) in self.children(folder, open).into_iter().filter(|(_, is_folder)| *is_folder)
        {
            self.dive(&path, rest, above);
        }
        above.pop();
    }

    /// The names in a folder that fit, in order, and whether each is a folder.
    fn children(&mut self, folder: &Path, fits: impl Fn(&OsStr) -> bool) -> Vec<(PathBuf, bool)> {
        match read(folder, fits) {
            Ok(children) => children,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(cause) => {
                let folder = here(folder);
                if self.unread.iter().all(|(known, _)| known != folder) {
                    self.unread.push((folder.to_owned(), cause.to_string()));
                }
                Vec::new()
            }
        }
    }
}

/// The folder of a path, `.` where it names none.
pub(super) fn here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

fn read(folder: &Path, fits: impl Fn(&OsStr) -> bool) -> io::Result<Vec<(PathBuf, bool)>> {
    let mut children = Vec::new();
    for entry in fs::read_dir(here(folder))? {
        let entry = entry?;
        let name = entry.file_name();
        if !fits(&name) {
            continue;
        }
        let path = folder.join(name);
        let is_folder = match entry.file_type() {
            Ok(kind) if !kind.is_symlink() => kind.is_dir(),
            _ => path.is_dir(),
        };
        children.push((path, is_folder));
    }
    children.sort();
    Ok(children)
}

/// Whether a name fits; of one that is not UTF-8, what is no text counts as a character each.
pub(super) fn fits(pattern: &glob::Pattern, name: &OsStr) -> bool {
    pattern.matches_with(&name.to_string_lossy(), OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    /// What a glob finds in a folder with something of everything.
    fn found(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["a/b/c", ".hidden/d", "a/.e"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        for name in ["1.jpg", "2.png", ".3.jpg", "a/4.jpg", "a/b/5.jpg", "a/b/c/6.jpg"] {
            fs::write(root.join(name), "").unwrap();
        }
        fs::write(root.join(".hidden/7.jpg"), "").unwrap();
        fs::write(root.join(OsStr::from_bytes(b"a/caf\xe9.jpg")), "").unwrap();
        symlink(root.join("a"), root.join("a/b/back")).unwrap();
        symlink(root.join("a/b/c"), root.join("link")).unwrap();
        let parts: Vec<_> = text.split('/').map(|part| Part::of(part).unwrap()).collect();
        let mut walk = Walk::default();
        walk.go(root, &parts);
        assert!(walk.unread.is_empty(), "{:?}", walk.unread);
        let below = |path: &PathBuf| crate::text::of_name(path.strip_prefix(root).unwrap());
        walk.paths.iter().filter(|it| !it.is_dir()).map(below).collect()
    }

    #[test]
    fn a_glob_finds_what_a_shell_would() {
        for (text, names) in [
            ("*.jpg", &["1.jpg"][..]),
            ("?.*", &["1.jpg", "2.png"]),
            (".3*", &[".3.jpg"]),
            ("*/*.jpg", &["a/4.jpg", "a/caf\\xe9.jpg", "link/6.jpg"]),
            ("a/caf?.jpg", &["a/caf\\xe9.jpg"]),
            ("a/[a-z]/[0-9].jpg", &["a/b/5.jpg"]),
            ("a/b/5.jpg", &["a/b/5.jpg"]),
            ("a/b/nothing", &[]),
            ("1.jpg/*", &[]),
            ("nowhere/*", &[]),
            ("**/[56].jpg", &["a/b/5.jpg", "a/b/c/6.jpg", "link/6.jpg"]),
            ("a/**/**/b/*.jpg", &["a/b/5.jpg"]),
            ("**/nothing", &[]),
            ("a/**", &[]),
        ] {
            assert_eq!(found(text), names, "{text}");
        }
    }
}
