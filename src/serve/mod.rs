//! What is served over HTTP, a room for each family of protocols.

pub mod taskqueue;
