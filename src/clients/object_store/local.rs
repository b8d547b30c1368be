//! A local folder as a store: its files are the objects.
//!
//! `object_store` writes a file under a name of its own (`NAME#1`) and renames it, syncs both to the
//! disk where it is asked to, and follows symlinks wherever they lead. Here none is followed out of
//! the folder: it is looked at before, which holds off a link that lies there, not somebody who
//! makes one in that moment and may write to the folder anyway.

use super::failure::{self, Failure};
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::location::Location;
use crate::permissions;
use crate::text;
use bytes::Bytes;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a file system gives at least, in bytes.
const BLOCK: usize = 4096;

/// The folder, by its path without links.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

/// Opens the folder that `file:PATH` or `file:///PATH` names.
pub(super) fn open(url: &Location) -> Result<(Folder, Arc<dyn ObjectStore>)> {
    let path = path(url)?;
    let failed = || {
        Error::new(Kind::Configuration, format!("the store `{url}` cannot be used")).hint(format!(
            "make the folder first: {}",
            hint::command(["mkdir", "-p", &text::of_name(&path)])
        ))
    };
    let root = fs::canonicalize(&path).map_err(|cause| failed().because_of_file(cause, &path))?;
    if !root.is_dir() {
        return Err(failed().because_of("it is not a folder"));
    }
    let objects = LocalFileSystem::new_with_prefix(&root)
        .map_err(|cause| failed().because_of(words(io_of(&cause))))?
        .with_fsync(true);
    Ok((Folder(root), Arc::new(objects)))
}

fn path(url: &Location) -> Result<PathBuf> {
    let path = url.file();
    let refused = |why: &str| {
        Error::new(Kind::Usage, format!("`{url}` names no folder"))
            .because_of(why)
            .hint("write it as `file:PATH`, for instance `file:pictures` or `file:/srv/pictures`")
    };
    match path.as_os_str().as_bytes().strip_prefix(b"//") {
        None if path.as_os_str().is_empty() => Err(refused("nothing stands after `file:`")),
        None => Ok(path),
        Some(absolute) if absolute.starts_with(b"/") => Ok(OsStr::from_bytes(absolute).into()),
        Some(_) => Err(refused("after `//` it names a host")),
    }
}

impl Folder {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Whether the folder is there and takes a file: one without a name, which is gone when it is
    /// closed.
    pub(super) async fn ping(&self) -> Result<(), Failure> {
        self.blocking(|root| match fs::metadata(root) {
            Ok(it) if it.is_dir() => prove_room(root).map_err(|error| closed(root, &error)),
            Ok(_) => Err(Failure::Gone("it is no folder any more".to_owned())),
            Err(error) => Err(gone(&error)),
        })
        .await
    }

    /// Whether this object is a regular file that lies in the folder: a pipe would never end.
    pub(super) async fn readable(&self, key: &str) -> Result<(), Failure> {
        let key = key.to_owned();
        self.blocking(move |root| {
            let real = inside(root, &root.join(key))?.ok_or(Failure::Missing)?;
            match fs::metadata(real) {
                Ok(it) if it.is_file() => Ok(()),
                Ok(it) if it.is_dir() => Err(Failure::Missing),
                Ok(_) => Err(Failure::BadKey("it is not a regular file".to_owned())),
                Err(error) => Err(failure_of(&error)),
            }
        })
        .await
    }

