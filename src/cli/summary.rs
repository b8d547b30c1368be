//! The line at the end of a run: what was counted, and what the run was between.

use super::{Program, SummaryForm};
use crate::report::{self, Ends, Summary};

/// As wide as a terminal is at least.
const COLUMNS: usize = 80;

/// The summary of a run in the form that was asked for; empty where none is.
pub(super) fn line<P: Program>(
    form: SummaryForm,
    quiet: bool,
    summary: &Summary,
    ends: Option<&Ends>,
) -> String {
    let Some(program) = P::PROGRAM else { return String::new() };
    match form {
        SummaryForm::Human if quiet => String::new(),
        SummaryForm::Human => {
            let counts = format!("{}: {}", P::NAME, summary.human(program));
            ends.map_or_else(|| counts.clone(), |ends| between(&counts, ends)) + "\n"
        }
        SummaryForm::Json => summary.json(program, ends) + "\n",
        SummaryForm::None => String::new(),
    }
}

/// What a run got done in the end, as a fragment behind other words: `, 36 messages sent`.
pub(super) fn got_done<P: Program>(summary: &Summary) -> String {
    let (messages, done) = match P::PROGRAM {
        Some(report::Program::Publish) => (summary.published, "sent"),
        Some(report::Program::Subscribe) => (summary.stored, "stored"),
        None => (0, ""),
    };
    match messages {
        0 => String::new(),
        1 => format!(", 1 message {done}"),
        _ => format!(", {messages} messages {done}"),
    }
}

/// The counts and what the run was between: on one line where a terminal has room for it.
fn between(counts: &str, Ends { from, into }: &Ends) -> String {
    let line = format!("{counts} from {from} into {into}");
    match line.chars().count() <= COLUMNS {
        true => line,
        false => format!("{counts}\n  from {from} into {into}"),
    }
}
