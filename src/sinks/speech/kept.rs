//! What was spoken and is not stored yet, kept in files: an engine is paid for each answer, and none
//! is asked for the same words again because the store was gone or we were killed.

use crate::text;
use bytes::Bytes;
use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::task::spawn_blocking;

/// What nobody came back for after this time is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A folder of sound. Where it cannot be used, words may be paid for again, and nothing else changes.
pub(super) struct Kept {
    folder: PathBuf,
}

impl Kept {
    /// Opens the folder; it is made when there is something to keep.
    pub(super) fn open(folder: PathBuf, now: SystemTime) -> Self {
        forget(&folder, now);
        Self { folder }
    }

    /// The file of what is spoken for an object. `what` names all that decides how it sounds.
    pub(super) fn file(&self, what: &[&str]) -> PathBuf {
        self.folder.join(text::digest(what.join("\0")))
    }
}

/// What is kept in a file.
pub(super) async fn read(file: &Path) -> Option<Bytes> {
    let file = file.to_owned();
    spawn_blocking(move || fs::read(file).ok().map(Bytes::from)).await.ok().flatten()
}

/// Keeps it, whole or not at all. It outlives our end; an end of the machine it need not.
pub(super) async fn keep(file: &Path, sound: &Bytes) {
    let (path, sound) = (file.to_owned(), sound.clone());
    let kept = spawn_blocking(move || write(&path, &sound)).await;
    if let Ok(Err(cause)) = kept {
        let folder = text::of_name(file.parent().unwrap_or(file));
        tracing::warn!("what was spoken cannot be kept in `{folder}`: {cause}");
    }
}

/// Forgets it: it is stored.
pub(super) async fn drop(file: &Path) {
    let file = file.to_owned();
    let _ = spawn_blocking(move || fs::remove_file(file)).await; // it need not be there
}

fn write(path: &Path, sound: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(sound)?;
    file.persist(path).map(|_| ()).map_err(io::Error::from)
}

fn forget(folder: &Path, now: SystemTime) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let changed = entry.metadata().and_then(|it| it.modified());
        let age = changed.ok().and_then(|at| now.duration_since(at).ok());
        if age.is_some_and(|age| age > FORGOTTEN) {
            let _ = fs::remove_file(entry.path()); // another process may have done it
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_kept_is_found_by_all_that_it_depends_on() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("deep/speech");
        let kept = Kept::open(folder.clone(), SystemTime::now());
        let file = kept.file(&["s3://a", "u1.mp3", "words"]);
        assert_eq!(read(&file).await, None);
        keep(&file, &Bytes::from_static(b"sound")).await;
        let again = Kept::open(folder.clone(), SystemTime::now());
        assert_eq!(read(&again.file(&["s3://a", "u1.mp3", "words"])).await.unwrap(), "sound");
        assert_eq!(read(&again.file(&["s3://a", "u1.mp3", "other words"])).await, None);
        let later = SystemTime::now() + FORGOTTEN + Duration::from_secs(60);
        Kept::open(folder, later);
        assert_eq!(read(&file).await, None, "it was forgotten");
    }

    #[tokio::test]
    async fn what_is_stored_is_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let file = Kept::open(home.path().to_owned(), SystemTime::now()).file(&["a"]);
        keep(&file, &Bytes::from_static(b"sound")).await;
        drop(&file).await;
        drop(&file).await;
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
