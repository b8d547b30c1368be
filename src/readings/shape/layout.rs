//! How a snapshot is written: what stands between its values.

use super::cursor::{Cursor, DEPTH};
use super::fields::{Event, Events};
use super::remo_fields::Fields;
use std::borrow::Cow;
use std::ops::Range;

/// A way to write a document.
#[derive(Debug)]
pub(super) struct Layout {
    /// The document from which it was learned.
    text: String,
    /// Each value, in order, with what stands between it and the one before.
    values: Vec<(Range<usize>, Slot)>,
    /// Where the last value ends.
    end: usize,
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slot {
    /// The field of this number.
    Field(usize),
    /// The name of an event.
    Kind,
    /// The value of the last event.
    Val,
    /// The time of the last event.
    CreatedAt,
    /// What nobody reads.
    Unread,
}

impl Layout {
    /// The layout of a document whose values are still to be noted.
    pub(super) fn of(json: &str) -> Self {
        Self { text: json.to_owned(), values: Vec::with_capacity(32), end: 0 }
    }

    /// Reads the next value, and notes it.
    pub(super) fn notes<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        slot: Slot,
        read: impl FnOnce(&mut Cursor<'a>) -> Option<()>,
    ) -> Option<()> {
        let start = cursor.at();
        read(cursor)?;
        self.note(slot, start..cursor.at());
        Some(())
    }

    /// Notes the next value, and where it stands.
    pub(super) fn note(&mut self, slot: Slot, value: Range<usize>) {
        self.values.push((self.end..value.start, slot));
        self.end = value.end;
    }

    /// The fields of a document that is written in this way; `None` for any other.
    pub(super) fn fields<'a>(&self, json: &'a str) -> Option<Fields<'a>> {
        let (mut cursor, mut fields) = (Cursor::new(json), Fields::default());
        let mut events: Vec<(_, Event)> = Vec::with_capacity(4);
        for (before, slot) in &self.values {
            cursor.word(&self.text[before.clone()])?;
            match slot {
                Slot::Field(number) => cursor.scalar(fields.slot(*number)?)?,
                Slot::Kind => events.push((Cow::Borrowed(cursor.string()?), Event::default())),
                Slot::Val => cursor.scalar(&mut events.last_mut()?.1.val)?,
                Slot::CreatedAt => cursor.scalar(&mut events.last_mut()?.1.created_at)?,
                Slot::Unread => cursor.pass(DEPTH)?,
            }
        }
        cursor.word(&self.text[self.end..])?;
        fields.newest_events = Events(Some(events));
        cursor.is_at_end().then_some(fields)
    }
}
