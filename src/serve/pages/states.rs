//! The states of a queue's messages: how many are in each, and what part of all they are.

use super::numbers::count;
use super::sites::ShownQueue;
use crate::queues::{MessageState, Stats};
use maud::{Markup, html};
use std::sync::Arc;

/// How wide a bar is in units of its own, and how wide what is there is at least.
const WIDTH: f64 = 1000.0;
const LEAST: f64 = 12.0;

/// How many messages are in a state; `None` where nobody knows.
pub(super) fn counted(stats: &Stats, state: MessageState) -> Option<u64> {
    match state.counted() {
        MessageState::Waiting => stats.waiting,
        MessageState::Scheduled => stats.scheduled,
        MessageState::Leased => stats.leased,
        _ => stats.ready,
    }
}

/// What was counted last of a queue.
pub(super) fn stats(queue: &ShownQueue) -> Option<Arc<Stats>> {
    let queues = queue.site.queues();
    let state = queues.iter().find(|it| it.queue == queue.queue)?;
    Some(state.history.newest()?.stats.clone())
}

/// A bar of all messages of a queue, a part for each state, named for those who do not see it; none where
/// there is no message.
pub(super) fn bar(stats: &Stats) -> Markup {
    let parts: Vec<_> = [
        ("ready", stats.ready),
        ("waiting", stats.waiting),
        ("scheduled", stats.scheduled),
        ("leased", stats.leased),
        ("dead", stats.dead),
    ]
    .into_iter()
    .filter_map(|(name, count)| Some((name, count.filter(|count| *count > 0)?)))
    .collect();
    let told: Vec<_> = parts.iter().map(|(name, of)| format!("{} {name}", count(*of))).collect();
    html! {
        @if !parts.is_empty() {
            svg.states role="img" aria-label=(told.join(", ")) viewBox="0 0 1000 1"
                preserveAspectRatio="none" {
                @for (name, from, width) in placed(&parts) {
                    rect class=(name) x=(format!("{from:.1}")) width=(format!("{width:.1}")) height="1" {}
                }
            }
        }
    }
}

/// From where each part goes, and how wide it is: as its count, but never too narrow to be seen.
fn placed<'n>(parts: &[(&'n str, u64)]) -> Vec<(&'n str, f64, f64)> {
    let all: u64 = parts.iter().map(|(_, count)| *count).sum();
    #[expect(clippy::cast_precision_loss, reason = "a pixel is less exact")]
    let shares: Vec<_> =
        parts.iter().map(|(_, count)| (*count as f64 / all as f64 * WIDTH).max(LEAST)).collect();
    let whole: f64 = shares.iter().sum();
    let mut from = 0.0;
    let mut place = |(name, share): (&'n str, f64)| {
        let part = (name, from, share / whole * WIDTH);
        from += part.2;
        part
    };
    parts.iter().map(|(name, _)| *name).zip(shares).map(&mut place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_a_part_for_each_state_and_one_that_is_rare_is_seen() {
        let stats = Stats { ready: Some(1_000_000), dead: Some(1), ..Stats::default() };
        let drawn = bar(&stats).into_string();
        assert!(drawn.contains("aria-label=\"1,000,000 ready, 1 dead\""), "{drawn}");
        let parts = placed(&[("ready", 1_000_000), ("dead", 1)]);
        assert!(parts[1].2 > 10.0 && (parts[1].1 + parts[1].2 - WIDTH).abs() < 1e-6, "{parts:?}");
        let halves = placed(&[("ready", 5), ("leased", 5)]);
        assert_eq!(halves, [("ready", 0.0, 500.0), ("leased", 500.0, 500.0)]);
        assert_eq!(bar(&Stats { ready: Some(0), ..Stats::default() }).into_string(), "");
    }
}
