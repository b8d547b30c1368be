//! Which pools are dead: seen by two looks without a heartbeat between them, whatever their clocks say.

use foldhash::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// A pool whose heart has not beaten for so long is dead.
const DEAD_AFTER: Duration = Duration::from_secs(10);
/// One whose last beat is older than that, by the clocks, is dead at once: so many seconds.
const LONG_DEAD: i64 = 30;

/// What was seen of a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The time of its last beat, as it wrote it; empty where there is no heartbeat.
    pub(super) heartbeat_at: String,
    /// The names of its jobs, with commas between.
    pub(super) job_names: String,
    /// The ids of its workers, with commas between.
    pub(super) worker_ids: String,
}

/// What was seen of pools, and since when.
#[derive(Default)]
pub(super) struct Sightings(HashMap<String, (String, Instant)>);

impl Sightings {
    /// Notes what is seen now; gives the pools that are dead, in order.
    pub(super) fn note(
        &mut self,
        seen: &HashMap<String, Seen>,
        unix_now: i64,
        now: Instant,
    ) -> Vec<String> {
        self.0.retain(|pool, _| seen.contains_key(pool));
        let mut dead: Vec<_> = seen
            .iter()
            .filter(|(pool, seen)| self.is_dead(pool, seen, unix_now, now))
            .map(|(pool, _)| pool.clone())
            .collect();
        dead.sort();
        dead
    }

    fn is_dead(&mut self, pool: &str, seen: &Seen, unix_now: i64, now: Instant) -> bool {
        let beat = &seen.heartbeat_at;
        let (known, since) = self.0.entry(pool.to_owned()).or_insert_with(|| (beat.clone(), now));
        if known != beat {
            (*known, *since) = (beat.clone(), now);
        }
        let long = beat.parse().is_ok_and(|at: i64| unix_now.saturating_sub(at) > LONG_DEAD);
        long || now.duration_since(*since) >= DEAD_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pools: &[(&str, &str)]) -> HashMap<String, Seen> {
        let seen = |beat: &str| Seen { heartbeat_at: beat.to_owned(), ..Seen::default() };
        pools.iter().map(|(pool, beat)| ((*pool).to_owned(), seen(beat))).collect()
    }

    #[test]
    fn a_pool_is_dead_after_two_looks_without_a_beat_between_them() {
        let (mut sightings, start) = (Sightings::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut note =
            |pools: &[(&str, &str)], seconds| sightings.note(&seen(pools), 1000, at(seconds));
        // By its clock the first beats in the future.
        assert!(note(&[("a", "5000"), ("b", ""), ("c", "995")], 0).is_empty());
        assert!(note(&[("a", "5000"), ("b", ""), ("c", "1002")], 7).is_empty());
        assert_eq!(note(&[("a", "5000"), ("b", ""), ("c", "1002")], 14), ["a", "b"]);
        assert!(note(&[("c", "1007")], 16).is_empty());
        assert!(note(&[("b", "")], 20).is_empty(), "it was away meanwhile");
    }

    #[test]
    fn a_pool_that_died_long_ago_is_dead_at_once() {
        let mut sightings = Sightings::default();
        let dead =
            sightings.note(&seen(&[("a", "969"), ("b", "970"), ("c", "x")]), 1000, Instant::now());
        assert_eq!(dead, ["a"]);
    }
}
