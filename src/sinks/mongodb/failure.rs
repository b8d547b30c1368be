//! What the driver's errors mean for a message. No text of the server's is passed on where it may
//! quote a document: codes and our own words are.

use crate::error::Kind;
use crate::sinks::Outcome;
use mongodb::error::{Error, ErrorKind, IndexedWriteError, WriteConcernError, WriteFailure};

/// Another document has the same value under a unique index.
pub(super) const DUPLICATE_KEY: i32 = 11000;

/// A failure of a whole call: nothing is known about its documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// Why the call failed, in our words.
    pub(super) words: String,
    /// What the failure says of the server, where it cannot be a document's fault: a login that may
    /// read but not write, a full disk, a majority that is not there, a primary that has stepped
    /// down.
    pub(super) standing: Option<Kind>,
}

impl Failure {
    /// The failure of a call that gave no answer per document.
    pub(super) fn of(error: &Error) -> Self {
        let words = match error.kind.as_ref() {
            ErrorKind::Command(cause) if is_of_room(cause.code, &cause.message) => {
                return Self::no_room(cause.code, &cause.code_name);
            }
            ErrorKind::Command(cause) => return Self::coded(cause.code, &cause.code_name),
            ErrorKind::Write(WriteFailure::WriteConcernError(cause)) => {
                return Self::unconfirmed(cause);
            }
            ErrorKind::Authentication { message, .. } => {
                let words = format!("logging in to MongoDB failed: {message}");
                return Self { words, standing: Some(Kind::Credentials) };
            }
            ErrorKind::Io(cause) => format!("the connection to MongoDB failed: {cause}"),
            ErrorKind::ConnectionPoolCleared { .. } => {
                "the connections to MongoDB were given up after one failed".to_owned()
            }
            ErrorKind::ServerSelection { .. } => "no MongoDB server can be written to".to_owned(),
            ErrorKind::DnsResolve { message, .. } => {
                format!("cannot look up MongoDB's name: {message}")
            }
            ErrorKind::InvalidTlsConfig { message, .. } => format!("TLS cannot work: {message}"),
            ErrorKind::IncompatibleServer { message, .. } => message.clone(),
            ErrorKind::Shutdown => "the connection to MongoDB is closed".to_owned(),
            _ => "the driver for MongoDB failed".to_owned(),
        };
        Self { words, standing: None }
    }

    /// The failure of a write that was done and not confirmed: a change of primary may undo it.
    pub(super) fn unconfirmed(cause: &WriteConcernError) -> Self {
        let words =
            format!("MongoDB did not confirm the write: {}", named(cause.code, &cause.code_name));
        Self { words, standing: Some(Kind::Unreachable) }
    }

    fn no_room(code: i32, name: &str) -> Self {
        let words = format!("MongoDB has no room left: {}", named(code, name));
        Self { words, standing: Some(Kind::Unreachable) }
    }

    fn coded(code: i32, name: &str) -> Self {
        let standing = match blame(code) {
            Blame::Login => Some(Kind::Credentials),
            // A server that refuses writes as no primary may answer a look all the same.
            Blame::Server | Blame::Connection => Some(Kind::Unreachable),
            Blame::Moment | Blame::Document => None,
        };
        Self { words: format!("MongoDB failed: {}", named(code, name)), standing }
    }

    /// The failure of a call that was not answered in time.
    pub(super) fn timed_out(after: std::time::Duration) -> Self {
        Self { words: format!("MongoDB did not answer within {after:?}"), standing: None }
    }

    /// The outcome for every message of the call: what the server says about itself is nobody's
    /// fault, a connection that broke may be.
    pub(super) fn outcome(&self) -> Outcome {
        match self.standing {
            Some(_) => Outcome::Unavailable(self.words.clone()),
            None => Outcome::ConnectionLost(self.words.clone()),
        }
    }
}

/// What the server says of one document that it did not take. Of its message nothing is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal<'a> {
    pub(super) code: i32,
    pub(super) name: Option<&'a str>,
    pub(super) message: &'a str,
}

impl<'a> From<&'a IndexedWriteError> for Refusal<'a> {
    fn from(error: &'a IndexedWriteError) -> Self {
        let name = error.code_name.as_deref();
        Self { code: error.code, name, message: &error.message }
    }
}

