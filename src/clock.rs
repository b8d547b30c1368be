//! The clock is an input: everything that needs the time is given one of these.

use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, Mutex};

/// Tells the time of day. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Arc::new(Utc::now))
    }

    /// A clock that stands still until its owner moves it, forward or back.
    pub fn manual(start: DateTime<Utc>) -> (Self, Hand) {
        let time = Arc::new(Mutex::new(start));
        let hand = Hand(time.clone());
        let clock = Self(Arc::new(move || *time.lock().expect("no holder of the clock panics")));
        (clock, hand)
    }

    /// The time now.
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }

    /// The time now in milliseconds since 1970.
    pub fn millis(&self) -> i64 {
        self.now().timestamp_millis()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

/// Moves a manual clock.
#[derive(Debug, Clone)]
pub struct Hand(Arc<Mutex<DateTime<Utc>>>);

impl Hand {
    /// Moves the clock by this much; negative moves it back.
    pub fn advance(&self, by: TimeDelta) {
        *self.0.lock().expect("no holder of the clock panics") += by;
    }
}
