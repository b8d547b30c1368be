//! Whose turn it is: that of the many messages, or of those few that may kill their worker.
//!
//! The few come when there are no others. Where others never cease, the few have a share of the time
//! all the same.

use std::time::Duration;
use tokio::time::Instant;

/// How long the others come first.
const OTHERS: Duration = Duration::from_secs(10);

/// How long the few come first after that.
const SUSPECTS: Duration = Duration::from_secs(1);

/// One after the other, from when it was made; first the others.
pub struct Turns {
    others_since: Instant,
}

impl Turns {
    /// Whether a message that may kill its worker comes before the others now.
    pub fn suspects_first(&mut self, now: Instant) -> bool {
        if now >= self.others_since + OTHERS + SUSPECTS {
            self.others_since = now;
        }
        now >= self.others_since + OTHERS
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self { others_since: Instant::now() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_time() {
        let start = Instant::now();
        let mut turns = Turns { others_since: start };
        let mut at = |seconds| turns.suspects_first(start + Duration::from_secs_f64(seconds));
        assert_eq!([at(0.0), at(9.9), at(10.0), at(10.9)], [false, false, true, true]);
        assert_eq!([at(11.0), at(20.9), at(21.0)], [false, false, true]);
        assert_eq!([at(500.0), at(509.0), at(510.0)], [false, false, true]);
    }
}
