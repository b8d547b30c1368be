//! What verifying and repairing a queue's file found.

use serde::Serialize;
use std::path::PathBuf;

/// One thing that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// What should be so.
    pub what: &'static str,
    /// How often it is not.
    pub wrong: u64,
    /// The first that is not so, in words; never a payload.
    pub first: Option<String>,
}

/// What came of repairing a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The new file.
    pub file: PathBuf,
    /// How many messages are in it.
    pub messages: u64,
    /// How many dead letters are in it, those included that were messages.
    pub dead: u64,
    /// How many things were not saved, or not as they were; each was told of.
    pub lost: u64,
    /// The pages that could not be read, or not wholly; from 1.
    pub pages: Vec<u32>,
    /// Commits at the end of the file's log could not be read: nobody knows what was in them.
    pub log_cut_off: bool,
}

/// Something that a repair could not save as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepairLoss {
    /// What it is, in words.
    pub what: &'static str,
    /// The queue that it was in.
    pub queue: String,
    /// The message's id.
    pub id: String,
    /// What is missing.
    pub why: &'static str,
    /// Whether the rest of it is kept: a message as a dead letter.
    pub kept: bool,
}
