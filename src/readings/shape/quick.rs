//! Snapshots as nearly all of them are written, read quickly: in one pass, nothing copied. What is written in
//! any other way is left to the reader of all JSON, so that there is one answer to it.

use super::fields::{Event, Events, Scalar};
use super::remo::Fields;
use std::borrow::Cow;

/// How deep lists and objects that are passed over may lie in one another here.
const DEPTH: usize = 8;
/// How many digits are exact in a double, with or without a point among them.
const DIGITS: usize = 15;

/// The fields of a snapshot; `None` for any other document, and for one with escapes, long numbers, fields
/// that are there twice or of an odd type.
pub(super) fn fields(json: &str) -> Option<Fields<'_>> {
    let (mut fields, mut seen) = (Fields::default(), 0_u32);
    let mut cursor = Cursor { text: json, at: 0 };
    cursor.members(|cursor, name| {
        if name == "newest_events" {
            note(&mut seen, 31)?;
            fields.newest_events = Events(Some(cursor.events()?));
            return Some(());
        }
        match fields.slot(name) {
            Some((number, slot)) => {
                note(&mut seen, number)?;
                *slot = cursor.scalar()?;
                Some(())
            }
            None => cursor.pass(DEPTH),
        }
    })?;
    cursor.space();
    (cursor.at == json.len() && fields.newest_events.0.is_some()).then_some(fields)
}

/// Notes that a field is there; `None` where it was there before.
fn note(seen: &mut u32, number: u32) -> Option<()> {
    let bit = 1 << number;
    let is_new = *seen & bit == 0;
    *seen |= bit;
    is_new.then_some(())
}

/// A place in a document. Each of its readers gives `None` for what it does not know.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.next() {
            self.at += 1;
        }
    }

    /// Passes over space and this byte.
    fn take(&mut self, byte: u8) -> Option<()> {
        self.space();
        (self.next()? == byte).then(|| self.at += 1)
    }

    /// Reads what comes between commas up to the end of an object or a list.
    fn each(&mut self, end: u8, mut one: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.space();
        if self.take(end).is_some() {
            return Some(());
        }
        loop {
            self.space();
            one(self)?;
            self.space();
            match self.next()? {
                b',' => self.at += 1,
                byte if byte == end => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Reads an object, each member from its value on.
    fn members(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        self.each(b'}', |cursor| {
            let name = cursor.string()?;
            cursor.take(b':')?;
            cursor.space();
            member(cursor, name)
        })
    }

    /// A text without escapes.
    fn string(&mut self) -> Option<&'a str> {
        if self.next()? != b'"' {
            return None;
        }
        let start = self.at + 1;
        let rest = &self.text.as_bytes()[start..];
        // Byte by byte: they are too short for anything cleverer.
        let length = rest.iter().position(|byte| ENDS[usize::from(*byte)])?;
        self.at = start + length + 1;
        (rest[length] == b'"').then(|| &self.text[start..start + length])
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn scalar(&mut self) -> Option<Scalar<'a>> {
        match self.next()? {
            b'"' => self.string().map(|text| Scalar::Text(Cow::Borrowed(text))),
            b'n' => self.word("null").map(|()| Scalar::Null),
            b't' => self.word("true").map(|()| Scalar::Flag(true)),
            b'f' => self.word("false").map(|()| Scalar::Flag(false)),
            _ => self.number().map(Scalar::Number),
        }
    }

    /// A number without an exponent, of so few digits that a double has it as near as can be.
    fn number(&mut self) -> Option<f64> {
        let is_negative = self.word("-").is_some();
        let start = self.at;
        let whole = self.digits(0)?;
        let whole_digits = self.at - start;
        if whole_digits > 1 && self.text.as_bytes()[start] == b'0' {
            return None;
        }
        let (mut number, mut part_digits) = (whole, 0);
        if self.word(".").is_some() {
            let start = self.at;
            number = self.digits(whole)?;
            part_digits = self.at - start;
        }
        let is_whole = !matches!(self.next(), Some(b'e' | b'E' | b'.'));
        if !is_whole || whole_digits + part_digits > DIGITS {
            return None;
        }
        let value = number as f64 / POWERS[part_digits];
        Some(if is_negative { -value } else { value })
    }

    /// Digits behind others; at least one.
    fn digits(&mut self, before: u64) -> Option<u64> {
        let (start, mut number) = (self.at, before);
        while let Some(digit @ b'0'..=b'9') = self.next() {
            number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            self.at += 1;
        }
        (self.at > start).then_some(number)
    }

    /// Passes over a value of any type.
    fn pass(&mut self, depth: usize) -> Option<()> {
        let deeper = || depth.checked_sub(1);
        match self.next()? {
            b'{' => {
                let deeper = deeper()?;
                self.members(|cursor, _| cursor.pass(deeper))
            }
            b'[' => {
                let deeper = deeper()?;
                self.at += 1;
                self.each(b']', |cursor| cursor.pass(deeper))
            }
            _ => self.scalar().map(drop),
        }
    }

    fn events(&mut self) -> Option<Vec<(Cow<'a, str>, Event<'a>)>> {
        let mut events = Vec::with_capacity(4);
        self.members(|cursor, kind| {
            events.push((Cow::Borrowed(kind), cursor.event()?));
            Some(())
        })?;
        Some(events)
    }

    fn event(&mut self) -> Option<Event<'a>> {
        let mut event = Event::default();
        self.members(|cursor, name| {
            match name {
                "val" => event.val = cursor.scalar()?,
                "created_at" => event.created_at = cursor.scalar()?,
                _ => cursor.pass(DEPTH)?,
            }
            Some(())
        })?;
        Some(event)
    }
}

