//! Log lines that are kept back until it is clear whether anybody wants them.

use std::sync::{Arc, Mutex};

/// At most this many bytes are kept back; what is said after that is not told.
const MOST: usize = 1 << 20;

/// What is kept back. Cheap to clone.
#[derive(Clone, Default)]
pub struct Withheld(Arc<Mutex<Option<Kept>>>);

#[derive(Default)]
struct Kept {
    text: String,
    left_out: usize,
}

impl Withheld {
    /// Keeps back what comes from now on.
    pub(super) fn begin(&self) {
        self.kept().get_or_insert_default();
    }

    /// Takes a log line where lines are kept back.
    pub(super) fn take(&self, line: &str) -> bool {
        let mut kept = self.kept();
        let Some(kept) = &mut *kept else { return false };
        if kept.text.len() + line.len() > MOST {
            kept.left_out += 1;
        } else {
            kept.text += line;
        }
        true
    }

    /// Keeps back nothing more, and gives what was kept.
    pub(super) fn end(&self) -> String {
        match self.kept().take() {
            None => String::new(),
            Some(Kept { text, left_out: 0 }) => text,
            Some(Kept { text, left_out }) => format!("{text}{left_out} more log lines\n"),
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        self.0.lock().expect("no holder panics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_back_until_the_end_and_not_without_end() {
        let withheld = Withheld::default();
        assert!(!withheld.take("before\n"));
        withheld.begin();
        assert!(withheld.take("one\n") && withheld.take(&"x".repeat(MOST)));
        withheld.begin();
        assert_eq!(withheld.end(), "one\n1 more log lines\n");
        assert!(!withheld.take("after\n"));
        assert_eq!(withheld.end(), "");
    }
}
