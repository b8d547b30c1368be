//! Reads the fields of a mapping, and notes each that is wrong: its line, its key, and what it must be.

use super::tree::{Entry, Node, Problem, Value};
use super::values::Expected;
use crate::location::list;
use crate::text;

/// The most of a key or a value that a problem shows.
const SHOWN: usize = 60;

/// What is wrong with a file.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    /// Notes one.
    pub fn add(&mut self, line: u64, what: String) {
        self.0.push(Problem { line: Some(line), what });
    }

    /// All of them in the order of their lines.
    pub fn sorted(mut self) -> Vec<Problem> {
        self.0.sort();
        self.0
    }
}

/// A key or a value as a problem shows it.
pub(super) fn shown(text: &str) -> String {
    text::beginning(text, SHOWN)
}

/// The fields of a mapping.
pub(super) struct Fields<'n> {
    entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    /// The fields of a value that must be a mapping of these keys; `what` names the value.
    pub fn of(node: &'n Node, what: &str, keys: &[&str], problems: &mut Problems) -> Self {
        let entries = match &node.value {
            Value::Map(entries) => entries.as_slice(),
            Value::Empty => &[],
            Value::Text(_) | Value::List(_) => {
                problems.add(node.line, format!("{what} must be a mapping of {}", list(keys)));
                &[]
            }
        };
        for entry in entries.iter().filter(|entry| !keys.contains(&entry.key.as_str())) {
            let why = format!("{what} has no key `{}`: it knows {}", shown(&entry.key), list(keys));
            problems.add(entry.line, why);
        }
        Self { entries }
    }

    /// The entry of a key. One without a value counts as absent.
    pub fn entry(&self, key: &str) -> Option<&'n Entry> {
        let found = self.entries.iter().find(|entry| entry.key == key);
        found.filter(|entry| entry.value.value != Value::Empty)
    }

    /// The value of a key, which must be a text that means something.
    pub fn read<T>(
        &self,
        key: &str,
        means: impl FnOnce(&str) -> Result<T, Expected>,
        problems: &mut Problems,
    ) -> Option<T> {
        let entry = self.entry(key)?;
        let (written, read) = match &entry.value.value {
            Value::Text(text) => (format!("`{}`", shown(text)), means(text)),
            Value::List(_) => ("a list".to_owned(), Err(no_text(means))),
            Value::Map(_) => ("a mapping".to_owned(), Err(no_text(means))),
            Value::Empty => return None,
        };
        let note = |expected: Expected| {
            problems.add(entry.line, format!("`{key}` is {written}: it must be {expected}"));
        };
        read.map_err(note).ok()
    }

    /// The items of a key, which must be a list.
    pub fn items(&self, key: &str, problems: &mut Problems) -> &'n [Node] {
        let Some(entry) = self.entry(key) else { return &[] };
        match &entry.value.value {
            Value::List(items) => items,
            _ => {
                problems.add(entry.line, format!("`{key}` must be a list: `- ...`"));
                &[]
            }
        }
    }
}

/// What is expected of a text, for a value that is none.
fn no_text<T>(means: impl FnOnce(&str) -> Result<T, Expected>) -> Expected {
    means("").err().unwrap_or("a text")
}
