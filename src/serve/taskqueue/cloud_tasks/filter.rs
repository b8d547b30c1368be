//! Which tasks a call to lease means: `tag=x`, `tag="x"`, `tag_function=oldest_tag()`.

use crate::queues::Select;
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::operations::validate_tag;

/// The tag of the task that can be leased first.
const OLDEST: &str = "oldest_tag()";

/// Reads a filter; an empty one means any task.
pub(super) fn read(filter: &str) -> Result<Select, Failure> {
    let filter = filter.trim();
    if filter.is_empty() {
        return Ok(Select::Any);
    }
    let (name, value) = filter.split_once('=').ok_or_else(unread)?;
    match (name.trim(), value.trim()) {
        ("tag_function" | "tag", OLDEST) => Ok(Select::OldestTag),
        ("tag", value) => tag(value),
        _ => Err(unread()),
    }
}

fn tag(value: &str) -> Result<Select, Failure> {
    let tag = match value.strip_prefix('"') {
        Some(quoted) => unquoted(quoted).ok_or_else(unread)?,
        None if value.contains('"') => return Err(unread()),
        None => value.to_owned(),
    };
    if tag.is_empty() {
        return Err(unread());
    }
    validate_tag(&tag).map(|()| Select::Tag(tag))
}

/// What stands before a closing quote, which must be the end; a backslash takes the next character.
fn unquoted(quoted: &str) -> Option<String> {
    let mut text = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return chars.next().is_none().then_some(text),
            '\\' => text.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
            c => text.push(c),
        }
    }
}

fn unread() -> Failure {
    Failure::invalid("The filter is neither tag=TAG nor tag_function=oldest_tag()")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_selects_a_tag() {
        let tag = |tag: &str| Select::Tag(tag.to_owned());
        for (filter, select) in [
            ("", Select::Any),
            (" ", Select::Any),
            ("tag=render", tag("render")),
            ("tag=\"render\"", tag("render")),
            (" tag = render ", tag("render")),
            ("tag=a=b", tag("a=b")),
            ("tag=\"a \\\" \\\\ b\"", tag("a \" \\ b")),
            ("tag=水", tag("水")),
            ("tag_function=oldest_tag()", Select::OldestTag),
            ("tag=oldest_tag()", Select::OldestTag),
            ("tag=\"oldest_tag()\"", tag("oldest_tag()")),
        ] {
            assert_eq!(read(filter).unwrap(), select, "{filter}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for filter in [
            "render",
            "tag=",
            "tag=\"\"",
            "tag=\"a",
            "tag=a\"",
            "tag=\"a\"b",
            "tag=\"a\\n\"",
            "tag=\"a\\",
            "tag_function=oldest",
            "tag_function=\"oldest_tag()\"",
            "name=x",
            "=x",
        ] {
            assert!(read(filter).is_err(), "{filter}");
        }
        assert!(read(&format!("tag={}", "a".repeat(501))).is_err());
    }
}
