//! The list of the programs.

use super::publish::Publish;
use super::queue::Queue;
use super::store::Store;
use super::subscribe::Subscribe;
use super::{Ending, Program};
use crate::environment::Environment;
use std::ffi::OsString;
use std::vec;

/// Every program, in the order of a pipeline.
pub const PROGRAMS: [Entry; 4] =
    [Entry::of::<Publish>(), Entry::of::<Subscribe>(), Entry::of::<Queue>(), Entry::of::<Store>()];

/// A program, as the list knows it.
pub struct Entry {
    /// What it is called on the command line.
    pub name: &'static str,
    about: &'static str,
    pub(super) command: fn() -> clap::Command,
    pub(super) run: fn(vec::IntoIter<OsString>, Environment) -> Ending,
}

impl Entry {
    const fn of<P: Program>() -> Self {
        Self { name: P::NAME, about: P::ABOUT, command: P::command, run: super::run::<P> }
    }

    /// What it does, in one line: its help's first sentence without its name, up to the comma.
    pub fn line(&self) -> &'static str {
        let does = self.about.trim_start_matches(self.name).trim_start();
        does.split(',').next().unwrap_or(does)
    }
}
