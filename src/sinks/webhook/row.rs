//! Whose fault a failure is, the message's or the webhook's, as far as other messages tell.
//!
//! A failure after which, or before which, others are answered well is the message's: it spends an
//! attempt. Where several fail in a row and none is answered, it is the webhook: nothing is spent.

use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// Where all fail, one failure in this time is a message's own all the same: messages that can never
/// be sent must not hold up those behind them for ever.
const PATIENCE: Duration = Duration::from_secs(300);

/// A message for which the webhook asks to be left alone so often, while others are answered, is the
/// reason why it does.
const TOO_OFTEN: u32 = 3;

/// How many that failed in a row are told apart.
const TOLD_APART: usize = 100;

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Message,
    Sink,
}

/// What failed since something was last answered well.
#[derive(Debug, Default)]
pub(super) struct Row {
    failed: HashSet<String>,
    /// When a failure was last a message's own.
    spent: Option<Instant>,
    /// For which message the webhook last asked to be left alone, how often, and whether it has
    /// answered others since.
    put_off: Option<(String, u32, bool)>,
}

impl Row {
    /// A message was answered well: stored, or refused as what it is.
    pub(super) fn answered(&mut self) {
        self.failed.clear();
        if let Some((_, _, answered)) = &mut self.put_off {
            *answered = true;
        }
    }

    /// A message failed at this time.
    pub(super) fn failed(&mut self, id: &str, now: Instant) -> Fault {
        let others = self.failed.iter().any(|other| other != id);
        if self.failed.len() < TOLD_APART {
            self.failed.insert(id.to_owned());
        }
        let soon = self.spent.is_some_and(|spent| now.duration_since(spent) < PATIENCE);
        if others && soon {
            return Fault::Sink;
        }
        self.spent = Some(now);
        Fault::Message
    }

    /// The webhook asked to be left alone over this message.
    pub(super) fn put_off(&mut self, id: &str) -> Fault {
        let times = match self.put_off.take() {
            Some((last, times, true)) if last == id => times + 1,
            Some((last, times, false)) if last == id => times,
            _ => 1,
        };
        self.put_off = Some((id.to_owned(), times, false));
        if times > TOO_OFTEN { Fault::Message } else { Fault::Sink }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        *START + Duration::from_secs(seconds)
    }

    #[test]
    fn who_fails_among_others_that_do_not_is_at_fault() {
        let mut row = Row::default();
        for time in 0..20 {
            assert_eq!(row.failed("bad", at(time)), Fault::Message);
            row.answered();
        }
        assert_eq!(row.failed("bad", at(30)), Fault::Message);
        assert_eq!(row.failed("bad", at(31)), Fault::Message, "nobody else is there");
    }

    #[test]
    fn where_all_fail_it_is_the_webhook() {
        let mut row = Row::default();
        assert_eq!(row.failed("a", at(0)), Fault::Message);
        for time in 1..300 {
            assert_eq!(row.failed("b", at(time)), Fault::Sink, "{time}");
        }
        row.answered();
        assert_eq!(row.failed("b", at(300)), Fault::Message);
    }

    #[test]
    fn several_that_always_fail_are_given_up_at_last() {
        let mut row = Row::default();
        let ids = ["a", "b"].into_iter().cycle().zip(0..6000);
        let faults: Vec<_> = ids.map(|(id, time)| row.failed(id, at(time))).collect();
        let spent = faults.iter().filter(|fault| **fault == Fault::Message).count();
        assert_eq!(spent, 20, "one in five minutes");
    }

    #[test]
    fn a_message_over_which_the_webhook_always_asks_for_peace_is_at_fault() {
        let mut row = Row::default();
        let mut faults = Vec::new();
        for _ in 0..5 {
            faults.push(row.put_off("bad"));
            row.answered();
        }
        use Fault::{Message, Sink};
        assert_eq!(faults, [Sink, Sink, Sink, Message, Message]);
        for _ in 0..20 {
            assert_eq!([row.put_off("a"), row.put_off("a")], [Sink, Sink], "nobody is answered");
        }
    }
}
