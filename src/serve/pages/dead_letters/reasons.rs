//! Which reasons are of one group: those that differ in numbers and quoted names only.

use crate::text;

/// A reason without what differs from letter to letter: what is quoted, and digits.
pub(super) fn form(reason: &str) -> String {
    let mut form = String::new();
    for (at, part) in reason.split('`').enumerate() {
        if at > 0 {
            form.push('`');
        }
        match at % 2 {
            0 => without_digits(part, &mut form),
            _ => form.push('…'),
        }
    }
    form
}

/// Writes a text with one mark for each number.
fn without_digits(text: &str, into: &mut String) {
    for c in text.chars() {
        match c.is_ascii_digit() {
            true if into.ends_with('#') => {}
            true => into.push('#'),
            false => into.push(c),
        }
    }
}

/// The name of a group in addresses.
pub(super) fn key(form: &str) -> String {
    text::short_name(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_differ_in_names_and_numbers_are_one_group() {
        for (reason, same) in [
            ("field `a` is 12.5", "field `b` is 7.25"),
            ("status 503", "status 404"),
            ("no `", "no `x"),
            ("", ""),
        ] {
            assert_eq!(form(reason), form(same));
        }
        assert_ne!(form("field `a` is missing"), form("field `a` is wrong"));
        assert_eq!(form("`寝室` 12"), "`…` #");
    }
}
