//! `pubsub:`: Google Cloud Pub/Sub.

use super::{Options, Publisher, Subscriber};
use crate::error::Result;
use crate::location::Location;

/// Opens it for publishing.
pub async fn open_publisher(_url: Location, _options: &Options) -> Result<Box<dyn Publisher>> {
    todo!()
}

/// Opens it for receiving.
pub async fn open_subscriber(_url: Location, _options: &Options) -> Result<Box<dyn Subscriber>> {
    todo!()
}
