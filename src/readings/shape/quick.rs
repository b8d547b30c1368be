//! Snapshots as nearly all of them are written, read quickly: in one pass, nothing copied. What is written in
//! any other way is left to the reader of all JSON, so that there is one answer to it.

use super::cursor::{Cursor, DEPTH};
use super::fields::{Event, Events};
use super::layout::{Layout, Slot};
use super::remo_fields::{FIELDS, Fields};
use std::borrow::Cow;

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
        layout.note(Slot::Kind, cursor.name());
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

#[cfg(test)]
mod tests {
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
