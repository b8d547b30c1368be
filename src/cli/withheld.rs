//! Log lines: told, or kept back until it is clear whether anybody wants them; none behind a run's end.

use std::sync::{Arc, Mutex};

/// At most this many bytes are kept back; what is said after that is not told.
const MOST: usize = 1 << 20;

/// What becomes of log lines now. Cheap to clone.
#[derive(Clone, Default)]
pub struct Withheld(Arc<Mutex<State>>);

#[derive(Default)]
enum State {
    #[default]
    Written,
    Kept(Kept),
    /// The run has said its last word, and a task that has not been dropped yet says nothing behind it.
    Over,
}

#[derive(Default)]
struct Kept {
    text: String,
    left_out: usize,
}

impl Withheld {
    /// Keeps back what comes from now on.
    pub(super) fn begin(&self) {
        let mut state = self.state();
        if matches!(*state, State::Written) {
            *state = State::Kept(Kept::default());
        }
    }

    /// Has a log line written, or keeps it back.
    pub(super) fn tell(&self, line: &str, write: impl FnOnce(&str)) {
        match &mut *self.state() {
            State::Written => write(line),
            State::Kept(kept) if kept.text.len() + line.len() > MOST => kept.left_out += 1,
            State::Kept(kept) => kept.text += line,
            State::Over => {}
        }
    }

    /// Gives what was kept back. No line is written, or kept back, any more.
    pub(super) fn end(&self) -> String {
        match std::mem::replace(&mut *self.state(), State::Over) {
            State::Written | State::Over => String::new(),
            State::Kept(Kept { text, left_out: 0 }) => text,
            State::Kept(Kept { text, left_out }) => format!("{text}{left_out} more log lines\n"),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("no holder panics")
    }
}

#[cfg(test)]
impl Withheld {
    /// Whether a log line is written now.
    pub(super) fn tells(&self, line: &str) -> bool {
        let mut told = false;
        self.tell(line, |_| told = true);
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_back_until_the_end_and_not_without_end() {
        let withheld = Withheld::default();
        assert!(withheld.tells("before\n"));
        withheld.begin();
        assert!(!withheld.tells("one\n") && !withheld.tells(&"x".repeat(MOST)));
        withheld.begin();
        assert_eq!(withheld.end(), "one\n1 more log lines\n");
    }

    #[test]
    fn nothing_is_told_behind_the_end() {
        let withheld = Withheld::default();
        assert_eq!(withheld.end(), "");
        withheld.begin();
        assert!(!withheld.tells("after\n"));
        assert_eq!(withheld.end(), "");
    }
}
