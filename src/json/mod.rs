//! JSON that every reader takes the same way: what is wrong with a text, and in which field of it.
//!
//! The grammar alone lets more pass: half of a surrogate pair in an escape, a number beyond every
//! double, nesting without end. Readers stop at these, or change them in silence.

mod compact;
mod decimal;
mod pointer;
mod same;
mod scan;

pub use compact::compact;
pub use decimal::Decimal;
pub use pointer::Pointer;
pub use same::same_json;
pub use scan::{Scanner, Token};

use serde_json::value::RawValue;
use std::fmt;

/// How deep what we show may be nested: `jq` 1.6 reads 128 objects in each other, and `serde_json` as
/// many of all kinds; with room for what we put around it.
pub const SHOWN_DEPTH: usize = 120;

/// Why a text is no such JSON. Of the text only the names of its fields are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The path of the field; empty where it is the text as a whole.
    path: String,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "it {}", self.what),
            path => write!(f, "the field `{path}` {}", self.what),
        }
    }
}

/// The text of a body without the blanks around it, where it is JSON that every reader takes the same
/// way and that is nested at most this deep.
pub fn validate(body: &[u8], deepest: usize) -> Result<&RawValue, Fault> {
    let text = utf8(body)?;
    let json: &RawValue = serde_json::from_str(text).map_err(|cause| {
        let what = format!("is not JSON (line {}, column {})", cause.line(), cause.column());
        Fault { path: path_of(text, &cause), what }
    })?;
    look_through(Scanner::new(json.get()), deepest).map(|()| json)
}

/// A body as text.
pub fn utf8(body: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(body).map_err(|cause| {
        let (good, _) = body.split_at(cause.valid_up_to());
        let good = std::str::from_utf8(good).expect("it is valid up to there");
        let path = Scanner::new(good).path_at(good.len());
        Fault { path, what: "holds bytes that are not UTF-8".to_owned() }
    })
}

/// The path of the field in which a parser found something wrong; empty at the top.
pub fn path_of(text: &str, cause: &serde_json::Error) -> String {
    let before = cause.line().saturating_sub(2);
    let start = match cause.line() {
        0 | 1 => 0,
        _ => memchr::memchr_iter(b'\n', text.as_bytes()).nth(before).map_or(0, |end| end + 1),
    };
    // Of what it did not expect the parser has read the first byte; what we refuse, it has read whole.
    let read = (start + cause.column()).saturating_sub(usize::from(!cause.is_data()));
    Scanner::new(text).path_at(read)
}

fn look_through(mut scanner: Scanner<'_>, deepest: usize) -> Result<(), Fault> {
    while let Some(token) = scanner.next() {
        let what = match token {
            Token::Open if scanner.depth() > deepest => {
                format!("is nested deeper than {deepest} levels")
            }
            Token::Key(text) | Token::Text(text) if has_half_a_pair(text) => {
                "holds half of a surrogate pair".to_owned()
            }
            Token::Number(text) if !is_finite(text) => {
                "holds a number beyond every double".to_owned()
            }
            _ => continue,
        };
        return Err(Fault { path: scanner.path(), what });
    }
    Ok(())
}

fn is_finite(number: &str) -> bool {
    // The largest double has 309 digits before its point.
    let small = number.len() < 300 && !number.contains(['e', 'E']);
    small || number.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Whether an escape stands for half of a character, and the other half does not follow it.
fn has_half_a_pair(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (unit, after) = match code_unit(&rest[at..]) {
            Some(found) => found,
            None => {
                rest = rest.get(at + 2..).unwrap_or_default();
                continue;
            }
        };
        rest = match (unit, code_unit(after)) {
            (0xd800..=0xdbff, Some((0xdc00..=0xdfff, after))) => after,
            (0xd800..=0xdfff, _) => return true,
            _ => after,
        };
    }
    false
}

