//! What the errors of Redis mean.

pub(super) use crate::queues::service_error::{ErrorClass, ServiceError};
use redis::{ErrorKind, RedisError};

impl From<RedisError> for ServiceError {
    fn from(error: RedisError) -> Self {
        Self::new(class(&error), &words(&error))
    }
}

/// What an error means: by the word that a server's answer begins with, else by its kind.
fn class(error: &RedisError) -> ErrorClass {
    match (error.code(), error.kind()) {
        (Some(code), _) => by_code(code),
        (None, ErrorKind::AuthenticationFailed) => ErrorClass::Anonymous,
        (None, ErrorKind::InvalidClientConfig | ErrorKind::RESP3NotSupported) => {
            ErrorClass::Misconfigured
        }
        (None, ErrorKind::UnexpectedReturnType | ErrorKind::Parse) => ErrorClass::Misconfigured,
        _ => ErrorClass::Unreachable,
    }
}

/// A server's answer begins with one of these words: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.
fn by_code(code: &str) -> ErrorClass {
    match code {
        "NOAUTH" | "WRONGPASS" => ErrorClass::Anonymous,
        "NOPERM" => ErrorClass::Forbidden,
        "BUSY" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "MISCONF" | "NOREPLICAS" | "OOM"
        | "READONLY" | "TRYAGAIN" => ErrorClass::Busy,
        _ => ErrorClass::Misconfigured,
    }
}

/// The server's words, without what it repeats of our own.
fn words(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => {
            let detail = detail.split(", with args").next().unwrap_or_default();
            format!("{code}: {detail}")
        }
        (Some(code), None) => code.to_owned(),
        _ if error.is_timeout() => "there was no answer in time".to_owned(),
        _ => error.to_string(),
    }
}
