//! Python literals as JSON: what `str(dict)` writes, by Python's grammar and not by replacing quotes.
//!
//! Read are `None`, `True`, `False`, whole and decimal numbers, strings with all escapes, lists,
//! tuples (which become lists) and dicts whose keys are strings. Whole numbers keep all their digits.
//! Refused is what JSON does not have or what `str(dict)` never writes: `nan` and numbers beyond a
//! double, bytes, sets (their order is chance, so that one message would become two documents), other
//! keys, one key twice, half of a surrogate pair, names, calls and sums.
//!
//! <https://docs.python.org/3/reference/lexical_analysis.html#literals>

use chrono_tz::Tz;
use std::collections::HashSet;

/// The deepest that a literal may be nested: `serde_json` reads 128 levels.
const DEEPEST: usize = 100;

/// The text of a Python dict as JSON, or why it is none. The reason has a place, and no payload.
/// `zone` is that of its `request_at`, see `in_utc`.
pub fn to_json(text: &str, zone: Option<Tz>) -> Result<String, String> {
    let json = String::with_capacity(text.len() + 16);
    let mut reader = Reader { text, at: 0, json, zone };
    match reader.document() {
        Ok(()) => Ok(reader.json),
        Err(what) => Err(format!("{what} at byte {}", reader.at)),
    }
}

/// What has been read of a text, and the JSON that it came to.
struct Reader<'t> {
    text: &'t str,
    at: usize,
    json: String,
    zone: Option<Tz>,
}

type Step = Result<(), &'static str>;

impl<'t> Reader<'t> {
    fn document(&mut self) -> Step {
        if self.peek() != Some('{') {
            return Err("no dict");
        }
        self.value(0)?;
        match self.peek() {
            None => Ok(()),
            Some(_) => Err("something after the dict"),
        }
    }

    fn value(&mut self, depth: usize) -> Step {
        if depth > DEEPEST {
            return Err("nested too deeply");
        }
        match self.peek().ok_or("an unexpected end")? {
            '{' => self.dict(depth),
            '[' => self.list(']', depth),
            '(' => self.list(')', depth),
            '\'' | '"' | 'u' => {
                let text = self.string()?;
                self.put_string(&text);
                Ok(())
            }
            '0'..='9' | '-' | '.' => self.number(),
            _ => self.word(),
        }
    }

    fn dict(&mut self, depth: usize) -> Step {
        self.at += 1;
        self.json.push('{');
        let mut keys = HashSet::new();
        while !self.take('}') {
            if !matches!(self.peek(), Some('\'' | '"' | 'u')) {
                return Err("no string as a key");
            }
            let key = self.string()?;
            if !keys.is_empty() {
                self.json.push(',');
            }
            self.put_string(&key);
            if !self.take(':') {
                return Err("no colon");
            }
            self.json.push(':');
            match self.zone {
                Some(zone) if depth == 0 && key == "request_at" => self.local_time(zone)?,
                _ => self.value(depth + 1)?,
            }
            if !keys.insert(key) {
                return Err("a key twice");
            }
            if !self.take(',') && self.peek() != Some('}') {
                return Err("no comma");
            }
        }
        self.json.push('}');
        Ok(())
    }

    fn local_time(&mut self, zone: Tz) -> Step {
        if !matches!(self.peek(), Some('\'' | '"' | 'u')) {
            return self.value(1);
        }
        let text = self.string()?;
        let text = super::in_utc(&text, zone)?.unwrap_or(text);
        self.put_string(&text);
        Ok(())
    }

    fn list(&mut self, end: char, depth: usize) -> Step {
        self.at += 1;
        self.json.push('[');
        let (mut count, mut commas) = (0, 0);
        while !self.take(end) {
            if count > 0 {
                self.json.push(',');
            }
            self.value(depth + 1)?;
            count += 1;
            match self.take(',') {
                true => commas += 1,
                false if self.peek() == Some(end) => {}
                false => return Err("no comma"),
            }
        }
        self.json.push(']');
        // In Python it is the comma that makes a tuple of one.
        if end == ')' && count == 1 && commas == 0 { Err("a value in parentheses") } else { Ok(()) }
    }

