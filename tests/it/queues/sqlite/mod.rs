//! The embedded queue.

mod any_sequence;
mod clock;
mod faults;
mod model;
mod processes;
mod promises;
mod repair;
mod replaced;
mod topics;
mod unreadable;
mod versions;
