//! Stands in for `jq/` in a build without the feature `jq`: there are no programs, and no values.

use crate::error::{Error, Kind, Result};
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
        Err(Error::new(Kind::Configuration, format!("{name} is not in this build"))
            .hint("build it with `cargo install --path . --features jq`"))
    }

    /// Runs a program; in this build there is none.
    pub fn run(&self, _body: Value, _now: DateTime<Utc>) -> Empty<Result<Value, String>> {
        match *self {}
    }
}

/// A value that programs work on; in this build there is none.
#[derive(Clone)]
pub enum Value {}

impl Value {
    /// Refuses a body.
    ///
    /// # Errors
    /// Always, as nobody could look at it.
    pub fn read(_body: &[u8]) -> Result<Self, String> {
        Err("this build has no jq".to_owned())
    }

    /// Writes a value; in this build there is none.
    ///
    /// # Errors
    /// None, as there is no value.
    pub fn write(&self, _most: usize) -> Result<Vec<u8>, String> {
        match *self {}
    }

    /// Whether a value is neither `false` nor `null`; in this build there is none.
    pub fn is_true(&self) -> bool {
        match *self {}
    }
}
