//! A new file takes the place of another one: its path names one of the two at every moment, and
//! none of them is overwritten.

use super::identity::Identity;
use super::pages::beside;
use crate::error::{Error, Kind, Result};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A file of SQLite that nobody else has open, since the caller holds its lock, and what becomes of
/// it.
pub struct Replacing<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// Which file it is.
    pub old: Identity,
    /// The new one, in the same folder, whole and with no log.
    pub new: &'a Path,
    /// What the old one is called from then on; nothing has this name.
    pub kept: &'a Path,
}

impl Replacing<'_> {
    /// Puts the new file at the path; the old one keeps its content, under its new name, with its
    /// log. On the disk when this returns.
    ///
    /// The order is for who kills us: first the old file has its new name too, then its log goes
    /// there, and then the two change places, in one step. A log is found by its name, so it must
    /// never lie beside the new file. Killed between the last two steps, the damaged file is without
    /// its log at the path; all that was read of both is in the new one.
    ///
    /// # Errors
    /// `Unreachable` where another file came to the path meanwhile: that one stays.
    pub fn run(&self) -> Result<()> {
        self.expect_old()?;
        let linked = self.link()?;
        fail::fail_point!("repair-linked");
        self.move_log()?;
        fail::fail_point!("repair-log-moved");
        self.expect_old()?;
        self.exchange(linked)?;
        fail::fail_point!("repair-exchanged");
        self.sync().map_err(|cause| self.failed(cause))
    }

    fn expect_old(&self) -> Result<()> {
        match Identity::of(self.path) {
            Ok(there) if there == self.old => Ok(()),
            _ => Err(self.taken()),
        }
    }

    /// Gives the old file its second name. `false`: this file system has one name a file.
    fn link(&self) -> Result<bool> {
        match fs::hard_link(self.path, self.kept) {
            Ok(()) => Ok(true),
            Err(cause) if lacks(&cause) => Ok(false),
            Err(cause) => Err(self.failed(cause)),
        }
    }

    fn move_log(&self) -> Result<()> {
        for ending in ["-wal", "-shm"] {
            match fs::rename(beside(self.path, ending), beside(self.kept, ending)) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                    return Err(self.failed(cause));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Exchanges the two. Where the file system cannot, the new one is renamed over the old one,
    /// which has its other name by then; where it can do neither, nothing is done.
    fn exchange(&self, linked: bool) -> Result<()> {
        match renameat_with(CWD, self.new, CWD, self.path, RenameFlags::EXCHANGE) {
            Ok(()) => self.put_away(linked),
            Err(cause) if linked && without_exchange(cause) => {
                fs::rename(self.new, self.path).map_err(|cause| self.failed(cause))
            }
            Err(cause) => Err(self.failed(cause.into())),
        }
    }

    /// What was at the path has the new file's name now.
    fn put_away(&self, linked: bool) -> Result<()> {
        let out = Identity::of(self.new).map_err(|cause| self.failed(cause))?;
        if out != self.old {
            let back = renameat_with(CWD, self.new, CWD, self.path, RenameFlags::EXCHANGE);
            return back.map_err(|cause| self.failed(cause.into())).and(Err(self.taken()));
        }
        let done = match linked {
            true => fs::remove_file(self.new),
            false => rename_onto_nothing(self.new, self.kept),
        };
        done.map_err(|cause| self.failed(cause))
    }

    fn sync(&self) -> io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn failed(&self, cause: io::Error) -> Error {
        let (new, path) = (self.new.display(), self.path.display());
        Error::new(Kind::Failed, format!("cannot put `{new}` in place of `{path}`"))
            .because_of_file(cause, self.path)
            .hint("what was saved is there: move both by hand while no program uses them")
    }

    fn taken(&self) -> Error {
        let path = self.path.display();
        Error::new(Kind::Unreachable, format!("cannot replace `{path}`"))
            .because_of("it is not the file any more that was read")
            .hint(format!("what was saved of that one is in `{}`", self.new.display()))
    }
}

/// Gives a file another name, unless something has it.
fn rename_onto_nothing(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(cause) if without_exchange(cause) && !to.exists() => fs::rename(from, to),
        done => done.map_err(io::Error::from),
    }
}

/// The file system, or the kernel, knows no such renaming.
fn without_exchange(cause: Errno) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP].contains(&cause)
}

/// The file system knows no second name.
fn lacks(cause: &io::Error) -> bool {
    let codes = [Errno::PERM, Errno::NOSYS, Errno::OPNOTSUPP, Errno::MLINK];
    cause.raw_os_error().is_some_and(|code| codes.contains(&Errno::from_raw_os_error(code)))
}

/// The files that are in the way of a replacement: what it would be called, and its log.
pub fn in_the_way(kept: &Path) -> Option<PathBuf> {
    let names = ["", "-wal", "-shm"].map(|ending| beside(kept, ending));
    names.into_iter().find(|path| path.symlink_metadata().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a file, its log, and a new file.
    fn folder() -> (tempfile::TempDir, [PathBuf; 3]) {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["q", "q.new", "q.old"].map(|name| folder.path().join(name));
        for (name, content) in [("q", "old"), ("q-wal", "log"), ("q.new", "new")] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        (folder, paths)
    }

    fn names(folder: &Path) -> Vec<(String, String)> {
        let entry = |entry: io::Result<fs::DirEntry>| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        };
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(entry).collect();
        names.sort();
        names
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn the_new_one_is_there_and_the_old_one_beside_it_with_its_log() {
        for linked in [true, false] {
            let (folder, [path, new, kept]) = folder();
            let old = Identity::of(&path).unwrap();
            let replacing = Replacing { path: &path, old, new: &new, kept: &kept };
            match linked {
                true => replacing.run().unwrap(),
                false => {
                    replacing.move_log().unwrap();
                    replacing.exchange(false).unwrap();
                }
            }
            let expected = [("q", "new"), ("q.old", "old"), ("q.old-wal", "log")];
            assert_eq!(names(folder.path()), pairs(&expected), "linked: {linked}");
            assert_eq!(Identity::of(&kept).unwrap(), old);
        }
    }

    #[test]
    fn what_came_to_the_path_meanwhile_stays_there() {
        let (folder, [path, new, kept]) = folder();
        let old = Identity::of(&new).unwrap(); // another one than that at the path
        let replacing = Replacing { path: &path, old, new: &new, kept: &kept };
        let error = replacing.run().unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        let before = [("q", "old"), ("q-wal", "log"), ("q.new", "new")];
        assert_eq!(names(folder.path()), pairs(&before));
        // It came in the last moment.
        let error = replacing.exchange(true).unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert_eq!(names(folder.path()), pairs(&before));
    }

    #[test]
    fn a_name_that_is_taken_is_overwritten_by_nobody() {
        let (folder, [path, new, kept]) = folder();
        fs::write(beside(&kept, "-wal"), "another").unwrap();
        assert_eq!(in_the_way(&kept), Some(beside(&kept, "-wal")));
        let old = Identity::of(&path).unwrap();
        fs::write(&kept, "another").unwrap();
        let replacing = Replacing { path: &path, old, new: &new, kept: &kept };
        assert_eq!(replacing.run().unwrap_err().kind(), Kind::Failed);
        replacing.exchange(false).unwrap_err();
        assert!(names(folder.path()).contains(&("q.old".to_owned(), "another".to_owned())));
    }
}
