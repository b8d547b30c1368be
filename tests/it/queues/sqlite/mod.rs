//! The embedded queue.

mod any_sequence;
mod by_id;
mod clock;
mod faults;
mod model;
mod processes;
mod promises;
mod receipts;
mod repair;
mod replaced;
mod tasks;
mod topics;
mod unreadable;
mod versions;
