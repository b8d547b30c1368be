//! A queue's inside, shown: as lines for a person, or as JSON for a program.

use crate::queues::Stats;
use indicatif::HumanBytes;
use std::time::Duration;

/// How a program tells what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines for a person.
    Human,
    /// Lines of JSON.
    Json,
}

/// The counts of a queue.
pub fn stats(stats: &Stats, form: Form) -> String {
    if form == Form::Json {
        return serde_json::to_string(stats).expect("numbers under names are JSON") + "\n";
    }
    let oldest = match stats.oldest_seconds {
        Some(seconds) => humantime::format_duration(Duration::from_secs(seconds)).to_string(),
        None => "-".to_owned(),
    };
    let lines = [
        ("ready", stats.ready.to_string()),
        ("waiting", stats.waiting.to_string()),
        ("scheduled", stats.scheduled.to_string()),
        ("leased", stats.leased.to_string()),
        ("dead", stats.dead.to_string()),
        ("oldest", oldest),
        ("file", HumanBytes(stats.file_bytes).to_string()),
        ("log", HumanBytes(stats.wal_bytes).to_string()),
    ];
    lines.iter().map(|(name, value)| format!("{name:<10} {value}\n")).collect()
}
