//! Rows on their way from a connection to whoever asked, in batches.

use super::row::{Columns, Row, RowBatch};
use crate::error::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// At most this many rows in a batch.
const MOST_ROWS: usize = 1000;

/// A batch ends when its cells hold this many bytes.
const MOST_BYTES: usize = 1 << 20;

/// What is sent: a batch; `None` when all rows were there; or why no more come.
pub(super) type Sent = Result<Option<RowBatch>>;

/// Collects rows, and sends a batch when it is full. While nobody takes that, the sending waits, so
/// that no more than two batches are in memory.
pub struct Outlet {
    columns: Option<Columns>,
    rows: Vec<Row>,
    bytes: usize,
    sender: mpsc::Sender<Sent>,
    /// How many rows there were so far, for whoever waits.
    seen: Arc<AtomicU64>,
}

impl Outlet {
    pub(super) fn new(sender: mpsc::Sender<Sent>, seen: Arc<AtomicU64>) -> Self {
        Self { columns: None, rows: Vec::new(), bytes: 0, sender, seen }
    }

    /// The columns of the rows that follow.
    pub fn begin(&mut self, columns: Columns) {
        self.columns = Some(columns);
    }

    /// Takes a row; gives the batch that is full with it.
    fn add(&mut self, row: Row) -> Option<RowBatch> {
        self.seen.fetch_add(1, Ordering::Relaxed);
        self.bytes += row.iter().map(|cell| cell.as_json().len()).sum::<usize>();
        self.rows.push(row);
        let full = self.rows.len() >= MOST_ROWS || self.bytes >= MOST_BYTES;
        full.then(|| self.collected()).flatten()
    }

    /// What was collected since the last batch.
    fn collected(&mut self) -> Option<RowBatch> {
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows);
        let columns = self.columns.clone().filter(|_| !rows.is_empty())?;
        Some(RowBatch { columns, rows })
    }

    /// Takes a row; whether anybody still wants more.
    pub async fn push(&mut self, row: Row) -> bool {
        match self.add(row) {
            Some(batch) => self.sender.send(Ok(Some(batch))).await.is_ok(),
            None => true,
        }
    }

    /// Takes a row on a thread that may block; whether anybody still wants more.
    pub fn push_blocking(&mut self, row: Row) -> bool {
        match self.add(row) {
            Some(batch) => self.sender.blocking_send(Ok(Some(batch))).is_ok(),
            None => !self.sender.is_closed(),
        }
    }

    /// Sends what is left.
    pub(super) async fn finish(mut self) {
        if let Some(batch) = self.collected() {
            let _ = self.sender.send(Ok(Some(batch))).await; // nobody may want it any more
        }
    }
}
