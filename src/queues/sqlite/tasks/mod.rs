//! An embedded queue as tasks have it: leased by anybody for a time, found by their names, and proved
//! to be leased by the end of the lease.

mod add;
mod change;
mod delete;
mod eta;
mod file;
mod lease;
mod queue;
mod queues;
mod row;
mod settings;
mod stats;

pub use queues::open;

#[cfg(test)]
mod steps;

#[cfg(test)]
pub const HOT: &[&[&str]] =
    &[add::HOT, change::HOT, delete::HOT, lease::HOT, row::HOT, settings::HOT, stats::HOT];
