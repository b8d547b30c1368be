//! Snapshots as nearly all of them are written, read quickly: in one pass, nothing copied. What is written in
//! any other way is left to the reader of all JSON, so that there is one answer to it.

use super::fields::{Event, Events, Scalar};
use super::layout::{Layout, Slot};
use super::remo::{FIELDS, Fields};
use std::borrow::Cow;
use std::ops::Range;

/// How deep lists and objects that are passed over may lie in one another here.
pub(super) const DEPTH: usize = 8;
/// How many digits are exact in a double, with or without a point among them.
const DIGITS: usize = 15;

/// The fields of a snapshot, and how it is written; `None` for any other document, and for one with
/// escapes, long numbers, fields that are there twice or of an odd type.
pub(super) fn fields(json: &str) -> Option<(Fields<'_>, Layout)> {
    let (mut fields, mut seen) = (Fields::default(), 0_u32);
    let (mut cursor, mut layout) = (Cursor::new(json), Layout::of(json));
    cursor.members(|cursor, name| {
        let Some(number) = FIELDS.iter().position(|field| *field == name) else {
            return layout.notes(cursor, Slot::Unread, |cursor| cursor.pass(DEPTH));
        };
        note(&mut seen, number)?;
        match fields.slot(number) {
            Some(slot) => layout.notes(cursor, Slot::Field(number), |cursor| cursor.scalar(slot)),
            None => {
                fields.newest_events = Events(Some(events(cursor, &mut layout)?));
                Some(())
            }
        }
    })?;
    cursor.space();
    let is_snapshot = cursor.is_at_end() && fields.newest_events.0.is_some();
    is_snapshot.then_some((fields, layout))
}

/// Notes that a field is there; `None` where it was there before.
fn note(seen: &mut u32, number: usize) -> Option<()> {
    let bit = 1 << number;
    let is_new = *seen & bit == 0;
    *seen |= bit;
    is_new.then_some(())
}

fn events<'a>(
    cursor: &mut Cursor<'a>,
    layout: &mut Layout,
) -> Option<Vec<(Cow<'a, str>, Event<'a>)>> {
    let mut events = Vec::with_capacity(4);
    cursor.members(|cursor, kind| {
        layout.note(Slot::Kind, cursor.name.clone());
        let mut event = Event::default();
        cursor.members(|cursor, name| match name {
            "val" => layout.notes(cursor, Slot::Val, |cursor| cursor.scalar(&mut event.val)),
            "created_at" => {
                layout.notes(cursor, Slot::CreatedAt, |cursor| cursor.scalar(&mut event.created_at))
            }
            _ => layout.notes(cursor, Slot::Unread, |cursor| cursor.pass(DEPTH)),
        })?;
        events.push((Cow::Borrowed(kind), event));
        Some(())
    })?;
    Some(events)
}

