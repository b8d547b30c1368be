//! The numbers of a run of `publish`, `subscribe` or `store`.

use super::Number;
use super::file::CARRIED;
use crate::report::{Ends, Program, Summary};
use chrono::{DateTime, Utc};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What `store` says of an import: it has read and written.
pub(in crate::cli) const IMPORT: &str = "import";

/// Runs between the same ends.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RunLabels {
    program: &'static str,
    from: String,
    into: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabels {
    program: &'static str,
    from: String,
    into: String,
    result: &'static str,
}

/// A run, as far as it has come.
pub(in crate::cli) struct RunNumbers<'a> {
    /// The loop that ran, where one did.
    pub(in crate::cli) program: Option<Program>,
    pub(in crate::cli) name: &'static str,
    pub(in crate::cli) ends: &'a Ends,
    pub(in crate::cli) summary: &'a Summary,
    pub(in crate::cli) now: DateTime<Utc>,
    /// When it last went well, where that was in this run.
    pub(in crate::cli) success: Option<DateTime<Utc>>,
    /// The exit code; `None` while it runs.
    pub(in crate::cli) code: Option<u8>,
}

impl RunNumbers<'_> {
    pub(in crate::cli) fn register(&self, registry: &mut Registry) {
        let counts = self.results();
        if !counts.is_empty() {
            let results = Family::<ResultLabels, Counter>::default();
            for (result, count) in counts {
                results.get_or_create(&self.result(result)).inc_by(count);
            }
            let help = "Messages, by what became of them, over all runs";
            registry.register("kakehi_messages", help, results);
        }
        let mut number = |name: &str, help: &str, value: f64| {
            let family = Family::<RunLabels, Number>::default();
            family.get_or_create(&self.labels()).set(value);
            registry.register(name, help, family);
        };
        let help = "When the last run ended, or one that stays wrote this";
        number("kakehi_last_run_timestamp_seconds", help, seconds(self.now));
        let help = "When a run last ended with exit code 0, or one that stays got something done";
        number(CARRIED, help, self.success.map_or(0.0, seconds));
        let help = "How long the last run took, or one that stays has run";
        number("kakehi_last_run_duration_seconds", help, self.summary.seconds);
        if let Some(code) = self.code {
            number("kakehi_last_exit_code", "The exit code of the last run", code.into());
        }
    }

    /// What is counted in this program. What is in the spool is no count of what happened, and stands
    /// elsewhere.
    fn results(&self) -> Vec<(&'static str, u64)> {
        let it = self.summary;
        match self.program {
            Some(Program::Publish) => vec![
                ("read", it.read),
                ("published", it.published),
                ("duplicate", it.duplicate),
                ("filtered", it.filtered),
                ("refused", it.refused),
                ("unpublished", it.unpublished),
                ("drained", it.drained),
            ],
            Some(Program::Subscribe) => vec![
                ("received", it.received),
                ("stored", it.stored),
                ("duplicate", it.duplicate),
                ("filtered", it.filtered),
                ("retried", it.retried),
                ("left_for_later", it.left_for_later),
                ("dead", it.dead),
                ("released", it.released),
                ("lease_lost", it.lease_lost),
            ],
            None if self.ends.into == IMPORT => vec![
                ("read", it.read),
                ("stored", it.stored),
                ("duplicate", it.duplicate),
                ("refused", it.refused),
            ],
            // Whatever else is done to a store counts nothing.
            None => Vec::new(),
        }
    }

    fn labels(&self) -> RunLabels {
        let Ends { from, into } = self.ends.clone();
        RunLabels { program: self.name, from, into }
    }

    fn result(&self, result: &'static str) -> ResultLabels {
        let RunLabels { program, from, into } = self.labels();
        ResultLabels { program, from, into, result }
    }
}

/// Seconds since 1970, in thousandths.
fn seconds(time: DateTime<Utc>) -> f64 {
    std::time::Duration::from_millis(time.timestamp_millis().max(0).unsigned_abs()).as_secs_f64()
}