    /// Whether there is a file of this key, in which a put could be.
    pub(super) async fn exists(&self, key: &str) -> Result<bool, Failure> {
        self.writable(key).await?;
        let key = key.to_owned();
        self.blocking(move |root| match fs::symlink_metadata(root.join(key)) {
            Ok(it) if it.is_dir() => Err(Failure::Refused("a folder has this name".to_owned())),
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failure_of(&error)),
        })
        .await
    }

    /// Whether a file of this key would lie in the folder. The file itself is replaced, not
    /// followed, where it is a link.
    pub(super) async fn writable(&self, key: &str) -> Result<(), Failure> {
        let key = key.to_owned();
        self.blocking(move |root| {
            let file = root.join(key);
            let mut folders = file.ancestors().skip(1).take_while(|it| it.starts_with(root));
            folders.try_for_each(|folder| match inside(root, folder)? {
                None if folder == root => Err(Failure::Gone("the folder is not there".to_owned())),
                _ => Ok(()),
            })
        })
        .await
    }

    /// What an error of `object_store` means here.
    pub(super) fn failure(&self, error: &object_store::Error) -> Failure {
        match (error, io_of(error)) {
            (object_store::Error::NotFound { .. }, _) if self.0.is_dir() => Failure::Missing,
            (_, Some(error)) => failure_of(error),
            (_, None) => Failure::Refused("the folder cannot hold such a name".to_owned()),
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let root = self.0.clone();
        blocking(move || work(&root)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let work = tokio::task::spawn_blocking(work);
    work.await.unwrap_or_else(|error| Err(Failure::Unavailable(error.to_string())))
}

/// Reads this many bytes of an opened file, whatever is written behind them meanwhile. In one go:
/// `object_store` reads in pieces of 8 KiB, each of them on another thread.
pub(super) async fn read(file: fs::File, size: u64) -> Result<Bytes, Failure> {
    blocking(move || {
        let mut bytes = Vec::with_capacity(size as usize); // no more than may be
        file.take(size).read_to_end(&mut bytes).map_err(|error| failure_of(&error))?;
        Ok(bytes.into())
    })
    .await
}

/// Whether `object_store` keeps this name for what it is writing, and refuses it as a key.
pub(super) fn is_in_the_making(path: &object_store::path::Path) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    path.filename().and_then(|name| name.split_once('#')).is_some_and(|(_, end)| digits(end))
}

/// The path without links, where there is such a file and no link leads it out of the folder.
fn inside(root: &Path, path: &Path) -> Result<Option<PathBuf>, Failure> {
    match fs::canonicalize(path) {
        Ok(real) if real.starts_with(root) => Ok(Some(real)),
        Ok(_) => Err(Failure::BadKey("a link leads it out of the store's folder".to_owned())),
        // What a link leads to may be missing, and yet be somewhere else.
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::symlink_metadata(path) {
            Ok(it) if it.is_symlink() => {
                Err(Failure::BadKey("a link leads it to nowhere".to_owned()))
            }
            _ if !root.is_dir() => Err(gone(&error)),
            _ => Ok(None),
        },
        Err(error) => Err(failure_of(&error)),
    }
}

fn gone(error: &io::Error) -> Failure {
    Failure::Gone(format!("the folder is not there: {error}"))
}

fn prove_room(root: &Path) -> io::Result<()> {
    let mut file = tempfile::tempfile_in(root)?;
    file.write_all(&[0; BLOCK])?;
    file.sync_data()
}

/// What it means that a file in the folder could not be made.
fn closed(root: &Path, error: &io::Error) -> Failure {
    match failure_of(error) {
        Failure::Denied(_) => Failure::Denied(permissions::explained(error, &root.join("new"))),
        failure => failure,
    }
}

/// What the system's answer means for an object.
fn failure_of(error: &io::Error) -> Failure {
    match Errno::from_io_error(error) {
        Some(Errno::LOOP) => return Failure::BadKey("its links lead in a circle".to_owned()),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS) => {
            return Failure::NoRoom(error.to_string());
        }
        _ => {}
    }
    match error.kind() {
        ErrorKind::StorageFull
        | ErrorKind::QuotaExceeded
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::OutOfMemory => Failure::NoRoom(error.to_string()),
        ErrorKind::PermissionDenied => Failure::Denied(error.to_string()),
        ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::DirectoryNotEmpty
        | ErrorKind::InvalidFilename => Failure::Refused(error.to_string()),
        _ => Failure::Unavailable(error.to_string()),
    }
}

fn words(error: Option<&io::Error>) -> String {
    error.map_or_else(|| "its path cannot be a URL".to_owned(), ToString::to_string)
}

fn io_of(error: &object_store::Error) -> Option<&io::Error> {
    failure::find(error)
}
