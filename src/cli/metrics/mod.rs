//! `--metrics FILE`: numbers for the textfile collector of Prometheus's node_exporter.
//!
//! The names are those of `queue serve`'s `/metrics` where they mean what is meant there. Every series has
//! a label `program`, so that several programs may write of one queue, each into a file of its own: the
//! collector refuses one series in two files.

mod file;
mod queue;
mod run;
mod text;

pub(super) use file::MetricsFile;
pub(super) use queue::{QueueNumbers, StoreNumbers, write};
pub(super) use run::{IMPORT, RunNumbers};

use prometheus_client::metrics::gauge::Gauge;
use std::sync::atomic::AtomicU64;

/// A number that need not be whole.
type Number = Gauge<f64, AtomicU64>;
