//! Rows counted by several threads: one reads them from the file, others read their documents.

use super::rows::{self, Row};
use crate::readings::hours::Fold;
use crate::readings::shape::{Shapes, millis};
use rusqlite::Connection;
use std::num::NonZero;
use std::ops::Range;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread::{self, Scope, ScopedJoinHandle};

/// How many rows travel together. So few are read by the thread that has them.
const TOGETHER: usize = 2048;
/// How many bytes of documents travel together at most, but for the last document of them.
const BYTES: usize = 2 << 20;
/// How many threads read documents at most.
const MOST: usize = 4;

/// Documents of neighbouring rows, as they stand in the table.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    rows: Vec<(i64, Range<usize>, Option<i64>)>,
}

impl Chunk {
    fn take(&mut self, row: &Row, stored_at: Option<i64>) -> rusqlite::Result<i64> {
        let (number, from) = (row.number()?, self.bytes.len());
        self.bytes.extend_from_slice(&row.document_bytes()?);
        self.rows.push((number, from..self.bytes.len(), stored_at));
        Ok(number)
    }

    /// Without its rows, to be filled again.
    fn emptied(mut self) -> Self {
        self.bytes.clear();
        self.rows.clear();
        self
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= TOGETHER || self.bytes.len() >= BYTES
    }

    fn count(&self, shapes: &Shapes, fold: &mut Fold) {
        let mut reader = shapes.reader();
        for (number, document, stored_at) in &self.rows {
            let document = rows::text_of(&self.bytes[document.clone()]);
            fold.add(*number, reader.read(&document, *stored_at).as_ref());
        }
    }
}

/// Counts the rows behind a number, up to another one, into a fold that has none yet, but no more than so
/// many. What comes out does not depend on how many threads there are.
pub(super) fn count(
    connection: &Connection,
    collection: &str,
    rows: (i64, i64),
    most: usize,
    shapes: &Shapes,
    mut fold: Fold,
) -> rusqlite::Result<Fold> {
    let empty = fold.empty();
    let last = thread::scope(|scope| {
        let mut crew = None;
        let (mut chunk, mut read, mut last) = (Chunk::default(), 0, None);
        let mut stored = Stored::default();
        rows::each(connection, collection, rows, |row| {
            last = Some(chunk.take(row, stored.at(row))?);
            read += 1;
            if chunk.is_full() {
                let crew = crew.get_or_insert_with(|| Crew::start(scope, shapes, &empty));
                chunk = crew.give(std::mem::take(&mut chunk));
            }
            Ok(read < most)
        })?;
        match crew {
            Some(mut crew) => {
                drop(crew.give(chunk));
                crew.finish(&mut fold);
            }
            None => chunk.count(shapes, &mut fold),
        }
        Ok::<_, rusqlite::Error>(last)
    })?;
    if let Some(number) = last {
        let key = rows::key(connection, collection, number)?;
        fold.end_at(number, &key.unwrap_or_default());
    }
    Ok(fold)
}

/// When the last row was stored: the rows of one write have one time, which is read once.
#[derive(Default)]
struct Stored {
    text: String,
    at: Option<i64>,
}

impl Stored {
    fn at(&mut self, row: &Row) -> Option<i64> {
        let text = row.stored_text()?;
        if self.text != text {
            self.at = millis(text);
            self.text.replace_range(.., text);
        }
        self.at
    }
}

/// Threads that read documents.
struct Crew<'scope> {
    chunks: SyncSender<(usize, Chunk)>,
    /// What was counted comes back here, to be filled again: fresh memory is slow.
    emptied: Receiver<Chunk>,
    given: usize,
    threads: Vec<ScopedJoinHandle<'scope, Vec<(usize, Fold)>>>,
}

impl<'scope> Crew<'scope> {
    fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        shapes: &'env Shapes,
        empty: &'env Fold,
    ) -> Self {
        let size = thread::available_parallelism().map_or(1, NonZero::get).min(MOST);
        let (sender, receiver) = mpsc::sync_channel(size);
        let (back, emptied) = mpsc::channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let threads = (0..size).map(|_| {
            let (receiver, back) = (receiver.clone(), back.clone());
            scope.spawn(move || work(&receiver, &back, shapes, empty))
        });
        Self { chunks: sender, emptied, given: 0, threads: threads.collect() }
    }

    /// Has the next chunk counted, and gives an empty one for it; waits where all threads have enough to do.
    fn give(&mut self, chunk: Chunk) -> Chunk {
        // Nobody takes it where all of them have panicked, which is told when they are joined.
        drop(self.chunks.send((self.given, chunk)));
        self.given += 1;
        self.emptied.try_recv().unwrap_or_default()
    }

    /// Adds what was counted, in the order of the rows.
    fn finish(self, fold: &mut Fold) {
        drop(self.chunks);
        let mut parts = Vec::new();
        for thread in self.threads {
            match thread.join() {
                Ok(counted) => parts.extend(counted),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        parts.sort_unstable_by_key(|(number, _)| *number);
        parts.into_iter().for_each(|(_, part)| fold.merge(part));
    }
}

/// Counts chunks until there are no more.
fn work(
    chunks: &Mutex<Receiver<(usize, Chunk)>>,
    back: &Sender<Chunk>,
    shapes: &Shapes,
    empty: &Fold,
) -> Vec<(usize, Fold)> {
    let next = || chunks.lock().expect("no holder panics").recv().ok();
    let mut counted = Vec::new();
    while let Some((number, chunk)) = next() {
        let mut fold = empty.empty();
        chunk.count(shapes, &mut fold);
        counted.push((number, fold));
        // Nobody takes it where all rows have been read.
        drop(back.send(chunk.emptied()));
    }
    counted
}
