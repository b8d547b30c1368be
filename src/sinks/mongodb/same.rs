//! Is what is stored what we would store? Purely.

use super::date::EXACT_DATES;
use super::number::Number;
use mongodb::bson::raw::{RawBsonRef, RawDocument};
use std::collections::HashMap;

/// Whether the stored document holds our fields with our values. It may hold more: somebody may
/// have added to it. Inside a field everything must be the same, the order of keys apart.
pub(super) fn holds(stored: &RawDocument, ours: &RawDocument) -> bool {
    let Some(stored) = fields(stored) else { return false };
    // Fractions that only one of the two has are no addition of somebody's.
    let finer = ours.get(EXACT_DATES).is_ok_and(|found| found.is_some());
    if stored.contains_key(EXACT_DATES) != finer {
        return false;
    }
    ours.iter().all(|field| match field {
        Ok((key, value)) => stored.get(key.as_str()).is_some_and(|found| same(*found, value)),
        Err(_) => false,
    })
}

/// The fields by name; `None` where the document is broken.
fn fields(document: &RawDocument) -> Option<HashMap<&str, RawBsonRef<'_>>> {
    document.iter().map(|field| field.ok().map(|(key, value)| (key.as_str(), value))).collect()
}

fn same(a: RawBsonRef<'_>, b: RawBsonRef<'_>) -> bool {
    if let (Some(a), Some(b)) = (Number::of(a), Number::of(b)) {
        return a.is_same(b);
    }
    match (a, b) {
        (RawBsonRef::Document(a), RawBsonRef::Document(b)) => match (fields(a), fields(b)) {
            (Some(a), Some(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(*a, *b)))
            }
            _ => false,
        },
        (RawBsonRef::Array(a), RawBsonRef::Array(b)) => {
            let (mut a, mut b) = (a.into_iter(), b.into_iter());
            loop {
                match (a.next(), b.next()) {
                    (None, None) => return true,
                    (Some(Ok(a)), Some(Ok(b))) if same(a, b) => {}
                    _ => return false,
                }
            }
        }
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::raw::RawDocumentBuf;
    use mongodb::bson::{DateTime, Document, doc};

    fn found(stored: Document, ours: Document) -> bool {
        let raw = |document: &Document| RawDocumentBuf::try_from(document).unwrap();
        holds(&raw(&stored), &raw(&ours))
    }

    #[test]
    fn the_same_fields_and_values_are_the_same() {
        let ours = doc! { "_id": "a", "x": { "k": 1_i64, "l": [1.5, "s"] }, "t": DateTime::MIN };
        assert!(found(ours.clone(), ours.clone()));
        let turned = doc! { "t": DateTime::MIN, "x": { "l": [1.5, "s"], "k": 1_i64 }, "_id": "a" };
        assert!(found(turned, ours), "the order of keys does not matter");
    }

    #[test]
    fn what_somebody_added_does_not_matter_and_what_is_missing_does() {
        let (more, less) = (doc! { "_id": "a", "x": 1, "y": 2 }, doc! { "_id": "a", "x": 1 });
        assert!(found(more.clone(), less.clone()));
        assert!(!found(less, more));
        assert!(!found(doc! { "x": { "k": 1, "l": 2 } }, doc! { "x": { "k": 1 } }));
        assert!(!found(doc! { "x": [1, 2] }, doc! { "x": [1] }));
        assert!(!found(doc! { "x": [1] }, doc! { "x": [1, 2] }));
    }

    #[test]
    fn numbers_are_the_same_by_value() {
        assert!(found(doc! { "x": 5 }, doc! { "x": 5.0 }));
        assert!(found(doc! { "x": 5_i64 }, doc! { "x": 5 }));
        assert!(!found(doc! { "x": 5 }, doc! { "x": 5.5 }));
        assert!(!found(doc! { "x": i64::MAX }, doc! { "x": 2_f64.powi(63) }));
        // 2^63 - 1024 as a double is written 9223372036854775000, and taken for that.
        let next = 2_f64.powi(63) - 1024.0;
        assert!(!found(doc! { "x": 9223372036854774784_i64 }, doc! { "x": next }));
        assert!(found(doc! { "x": 9223372036854775000_i64 }, doc! { "x": next }));
        assert!(!found(doc! { "x": (1_i64 << 53) + 1 }, doc! { "x": 2_f64.powi(53) }));
    }

    #[test]
    fn dates_differ_by_what_milliseconds_cannot_hold() {
        let exact = |at: &str| doc! { "t": DateTime::MIN, "exact_dates": [{ "at": at }] };
        assert!(found(exact("a"), exact("a")));
        assert!(!found(exact("a"), exact("b")));
        assert!(!found(exact("a"), doc! { "t": DateTime::MIN }));
        assert!(!found(doc! { "t": DateTime::MIN }, exact("a")));
    }

    #[test]
    fn other_values_and_other_types_are_not_the_same() {
        for (stored, ours) in [
            (doc! { "x": "a" }, doc! { "x": "b" }),
            (doc! { "x": "1" }, doc! { "x": 1 }),
            (doc! { "x": null }, doc! { "x": false }),
            (doc! { "x": "1970-01-01T00:00:00Z" }, doc! { "x": DateTime::from_millis(0) }),
            (doc! { "x": DateTime::from_millis(1) }, doc! { "x": DateTime::from_millis(0) }),
            (doc! { "x": {} }, doc! { "x": [] }),
        ] {
            assert!(!found(stored, ours));
        }
    }
}
