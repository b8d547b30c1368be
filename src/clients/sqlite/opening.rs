//! Opening a file: ours or nobody's, private, in WAL mode, every commit on disk.

use super::failure::explain;
use super::format::{Purpose, Schema, State, found, state, upgrade};
use super::identity::{Anchor, Identity};
use super::open_file::{close_lost, without_readers};
use crate::error::{Error, Kind, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags};
use rustix::io::Errno;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a lock of another process is waited for, in all. Write transactions take
/// milliseconds; what holds a lock longer is not one of ours.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long between two tries. SQLite's own handler waits up to 100 ms, so that newcomers overtake
/// those who have waited longest.
const TRY_EVERY: Duration = Duration::from_millis(1);

/// How often a file is opened again that was replaced meanwhile.
const TRIES: usize = 100;

/// Makes the file, empty and for its owner only, and its folder, unless they are there. Gives its
/// full path, in which a name like `:memory:` means nothing special.
pub fn make_file(path: &Path) -> Result<PathBuf> {
    let failed = |cause: io::Error| cannot_make(path, cause);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    match options.write(true).create_new(true).mode(0o600).open(path) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => Err(failed(cause)),
        _ if path.is_dir() => Err(failed(io::ErrorKind::IsADirectory.into())),
        _ => fs::canonicalize(path).map_err(failed),
    }
}

/// A disk that is full, or a machine that is short of something, is no matter of what was named.
fn cannot_make(path: &Path, cause: io::Error) -> Error {
    let short = matches!(
        Errno::from_io_error(&cause),
        Some(Errno::NOSPC | Errno::DQUOT | Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::IO)
    );
    let (kind, hint) = match short {
        true => (Kind::Unreachable, "make room, then run this again: nothing is lost"),
        false => (Kind::Configuration, "name a file in a folder that this user may write"),
    };
    Error::new(kind, format!("cannot open `{}`", path.display()))
        .because_of_file(cause, path)
        .hint(hint)
}

/// The full path of a file that is there.
pub fn full_path(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|cause| {
        Error::new(Kind::Configuration, format!("cannot open `{}`", path.display()))
            .because_of_file(cause, path)
    })
}

/// Opens a file and reads from it, until the file that was read is the one at the path.
///
/// A file may be replaced, as a repair does, between the opening and the lock that comes with the
/// first look: SQLite finds a file's log by its name, and would write into the other one's. `open`
/// only reads, which does no harm, and keeps what it has locked; a file that is locked so is not
/// repaired. What this process still has open of a file that was there before is closed first.
/// Gives what was opened, and which file it is; `None` where there was none.
fn settled<T>(path: &Path, open: impl Fn() -> Result<T>) -> Result<(T, Option<Identity>)> {
    for _ in 0..TRIES {
        close_lost(path);
        let before = Identity::of(path).ok();
        let opened = open();
        if before == Identity::of(path).ok() {
            return opened.map(|opened| (opened, before));
        }
    }
    Err(Error::new(Kind::Unreachable, format!("cannot open `{}`", path.display()))
        .because_of("other files take its place again and again")
        .hint("end what does this, then run this again"))
}

/// Opens a file that is there, to look and not to write: neither it nor its folder is made.
pub fn connect_to_read(path: &Path, schema: &Schema) -> Result<(Connection, Anchor)> {
    let noun = schema.purpose.noun();
    let hint = format!("name the file of a {noun} that is there");
    match connect_if_there(path, schema)? {
        Some(opened) => Ok(opened),
        None if !path.exists() => {
            Err(Error::new(Kind::Configuration, format!("cannot open `{}`", path.display()))
                .because_of("there is no such file")
                .hint(hint))
        }
        None => Err(Error::new(Kind::Configuration, format!("cannot use `{}`", path.display()))
            .because_of(format!("it is empty: no {noun} was made in it yet"))
            .hint(hint)),
    }
}

