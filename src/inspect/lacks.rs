//! The error for what a queue cannot do.

use crate::error::{Error, Kind};

/// The error for what only a queue of jobs can do, as a verb: `be paused`.
pub fn lacks_jobs(what: &str) -> Error {
    Error::new(Kind::Configuration, format!("this queue cannot {what}"))
        .hint("a queue of jobs can: `redis://HOST/DB?namespace=NAME`")
}

/// The error for what a queue cannot do, as a verb: `be emptied`.
pub fn lacks(what: &str) -> Error {
    Error::new(Kind::Configuration, format!("this queue cannot {what}"))
        .hint("the embedded queue can: `sqlite:PATH?queue=NAME`")
}
