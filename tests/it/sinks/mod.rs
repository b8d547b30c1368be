//! What sinks promise.

pub mod exec;
mod exec_processes;
mod forward;
mod json_corpus;
mod json_sinks;
mod legacy;
pub mod mongodb;
mod sqlite;
mod stdout;
mod thumbnail;
