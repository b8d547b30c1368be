//! One process at a time: a lock that the system holds, so that a killed one leaves nothing to clean
//! up. Its file stays, and means nothing.

use crate::error::{Error, Kind, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// The lock, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, not read")] File);

/// Takes the lock; `None` where another process, or somebody else in this one, holds it and `wait`
/// is not asked for.
pub async fn take(path: &Path, wait: bool) -> Result<Option<Lock>> {
    let failed = |cause: std::io::Error| {
        Error::new(Kind::Configuration, format!("cannot lock `{}`", path.display()))
            .because_of_file(cause, path)
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock(file))),
        Err(TryLockError::WouldBlock) if wait => {
            tracing::info!("waiting for the lock `{}`", path.display());
            let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
            let file = locked
                .map_err(|cause| Error::new(Kind::Bug, "the lock's thread died").because(cause))?;
            file.map(|file| Some(Lock(file))).map_err(failed)
        }
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_is_turned_away_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("it.lock");
        let first = take(&path, false).await.unwrap();
        assert!(first.is_some());
        assert!(take(&path, false).await.unwrap().is_none());
        drop(first);
        assert!(take(&path, true).await.unwrap().is_some());
    }
}
