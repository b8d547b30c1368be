//! What sinks promise.

mod exec;
mod exec_processes;
mod forward;
mod json_sinks;
mod legacy;
mod mongodb;
mod speech;
mod sqlite;
mod stdout;
mod thumbnail;
mod webhook;
