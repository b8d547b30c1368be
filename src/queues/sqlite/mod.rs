//! `sqlite:PATH?queue=NAME&topic=NAME&dedupe=DURATION`: the embedded queue, one file for many
//! processes.

mod admin;
mod adopt;
mod backlog;
mod bury;
mod claim;
mod clock;
mod codec;
mod dead_letters;
mod enqueue;
mod error;
mod fan_out;
mod inspector;
mod options;
mod peek;
mod publisher;
mod receipts;
mod repair;
mod schema;
mod settle;
mod subscriber;
mod verify;

pub use admin::delete;
pub use adopt::{adopt, names, wipe_out};
pub use backlog::backlog;
pub use bury::bury;
pub use dead_letters::not_put_back;
pub use inspector::{check, check_to_receive, create, open, open_if_there};
pub(super) use options::SqliteOptions;
pub use options::{file_of, identity, key};
pub use publisher::open_publisher;
pub use repair::repair;
pub use subscriber::open_subscriber;
pub use verify::verify;
