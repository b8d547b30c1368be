//! `nature-remo:`: readings from the Nature Remo API.

use super::{Options, Source};
use crate::error::Result;
use crate::location::Location;

/// Opens it.
pub fn open(_url: Location, _options: &Options) -> Result<Box<dyn Source>> {
    todo!()
}
