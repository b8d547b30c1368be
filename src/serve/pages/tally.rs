//! What became of things that were to be changed.

use super::numbers::{shown, things};
use crate::queues::{DeadLetterOutcome, ScheduledOutcome};
use maud::{Markup, html};

/// How many reasons are listed of what was kept.
const LISTED: usize = 10;

/// What became of them, in numbers.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) done: u64,
    gone: u64,
    kept: u64,
    /// Why the first of these were kept.
    reasons: Vec<String>,
}

impl Tally {
    /// Adds what became of dead letters.
    pub(super) fn add_dead(&mut self, outcomes: impl IntoIterator<Item = DeadLetterOutcome>) {
        for outcome in outcomes {
            match outcome {
                DeadLetterOutcome::Done => self.done += 1,
                DeadLetterOutcome::Gone => self.gone += 1,
                DeadLetterOutcome::Kept(why) => self.keep(why),
            }
        }
    }

    /// Adds what became of messages that were not due.
    pub(super) fn add_scheduled(&mut self, outcomes: impl IntoIterator<Item = ScheduledOutcome>) {
        for outcome in outcomes {
            match outcome {
                ScheduledOutcome::Done => self.done += 1,
                ScheduledOutcome::Gone => self.gone += 1,
                ScheduledOutcome::Kept(why) => self.keep(why),
            }
        }
    }

    fn keep(&mut self, why: String) {
        self.kept += 1;
        if self.reasons.len() < LISTED && !self.reasons.contains(&why) {
            self.reasons.push(why);
        }
    }

    /// How many of a thing were `done`, and what became of the others.
    pub(super) fn told(&self, thing: &str, done: &str) -> Markup {
        html! {
            p.done role="status" { (things(self.done, thing)) " " (done) "." }
            @if self.gone > 0 { p { (things(self.gone, thing)) " not there any more." } }
            @if self.kept > 0 {
                div.error role="alert" {
                    p { strong { (things(self.kept, thing)) " kept" } }
                    @for why in &self.reasons { p { "because: " (shown(why)) } }
                }
            }
        }
    }
}