    fn word(&mut self) -> Step {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let json = match &rest[..end] {
            "None" => "null",
            "True" => "true",
            "False" => "false",
            _ => return Err("something that is no literal"),
        };
        self.at += end;
        self.json.push_str(json);
        Ok(())
    }

    /// Reads a number as Python writes it: no leading zeros, no underscores, a sign for minus only.
    fn number(&mut self) -> Step {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-._".contains(c)));
        let number = &rest[..end.unwrap_or(rest.len())];
        let fault = || "a number that JSON does not have";
        serde_json::from_str::<&serde_json::value::RawValue>(number).map_err(|_| fault())?;
        if !number.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(fault());
        }
        self.at += number.len();
        self.json.push_str(number);
        Ok(())
    }

    /// The value of a string in quotes of either kind, with or without the `u` of Python 2.
    fn string(&mut self) -> Result<String, &'static str> {
        let start = self.rest().strip_prefix('u').unwrap_or(self.rest());
        let quote = start.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let quote = quote.ok_or("something that is no literal")?;
        self.at = self.text.len() - start.len() + 1;
        let mut value = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find([quote, '\\', '\n']).ok_or("a string without its end")?;
            value.push_str(&rest[..plain]);
            self.at += plain;
            match rest.as_bytes()[plain] {
                b'\\' => value.push(self.escape()?),
                b'\n' => return Err("a line break in a string"),
                _ => break,
            }
        }
        self.at += 1;
        match self.text[self.at..].starts_with(['\'', '"']) {
            true => Err("two strings side by side"),
            false => Ok(value),
        }
    }

    /// One escape, or two that are the halves of one character.
    fn escape(&mut self) -> Result<char, &'static str> {
        let first = self.code()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or("half of a surrogate pair");
        }
        if !self.text[self.at..].starts_with("\\u") {
            return Err("half of a surrogate pair");
        }
        let second = self.code()?;
        let mut pair = char::decode_utf16([first, second].map(|half| half as u16));
        match (second, pair.next()) {
            (0xdc00..0xe000, Some(Ok(c))) => Ok(c),
            _ => Err("half of a surrogate pair"),
        }
    }

    /// The number of the character that an escape stands for.
    fn code(&mut self) -> Result<u32, &'static str> {
        let rest = &self.text[self.at + 1..];
        let kind = rest.chars().next().ok_or("a string without its end")?;
        let (digits, radix) = match kind {
            'x' => (&rest[1..], Some(2)),
            'u' => (&rest[1..], Some(4)),
            'U' => (&rest[1..], Some(8)),
            '0'..='7' => (rest, None),
            _ => {
                let simple = simple_escape(kind).ok_or("an escape that Python does not have")?;
                self.at += 1 + kind.len_utf8();
                return Ok(simple.into());
            }
        };
        let (digits, base) = match radix {
            Some(count) => (digits.get(..count).ok_or("an escape without its digits")?, 16),
            None => {
                let end = digits.bytes().take(3).take_while(|c| matches!(c, b'0'..=b'7')).count();
                (&digits[..end], 8)
            }
        };
        if !digits.bytes().all(|c| c.is_ascii_hexdigit()) {
            return Err("an escape without its digits");
        }
        let code = u32::from_str_radix(digits, base);
        self.at += 1 + usize::from(base == 16) + digits.len();
        code.map_err(|_| "an escape without its digits")
    }

    fn put_string(&mut self, text: &str) {
        self.json += &serde_json::to_string(text).expect("a string is JSON");
    }

    /// Takes a sign where it is the next one.
    fn take(&mut self, sign: char) -> bool {
        let there = self.peek() == Some(sign);
        self.at += usize::from(there);
        there
    }

    /// The next character that is not white space.
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}');
        self.at = self.text.len() - rest.trim_start_matches(blank).len();
        self.rest().chars().next()
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }
}

