//! One batch of documents into a collection, and what became of each.

use super::failure::{self, DUPLICATE_KEY, Failure, Refusal};
use super::oddity;
use super::same;
use crate::sinks::{Conflict, Outcome};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mongodb::Collection;
use mongodb::bson::doc;
use mongodb::bson::raw::RawDocumentBuf;
use mongodb::error::{Error, ErrorKind, InsertManyError, WriteFailure};
use mongodb::options::{ReadPreference, SelectionCriteria};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How many documents are replaced at once.
const REPLACEMENTS: usize = 16;

/// What became of a batch.
#[derive(Debug)]
pub(super) struct Written {
    /// An outcome for each document, in their order.
    pub(super) outcomes: Vec<Outcome>,
}

impl Written {
    /// The answers where nothing is known about any document.
    pub(super) fn failed(count: usize, failure: &Failure) -> Self {
        Self { outcomes: vec![failure.outcome(); count] }
    }

    fn fail(&mut self, at: usize, failure: &Failure) {
        self.outcomes[at] = failure.outcome();
    }

    fn refuse(&mut self, at: usize, document: &RawDocumentBuf, refusal: Refusal<'_>) {
        let (outcome, _) = failure::refused(refusal);
        self.outcomes[at] = match (outcome, oddity::find(document)) {
            (Outcome::Reject(why), Some(odd)) => Outcome::Reject(format!("{why}: {odd}")),
            (outcome, _) => outcome,
        };
    }
}

/// A document that was not inserted because its key is there, and what the server said.
struct Clash {
    at: usize,
    message: String,
}

/// Where documents go.
#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) collection: Collection<RawDocumentBuf>,
    pub(super) conflict: Conflict,
    /// How long one call may take on the server.
    pub(super) limit: Duration,
}

impl Store {
    /// Inserts a batch, unordered: one bad document does not keep the others out.
    pub(super) async fn write(&self, documents: &[RawDocumentBuf]) -> Written {
        let all_stored = || vec![Outcome::Stored; documents.len()];
        match self.collection.insert_many(documents).ordered(false).await {
            Ok(_) => Written { outcomes: all_stored() },
            Err(error) => match *error.kind {
                ErrorKind::InsertMany(answer) => {
                    let (mut written, clashes) = take_apart(documents, answer, all_stored());
                    if !clashes.is_empty() {
                        self.resolve(documents, clashes, &mut written).await;
                    }
                    written
                }
                _ => Self::failed(documents, &error),
            },
        }
    }

    /// What became of a batch that failed as a whole. A server that stumbles over one odd document,
    /// and says
    /// no more, has refused that one.
    fn failed(documents: &[RawDocumentBuf], error: &Error) -> Written {
        let failure = Failure::of(error);
        let answered = matches!(*error.kind, ErrorKind::Command(_)) && failure.standing.is_none();
        match documents {
            [only] if answered => match oddity::find(only) {
                Some(odd) => {
                    let why = format!("{}: {odd}", failure.words);
                    Written { outcomes: vec![Outcome::Reject(why)] }
                }
                None => Written::failed(1, &failure),
            },
            _ => Written::failed(documents.len(), &failure),
        }
    }

    /// Decides what a key that is there already means, by what is stored under it.
    async fn resolve(
        &self,
        documents: &[RawDocumentBuf],
        clashes: Vec<Clash>,
        written: &mut Written,
    ) {
        let stored = match self.read_back(documents, &clashes).await {
            Ok(stored) => stored,
            Err(error) => {
                for clash in clashes {
                    written.fail(clash.at, &Failure::of(&error));
                }
                return;
            }
        };
        if self.conflict == Conflict::Replace {
            return self.replace(documents, &clashes, &stored, written).await;
        }
        for clash in clashes {
            let ours = &documents[clash.at];
            let found = id(ours).and_then(|id| stored.get(id));
            written.outcomes[clash.at] = match found {
                Some(found) if same::holds(found, ours) => Outcome::Duplicate,
                Some(_) if self.conflict == Conflict::Keep => Outcome::Duplicate,
                Some(_) => Outcome::Reject("another document is stored under this id".to_owned()),
                None => not_found(&clash.message),
            };
        }
    }

