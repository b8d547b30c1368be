//! Which file is at a path: told from every other by device and inode, whatever it is called.
//!
//! A file that was replaced, removed or restored under a connection is noticed by this: what is
//! written on into a file that nobody finds any more is lost.

use crate::error::{Error, Kind};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What tells a file from every other one as long as it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// That of the file at a path.
    pub fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|facts| Self::in_facts(&facts))
    }

    /// That of a file by what the system tells of it.
    pub fn in_facts(facts: &fs::Metadata) -> Self {
        Self { device: facts.dev(), inode: facts.ino() }
    }
}

/// A file that was opened, and where it was then.
#[derive(Debug, Clone)]
pub struct Anchor {
    path: PathBuf,
    identity: Identity,
}

impl Anchor {
    /// A file and its path.
    pub fn new(path: &Path, identity: Identity) -> Self {
        Self { path: path.to_owned(), identity }
    }

    /// Where the file was.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which file it is.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Whether the file is still at its path; one that cannot be looked at is.
    pub fn holds(&self) -> bool {
        match Identity::of(&self.path) {
            Ok(there) => there == self.identity,
            Err(cause) => {
                !matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
            }
        }
    }

    /// Why nothing more is done with a file that is not at its path any more.
    pub fn lost(&self) -> Error {
        let because = match self.path.exists() {
            true => "another file has taken its place since it was opened",
            false => "it was removed or renamed since it was opened",
        };
        Error::new(Kind::Unreachable, format!("cannot use `{}` any more", self.path.display()))
            .because_of(because)
            .hint("run this again: it opens the file that is there then")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_moved_away_replaced_or_removed_is_missed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&path, "1").unwrap();
        fs::write(&other, "2").unwrap();
        let anchor = Anchor::new(&path, Identity::of(&path).unwrap());
        assert!(anchor.holds());
        fs::write(&path, "written to").unwrap();
        assert!(anchor.holds());
        fs::rename(&path, folder.path().join("c")).unwrap();
        assert!(!anchor.holds());
        assert!(anchor.lost().to_string().contains("removed or renamed"));
        fs::rename(&other, &path).unwrap();
        assert!(!anchor.holds());
        assert!(anchor.lost().to_string().contains("another file"));
        fs::rename(folder.path().join("c"), &path).unwrap();
        assert!(anchor.holds());
    }
}