fn simple_escape(kind: char) -> Option<char> {
    Some(match kind {
        '\\' | '\'' | '"' => kind,
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        to_json(text, None).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn every_kind_of_value_is_read() {
        assert_eq!(json("{}"), "{}");
        assert_eq!(
            json(" { 'a' : None, 'b':[True,False , ], \"c\": (1,), 'd': ( ), 'e': (1, 2)} \n"),
            r#"{"a":null,"b":[true,false],"c":[1],"d":[],"e":[1,2]}"#
        );
        assert_eq!(
            json("{'n': [0, -7, 123456789012345678901234567890, 1.5, 1e+16, -0.0]}"),
            r#"{"n":[0,-7,123456789012345678901234567890,1.5,1e+16,-0.0]}"#
        );
    }

    #[test]
    fn every_escape_is_read() {
        assert_eq!(
            json(
                r#"{'a': '\\\'\"\a\b\f\n\r\t\v\0\101\x41\u3042\U0001f3e0\ud83c\udfe0', u'b': u"\u3042"}"#
            ),
            serde_json::json!({"a": "\\'\"\u{7}\u{8}\u{c}\n\r\t\u{b}\0AAあ🏠🏠", "b": "あ"})
                .to_string()
        );
        assert_eq!(json(r"{'a': '\1012\08'}"), serde_json::json!({"a": "A2\08"}).to_string());
    }

    #[test]
    fn what_is_no_literal_of_a_dict_is_refused_with_its_place() {
        for (text, why) in [
            ("", "no dict at byte 0"),
            ("[1]", "no dict at byte 0"),
            ("{'a': 1} x", "something after the dict at byte 9"),
            ("{'a': 1", "no comma at byte 7"),
            ("{'a' 1}", "no colon at byte 5"),
            ("{'a': }", "something that is no literal at byte 6"),
            ("{'a': nan}", "something that is no literal at byte 6"),
            ("{'a': Nonette}", "something that is no literal at byte 6"),
            ("{'a': __import__('os')}", "something that is no literal at byte 6"),
            ("{'a': datetime.datetime(2021, 1, 1)}", "something that is no literal at byte 6"),
            ("{'a': b'x'}", "something that is no literal at byte 6"),
            ("{'a': unquoted}", "something that is no literal at byte 6"),
            ("{'a': {1, 2}}", "no string as a key at byte 7"),
            ("{'a', 'b'}", "no colon at byte 4"),
            ("{1: 2}", "no string as a key at byte 1"),
            ("{'a': 1, 'a': 2}", "a key twice at byte 15"),
            ("{'a': 1, 'b': 2, '\\x61': 3}", "a key twice at byte 26"),
            ("{'a': 'b' 'c'}", "no comma at byte 10"),
            ("{'a': ''''}", "two strings side by side at byte 8"),
            ("{'a': 'b\n'}", "a line break in a string at byte 8"),
            ("{'a': 'b}", "a string without its end at byte 7"),
            ("{'a': '\\", "a string without its end at byte 7"),
            ("{'a': (1)}", "a value in parentheses at byte 9"),
            ("{'a': [1,,2]}", "something that is no literal at byte 9"),
            (r"{'a': '\ud83c'}", "half of a surrogate pair at byte 13"),
            (r"{'a': '\udfe0'}", "half of a surrogate pair at byte 13"),
            (r"{'a': '\U00110000'}", "half of a surrogate pair at byte 17"),
            (r"{'a': '\N{BULLET}'}", "an escape that Python does not have at byte 7"),
            (r"{'a': '\xあ'}", "an escape without its digits at byte 7"),
            (r"{'a': '\x+1'}", "an escape without its digits at byte 7"),
        ] {
            assert_eq!(to_json(text, None).unwrap_err(), why, "{text}");
        }
        for number in
            ["1e400", "007", "1_000", "0x1f", "1j", "1+2", "--1", "+1", "1.", ".5", "1L", "-"]
        {
            assert!(to_json(&format!("{{'a': {number}}}"), None).is_err(), "{number}");
        }
    }

    #[test]
    fn depth_is_bounded_and_takes_no_longer_than_length() {
        let nested = |depth: usize| format!("{{'a': {}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(to_json(&nested(DEEPEST), None).is_ok());
        assert!(to_json(&nested(DEEPEST + 1), None).unwrap_err().starts_with("nested too deeply"));
        assert!(to_json(&"{'a': (".repeat(100_000), None).is_err());
        assert!(serde_json::from_str::<serde_json::Value>(&json(&nested(DEEPEST))).is_ok());
    }
}
