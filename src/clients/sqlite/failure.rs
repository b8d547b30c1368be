//! What SQLite's failures mean to a person: whose fault, and what to do.

use crate::error::{Error, Kind};
use crate::hint;
use crate::permissions;
use crate::text;
use rusqlite::{ErrorCode, ffi};
use std::path::Path;

const ALLOW: &str = "let this user read and write it, or name another file";
const MAKE_ROOM: &str = "make room on the disk, then run this again: nothing is lost";

/// The error for a failure of SQLite while `doing` (a verb: "open", "write") this file.
pub fn explain(doing: &str, path: &Path, failure: &rusqlite::Error) -> Error {
    let (kind, hint) = meaning(failure);
    let (cause, hint) = match denial(path, failure) {
        Some(denial) => (format!("{}: {denial}", cause(failure)), Some(ALLOW)),
        None => (cause(failure), hint),
    };
    let error = Error::new(kind, format!("cannot {doing} `{}`", path.display())).because_of(cause);
    match hint {
        _ if failure.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
            error.hint(recovery(path))
        }
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Whose the file or its folder is, where that stands in the way: SQLite writes a log beside the file.
fn denial(path: &Path, failure: &rusqlite::Error) -> Option<String> {
    use ErrorCode::{CannotOpen, PermissionDenied, ReadOnly};
    let code = failure.sqlite_error_code()?;
    let may_be = matches!(code, CannotOpen | PermissionDenied | ReadOnly);
    may_be.then(|| permissions::denial(path).or_else(|| permissions::denial_of_folder(path)))?
}

/// What can be done about a damaged file.
fn recovery(path: &Path) -> String {
    let path = text::of_name(path);
    let queue = hint::command(["queue", "repair", &path]);
    let store = hint::command(["sqlite3", &path, ".recover"]);
    format!("a queue's file: {queue} saves what can be saved; a store's: {store}")
}

/// SQLite's own words, which never hold a value of a statement.
fn cause(failure: &rusqlite::Error) -> String {
    match failure {
        rusqlite::Error::SqliteFailure(code, message) => {
            let text = message.clone().unwrap_or_else(|| code.to_string());
            format!("{text} (SQLite's code {})", code.extended_code)
        }
        other => other.to_string(),
    }
}

fn is(failure: &rusqlite::Error, extended_code: i32) -> bool {
    failure.sqlite_error().is_some_and(|error| error.extended_code == extended_code)
}

fn meaning(failure: &rusqlite::Error) -> (Kind, Option<&'static str>) {
    use ErrorCode::*;
    match failure.sqlite_error_code() {
        Some(NotADatabase) => {
            (Kind::Configuration, Some("this file is something else: name another one"))
        }
        Some(DatabaseCorrupt) => (Kind::Configuration, None),
        Some(ReadOnly | PermissionDenied | AuthorizationForStatementDenied) => (
            Kind::Configuration,
            Some("make the file and its folder writable for this user, or name another one"),
        ),
        Some(CannotOpen) => (
            Kind::Configuration,
            Some("the folder must be there and be writable for this user; name another one if not"),
        ),
        Some(DatabaseBusy | DatabaseLocked | FileLockingProtocolFailed) => (
            Kind::Unreachable,
            Some("another program holds it locked: end that one, then run this again"),
        ),
        Some(DiskFull) => (Kind::Unreachable, Some(MAKE_ROOM)),
        // Of the index of its log, which is made anew each time.
        Some(SystemIoFailure) if is(failure, ffi::SQLITE_IOERR_SHMSIZE) => {
            (Kind::Unreachable, Some(MAKE_ROOM))
        }
        Some(SystemIoFailure) => (
            Kind::Unreachable,
            Some(
                "the disk, its file system or a limit on the size of files stopped it: see the \
                 system's log and `ulimit -f`, then run this again",
            ),
        ),
        Some(OutOfMemory) => (Kind::Unreachable, Some("run it where there is more memory")),
        Some(TooBig) => (Kind::Failed, None),
        _ => (Kind::Bug, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(code: i32) -> Kind {
        let failure = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        explain("open", Path::new("q.db"), &failure).kind()
    }

    #[test]
    fn what_a_person_must_change_is_configuration() {
        for code in [
            ffi::SQLITE_NOTADB,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_READONLY_DIRECTORY,
            ffi::SQLITE_PERM,
            ffi::SQLITE_CANTOPEN,
        ] {
            assert_eq!(kind_of(code), Kind::Configuration, "{code}");
        }
    }

    #[test]
    fn what_may_pass_is_unreachable() {
        for code in [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_BUSY_SNAPSHOT,
            ffi::SQLITE_LOCKED,
            ffi::SQLITE_FULL,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_WRITE,
        ] {
            assert_eq!(kind_of(code), Kind::Unreachable, "{code}");
        }
    }

    #[test]
    fn an_error_of_our_statements_is_our_bug() {
        assert_eq!(kind_of(ffi::SQLITE_ERROR), Kind::Bug);
        assert_eq!(kind_of(ffi::SQLITE_CONSTRAINT_UNIQUE), Kind::Bug);
    }

    #[test]
    fn the_text_names_file_cause_and_remedy() {
        let failure = rusqlite::Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_FULL),
            Some("database or disk is full".to_owned()),
        );
        assert_eq!(
            explain("write", Path::new("q.db"), &failure).to_string(),
            "cannot write `q.db`\n  because: database or disk is full (SQLite's code 13)\n  \
             hint: make room on the disk, then run this again: nothing is lost"
        );
    }
}
