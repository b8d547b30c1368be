//! What the keys of documents tell: `DEVICE@TIME` orders the documents of a device by time.

use crate::times;

/// From how many of the newest documents of a device its latest values are taken.
pub(super) const NEWEST: i64 = 8;
/// How many keys that have no time at their end are looked at before all documents are read.
pub(super) const LOOSE: usize = 64;

/// What is before the time in a key `DEVICE@TIME`, with its `@`; `None` for any other key.
pub(super) fn prefix(key: &str) -> Option<&str> {
    let at = key.rfind('@')?;
    times::parse(&key[at + 1..]).map(|_| &key[..=at])
}

/// The first key behind all that begin with a prefix.
pub(super) fn behind(prefix: &str) -> String {
    // `A` follows `@`.
    format!("{}A", &prefix[..prefix.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_a_time_at_its_end_has_a_prefix() {
        assert_eq!(prefix("d@2026-05-01T12:00:00.000Z"), Some("d@"));
        assert_eq!(prefix("a@b/te@2026-05-01T12:00:00Z"), Some("a@b/te@"));
        assert_eq!(prefix("a@b"), None);
        assert_eq!(prefix("2026-05-01T12:00:00Z"), None);
        assert_eq!(behind("d@"), "dA");
    }
}
