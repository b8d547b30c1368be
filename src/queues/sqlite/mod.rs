//! `sqlite:PATH?queue=NAME&topic=NAME&dedupe=DURATION`: the embedded queue, one file for many
//! processes.

mod admin;
mod adopt;
mod backend;
mod backlog;
mod begun;
mod bury;
mod by_id;
mod claim;
mod clock;
mod codec;
mod create;
mod dead_letters;
mod enqueue;
mod entering;
mod error;
mod fan_out;
mod in_flight;
mod inspector;
mod lease;
mod limits;
mod lookup;
mod named;
mod options;
mod peek;
mod preflight;
mod publisher;
mod receipts;
mod repair;
mod schema;
mod settle;
mod subscriber;
mod tags;
mod tail;
mod tasks;
mod verify;
mod waiting;

pub use adopt::{adopt, names, wipe_out};
pub use backend::SqliteBackend;
pub use backlog::backlog;
pub use bury::bury;
pub use dead_letters::not_put_back;
pub use inspector::open_if_there;
pub use repair::repair;
pub use verify::verify;
