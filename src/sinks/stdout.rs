//! `stdout:`: one line of JSON per message.

use super::{Options, Sink};
use crate::error::Result;
use crate::location::Location;

/// Opens it.
pub fn open(_url: Location, _options: &Options) -> Result<Box<dyn Sink>> {
    todo!()
}
