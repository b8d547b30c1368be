//! What went wrong with an object, told apart by what can be done about it.

use crate::error::Kind;
use object_store::client::{HttpError, HttpErrorKind};
use std::error::Error;

/// How `object_store` begins to tell an answer that is no success; the status follows. Its type for
/// this is private.
const STATUS: &str = "Server returned non-2xx status code: ";

/// Why an object could not be got or put.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There is no such object.
    #[error("there is no such object")]
    Missing,
    /// The object has more bytes than are wanted.
    #[error("it has {size} bytes, and {limit} are the most")]
    TooLarge {
        /// The size of the object in bytes as the store says, or how many had come when it was
        /// given up.
        size: u64,
        /// The most bytes that are wanted.
        limit: u64,
    },
    /// Nothing can have this key; the store was not asked.
    #[error("{0}")]
    BadKey(String),
    /// The store will never do this with this object; why.
    #[error("{0}")]
    Refused(String),
    /// The store cannot be reached or its answer broke off: it may work later. Whether the object has
    /// to do with it is not known.
    #[error("{0}")]
    Unavailable(String),
    /// The store says that it has no room or means for any object: a full disk, a quota, no file
    /// handles or memory, a read-only file system, too many requests. It says nothing about this one.
    #[error("{0}")]
    NoRoom(String),
    /// The bucket or the folder itself is not there. It says nothing about the object.
    #[error("{0}")]
    Gone(String),
    /// The credentials are missing, or they were refused.
    #[error("{0}")]
    Denied(String),
}

impl Failure {
    /// Whether the failure is about this object alone, and not about the store.
    pub fn is_the_objects(&self) -> bool {
        match self {
            Self::Missing | Self::TooLarge { .. } | Self::BadKey(_) | Self::Refused(_) => true,
            Self::Unavailable(_) | Self::NoRoom(_) | Self::Gone(_) | Self::Denied(_) => false,
        }
    }

    /// The kind of error that the failure is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Unavailable(_) | Self::NoRoom(_) => Kind::Unreachable,
            Self::Gone(_) => Kind::Configuration,
            Self::Denied(_) => Kind::Credentials,
            _ => Kind::Failed,
        }
    }
}

/// Credentials that could not be had; `object_store` carries it through.
#[derive(Debug, thiserror::Error)]
#[error("there are no credentials: {0}")]
pub(super) struct NoCredentials(pub(super) String);

/// What a cloud's answer means. Addresses and bodies stay out of it: they may hold keys.
pub(super) fn of(error: &object_store::Error) -> Failure {
    use object_store::Error as E;
    if let Some(missing) = find::<NoCredentials>(error) {
        return Failure::Denied(missing.to_string());
    }
    if let Some(broken) = find::<HttpError>(error) {
        return Failure::Unavailable(broke(broken));
    }
    let code = code(error);
    let said = said(error, code.as_deref());
    match (error, status(error)) {
        (_, Some(429 | 503 | 507)) => Failure::NoRoom(said),
        (_, Some(_)) if code.as_deref().is_some_and(is_of_room) => Failure::NoRoom(said),
        (_, Some(401 | 403)) | (E::PermissionDenied { .. } | E::Unauthenticated { .. }, _) => {
            Failure::Denied(said)
        }
        (E::NotFound { .. }, _) | (_, Some(404)) => match code.as_deref() {
            Some("NoSuchBucket" | "ContainerNotFound" | "ResourceNotFound") => Failure::Gone(said),
            _ if whole(error).contains("bucket does not exist") => Failure::Gone(said),
            _ => Failure::Missing,
        },
        (_, Some(400)) if code.as_deref().is_some_and(is_of_credentials) => Failure::Denied(said),
        (_, Some(408 | 409 | 412 | 425)) => Failure::Unavailable(said),
        (_, Some(400..=499)) => Failure::Refused(said),
        _ => Failure::Unavailable(said),
    }
}

/// Whether it says: I know you, and do not tell you whether there is such an object.
pub(super) fn is_guarded(error: &object_store::Error) -> bool {
    status(error) == Some(403) && code(error).as_deref() == Some("AccessDenied")
}

/// Codes of S3, MinIO, Ceph, Google and Azure that are about the store's room or pace, whatever their
/// status.
fn is_of_room(code: &str) -> bool {
    let known = [
        "AccountBeingCreated",
        "AccountIsDisabled",
        "InsufficientStorage",
        "QuotaExceeded",
        "QuotaExceededException",
        "ServerBusy",
        "ServiceUnavailable",
        "SlowDown",
        "SlowDownRead",
        "SlowDownWrite",
        "XAmzServiceUnavailable",
    ];
    known.contains(&code) || code.ends_with("StorageFull") || code.ends_with("QuotaExceeded")
}

/// S3's codes with status 400 that are about who asks.
fn is_of_credentials(code: &str) -> bool {
    ["ExpiredToken", "InvalidToken", "AuthorizationHeaderMalformed", "TokenRefreshRequired"]
        .contains(&code)
}

/// The error and its causes.
fn chain(error: &object_store::Error) -> anyhow::Chain<'_> {
    anyhow::Chain::new(error)
}

pub(super) fn find<E: Error + 'static>(error: &object_store::Error) -> Option<&E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// What kind of break it was, and its innermost cause, which holds no address.
fn broke(error: &HttpError) -> String {
    let what = match error.kind() {
        HttpErrorKind::Connect => "cannot connect",
        HttpErrorKind::Timeout => "it took too long",
        HttpErrorKind::Request | HttpErrorKind::Interrupted => "the connection broke off",
        _ => "the answer cannot be read",
    };
    match anyhow::Chain::new(error).skip(1).last() {
        Some(cause) => format!("{what}: {cause}"),
        None => what.to_owned(),
    }
}

fn status(error: &object_store::Error) -> Option<u16> {
    chain(error).find_map(|error| error.to_string().strip_prefix(STATUS)?.get(..3)?.parse().ok())
}

/// The code of the error in an answer's XML: `NoSuchBucket`.
fn code(error: &object_store::Error) -> Option<String> {
    let text = whole(error);
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let plain = code.len() <= 64 && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    plain.then(|| code.to_owned())
}

fn whole(error: &object_store::Error) -> String {
    chain(error).map(ToString::to_string).collect()
}

fn said(error: &object_store::Error, code: Option<&str>) -> String {
    match (status(error), code) {
        (Some(status), Some(code)) => format!("the store answered {status} {code}"),
        (Some(status), None) => format!("the store answered {status}"),
        (None, Some(code)) => format!("the store answered {code}"),
        (None, None) => {
            "the store's answer makes no sense, as from a wrong region or endpoint".to_owned()
        }
    }
}
