//! What the tests share: places to run in, servers, proxies, and what they look at.

pub mod built;
pub mod deletion;
pub mod documents;
pub mod emulator;
pub mod endings;
pub mod http_client;
pub mod http_server;
pub mod json_corpus;
pub mod loop_fixture;
pub mod mongo_client;
pub mod pictures;
pub mod pond;
pub mod process;
pub mod proxy;
pub mod pubsub_stage;
pub mod queue_file;
pub mod s3;
pub mod sandbox;
pub mod scripted;
pub mod services;
pub mod sink_options;
pub mod sqlite_files;
pub mod sqs_queue;
pub mod verdicts;
pub mod watched;
pub mod webhook;
