//! What a queue does by itself, so that the loop knows what is left to it.

use std::time::Duration;

/// How long a queue wants a message to wait after an attempt that failed: the attempt's number, from
/// 1, and a number from 0 to 1 that the caller has drawn, so that messages that failed together need
/// not come back together.
pub type Backoff = fn(attempt: u32, jitter: f64) -> Duration;

/// What an empty answer of a queue proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emptiness {
    /// The queue is empty: it is a file or memory of ours.
    Certain,
    /// A service was asked, and answered that it had nothing for so long.
    Reported,
    /// Nothing came in time, and nobody tells whether there is something.
    Unknown,
}

/// What a queue does by itself. The default is a queue of ours, which does all of it: a backend names
/// what it does otherwise.
#[derive(Debug, Clone)]
pub struct Capabilities {
    /// Whether `Verdict::Retry` waits in the queue. Where it cannot, the loop keeps the lease until
    /// the retry is due and then releases it.
    pub delays: bool,
    /// Whether `Verdict::Bury` is kept by the queue. Where it is not, the loop publishes the dead
    /// letter to `dead_letters` and then acknowledges.
    pub buries: bool,
    /// The URL of the queue for dead letters, where `buries` is false and no other one was named;
    /// `None` where the queue keeps them itself.
    pub dead_letters: Option<String>,
    /// Whether a released delivery counts as an attempt: `--debug` warns of it.
    pub release_counts: bool,
    /// What an empty answer proves.
    pub emptiness: Emptiness,
    /// The pause before the next attempt, where the queue has a rule of its own for it; `None` where
    /// the loop's own counts.
    pub backoff: Option<Backoff>,
    /// After how many failed attempts a message becomes a dead letter, where nobody says; `None` where
    /// the loop's own number counts.
    pub max_attempts: Option<u32>,
    /// Whether `Select` may ask for a tag; where it may not, whoever asks is told so by an error of
    /// kind `Configuration`.
    pub selects_tags: bool,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            delays: true,
            buries: true,
            dead_letters: None,
            release_counts: false,
            emptiness: Emptiness::Certain,
            backoff: None,
            max_attempts: None,
            selects_tags: true,
        }
    }
}
