//! Ticks of a schedule that fail one after the other: told at the first, and when it is over.

use crate::error::Error;
use tokio::time::Instant;

/// Ticks that have failed since a time.
pub(super) struct FailingTicks {
    since: Instant,
    told: Vec<String>,
}

/// Notes a failure, and says whether it is to be told: the first of its kind since a tick went well.
pub(super) fn note(failing: &mut Option<FailingTicks>, error: &Error) -> bool {
    let new = || FailingTicks { since: Instant::now(), told: Vec::new() };
    let told = &mut failing.get_or_insert_with(new).told;
    let likeness = error.likeness();
    let is_new = !told.contains(&likeness);
    if is_new {
        told.push(likeness);
    }
    is_new
}

/// Tells that a tick went well again.
pub(super) fn over(failing: &mut Option<FailingTicks>) {
    if let Some(failing) = failing.take() {
        tracing::warn!("back after {:.0?}", failing.since.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn each_kind_of_failure_is_told_once_until_it_is_over() {
        let mut failing = None;
        let spooled = |what: &str| Error::new(Kind::Spooled, what);
        assert!(note(&mut failing, &spooled("a message waits")));
        assert!(!note(&mut failing, &spooled("2 messages wait")));
        assert!(note(&mut failing, &Error::new(Kind::Unreachable, "no device answers")));
        assert!(!note(&mut failing, &spooled("3 messages wait")));
        over(&mut failing);
        assert!(note(&mut failing, &spooled("a message waits")));
    }
}