/// What becomes of one document that the server refused, and what that says about the server.
pub(super) fn refused(refusal: Refusal<'_>) -> (Outcome, Option<Failure>) {
    let Refusal { code, name, message } = refusal;
    let name = name.unwrap_or_default();
    if is_of_room(code, message) {
        let failure = Failure::no_room(code, name);
        return (failure.outcome(), Some(failure));
    }
    match blame(code) {
        Blame::Document => {
            (Outcome::Reject(format!("MongoDB refused it: {}", named(code, name))), None)
        }
        Blame::Moment => (Outcome::Retry(format!("MongoDB failed: {}", named(code, name))), None),
        Blame::Login | Blame::Server | Blame::Connection => {
            let failure = Failure::coded(code, name);
            (failure.outcome(), Some(failure))
        }
    }
}

/// Servers of other makers say so under codes that say nothing (InternalError, UnknownError,
/// OperationFailed, CommandFailed): FerretDB passes on the words of SQLite or PostgreSQL. Under a
/// code of its own the same words may be a document's.
fn is_of_room(code: i32, message: &str) -> bool {
    let words = ["no space left on device", "disk is full", "space quota", "disk quota exceeded"];
    let message = message.to_ascii_lowercase();
    matches!(code, 1 | 8 | 96 | 125) && words.iter().any(|words| message.contains(words))
}

/// The words for a duplicate key that is not the message's id.
pub(super) fn other_index(message: &str) -> String {
    match index_name(message) {
        Some(name) => format!("another document has the same key in the unique index `{name}`"),
        None => "another document has the same key in a unique index".to_owned(),
    }
}

/// The index that a duplicate-key message names: `... index: NAME dup key: ...`.
pub(super) fn index_name(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("index: ")?;
    rest.split_once(" dup key").map(|(name, _)| name)
}

/// Who is to blame for an error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// No connection or no primary.
    Connection,
    /// The login may not do this.
    Login,
    /// The server cannot write at all, though it answers.
    Server,
    /// A write may work in a moment.
    Moment,
    /// This document.
    Document,
}

/// The codes are those of MongoDB's `error_codes.yml`; which of them mean a lost connection or
/// primary is in the drivers' specifications "Server Discovery and Monitoring" and "Retryable Reads".
fn blame(code: i32) -> Blame {
    match code {
        6 | 7 | 70 | 74 | 89 | 91 | 133 | 134 | 189 | 202 | 317 | 9001 | 10058 | 10107 | 11600
        | 11602 | 13435 | 13436 => Blame::Connection,
        11 | 13 | 18 | 31 | 391 => Blame::Login,
        // Of the collection: it is gone, a view, or no server of this make knows the command.
        26 | 59 | 73 | 115 | 166 => Blame::Server,
        // Of its room, its memory, its files and its pace: LockTimeout, LockBusy, FileNotOpen,
        // FileStreamFailed, ExceededMemoryLimit, and those of makers who count requests or quotas.
        24 | 37 | 38 | 39 | 46 | 146 | 12501 | 16500 => Blame::Server,
        64 | 79 | 100 | 8000 | 14031 => Blame::Server,
        50 | 112 | 262 | 11601 => Blame::Moment,
        _ => Blame::Document,
    }
}

