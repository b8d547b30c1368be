//! The clock is an input: everything that needs the time is given one of these.
//!
//! There are two kinds of time. The time of day is what people and other machines mean, and it may
//! jump: somebody sets it, or a small computer hears of it only after it has started. The monotonic
//! time never jumps, and means nothing beyond this machine and its next start: what lasts for a
//! while is measured by it.

use chrono::{DateTime, TimeDelta, Utc};
use rustix::time::{ClockId, clock_gettime};
use std::sync::{Arc, LazyLock, Mutex};
use tokio::time::{Instant, sleep_until};

/// A source of the time, of day and monotonic. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Source>);

/// Where the time comes from.
trait Source: Send + Sync {
    fn now(&self) -> DateTime<Utc>;
    /// The monotonic time in milliseconds.
    fn monotonic(&self) -> i64;
    fn epoch(&self) -> &str;
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Arc::new(System))
    }

    /// A clock that stands still until its owner moves it.
    pub fn manual(start: DateTime<Utc>) -> (Self, ClockControl) {
        let time = Arc::new(Mutex::new(Time { day: start, passed: TimeDelta::zero() }));
        let epoch = format!("a clock of a test: {:x}", fastrand::u64(..));
        (Self(Arc::new(Manual { time: time.clone(), epoch })), ClockControl(time))
    }

    /// The time of day.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    /// The time of day in milliseconds since 1970.
    pub fn millis(&self) -> i64 {
        self.now().timestamp_millis()
    }

    /// Milliseconds since a moment that is the same for every process which reads the same
    /// [`epoch`](Self::epoch). It never jumps, and stands still while the machine is suspended.
    pub fn monotonic(&self) -> i64 {
        self.0.monotonic()
    }

    /// Names the moment from which [`monotonic`](Self::monotonic) counts: this start of the machine.
    pub fn epoch(&self) -> &str {
        self.0.epoch()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

/// The clock of this machine.
struct System;

/// The machine's start; a namespace may have a monotonic clock of its own. Where neither is told,
/// no other process can be trusted to count from the same moment.
static EPOCH: LazyLock<String> = LazyLock::new(|| {
    let start = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let namespace = std::fs::read_link("/proc/self/ns/time");
    match (start, namespace) {
        (Ok(start), Ok(namespace)) => format!("{} {}", start.trim(), namespace.display()),
        (Ok(start), Err(_)) => start.trim().to_owned(),
        (Err(_), _) => format!("process {:x}", fastrand::u64(..)),
    }
});

impl Source for System {
    fn now(&self) -> DateTime<Utc> {
        // A file tells by how many milliseconds the time of day is off: the clock as it jumps.
        fail::fail_point!("clock-read", |file| {
            let text = file.and_then(|file| std::fs::read_to_string(file).ok());
            let off = text.and_then(|text| text.trim().parse().ok()).unwrap_or_default();
            Utc::now() + TimeDelta::milliseconds(off)
        });
        Utc::now()
    }

    fn monotonic(&self) -> i64 {
        let time = clock_gettime(ClockId::Monotonic);
        time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }

    fn epoch(&self) -> &str {
        &EPOCH
    }
}

/// A clock that stands still.
struct Manual {
    time: Arc<Mutex<Time>>,
    epoch: String,
}

#[derive(Debug)]
struct Time {
    day: DateTime<Utc>,
    passed: TimeDelta,
}

impl Source for Manual {
    fn now(&self) -> DateTime<Utc> {
        self.time.lock().expect("no holder of the clock panics").day
    }

    fn monotonic(&self) -> i64 {
        self.time.lock().expect("no holder of the clock panics").passed.num_milliseconds()
    }

    fn epoch(&self) -> &str {
        &self.epoch
    }
}

/// Moves a manual clock.
#[derive(Debug, Clone)]
pub struct ClockControl(Arc<Mutex<Time>>);

impl ClockControl {
    /// Lets this much time pass. Time does not pass backwards: a negative one only sets the time of
    /// day back.
    pub fn advance(&self, by: TimeDelta) {
        let mut time = self.0.lock().expect("no holder of the clock panics");
        time.day += by;
        time.passed += by.max(TimeDelta::zero());
    }

    /// Sets the time of day forward or back by this much, while no time passes.
    pub fn jump(&self, by: TimeDelta) {
        self.0.lock().expect("no holder of the clock panics").day += by;
    }
}

/// Sleeps until then; for ever where there is no such time.
pub async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_monotonic_time_is_shared_and_does_not_go_back() {
        let (one, other) = (Clock::system(), Clock::system());
        assert_eq!(one.epoch(), other.epoch());
        let first = one.monotonic();
        assert!(first > 0 && other.monotonic() >= first);
    }

    #[test]
    fn a_manual_clock_jumps_without_time_passing() {
        let (clock, control) = Clock::manual(DateTime::UNIX_EPOCH);
        control.advance(TimeDelta::seconds(5));
        control.jump(TimeDelta::hours(-1));
        control.advance(TimeDelta::seconds(-1));
        assert_eq!((clock.millis(), clock.monotonic()), (5000 - 3_600_000 - 1000, 5000));
        let (other, _) = Clock::manual(DateTime::UNIX_EPOCH);
        assert_ne!(clock.epoch(), other.epoch());
    }
}
