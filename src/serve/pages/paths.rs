//! Where the pages are.

/// How all is.
pub(super) const OVERVIEW: &str = "/";
/// What the stores hold.
pub(super) const READINGS: &str = "/readings";
/// The messages of a queue.
pub(super) const MESSAGES: &str = "/messages";
/// What was given up.
pub(super) const DEAD_LETTERS: &str = "/dead-letters";
/// The jobs of a namespace.
pub(super) const JOBS: &str = "/jobs";
/// Where somebody signs in.
pub(super) const SIGN_IN: &str = "/sign-in";
/// Where a session is ended.
pub(super) const SIGN_OUT: &str = "/sign-out";
