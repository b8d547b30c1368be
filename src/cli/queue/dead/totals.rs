//! What was done with dead letters: told one by one and counted, and which of the chosen ones were met.

use crate::cli::queue::context::say;
use crate::cli::queue::format;
use crate::cli::tell::Form;
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::inspect::Handled;
use crate::location::{Location, list};
use crate::queues::{DeadLetterOutcome, Which};
use crate::text::visible;
use std::collections::HashSet;

/// What was done with dead letters, or would be.
pub(super) struct Totals {
    verb: &'static str,
    form: Form,
    /// Whether the ids are kept, since some were chosen by them: all others may be any number.
    by_id: bool,
    seen: HashSet<String>,
    all: usize,
    kept: usize,
}

impl Totals {
    pub(super) fn new(verb: &'static str, which: &Which, form: Form) -> Self {
        let by_id = matches!(which, Which::Ids(_));
        Self { verb, form, by_id, seen: HashSet::new(), all: 0, kept: 0 }
    }

    /// Tells of some and counts them; `false` where nobody reads it any more.
    pub(super) fn tell(&mut self, page: &[Handled]) -> Result<bool> {
        let mut text = String::new();
        for (head, outcome) in page {
            text += &format::dead_letter_outcome(self.verb, head, outcome.as_ref(), self.form);
            self.all += 1;
            self.kept += usize::from(!matches!(outcome, Some(DeadLetterOutcome::Done) | None));
            if self.by_id {
                self.seen.insert(head.id.clone());
            }
        }
        say(&text)
    }

    /// The ids that were met, where some were chosen by them.
    pub(super) fn seen(&self) -> &HashSet<String> {
        &self.seen
    }

    pub(super) fn refuse_kept(&self) -> Result<()> {
        if self.kept == 0 {
            return Ok(());
        }
        let what = format!("{} of {} dead letters are still there", self.kept, self.all);
        Err(Error::new(Kind::Rejected, what)
            .because_of("the queue did not take them, or they were not ours to take")
            .hint("the lines above tell why, for each of them"))
    }
}

/// The command that shows the dead letters of a queue, as far as they are shown now.
pub(super) fn list_command(url: &Location, take: bool) -> String {
    let url = url.to_string();
    hint::command(["queue", "dead", "list", &url].into_iter().chain(take.then_some("--take")))
}

/// Refuses ids that were asked for and are not there; `shows` is the command that shows what is.
pub(super) fn all_found(which: &Which, seen: &HashSet<String>, shows: &str) -> Result<()> {
    let Which::Ids(ids) = which else { return Ok(()) };
    let missing: Vec<_> = ids.iter().filter(|id| !seen.contains(*id)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let shown: Vec<_> = missing.iter().take(5).map(|id| visible(id.as_bytes())).collect();
    let shown: Vec<_> = shown.iter().map(String::as_str).collect();
    let what = format!("{} of {} ids have no dead letter", missing.len(), ids.len());
    Err(Error::new(Kind::Failed, what)
        .because_of(format!("there is none of {}", list(&shown)))
        .hint(format!("{shows} shows those that are there")))
}
