//! How `queue stats` shows what a queue and its spool hold.

use super::format::{json, time};
use super::jobs;
use crate::cli::tell::Form;
use crate::queues::{FactValue, Stats};
use crate::spool::Spooled;
use crate::text::visible;
use indicatif::HumanBytes;
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Duration;

/// The counts of a queue, and how it is set up; what waits for it in a spool is told beside it.
pub fn stats(stats: &Stats, spool: Spooled, form: Form) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        #[serde(flatten)]
        queue: &'a Stats,
        #[serde(flatten)]
        spool: Spooled,
    }
    if form == Form::Json {
        return json(&Line { queue: stats, spool });
    }
    let nothing = if stats.unknown.is_some() { "unknown" } else { "-" };
    let count = |value: Option<u64>| value.map_or(nothing.to_owned(), |count| count.to_string());
    let oldest = stats.oldest_seconds.map(|seconds| time(Duration::from_secs(seconds)));
    let mut lines = vec![
        ("ready", count(stats.ready)),
        ("waiting", count(stats.waiting)),
        ("scheduled", count(stats.scheduled)),
        ("leased", count(stats.leased)),
        ("dead", count(stats.dead)),
        ("oldest", oldest.unwrap_or_else(|| nothing.to_owned())),
    ];
    let sizes = [("file", stats.file_bytes), ("log", stats.wal_bytes)];
    let sizes = sizes.into_iter().filter_map(|(name, size)| Some((name, HumanBytes(size?))));
    lines.extend(sizes.map(|(name, size)| (name, size.to_string())));
    lines.extend(spool_lines(spool));
    lines.extend(stats.facts.iter().map(|fact| (fact.name, said(fact.value.as_ref()))));
    let width = lines.iter().map(|(name, _)| name.len() + 1).max().unwrap_or(0).max(10);
    let mut text: String =
        lines.iter().map(|(name, value)| format!("{name:<width$} {value}\n")).collect();
    if let Some(why) = stats.unknown {
        writeln!(text, "unknown: {why}").expect("writing to a string does not fail");
    }
    text + &jobs::table(&stats.jobs)
}

/// The counts of a spool alone, where nobody can tell those of its queue.
pub fn spooled(spool: Spooled, form: Form) -> String {
    match form {
        Form::Json => json(&spool),
        Form::Human => {
            spool_lines(spool).map(|(name, value)| format!("{name:<10} {value}\n")).concat()
        }
    }
}

fn spool_lines(spool: Spooled) -> [(&'static str, String); 2] {
    [("spooled", spool.waiting.to_string()), ("spool dead", spool.dead.to_string())]
}

fn said(value: Option<&FactValue>) -> String {
    match value {
        None => "unknown".to_owned(),
        Some(FactValue::Text(text)) if text.is_empty() => "-".to_owned(),
        Some(FactValue::Text(text)) => visible(text.as_bytes()),
        Some(FactValue::Yes(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        Some(FactValue::Count(count)) => count.to_string(),
        Some(FactValue::Time(length)) => time(*length),
    }
}