/// Which bytes end a text, or may not stand in one as they are.
const ENDS: [bool; 256] = {
    let mut ends = [false; 256];
    let mut byte = 0;
    while byte < b' ' as usize {
        ends[byte] = true;
        byte += 1;
    }
    ends[b'"' as usize] = true;
    ends[b'\\' as usize] = true;
    ends
};

/// Ten to the power of how many digits there may be behind a point.
const POWERS: [f64; DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

#[cfg(test)]
mod tests {
    use super::super::remo::FIELDS;
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// What is read quickly is what the reader of all JSON reads.
    #[track_caller]
    fn holds(text: &str) -> bool {
        let quick = fields(text);
        let is_quick = quick.is_some();
        if let Some(quick) = quick {
            let all: Fields =
                serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}: {text}"));
            assert_eq!(quick, all, "{text}");
        }
        is_quick
    }

    #[test]
    fn what_the_source_publishes_is_read_quickly() {
        let devices = include_str!("../../../tests/fixtures/nature-remo/devices_typical.json");
        let devices: Vec<Value> = serde_json::from_str(devices).unwrap();
        for device in devices.iter().filter(|device| device["newest_events"].is_object()) {
            assert!(holds(&device.to_string()) && holds(&format!(" {device:#}\n")), "{device}");
        }
        assert!(!devices.is_empty());
    }

    #[test]
    fn what_is_written_in_another_way_is_left_to_the_other_reader() {
        let with = |field: &str| format!("{{\"newest_events\":{{}},{field}}}");
        assert!(holds(&with("\"name\":\"a\"")));
        for field in [
            "\"name\":\"a\",\"name\":\"b\"",
            "\"name\":\"a\\u0041\"",
            "\"name\":[1]",
            "\"name\":\"a\tb\"",
            "\"temperature_offset\":1e2",
            "\"temperature_offset\":01",
            "\"temperature_offset\":1.",
            "\"temperature_offset\":.5",
            "\"temperature_offset\":-",
            "\"temperature_offset\":1234567890123456",
            "\"x\":[[[[[[[[[1]]]]]]]]]",
            "\"x\":[1,]",
            "\"x\":{1:2}",
            "\"x\":tru",
            "\"x\":truex",
            "",
        ] {
            assert!(!holds(&with(field)), "{field}");
        }
        for text in
            ["", "{", "{}", "[]", "null", "{\"newest_events\":null}", "{\"newest_events\":{}} x"]
        {
            assert!(!holds(text), "{text}");
        }
    }

    fn scalar() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-100_000i64..100_000, 0i32..6).prop_map(|(n, p)| json!(n as f64 / 10f64.powi(p))),
            any::<f64>().prop_map(|number| json!(number)),
            "[ -~]{0,12}".prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        scalar().prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::vec(("[a-z]{1,3}", inner), 0..3)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn document() -> impl Strategy<Value = Value> {
        let event = prop_oneof![
            4 => (scalar(), scalar()).prop_map(|(val, at)| json!({"val": val, "created_at": at, "x": 1})),
            1 => value(),
        ];
        let events = prop::collection::vec(("[a-z]{1,3}", event), 0..4)
            .prop_map(|events| Value::Object(events.into_iter().collect()));
        let known = (prop::sample::select(FIELDS), prop_oneof![6 => scalar(), 1 => value()]);
        let fields = prop::collection::vec(known, 0..6);
        let others = prop::collection::vec(("[a-z]{1,4}", value()), 0..3);
        (events, fields, others).prop_map(|(events, fields, others)| {
            let mut document = serde_json::Map::new();
            let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
            document.extend(fields.chain(others));
            document.insert("newest_events".to_owned(), events);
            Value::Object(document)
        })
    }

    proptest! {
        #[test]
        fn a_document_is_read_as_the_other_reader_reads_it(document in document(), pretty: bool) {
            holds(&if pretty { format!("{document:#}") } else { document.to_string() });
        }

        #[test]
        fn so_is_one_that_was_damaged(
            document in document(),
            at in any::<prop::sample::Index>(),
            other in "[ -~\\n]{0,2}",
            removed in 0usize..3,
        ) {
            let mut text = document.to_string();
            let from = text.floor_char_boundary(at.index(text.len()));
            let to = text.ceil_char_boundary((from + removed).min(text.len()));
            text.replace_range(from..to, &other);
            holds(&text);
        }
    }
}
