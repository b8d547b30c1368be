//! Files on their way into the store, a few at once, and what they become: batches.

use super::super::{Batch, Refusal};
use super::state::{Refused, Seen, Stamp};
use super::take::{Found, Taken, Taker};
use crate::batch::{BatchBuilder, BatchLimits};
use crate::clients::object_store::Failure;
use crate::text;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How many files are in memory at once.
const AT_ONCE: usize = 4;
/// A batch waits no longer than this for more files.
const PROMPT: Duration = Duration::from_secs(1);

/// A batch, and what goes with it.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) batch: Batch,
    pub(super) known: ToRemember,
    /// The files that were refused, as they were.
    pub(super) refused: Vec<(PathBuf, Stamp)>,
}

/// What the commit of a batch is to remember.
#[derive(Default)]
pub(super) struct ToRemember {
    /// The files that were put into the store, by key.
    pub(super) seen: Vec<(String, Seen)>,
    /// The files that were refused until they change, by path.
    pub(super) refused: Vec<(PathBuf, Refused)>,
}

/// Takes files in their order and fills batches. All it holds outlives a `next` that was dropped.
pub(super) struct Intake {
    work: Option<BoxStream<'static, (Found, Taken)>>,
    piece: BatchBuilder<Piece>,
    /// When the batch goes out as it is.
    due: Option<Instant>,
    same: Vec<(String, Seen)>,
    failure: Option<Failure>,
}

impl Intake {
    pub(super) fn new(limits: BatchLimits) -> Self {
        let (work, due, failure) = (None, None, None);
        let (piece, same) = (BatchBuilder::new(limits), Vec::new());
        Self { work, piece, due, same, failure }
    }

    /// Begins with these files; what was begun before is done by then, or was dropped.
    pub(super) fn start(&mut self, taker: Arc<Taker>, files: Vec<Found>) {
        if files.is_empty() {
            return;
        }
        let take = move |file: Found| {
            let taker = taker.clone();
            async move {
                let taken = taker.take(&file).await;
                (file, taken)
            }
        };
        self.work = Some(stream::iter(files).map(take).buffered(AT_ONCE).boxed());
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.piece.limits());
    }

    /// Takes no more; what is in the store by now is still handed over.
    pub(super) fn stop(&mut self) {
        self.work = None;
    }

    /// Whether nothing is left to be taken or handed over.
    pub(super) fn is_done(&self) -> bool {
        self.work.is_none() && self.piece.is_empty()
    }

    /// Adds a refusal. Where it holds until the file changes, it is remembered.
    pub(super) fn refuse(&mut self, path: PathBuf, reason: String, lasts: Option<Refused>) {
        let position = format!("file `{}`", shown(&path));
        let piece = self.piece.add(0);
        piece.batch.refused.push(Refusal { position, reason, raw: None });
        piece.known.refused.extend(lasts.map(|refused| (path, refused)));
    }

    /// What is in the store and was not handed over yet.
    pub(super) fn on_their_way(&self) -> impl Iterator<Item = &(String, Seen)> {
        self.piece.content().known.seen.iter()
    }

    /// What turned out to be known already; its new stamps may be remembered at once.
    pub(super) fn same(&mut self) -> Option<Vec<(String, Seen)>> {
        (!self.same.is_empty()).then(|| std::mem::take(&mut self.same))
    }

    /// The next batch; `None` when all is taken. Where the store failed, what it took before comes
    /// first, then its failure once. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Option<Piece>, Failure> {
        while let Some(work) = &mut self.work {
            let due = self.due.filter(|_| !self.piece.content().batch.messages.is_empty());
            let taken = match due {
                None => work.next().await,
                Some(due) => match timeout_at(due, work.next()).await {
                    Ok(taken) => taken,
                    Err(_) => return Ok(self.hand_over()),
                },
            };
            match taken {
                Some((file, taken)) => self.add(file, taken),
                None => self.work = None,
            }
            if self.piece.is_full() {
                return Ok(self.hand_over());
            }
        }
        if !self.piece.is_empty() {
            return Ok(self.hand_over());
        }
        self.failure.take().map_or(Ok(None), Err)
    }

    fn hand_over(&mut self) -> Option<Piece> {
        self.due = None;
        Some(self.piece.take())
    }

    fn add(&mut self, file: Found, taken: Taken) {
        let name = shown(&file.path);
        match taken {
            Taken::Put(message, seen) => {
                self.due.get_or_insert_with(|| Instant::now() + PROMPT);
                let piece = self.piece.add(message.size());
                piece.batch.messages.push(*message);
                piece.known.seen.push((file.key, seen));
            }
            Taken::Same(seen) => self.same.push((file.key, seen)),
            Taken::Changing => {
                tracing::warn!("file `{name}` changed while it was read: it is left for later");
            }
            Taken::Gone => tracing::debug!("file `{name}` is gone"),
            Taken::Refused(reason, refused) => {
                self.piece.content_mut().refused.push((file.path.clone(), file.stamp));
                self.refuse(file.path, reason, Some(refused));
            }
            Taken::Unreadable(reason) => {
                self.piece.content_mut().refused.push((file.path.clone(), file.stamp));
                self.refuse(file.path, reason, None);
            }
            Taken::Failed(failure) => {
                self.failure = Some(failure);
                self.work = None;
            }
        }
    }
}

/// A file's path as it is shown: on one line, what is not UTF-8 written out.
pub(super) fn shown(path: &Path) -> String {
    text::one_line(&text::of_name(path), 200)
}
