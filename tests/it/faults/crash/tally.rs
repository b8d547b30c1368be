//! What the lives of a test came to, and when to hit.

use std::fmt;
use std::time::Duration;

/// Where the programs' spans stand.
pub const PUBLISH: usize = 0;
pub const SUBSCRIBE: usize = 1;

/// What the lives of a test came to.
pub struct Tally {
    /// Programs that were ended before their time.
    pub hits: usize,
    pub rounds: usize,
    pub accepted: usize,
    /// Publishers that were ended with a part of their input accepted.
    pub cut_short: usize,
    /// Rounds after which somebody's lease was left behind.
    pub left_leases: usize,
    /// How long publishers and subscribers live, about: blows fall within this.
    pub spans: [Duration; 2],
}

impl Tally {
    /// Follows how long these programs live on this machine, at this load: one more was `struck`
    /// before its end, or was not.
    pub fn follow(&mut self, kind: usize, struck: bool) {
        let factor = if struck { 1.03 } else { 0.93 };
        let span = self.spans[kind].mul_f64(factor);
        self.spans[kind] = span.clamp(Duration::from_millis(20), Duration::from_secs(2));
    }
}

impl Default for Tally {
    fn default() -> Self {
        let spans = [Duration::from_millis(200); 2];
        Self { hits: 0, rounds: 0, accepted: 0, cut_short: 0, left_leases: 0, spans }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hits, rounds, accepted, cut_short, left_leases, .. } = self;
        write!(
            f,
            "{hits} hit in {rounds} rounds, {accepted} messages accepted; {cut_short} publishers \
             were cut short, {left_leases} rounds left leases behind"
        )
    }
}
