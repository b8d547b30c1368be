//! JSON as Go's `encoding/json` writes it, byte for byte: the names of unique keys depend on it.

use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Deeper texts are refused, as `serde_json` refuses them.
const DEEPEST: usize = 128;

/// A string in quotes, with what Go escapes.
pub(super) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(out, "\\u{:04x}", u32::from(char)).expect("a string takes all");
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// A JSON text with sorted keys, Go's escapes and numbers, and no blanks; `None` where it is nested
/// too deep or is no JSON. Integers keep all their digits.
pub(super) fn canonical(json: &str) -> Option<String> {
    let mut out = String::with_capacity(json.len());
    write_value(&mut out, json.trim(), 0)?;
    Some(out)
}

fn write_value(out: &mut String, json: &str, depth: usize) -> Option<()> {
    if depth > DEEPEST {
        return None;
    }
    match json.as_bytes().first()? {
        b'{' => {
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
            let fields = fields.iter().map(|(key, value)| (string(key) + ":", value.get()));
            write_list(out, ['{', '}'], fields, depth)
        }
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            let elements = elements.iter().map(|element| (String::new(), element.get()));
            write_list(out, ['[', ']'], elements, depth)
        }
        b'"' => {
            out.push_str(&string(&serde_json::from_str::<String>(json).ok()?));
            Some(())
        }
        b't' | b'f' | b'n' => {
            out.push_str(json);
            Some(())
        }
        _ => {
            out.push_str(&number(json)?);
            Some(())
        }
    }
}

fn write_list<'j>(
    out: &mut String,
    [open, close]: [char; 2],
    values: impl Iterator<Item = (String, &'j str)>,
    depth: usize,
) -> Option<()> {
    out.push(open);
    for (at, (key, value)) in values.enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&key);
        write_value(out, value, depth + 1)?;
    }
    out.push(close);
    Some(())
}

/// A number as Go writes it: an integer with all its digits, others in their shortest form.
fn number(text: &str) -> Option<String> {
    if !text.contains(['.', 'e', 'E']) {
        return Some(text.to_owned());
    }
    let float: f64 = text.parse().ok()?;
    if !float.is_finite() {
        return None;
    }
    let size = float.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let short = format!("{float:e}");
        return Some(if short.contains("e-") { short } else { short.replace('e', "e+") });
    }
    Some(format!("{float}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_as_go_does() {
        assert_eq!(
            string("a<b>&\"\\/\u{2028}é\u{1}\n"),
            r#""a\u003cb\u003e\u0026\"\\/\u2028é\u0001\n""#
        );
    }

    #[test]
    fn keys_are_sorted_and_numbers_short() {
        for (json, go) in [
            (r#"{ "b" : 1, "a" : "x<" }"#, r#"{"a":"x\u003c","b":1}"#),
            (
                r#"{"a":[1e21,1E-7,1e8,0.5,1.0],"A":{}}"#,
                r#"{"A":{},"a":[1e+21,1e-7,100000000,0.5,1]}"#,
            ),
            ("1234567890123456789", "1234567890123456789"),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            ("null", "null"),
        ] {
            assert_eq!(canonical(json).as_deref(), Some(go), "{json}");
        }
        assert_eq!(canonical("{"), None);
        assert_eq!(canonical(&"[".repeat(200_000)), None);
        assert_eq!(canonical("1e999"), None);
    }
}
