//! What the tests share: places to run in, servers, proxies, and what they look at.

pub mod http_server;
pub mod pictures;
pub mod poison;
pub mod process;
pub mod proxy;
pub mod s3;
pub mod sandbox;
pub mod services;
pub mod sqs_queue;
pub mod stepdown;
pub mod watched;
