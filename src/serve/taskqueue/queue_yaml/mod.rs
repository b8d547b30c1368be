//! `queue.yaml`, which says what queues there are: read whole and validated, then applied.

mod apply;
mod fields;
mod file;
#[cfg(test)]
mod tests;
mod tree;
mod values;

pub use apply::apply;
pub use file::{FileQueue, QueueFile, parse};
pub use tree::Problem;
