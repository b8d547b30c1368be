//! What is kept of each hour: how many values, lowest, highest and sum, counted once from all documents
//! of a store, and drawn from again and again.
//!
//! Hours are counted in days of UTC: a day of one metric of one series is one [`Counted`]. A document that
//! comes later is added to its day; a day whose documents were changed is counted anew.

mod chart;
mod day;
mod file;
mod fold;

pub(super) use chart::HourLines;
pub(super) use day::DAY;
pub(super) use file::{HoursFile, Mark, Stale};
pub(super) use fold::Fold;

use day::Counted;
