//! `mongodb:`: documents in a collection.

use super::{Options, Sink};
use crate::error::Result;
use crate::location::Location;

/// Opens it.
pub async fn open(_url: Location, _options: &Options) -> Result<Box<dyn Sink>> {
    todo!()
}