/// Opens a file to look and not to write; `None` where there is no file, or nothing was made in it
/// yet.
pub fn connect_if_there(path: &Path, schema: &Schema) -> Result<Option<(Connection, Anchor)>> {
    let noun = schema.purpose.noun();
    let no_file = |cause: io::Error| {
        Error::new(Kind::Configuration, format!("cannot open `{}`", path.display()))
            .because_of_file(cause, path)
            .hint(format!("name the file of a {noun} that is there"))
    };
    let there = match fs::canonicalize(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(no_file)?,
    };
    if there.is_dir() {
        return Err(no_file(io::ErrorKind::IsADirectory.into()));
    }
    let failed = |failure: rusqlite::Error| explain("open", path, &failure);
    let (opened, identity) = settled(&there, || {
        let connection = open_to_read(&there).map_err(failed)?;
        let state = state(&connection, path, schema)?;
        Ok((connection, state))
    })?;
    // What an older version made can be read as it is.
    let (connection, State::Older { .. } | State::Current) = opened else { return Ok(None) };
    let Some(identity) = identity else { return Ok(None) };
    Ok(Some((connection, Anchor::new(&there, identity))))
}

fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    be_patient(&mut connection)?;
    let settings = "PRAGMA query_only = ON; PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF;";
    connection.execute_batch(settings)?;
    match look(&connection) {
        Err(failure) if is_cut_off(&failure) => finish_rollback(path)?,
        looked => looked?,
    }
    Ok(connection)
}

/// Reads the first page.
fn look(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA schema_version", [], |_| Ok(()))
}

/// Whether nobody can read the file before somebody who may write has taken back what a program had
/// begun that was killed: it made the file, which had no log yet, or was just giving it one.
fn is_cut_off(failure: &rusqlite::Error) -> bool {
    let code = failure.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_READONLY_ROLLBACK)
}

/// Takes back what was begun in a file by a program that was killed.
fn finish_rollback(path: &Path) -> rusqlite::Result<()> {
    look(&writable(path)?)
}

/// Opens the write connection, and makes the tables if the file is fresh.
pub fn connect(path: &Path, schema: &Schema) -> Result<(Connection, Anchor)> {
    let failed = |failure: rusqlite::Error| explain("open", path, &failure);
    let ((mut connection, state), identity) = settled(path, || {
        let connection = open_to_write(path)?;
        let state = state(&connection, path, schema)?;
        Ok((connection, state))
    })?;
    let identity = identity.ok_or_else(|| explain("open", path, &cannot_open()))?;
    if connection.is_readonly(MAIN_DB).map_err(failed)? {
        return Err(Error::new(Kind::Configuration, format!("cannot write `{}`", path.display()))
            .because_of("it is read-only for this user")
            .hint("make it writable for this user, or name another file"));
    }
    if state == (State::Older { alone: true }) {
        drop(connection);
        upgrade_alone(path, schema)?;
        return connect(path, schema);
    }
    make_current(&mut connection, path, schema)?;
    retry_while_busy(|| configure(&connection, schema.purpose)).map_err(failed)?;
    Ok((connection, Anchor::new(path, identity)))
}

fn open_to_write(path: &Path) -> Result<Connection> {
    writable(path).map_err(|failure| explain("open", path, &failure))
}

fn writable(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    be_patient(&mut connection)?;
    Ok(connection)
}

/// What SQLite says of a file that is not there.
fn cannot_open() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN), None)
}

/// Opens a file that is there to write to it, whatever it is, and has it locked against repairs.
pub fn connect_to_try(path: &Path) -> Result<Connection> {
    let failed = |failure: rusqlite::Error| explain("write", path, &failure);
    let (connection, _) = settled(path, || {
        let connection = open_to_write(path)?;
        look(&connection).map_err(failed).map(|()| connection)
    })?;
    Ok(connection)
}

/// Makes a fresh file ours, and brings what an older version made up to this one. Nothing is
/// changed in a file before it is known to be ours.
fn make_current(connection: &mut Connection, path: &Path, schema: &Schema) -> Result<()> {
    let failed = |failure: rusqlite::Error| explain("open", path, &failure);
    if state(connection, path, schema)? == State::Fresh {
        retry_while_busy(|| found(connection, schema)).map_err(failed)?;
    }
    if let State::Older { .. } = state(connection, path, schema)? {
        retry_while_busy(|| upgrade(connection, schema)).map_err(failed)?;
        state(connection, path, schema)?;
    }
    Ok(())
}

