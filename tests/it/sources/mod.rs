//! What sources promise, and the object stores that they fill.

mod exec;
mod files;
mod http;
mod listen;
mod nature_remo;
mod nature_remo_changes;
mod object_store;
mod sql;
mod stdin;
