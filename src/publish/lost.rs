//! What was read, and is neither in the queue nor in the spool: it has a name at least.

use crate::sources::Batch;
use std::fmt;

/// How many lost messages are named one by one, or as a run of lines; the rest are counted.
const NAMED: usize = 10;

/// Messages that are in neither place, in the order of reading.
#[derive(Debug, Default)]
pub(super) struct Lost {
    pub(super) count: u64,
    /// Runs of lines, the first and the last of each.
    runs: Vec<(u64, u64)>,
    names: Vec<String>,
    /// How many of them are not among those named.
    more: u64,
}

impl Lost {
    /// Adds one message of a batch.
    pub(super) fn add(&mut self, batch: &Batch, at: usize) {
        self.count += 1;
        match batch.lines.get(at) {
            Some(line) => self.add_line(*line),
            None => self.add_name(format!("`{}`", batch.messages[at].id)),
        }
    }

    /// Adds a piece of a message by its position.
    pub(super) fn add_piece(&mut self, position: &str) {
        self.count += 1;
        self.add_name(format!("a part of {position}"));
    }

    fn add_name(&mut self, name: String) {
        match self.names.len() < NAMED {
            true => self.names.push(name),
            false => self.more += 1,
        }
    }

    fn add_line(&mut self, line: u64) {
        let runs = self.runs.len();
        match self.runs.last_mut() {
            Some((_, last)) if *last + 1 == line => *last = line,
            _ if runs < NAMED => self.runs.push((line, line)),
            _ => self.more += 1,
        }
    }
}

impl fmt::Display for Lost {
    /// `lines 2 to 51, line 60 and 3 more`; or the ids, in backticks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.runs.iter().map(|(first, last)| match first == last {
            true => format!("line {first}"),
            false => format!("lines {first} to {last}"),
        });
        let names: Vec<_> = runs.chain(self.names.iter().cloned()).collect();
        f.write_str(&names.join(", "))?;
        match self.more {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    fn lost(lines: &[u64]) -> String {
        let messages = lines.iter().map(|line| Message::new(format!("m{line}"), "")).collect();
        let batch = Batch { messages, lines: lines.to_vec(), ..Batch::default() };
        let mut lost = Lost::default();
        (0..lines.len()).for_each(|at| lost.add(&batch, at));
        assert_eq!(lost.count, lines.len() as u64);
        lost.to_string()
    }

    #[test]
    fn lines_are_named_in_runs() {
        assert_eq!(lost(&[2, 3, 4, 9, 11, 12]), "lines 2 to 4, line 9, lines 11 to 12");
        let odd: Vec<_> = (0..13).map(|n| 2 * n + 1).collect();
        assert!(lost(&odd).ends_with("line 17, line 19 and 3 more"), "{}", lost(&odd));
    }

    #[test]
    fn what_has_no_line_is_named_by_its_id() {
        let messages = (0..12).map(|n| Message::new(format!("m{n}"), "")).collect();
        let batch = Batch { messages, ..Batch::default() };
        let mut lost = Lost::default();
        (0..12).for_each(|at| lost.add(&batch, at));
        assert!(lost.to_string().starts_with("`m0`, `m1`, "), "{lost}");
        assert!(lost.to_string().ends_with("`m9` and 2 more"), "{lost}");
    }
}
