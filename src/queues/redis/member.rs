//! A member of a set by time: `retry`, `scheduled` or `dead`.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::cmp::Ordering;
use std::time::Duration;

/// A job as it stands in a set, with its score. Two jobs may have one id: these bytes are which one it
/// is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    /// The job, as it was written.
    pub(super) bytes: Bytes,
    /// When it is due, or died, in unix seconds.
    pub(super) score: f64,
}

impl From<(Vec<u8>, f64)> for Member {
    fn from((bytes, score): (Vec<u8>, f64)) -> Self {
        Self { bytes: bytes.into(), score }
    }
}

impl Member {
    /// What names it outside of this queue.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.score, BASE64_URL_SAFE_NO_PAD.encode(&self.bytes))
    }

    /// The member of a name that [`name`](Self::name) has given.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let (score, bytes) = name.split_once(' ')?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(bytes).ok()?.into();
        Some(Self { score: score.parse().ok()?, bytes })
    }

    /// The score as a time; `None` where it stands for none.
    pub(super) fn time(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(self.second()?, 0)
    }

    /// The score in whole seconds.
    pub(super) fn second(&self) -> Option<i64> {
        Duration::try_from_secs_f64(self.score).ok()?.as_secs().try_into().ok()
    }

    /// Whether it stands in its set before another one, or is that one.
    pub(super) fn is_up_to(&self, other: &Self) -> bool {
        let order = self.score.total_cmp(&other.score).then_with(|| self.bytes.cmp(&other.bytes));
        order != Ordering::Greater
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(score: f64, bytes: &[u8]) -> Member {
        Member { score, bytes: Bytes::copy_from_slice(bytes) }
    }

    #[test]
    fn a_name_stands_for_one_member() {
        for (score, bytes) in [
            (1_795_289_862.0, &b"{}"[..]),
            (0.5, b"\xff \n"),
            (f64::INFINITY, b""),
            (-1e300, b"a b"),
        ] {
            let it = member(score, bytes);
            assert_eq!(Member::of_name(&it.name()), Some(it));
        }
        for name in ["", "1", "x YQ", "1 ?"] {
            assert_eq!(Member::of_name(name), None, "{name}");
        }
    }

    #[test]
    fn members_stand_by_their_scores_and_then_by_their_bytes() {
        let it = member(2.0, b"b");
        for (other, is_up_to) in [
            (member(2.0, b"b"), true),
            (member(2.0, b"a"), false),
            (member(2.0, b"ba"), true),
            (member(1.0, b"c"), false),
            (member(3.0, b"a"), true),
        ] {
            assert_eq!(it.is_up_to(&other), is_up_to, "{other:?}");
        }
    }

    #[test]
    fn a_score_is_a_time_where_it_can_be_one() {
        assert_eq!(member(7.9, b"").second(), Some(7));
        for score in [-1.0, f64::INFINITY, f64::NAN, 1e30] {
            assert_eq!(member(score, b"").time(), None, "{score}");
        }
    }
}
