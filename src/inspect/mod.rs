//! A queue's inside, as data: what there is, and what becomes of it. Nothing here prints.

mod by_receive;
mod spooled;

pub use by_receive::{Choice, Patience, RedriveOrDrop, choice, dead_letter as taken_letter, look};
pub use spooled::{open_spool, redrive_spooled};