/// A place in a document. Each of its readers gives `None` for what it does not know.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// Where the name of the last member stands, with its quotes.
    name: Range<usize>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, name: 0..0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

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
        self.byte(byte).then_some(())
    }

    /// Reads what comes between commas up to the end of an object or a list.
    fn each(&mut self, end: u8, mut one: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if self.take(end).is_some() {
            return Some(());
        }
        loop {
            one(self)?;
            self.space();
            let byte = self.next()?;
            self.at += 1;
            match byte {
                b',' => self.space(),
                _ => return (byte == end).then_some(()),
            }
        }
    }

    /// Reads an object, each member from its value on.
    fn members(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        self.each(b'}', |cursor| {
            let start = cursor.at;
            let name = cursor.string()?;
            cursor.name = start..cursor.at;
            cursor.take(b':')?;
            cursor.space();
            member(cursor, name)
        })
    }

    /// A text without escapes.
    pub(super) fn string(&mut self) -> Option<&'a str> {
        if self.next()? != b'"' {
            return None;
        }
        let (start, bytes) = (self.at + 1, self.text.as_bytes());
        let mut end = start;
        // Most texts are too short for a search that has to be called.
        let ends = loop {
            match ends(eight(&bytes[end..])) {
                0 => end += 8,
                ends => break ends,
            }
        };
        end += ends.trailing_zeros() as usize / 8;
        self.at = end + 1;
        (*bytes.get(end)? == b'"').then(|| &self.text[start..end])
    }

    /// Passes over these characters.
    pub(super) fn word(&mut self, word: &str) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    /// Reads into a place: what was handed from one to the next would be copied each time.
    pub(super) fn scalar(&mut self, into: &mut Scalar<'a>) -> Option<()> {
        *into = match self.next()? {
            b'"' => Scalar::Text(Cow::Borrowed(self.string()?)),
            b'n' => self.word("null").map(|()| Scalar::Null)?,
            b't' => self.word("true").map(|()| Scalar::Flag(true))?,
            b'f' => self.word("false").map(|()| Scalar::Flag(false))?,
            _ => Scalar::Number(self.number()?),
        };
        Some(())
    }

    /// A number without an exponent, of so few digits that a double has it as near as can be.
    fn number(&mut self) -> Option<f64> {
        let is_negative = self.byte(b'-');
        let start = self.at;
        let whole = self.digits(0)?;
        let whole_digits = self.at - start;
        if whole_digits > 1 && self.text.as_bytes()[start] == b'0' {
            return None;
        }
        let (mut number, mut part_digits) = (whole, 0);
        if self.byte(b'.') {
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

    /// Digits behind others; at least one. Only up to [`DIGITS`] of them are a number.
    fn digits(&mut self, before: u64) -> Option<u64> {
        let (start, mut number) = (self.at, before);
        while let Some(digit @ b'0'..=b'9') = self.next() {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        (self.at > start).then_some(number)
    }

    /// Passes over this byte, where it is the next one.
    fn byte(&mut self, byte: u8) -> bool {
        let is_next = self.next() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Passes over a value of any type.
    pub(super) fn pass(&mut self, depth: usize) -> Option<()> {
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
            b'"' => self.string().map(drop),
            b'n' => self.word("null"),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            _ => self.number().map(drop),
        }
    }
}

/// The first eight bytes of a document's rest; where it has fewer, what ends a text follows them.
fn eight(rest: &[u8]) -> u64 {
    let eight = rest.first_chunk().copied().unwrap_or_else(|| {
        let mut eight = [b'"'; 8];
        eight[..rest.len()].copy_from_slice(rest);
        eight
    });
    u64::from_le_bytes(eight)
}

/// Which of eight bytes end a text, or may not stand in one as they are: the lowest bit that is set is the
/// highest one of the first of them. Higher bits tell nothing.
fn ends(eight: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    // The highest bit of each byte that is below this.
    let below = |bytes: u64, limit: u8| bytes.wrapping_sub(ONES * u64::from(limit)) & !bytes;
    let is = |byte: u8| below(eight ^ (ONES * u64::from(byte)), 1);
    (below(eight, b' ') | is(b'"') | is(b'\\')) & (ONES << 7)
}

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
        let Some((quick, _)) = fields(text) else { return false };
        let all: Fields = serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}: {text}"));
        assert_eq!(quick, all, "{text}");
        true
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
        for name in
            ["", "a", "seven of", "eight of", "\u{7f}\u{80}\u{ff}部屋 🏠", " !#[]^~ (nine) "]
        {
            assert!(holds(&with(&format!("\"name\":\"{name}\""))), "{name}");
        }
        for field in [
            "\"name\":\"a\",\"name\":\"b\"",
            "\"name\":\"a\\u0041\"",
            "\"name\":[1]",
            "\"name\":\"a\tb\"",
            "\"name\":\"部屋\u{1f}\"",
            "\"name\":\"eleven long\\\\\"",
            "\"name\":\u{c}\"a\"",
            "\"name\":\"a",
            "\"name\":\"of sixteen bytes",
            "\"name\":-",
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
