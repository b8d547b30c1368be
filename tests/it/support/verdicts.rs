//! Verdicts that tests give.

use kakehi::queues::Verdict;
use std::time::Duration;

/// An attempt has failed, and the next one is due after this time.
pub fn retry(after: Duration) -> Verdict {
    Verdict::Retry { after, why: "it failed".to_owned() }
}
