//! What the errors of Redis mean.

pub(super) use crate::queues::service_error::{ErrorClass, ServiceError};
use redis::{ErrorKind, RedisError};

/// The kinds of an answer that could not be read: a connection that breaks cuts one, too.
const NOT_READ: [ErrorKind; 2] = [ErrorKind::Parse, ErrorKind::UnexpectedReturnType];

/// Why it could not be.
const BROKEN_OFF: &str = "its answer broke off, or is none of Redis";

impl From<RedisError> for ServiceError {
    fn from(error: RedisError) -> Self {
        let is_timeout = error.is_timeout();
        let (kind, words) = (error.kind(), error.to_string());
        // Of several commands, the first one's.
        let answers = error.into_server_errors();
        match answers.as_ref().and_then(|answers| answers.first()) {
            Some((_, answer)) => of_answer(answer.code(), answer.details().unwrap_or_default()),
            None if is_timeout => Self::silence(),
            // The crate's words show what it could not read, which may be of a payload.
            None if NOT_READ.contains(&kind) => Self::new(ErrorClass::Unreachable, BROKEN_OFF),
            None => Self::new(by_kind(kind), &words),
        }
    }
}

/// An answer of the server: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.
fn of_answer(code: &str, words: &str) -> ServiceError {
    // What follows may be of a payload.
    let words = words.split(", with args").next().unwrap_or_default();
    let more = match code {
        "MOVED" | "ASK" | "CROSSSLOT" => {
            ": the server is a node of a cluster, which the URL says by `cluster`"
        }
        _ => "",
    };
    ServiceError::new(by_code(code, words), &format!("{code} {words}{more}"))
}

/// What the word means that an answer begins with.
fn by_code(code: &str, words: &str) -> ErrorClass {
    match code {
        "NOAUTH" | "WRONGPASS" => ErrorClass::Anonymous,
        "NOPERM" => ErrorClass::Forbidden,
        "BUSY" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "MISCONF" | "NOREPLICAS"
        | "NOSCRIPT" | "OOM" | "READONLY" | "TRYAGAIN" => ErrorClass::Busy,
        "ERR" if words.starts_with("max number of clients") => ErrorClass::Busy,
        _ => ErrorClass::Misconfigured,
    }
}

/// What an error means that is no answer.
fn by_kind(kind: ErrorKind) -> ErrorClass {
    match kind {
        ErrorKind::AuthenticationFailed => ErrorClass::Anonymous,
        ErrorKind::InvalidClientConfig | ErrorKind::RESP3NotSupported => ErrorClass::Misconfigured,
        // During a failover there is none.
        ErrorKind::MasterNameNotFoundBySentinel => ErrorClass::Busy,
        _ => ErrorClass::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn an_answer_tells_its_class_and_no_payload() {
        for (code, words, class) in [
            ("NOAUTH", "Authentication required.", ErrorClass::Anonymous),
            ("WRONGPASS", "invalid username-password pair", ErrorClass::Anonymous),
            ("NOPERM", "this user has no permissions", ErrorClass::Forbidden),
            ("LOADING", "Redis is loading the dataset in memory", ErrorClass::Busy),
            ("READONLY", "You can't write against a read only replica.", ErrorClass::Busy),
            ("OOM", "command not allowed when used memory > 'maxmemory'.", ErrorClass::Busy),
            ("MISCONF", "Redis is configured to save RDB snapshots", ErrorClass::Busy),
            ("ERR", "max number of clients reached", ErrorClass::Busy),
            ("WRONGTYPE", "Operation against a key", ErrorClass::Misconfigured),
            ("MOVED", "866 127.0.0.1:7001", ErrorClass::Misconfigured),
            ("ERR", "unknown command 'X', with args beginning with: 'secret'", {
                ErrorClass::Misconfigured
            }),
        ] {
            let error = redis::make_extension_error(code.to_owned(), Some(words.to_owned()));
            let error = ServiceError::from(error);
            assert_eq!(error.class, class, "{code} {words}");
            assert!(
                error.reason.starts_with(code) && !error.reason.contains("secret"),
                "{error:?}"
            );
        }
    }

    #[test]
    fn what_is_no_answer_is_silence_or_a_fault_of_ours() {
        let of = |kind: io::ErrorKind| ServiceError::from(RedisError::from(io::Error::from(kind)));
        assert_eq!(of(io::ErrorKind::TimedOut).reason, ServiceError::silence().reason);
        assert_eq!(of(io::ErrorKind::ConnectionRefused).class, ErrorClass::Unreachable);
        let cut = RedisError::from((ErrorKind::Parse, "unexpected", "payload".to_owned()));
        let cut = ServiceError::from(cut);
        assert_eq!((cut.class, &cut.reason[..]), (ErrorClass::Unreachable, BROKEN_OFF));
        let refused = RedisError::from((ErrorKind::AuthenticationFailed, "no"));
        assert_eq!(ServiceError::from(refused).class, ErrorClass::Anonymous);
    }
}
