//! A YAML file as a tree of texts, lists and mappings, each with the line on which it stands.
//!
//! Every scalar is kept as it is written: a queue may be called `1e3`, and a limit is `1.5G`.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{
    MessageFormatter as _, NonFiniteFloatPolicy, Options, Spanned, UserMessageFormatter,
    alias_limits, budget, options,
};
use std::fmt;

/// A problem of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, from 1; `None`: the file as a whole.
    pub line: Option<u64>,
    /// What is wrong, with the key.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// A value, and the line on which it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub line: u64,
    pub value: Value,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing, or `null`.
    Empty,
    /// A scalar as it is written, without its quotes.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the file's order; no key stands twice.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub line: u64,
    pub key: String,
    pub value: Node,
}

/// Reads a file of one document.
///
/// # Errors
/// What the file's YAML is wrong in, with its line.
pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    let raw = serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options());
    raw.map(|raw| node(raw, text)).map_err(|error| problem(&error))
}

/// No such file needs more than this.
fn options() -> Options {
    options! {
        budget: budget! { max_depth: 16, max_nodes: 100_000 },
        alias_limits: alias_limits! { max_total_replayed_events: 100_000 },
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    }
}

fn problem(error: &serde_saphyr::Error) -> Problem {
    let error = error.without_snippet();
    let line = error.location().map(|location| location.line()).filter(|line| *line > 0);
    let what = crate::text::one_line(&UserMessageFormatter.format_message(error), 200);
    Problem { line, what }
}

/// A value as the parser gives it: what it takes for a number or a truth value has lost its spelling.
enum Raw {
    Empty,
    Plain,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

fn node(raw: Spanned<Raw>, text: &str) -> Node {
    let line = raw.referenced.line();
    let value = match raw.value {
        Raw::Empty => Value::Empty,
        Raw::Plain => Value::Text(spelling(&raw.defined, text)),
        Raw::Text(text) => Value::Text(text),
        Raw::List(items) => Value::List(items.into_iter().map(|item| node(item, text)).collect()),
        Raw::Map(entries) => {
            let entry = |(key, value): (Spanned<String>, _)| Entry {
                line: key.referenced.line(),
                key: key.value,
                value: node(value, text),
            };
            Value::Map(entries.into_iter().map(entry).collect())
        }
    };
    Node { line, value }
}

/// How a plain scalar is written.
fn spelling(location: &serde_saphyr::Location, text: &str) -> String {
    let span = location.span();
    let bytes = span.byte_offset().zip(span.byte_len());
    let range = bytes.and_then(|(start, length)| {
        let start = usize::try_from(start).ok()?;
        Some(start..start.checked_add(usize::try_from(length).ok()?)?)
    });
    range.and_then(|range| text.get(range)).unwrap_or_default().trim().to_owned()
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a list or a mapping")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Empty)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: u64, text: &str) -> Node {
        Node { line, value: Value::Text(text.to_owned()) }
    }

    #[test]
    fn every_scalar_keeps_its_spelling_and_its_line() {
        let file = "# é\n- 010\n- 1e3\n- yes\n- 1.2G # a comment\n- '5'\n- \"a\\tb\"\n- 10/s\n- 0x1F\n\
                    - 99999999999999999999999\n- -1\n- x: 1_000\n- ~\n-\n- [1.50]\n- .inf\n- 1e999";
        let Value::List(items) = parse(file).unwrap().value else { panic!("a list") };
        assert_eq!(items[0], text(2, "010"));
        assert_eq!(items[1], text(3, "1e3"));
        assert_eq!(items[2], text(4, "yes"));
        assert_eq!(items[3], text(5, "1.2G"));
        assert_eq!(items[4], text(6, "5"));
        assert_eq!(items[5], text(7, "a\tb"));
        assert_eq!(items[6], text(8, "10/s"));
        assert_eq!(items[7], text(9, "0x1F"));
        assert_eq!(items[8], text(10, "99999999999999999999999"));
        assert_eq!(items[9], text(11, "-1"));
        let entry = Entry { line: 12, key: "x".to_owned(), value: text(12, "1_000") };
        assert_eq!(items[10], Node { line: 12, value: Value::Map(vec![entry]) });
        assert_eq!((&items[11].value, &items[12].value), (&Value::Empty, &Value::Empty));
        assert_eq!(items[13].value, Value::List(vec![text(15, "1.50")]));
        assert_eq!((&items[14], &items[15]), (&text(16, ".inf"), &text(17, "1e999")));
    }

    #[test]
    fn anchors_and_merges_are_followed() {
        let file = "a: &limits\n  n: 3\nb:\n  <<: *limits\n  m: 4\nc: *limits\n";
        let Value::Map(entries) = parse(file).unwrap().value else { panic!("a mapping") };
        let keys = |at: usize| match &entries[at].value.value {
            Value::Map(entries) => entries.iter().map(|it| it.key.clone()).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!((entries[2].line, keys(0), keys(2)), (6, vec!["n".into()], vec!["n".into()]));
        let mut merged = keys(1);
        merged.sort();
        assert_eq!(merged, ["m", "n"]);
        let Value::Map(copy) = &entries[2].value.value else { panic!("a mapping") };
        assert_eq!(copy[0].value.value, Value::Text("3".to_owned()));
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_line() {
        for (file, line) in [
            ("queue: [", 1),
            ("a: 1\n\tb: 2\n", 2),
            ("a: 1\na: 2\n", 2),
            ("a:\n  - b\n c\n", 3),
            ("a: *nobody\n", 1),
            ("a: 1\n---\nb: 2\n", 2),
            ("a: \"half\n", 1),
        ] {
            let problem = parse(file).unwrap_err();
            assert!(problem.line.is_some_and(|it| it.abs_diff(line) <= 1), "{file}: {problem}");
            assert!(!problem.what.contains('\n'), "{problem}");
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let mut file = "a0: &a0 [x]\n".to_owned();
        for n in 1..30 {
            let before = n - 1;
            file += &format!("a{n}: &a{n} [*a{before}, *a{before}, *a{before}, *a{before}]\n");
        }
        assert!(parse(&file).is_err());
        assert!(parse(&"[".repeat(10_000)).is_err());
        assert!(parse(&format!("a:{}", " - b".repeat(1000))).is_err());
    }
}
