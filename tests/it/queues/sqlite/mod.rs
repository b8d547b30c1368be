//! The embedded queue.

mod any;
mod any_sequence;
mod any_tasks;
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
mod tasks_model;
mod topics;
mod unreadable;
mod versions;