    /// What is stored under the ids that clashed, in one query, from the primary: a secondary may
    /// not have it yet.
    async fn read_back(
        &self,
        documents: &[RawDocumentBuf],
        clashes: &[Clash],
    ) -> Result<HashMap<String, RawDocumentBuf>, Error> {
        let ids: Vec<&str> = clashes.iter().filter_map(|clash| id(&documents[clash.at])).collect();
        let mut cursor = self
            .collection
            .find(doc! { "_id": { "$in": ids } })
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .max_time(self.limit)
            .await?;
        let mut stored = HashMap::new();
        while let Some(found) = cursor.try_next().await? {
            if let Some(id) = id(&found).map(str::to_owned) {
                stored.insert(id, found);
            }
        }
        Ok(stored)
    }

    /// Puts our documents in the place of those stored: many ids at once, one id's in turn.
    async fn replace(
        &self,
        documents: &[RawDocumentBuf],
        clashes: &[Clash],
        stored: &HashMap<String, RawDocumentBuf>,
        written: &mut Written,
    ) {
        let mut by_id: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for at in clashes.iter().map(|clash| clash.at) {
            by_id.entry(id(&documents[at]).unwrap_or_default()).or_default().push(at);
        }
        let mut each = Vec::with_capacity(by_id.len());
        for (id, turns) in by_id {
            each.push(self.replace_in_turn(documents, id, turns, stored.get(id)));
        }
        let answers: Vec<_> = stream::iter(each).buffer_unordered(REPLACEMENTS).collect().await;
        for (at, answer) in answers.into_iter().flatten() {
            note(written, documents, at, answer);
        }
    }

    async fn replace_in_turn(
        &self,
        documents: &[RawDocumentBuf],
        id: &str,
        turns: Vec<usize>,
        mut stored: Option<&RawDocumentBuf>,
    ) -> Vec<(usize, Result<Outcome, Error>)> {
        let mut answers = Vec::with_capacity(turns.len());
        for at in turns {
            let ours = &documents[at];
            let answer = if stored.is_some_and(|stored| same::holds(stored, ours)) {
                Ok(Outcome::Duplicate)
            } else {
                let replaced = self.collection.replace_one(doc! { "_id": id }, ours).upsert(true);
                replaced.await.map(|_| Outcome::Stored)
            };
            if answer.is_ok() {
                stored = documents.get(at);
            }
            answers.push((at, answer));
        }
        answers
    }
}

/// Takes the answer to an insert apart.
fn take_apart(
    documents: &[RawDocumentBuf],
    answer: InsertManyError,
    all_stored: Vec<Outcome>,
) -> (Written, Vec<Clash>) {
    let mut written = match &answer.write_concern_error {
        Some(cause) => Written::failed(all_stored.len(), &Failure::unconfirmed(cause)),
        None => Written { outcomes: all_stored },
    };
    let confirmed = answer.write_concern_error.is_none();
    let mut clashes = Vec::new();
    for error in answer.write_errors.unwrap_or_default() {
        let at = error.index;
        match error.code {
            _ if at >= written.outcomes.len() => {}
            DUPLICATE_KEY if confirmed => clashes.push(Clash { at, message: error.message }),
            // What is there may be undone with the rest of this reply.
            DUPLICATE_KEY => {}
            _ => written.refuse(at, &documents[at], Refusal::from(&error)),
        }
    }
    (written, clashes)
}

/// The outcome for a key that is there already, and not under our id.
fn not_found(message: &str) -> Outcome {
    match failure::index_name(message) {
        Some("_id_") => Outcome::Retry("what was stored under this id has just gone".to_owned()),
        _ => Outcome::Reject(failure::other_index(message)),
    }
}

fn note(
    written: &mut Written,
    documents: &[RawDocumentBuf],
    at: usize,
    answer: Result<Outcome, Error>,
) {
    match answer {
        Ok(outcome) => written.outcomes[at] = outcome,
        Err(error) => match error.kind.as_ref() {
            ErrorKind::Write(WriteFailure::WriteError(cause)) if cause.code == DUPLICATE_KEY => {
                written.outcomes[at] = not_found(&cause.message);
            }
            ErrorKind::Write(WriteFailure::WriteError(cause)) => {
                let (code, name) = (cause.code, cause.code_name.as_deref());
                let refusal = Refusal { code, name, message: &cause.message };
                written.refuse(at, &documents[at], refusal);
            }
            _ => written.fail(at, &Failure::of(&error)),
        },
    }
}

fn id(document: &RawDocumentBuf) -> Option<&str> {
    document.get_str("_id").ok()
}
