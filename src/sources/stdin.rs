//! `stdin:`: lines of JSON.

use super::{Options, Source};
use crate::error::Result;
use crate::location::Location;

/// Opens it.
pub fn open(_url: Location, _options: &Options) -> Result<Box<dyn Source>> {
    todo!()
}