/// Opens a file that is there for this connection alone: refused while any other has it open, in
/// this process too, and none can open it until this one is closed.
pub fn connect_alone(path: &Path, schema: &Schema) -> Result<Connection> {
    // Refuses what is missing and what is not ours, and makes nothing.
    drop(connect_to_read(path, schema)?);
    let failed = |failure: rusqlite::Error| explain("open", path, &failure);
    let mut connection = open_alone(&full_path(path)?, failed)?;
    make_current(&mut connection, path, schema)?;
    configure(&connection, schema.purpose).map_err(failed)?;
    Ok(connection)
}

/// Opens a file that no other connection has open, nor can open until this one is closed.
fn open_alone(path: &Path, failed: impl Fn(rusqlite::Error) -> Error) -> Result<Connection> {
    let since = Instant::now();
    loop {
        let (locked, _) = settled(path, || {
            let mut connection = open_to_write(path)?;
            Ok(lock_alone(&mut connection).map(|()| connection))
        })?;
        match locked {
            // Two that hold what both of them share, and wait for more, would wait for ever: whoever
            // was refused lets go of it, for no time that another one has.
            Err(failure) if is_busy(&failure) && since.elapsed() < PATIENCE => {
                std::thread::sleep(TRY_EVERY * fastrand::u32(1..20));
            }
            locked => return locked.map_err(failed),
        }
    }
}

/// Takes the file's own lock, which every other connection shares as long as it is open: WAL mode does
/// so only where this is said before the first look into the file.
fn lock_alone(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE")?;
    connection.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
    be_patient(connection)
}

fn is_busy(failure: &rusqlite::Error) -> bool {
    failure.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// Brings a file up to this version while nobody else has it open. Who looks at it in this process
/// waits, and then sees the new one.
fn upgrade_alone(path: &Path, schema: &Schema) -> Result<()> {
    let failed = |failure: rusqlite::Error| match is_busy(&failure) {
        true => {
            let version = schema.version;
            Error::new(Kind::Unreachable, format!("cannot upgrade `{}`", path.display()))
                .because_of(format!(
                    "another program has it open, and would not know format {version}"
                ))
                .hint(
                    "end every program that uses this file, then run this again: the file is \
                     upgraded at once, and nothing is lost",
                )
        }
        false => explain("upgrade", path, &failure),
    };
    let work = || {
        let mut connection = open_alone(path, failed)?;
        retry_while_busy(|| upgrade(&mut connection, schema)).map_err(failed)?;
        connection.close().map_err(|(_, failure)| failed(failure))
    };
    without_readers(path, work, || open_to_read(path))
}

/// Waits for locks in small fixed steps.
pub fn be_patient(connection: &mut Connection) -> rusqlite::Result<()> {
    let mut since = Instant::now();
    connection.busy_handler(Some(move |tries: i32| {
        if tries == 0 {
            since = Instant::now();
        }
        std::thread::sleep(TRY_EVERY);
        since.elapsed() < PATIENCE
    }))
}

/// SQLite does not ask the handler where waiting might deadlock, as when the journal's mode is
/// changed: there the whole step is tried again.
fn retry_while_busy(mut step: impl FnMut() -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let since = Instant::now();
    loop {
        match step() {
            Err(failure) if is_busy(&failure) && since.elapsed() < PATIENCE => {
                std::thread::sleep(TRY_EVERY);
            }
            other => return other,
        }
    }
}

/// What a connection must be told each time. Defaults vary by build, so nothing is left to them.
fn configure(connection: &Connection, purpose: Purpose) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    // Else SQLite compiles a statement with `LIMIT ?` again each time a value is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "synchronous", purpose.synchronous())?;
    connection.execute_batch(
        // A commit is in the log on the disk before it returns; on macOS beyond the disk's cache.
        "PRAGMA journal_mode = WAL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         -- The log goes into the file every 4 MiB: whoever commits waits for that, with 16 MiB twice as
         -- long. It shrinks to 64 MiB if a reader had let it grow.
         PRAGMA wal_autocheckpoint = 1000;
         PRAGMA journal_size_limit = 67108864;
         -- 8 MiB: the system keeps the file's pages anyway. With less, what a large transaction changes
         -- does not fit, and is written twice.
         PRAGMA cache_size = -8192;
         PRAGMA temp_store = MEMORY;
         PRAGMA mmap_size = 0;
         PRAGMA foreign_keys = OFF;
         -- What another program put into the schema is not run.
         PRAGMA trusted_schema = OFF;",
    )
}
