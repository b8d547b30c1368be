//! Connections that are closed before another file is opened at their path.
//!
//! SQLite finds a file's log and the log's index by their names. The index is memory that all
//! connections map, and the first one of a process empties it unless another process has it locked:
//! a connection of this process to the file that was at the path before would lose what it reads
//! from under its hands, and when it is closed, the locks of the new one go with it.

use super::identity::Anchor;
use rusqlite::Connection;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The connections of this process that last.
static OPEN: Mutex<Vec<Weak<OpenFile>>> = Mutex::new(Vec::new());

/// A connection to a file, and where that was.
pub struct OpenFile {
    anchor: Anchor,
    /// `None`: it was closed, and the file is lost.
    connection: Mutex<Option<Connection>>,
    closed: AtomicBool,
}

impl OpenFile {
    /// Takes a connection that was opened under [`close_lost`].
    pub fn new(anchor: Anchor, connection: Connection) -> Arc<Self> {
        let connection = Mutex::new(Some(connection));
        let file = Arc::new(Self { anchor, connection, closed: AtomicBool::new(false) });
        let mut open = list();
        open.retain(|known| known.strong_count() > 0);
        open.push(Arc::downgrade(&file));
        file
    }

    /// Where the file was when it was opened.
    pub fn anchor(&self) -> &Anchor {
        &self.anchor
    }

    /// Whether it is open, and the file still at its path.
    pub fn is_there(&self) -> bool {
        !self.closed.load(Ordering::Acquire) && self.anchor.holds()
    }

    /// The connection for as long as the guard lives; `None`: another file has taken the place of
    /// this one, and it was closed.
    pub fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the connection out, to close it.
    pub fn take(&self) -> Option<Connection> {
        let connection = self.connection().take();
        self.closed.store(true, Ordering::Release);
        connection
    }
}

/// Closes what this process has open of other files that were at this path. A transaction that
/// runs is waited for.
pub fn close_lost(path: &Path) {
    let at_path = |file: &Arc<OpenFile>| file.anchor.path() == path && !file.anchor.holds();
    let lost: Vec<_> = list().iter().filter_map(Weak::upgrade).filter(at_path).collect();
    for file in lost {
        // SQLite leaves a log alone whose file is not at its path.
        if let Some(Err((_, failure))) = file.take().map(Connection::close) {
            tracing::warn!(path = %path.display(), %failure, "cannot close a file cleanly");
        }
    }
}

/// Does this work while this process has no connection open that looks at the file at this path;
/// then they are opened again. Who looks at it meanwhile waits.
pub fn without_readers<T>(
    path: &Path,
    work: impl FnOnce() -> T,
    reopen: impl Fn() -> rusqlite::Result<Connection>,
) -> T {
    let at_path = |file: &Arc<OpenFile>| file.anchor.path() == path;
    let files: Vec<_> = list().iter().filter_map(Weak::upgrade).filter(at_path).collect();
    let mut connections: Vec<_> = files.iter().map(|file| file.connection()).collect();
    let were_open: Vec<_> = connections.iter_mut().map(|it| it.take().is_some()).collect();
    let done = work();
    for (connection, was_open) in connections.iter_mut().zip(were_open) {
        if was_open {
            **connection = reopen()
                .inspect_err(|failure| tracing::warn!(%failure, "cannot look at a file any more"))
                .ok();
        }
    }
    done
}

fn list() -> MutexGuard<'static, Vec<Weak<OpenFile>>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}
