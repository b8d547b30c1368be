//! The examples that a program's help ends with, taken apart.

/// What a command does, and its lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Example<'a> {
    pub(super) does: Vec<&'a str>,
    pub(super) lines: Vec<&'a str>,
}

impl<'a> Example<'a> {
    /// The examples of a help text: lines that are indented by two say what the lines below them do, which
    /// are indented by four.
    pub(super) fn all(help: &'a str) -> Vec<Self> {
        let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
        let mut found: Vec<Self> = Vec::new();
        for line in lines.take_while(|line| line.starts_with("  ")) {
            match line.strip_prefix("    ") {
                Some(command) => {
                    if let Some(example) = found.last_mut() {
                        example.lines.push(command);
                    }
                }
                None => match found.last_mut().filter(|example| example.lines.is_empty()) {
                    Some(example) => example.does.push(line.trim()),
                    None => found.push(Self { does: vec![line.trim()], lines: Vec::new() }),
                },
            }
        }
        found
    }

    /// Whether one of its commands is of this action: `queue dead list`.
    pub(super) fn is_of(&self, action: &str) -> bool {
        self.lines.iter().any(|line| line.contains(&format!("{action} ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_told_with_what_they_do() {
        let help = "About.\n\nExamples:\n  One, over\n  two lines:\n    queue a x\n      y\n  Other:\n    queue b\n\nExit";
        let all = Example::all(help);
        assert_eq!(
            all[0],
            Example { does: vec!["One, over", "two lines:"], lines: vec!["queue a x", "  y"] }
        );
        assert_eq!(all.len(), 2);
        assert!(all[0].is_of("queue a") && !all[1].is_of("queue a"));
    }
}