/// The number of a `\uXXXX` at the start, and what follows it.
fn code_unit(text: &str) -> Option<(u16, &str)> {
    let digits = text.strip_prefix("\\u")?;
    Some((u16::from_str_radix(digits.get(..4)?, 16).ok()?, &digits[4..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(body: impl AsRef<[u8]>) -> String {
        validate(body.as_ref(), 10).map(|json| json.get().to_owned()).unwrap_err().to_string()
    }

    #[test]
    fn what_every_reader_takes_is_taken_as_it_was_written() {
        for text in [
            "{}",
            "null",
            " [1, 2.50, -0, 1e5] ",
            r#"{"a":"\ud83c\udf31 \\ud83d \"\u00e9\u0000","b":{"c":[[],{}]}}"#,
            r#"{"n":12345678901234567890123.10,"a":1,"a":2}"#,
            "[[[[[[[[[[0]]]]]]]]]]",
            "1e308",
        ] {
            assert_eq!(validate(text.as_bytes(), 10).unwrap().get(), text.trim(), "{text}");
        }
    }

    #[test]
    fn a_fault_names_its_field_and_nothing_else_of_the_text() {
        let half = "holds half of a surrogate pair";
        let high = "holds a number beyond every double";
        let utf8 = "holds bytes that are not UTF-8";
        for (body, told) in [
            (&br#"{"id":"a","t":"\ud83d"}"#[..], format!("the field `t` {half}")),
            (br#"{"t":["x","\ude00\ud83d"]}"#, format!("the field `t[1]` {half}")),
            (br#"{"t":{"x":"\\\ud83d\u0041"}}"#, format!("the field `t.x` {half}")),
            (br#"{"b":1e999}"#, format!("the field `b` {high}")),
            (br#"{"a":[{"b":-1E400}]}"#, format!("the field `a[0].b` {high}")),
            (b"1e999", format!("it {high}")),
            (b"{\"a\":1,\"b\":\"\xff\"}", format!("the field `b` {utf8}")),
            (b"\xff", format!("it {utf8}")),
            (br#"{"a":{"b":}}"#, "the field `a.b` is not JSON (line 1, column 11)".to_owned()),
            (b"{\"a\":\n{\"b\":tru", "the field `a.b` is not JSON (line 2, column 8)".to_owned()),
            (br#"{"a":1,}"#, "it is not JSON (line 1, column 8)".to_owned()),
            (br#"{"a":NaN}"#, "the field `a` is not JSON (line 1, column 6)".to_owned()),
            (b"", "it is not JSON (line 1, column 0)".to_owned()),
            (b"[[[[[[[[[[[0]]]]]]]]]]]", {
                "the field `[0][0][0][0][0]…[0][0]` is nested deeper than 10 levels".to_owned()
            }),
        ] {
            assert_eq!(fault(body), told, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn a_name_of_any_length_and_letters_is_short_and_visible() {
        let long = format!("{{\"{}\":1e999}}", "k".repeat(100_000));
        assert!(fault(long).len() < 200);
        assert!(
            fault(r#"{"\u001b[2J\u202e":1e999}"#).starts_with("the field `\\u{1b}[2J\\u{202e}` ")
        );
        assert!(fault(r#"{"a\ud83d":1}"#).starts_with("the field `a\\ud83d` "));
    }

    #[test]
    fn rubbish_never_panics() {
        let mut dice = fastrand::Rng::with_seed(11);
        let pieces =
            ["{", "}", "[", "]", ",", ":", "\"a\"", "\"", "\\", "\\u", "d83d", "1", "-", "e9", "é"];
        for _ in 0..20_000 {
            let count = dice.usize(0..12);
            let text: String = (0..count).map(|_| pieces[dice.usize(0..pieces.len())]).collect();
            let judged = validate(text.as_bytes(), 10).map_err(|fault| fault.to_string());
            let parsed = serde_json::from_str::<serde_json::Value>(&text);
            assert!(judged.is_err() || parsed.is_ok(), "{text}");
        }
    }
}
