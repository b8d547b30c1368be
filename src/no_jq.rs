//! Stands in for `jq/` in a build without the feature `jq`: there are no programs.

use crate::error::Result;
use crate::location::not_built;
use chrono::{DateTime, Utc};
use std::iter::Empty;

/// A program; in this build there is none.
pub enum Program {}

impl Program {
    /// Refuses a program.
    ///
    /// # Errors
    /// `Configuration` with the command that makes a build which has them.
    pub fn compile(name: &str, _text: &str) -> Result<Self> {
        Err(not_built(name, "jq"))
    }

    /// Whether a program looks at what stands beside the body; in this build there is none.
    pub fn sees_message(&self) -> bool {
        match *self {}
    }

    /// Runs a program; in this build there is none.
    pub fn run(
        &self,
        _body: Value,
        _message: Value,
        _now: DateTime<Utc>,
    ) -> Empty<Result<Value, String>> {
        match *self {}
    }
}

/// A value that no program works on in this build.
#[derive(Clone, Default)]
pub struct Value;

impl Value {
    /// Refuses a body.
    ///
    /// # Errors
    /// Always, as nobody could look at it.
    pub fn read(_body: &[u8]) -> Result<Self, String> {
        Err("this build has no jq".to_owned())
    }

    /// Refuses to write a value.
    ///
    /// # Errors
    /// Always, as no program gives one.
    pub fn write(&self, _most: usize) -> Result<Vec<u8>, String> {
        Err("this build has no jq".to_owned())
    }

    /// Whether a value is neither `false` nor `null`; here it never is.
    pub fn is_true(&self) -> bool {
        false
    }
}
