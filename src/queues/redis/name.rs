//! What a queue of jobs is called in errors, and what to do when something is wrong with it.

use super::error::ErrorClass;
use super::server::Server;
use crate::queues::service_error::Hints;
use std::fmt;

/// A namespace of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) server: Server,
    pub(super) namespace: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the namespace `{}` of `{}`", self.namespace, self.server)
    }
}

impl Hints for Name {
    fn hint(&self, class: ErrorClass) -> Option<String> {
        let hint = match class {
            ErrorClass::Anonymous => {
                "set `REDIS_USERNAME`, and `REDIS_PASSWORD` or `REDIS_PASSWORD_FILE`"
            }
            ErrorClass::Forbidden => "give the user the right to these keys and commands",
            ErrorClass::Unreachable => "look at the network and the server; run it again then",
            ErrorClass::Busy => "the server answers, and cannot do it now: try it later",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
