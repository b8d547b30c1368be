//! How far a look at a queue went.

/// Whether a look, or work on dead letters, saw everything that there was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything that there was was seen.
    All,
    /// Not everything was seen: a signal ended it, enough was seen, or nobody reads of it any more.
    Early,
}