/// A code with its name: the server's, or ours where the server sends none.
fn named(code: i32, name: &str) -> String {
    let name = match (name, code) {
        ("", 2) => "BadValue",
        ("", 9) => "FailedToParse",
        ("", 13) => "Unauthorized",
        ("", 15) => "Overflow",
        ("", 22) => "InvalidBSON",
        ("", 52) => "DollarPrefixedFieldName",
        ("", 56) => "EmptyFieldName",
        ("", 57) => "DottedFieldName",
        ("", 64) => "WriteConcernTimeout",
        ("", 112) => "WriteConflict",
        ("", 121) => "DocumentValidationFailure",
        ("", 10107) => "NotWritablePrimary",
        ("", 10334) => "BSONObjectTooLarge",
        ("", DUPLICATE_KEY) => "DuplicateKey",
        ("", 14031) => "OutOfDiskSpace",
        (name, _) => name,
    };
    match name {
        "" => format!("code {code}"),
        name => format!("{name} (code {code})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::{Document, deserialize_from_document, doc};
    use mongodb::error::CommandError;

    fn refused(code: i32, name: Option<&str>, message: &str) -> (Outcome, Option<Failure>) {
        super::refused(Refusal { code, name, message })
    }

    fn command(code: i32) -> Failure {
        let reply: Document =
            doc! { "code": code, "codeName": "", "errmsg": "it holds { secret: 1 }" };
        let error: CommandError = deserialize_from_document(reply).unwrap();
        Failure::of(&ErrorKind::Command(error).into())
    }

    #[test]
    fn a_change_of_primary_is_an_outage_and_no_documents_fault() {
        for code in [10107, 13435, 13436, 10058, 11600, 11602, 189, 91, 7, 6, 89, 9001] {
            let failure = command(code);
            assert_eq!(failure.standing, Some(Kind::Unreachable), "{code}");
            assert!(matches!(failure.outcome(), Outcome::Unavailable(_)));
            assert!(matches!(refused(code, None, "").0, Outcome::Unavailable(_)), "{code}");
        }
        assert_eq!(command(10107).words, "MongoDB failed: NotWritablePrimary (code 10107)");
    }

    #[test]
    fn what_a_ping_would_not_see_is_the_servers_own() {
        assert_eq!(command(13).standing, Some(Kind::Credentials));
        assert_eq!(command(18).standing, Some(Kind::Credentials));
        assert_eq!(command(14031).standing, Some(Kind::Unreachable));
        assert_eq!(refused(14031, None, "").1.unwrap().standing, Some(Kind::Unreachable));
    }

    #[test]
    fn what_the_server_says_of_its_room_is_an_outage_under_any_code() {
        for code in [24, 37, 46, 79, 100, 146, 8000, 12501, 14031, 16500] {
            let failure = command(code);
            assert_eq!(failure.standing, Some(Kind::Unreachable), "{code}");
            assert!(matches!(failure.outcome(), Outcome::Unavailable(_)), "{code}");
            assert!(matches!(refused(code, None, "").0, Outcome::Unavailable(_)), "{code}");
        }
        let quoted = refused(121, None, "{ a: \"database or disk is full\" }").0;
        assert!(matches!(quoted, Outcome::Reject(_)), "a document's own words: {quoted:?}");
        for words in [
            "you are over your space quota, using 513 MB of 512 MB",
            "pq: could not extend file \"base/1\": No space left on device",
            "database or disk is full (13)",
        ] {
            let (outcome, failure) = refused(1, None, words);
            assert_eq!(outcome, failure.unwrap().outcome(), "{words}");
            let told = Outcome::Unavailable("MongoDB has no room left: code 1".to_owned());
            assert_eq!(outcome, told, "{words}");
        }
    }

    #[test]
    fn a_connection_that_broke_may_be_a_messages_fault() {
        let io = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let failure = Failure::of(&Error::from(io));
        assert!(matches!(failure.outcome(), Outcome::ConnectionLost(_)), "{failure:?}");
        let late = Failure::timed_out(std::time::Duration::from_secs(1));
        assert!(matches!(late.outcome(), Outcome::ConnectionLost(_)), "{late:?}");
    }

    #[test]
    fn an_unknown_failure_of_a_whole_batch_blames_nobody() {
        let failure = command(4711);
        assert_eq!(failure.standing, None);
        assert_eq!(failure.words, "MongoDB failed: code 4711");
    }

    #[test]
    fn a_document_that_the_server_refuses_is_rejected_alone() {
        for code in [2, 9, 14, 15, 22, 52, 57, 121, 10334, 17280] {
            assert!(matches!(refused(code, None, ""), (Outcome::Reject(_), None)), "{code}");
        }
        let reason = "MongoDB refused it: DocumentValidationFailure (code 121)".to_owned();
        assert_eq!(refused(121, None, "").0, Outcome::Reject(reason));
        assert!(matches!(refused(112, None, ""), (Outcome::Retry(_), None)));
    }

    #[test]
    fn the_servers_text_is_not_passed_on() {
        for code in [2, 13, 121, 10107, 4711] {
            assert!(!command(code).words.contains("secret"), "{code}");
        }
        let io = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let words = Failure::of(&Error::from(io)).words;
        assert_eq!(words, "the connection to MongoDB failed: connection reset");
    }

    #[test]
    fn a_write_that_is_not_confirmed_is_not_stored() {
        let reply = doc! { "code": 64, "codeName": "WriteConcernTimeout", "errmsg": "waiting" };
        let cause: WriteConcernError = deserialize_from_document(reply).unwrap();
        let failure = Failure::unconfirmed(&cause);
        assert_eq!(failure.standing, Some(Kind::Unreachable));
        assert!(failure.words.contains("WriteConcernTimeout (code 64)"), "{failure:?}");
    }

    #[test]
    fn the_index_of_a_duplicate_key_is_named_without_the_key() {
        let message =
            "E11000 duplicate key error collection: d.c index: serial_1 dup key: { serial: \"x\" }";
        assert_eq!(index_name(message), Some("serial_1"));
        let words = other_index(message);
        assert_eq!(words, "another document has the same key in the unique index `serial_1`");
        assert_eq!(index_name("duplicate"), None);
    }
}
