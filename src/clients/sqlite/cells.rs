//! What a page of a table or an index holds: cells, and the values in them. Nothing in the page is
//! believed: whatever does not fit is `None`, never a panic.
//!
//! After <https://www.sqlite.org/fileformat2.html#b_tree_pages>.

use super::pages::{Pages, u16_at, u32_at};
use rusqlite::types::Value;

/// What a page is, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A table: rows by number.
    Table,
    /// An index, or a table without row numbers.
    Index,
}

/// One page of a tree.
pub struct Node {
    /// The pages below it.
    pub children: Vec<u32>,
    /// The rows on it. `None` for one that cannot be read.
    pub rows: Vec<Option<Row>>,
}

/// One row, or one entry of an index.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The row's number; 0 in an index.
    pub number: i64,
    /// The row's values.
    pub values: Vec<Value>,
}

impl Node {
    /// Reads a page as one of a tree of this kind; `None` where it is none.
    pub fn read(pages: &Pages, number: u32, kind: Kind) -> Option<Self> {
        let page = pages.page(number)?;
        let head = if number == 1 { 100 } else { 0 };
        let leaf = match (page[head], kind) {
            (13, Kind::Table) | (10, Kind::Index) => true,
            (5, Kind::Table) | (2, Kind::Index) => false,
            _ => return None,
        };
        let count = usize::from(u16_at(&page, head + 3));
        let pointers = head + if leaf { 8 } else { 12 };
        if pointers + 2 * count > page.len() {
            return None;
        }
        let mut node = Self { children: Vec::new(), rows: Vec::new() };
        for at in (0..count).map(|cell| usize::from(u16_at(&page, pointers + 2 * cell))) {
            let child = if leaf { 0 } else { 4 };
            if !leaf {
                node.children.extend(page.get(at..at + 4).map(|bytes| u32_at(bytes, 0)));
            }
            if leaf || kind == Kind::Index {
                node.rows.push(row(pages, &page, at + child, kind));
            }
        }
        if !leaf {
            node.children.push(u32_at(&page, head + 8));
        }
        Some(node)
    }
}

fn row(pages: &Pages, page: &[u8], at: usize, kind: Kind) -> Option<Row> {
    let mut bytes = page.get(at..)?;
    let length = usize::try_from(varint(&mut bytes)?).ok()?;
    let number = if kind == Kind::Table { varint(&mut bytes)?.cast_signed() } else { 0 };
    let here = local(pages.size(), length, kind);
    let mut payload = bytes.get(..here)?.to_vec();
    if here < length {
        let next = u32_at(bytes.get(here..here + 4)?, 0);
        overflow(pages, next, length, &mut payload)?;
    }
    Some(Row { number, values: values(&payload)? })
}

/// How many bytes of a payload are on the page itself.
fn local(size: usize, length: usize, kind: Kind) -> usize {
    let most = match kind {
        Kind::Table => size - 35,
        Kind::Index => (size - 12) * 64 / 255 - 23,
    };
    let least = (size - 12) * 32 / 255 - 23;
    if length <= most {
        return length;
    }
    let here = least + (length - least) % (size - 4);
    if here <= most { here } else { least }
}

/// Adds the rest of a payload, which is on pages of its own.
fn overflow(pages: &Pages, first: u32, length: usize, payload: &mut Vec<u8>) -> Option<()> {
    // As many bytes as there are in the whole file: a longer chain is no chain.
    if length > pages.size().saturating_mul(pages.count() as usize) {
        return None;
    }
    let mut next = first;
    while payload.len() < length {
        let page = pages.page(next)?;
        let more = (length - payload.len()).min(page.len() - 4);
        payload.extend_from_slice(&page[4..4 + more]);
        next = u32_at(&page, 0);
    }
    // The last page of a chain names no next one.
    (next == 0).then_some(())
}

/// The values of a record.
fn values(record: &[u8]) -> Option<Vec<Value>> {
    let mut head = record;
    let length = usize::try_from(varint(&mut head)?).ok()?;
    let mut body = record.get(length..)?;
    let mut types = record.get(record.len() - head.len()..length)?;
    let mut values = Vec::new();
    while !types.is_empty() {
        values.push(value(varint(&mut types)?, &mut body)?);
    }
    body.is_empty().then_some(values)
}

fn value(kind: u64, body: &mut &[u8]) -> Option<Value> {
    let length = match kind {
        0 | 8 | 9 => 0,
        1..=4 => usize::try_from(kind).ok()?,
        5 => 6,
        6 | 7 => 8,
        10 | 11 => return None,
        more => usize::try_from((more - 12) / 2).ok()?,
    };
    let (bytes, rest) = body.split_at_checked(length)?;
    *body = rest;
    Some(match kind {
        0 => Value::Null,
        1..=6 => {
            let negative = bytes[0] >= 0x80;
            let start = if negative { -1 } else { 0 };
            Value::Integer(bytes.iter().fold(start, |n: i64, byte| n << 8 | i64::from(*byte)))
        }
        7 => Value::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
        8 | 9 => Value::Integer(i64::from(kind == 9)),
        blob if blob % 2 == 0 => Value::Blob(bytes.to_vec()),
        _ => Value::Text(String::from_utf8(bytes.to_vec()).ok()?),
    })
}

/// Takes a number of one to nine bytes.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for at in 0..9 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if at == 8 {
            return Some(number << 8 | u64::from(*byte));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_sqlite_writes_them() {
        for (bytes, number) in [
            (&[0x00][..], 0),
            (&[0x7f], 127),
            (&[0x81, 0x00], 128),
            (&[0x82, 0x80, 0x01], 0x8001),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], u64::MAX),
        ] {
            assert_eq!(varint(&mut &bytes[..]), Some(number), "{bytes:?}");
            assert_eq!(varint(&mut &bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn a_record_that_does_not_fit_is_none() {
        let good = [4, 1, 15, 0, 0xff, b'a'];
        let whole = vec![Value::Integer(-1), Value::Text("a".to_owned()), Value::Null];
        assert_eq!(values(&good), Some(whole));
        for end in 0..good.len() {
            assert_eq!(values(&good[..end]), None, "{end}");
        }
        assert_eq!(values(&[4, 1, 15, 0, 0xff, b'a', 0]), None, "a byte too many");
        assert_eq!(values(&[2, 10]), None, "no such type");
        assert_eq!(values(&[2, 15, 0xff]), None, "not UTF-8");
    }
}
