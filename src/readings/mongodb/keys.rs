//! Which documents a collection has, by their keys, and the conditions for those of a range of time.

use crate::readings::keys::behind;
use crate::times;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};

/// How far documents are looked for beyond a range: clocks differ, and a movement is told by the poll
/// after it.
const MARGIN: TimeDelta = TimeDelta::hours(1);

/// The keys of documents that are ordered by time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Keys {
    /// Those that begin with this text, which ends in `@`, and go on with a time.
    Of(String),
    /// ObjectIds, which tell when each was made.
    ObjectIds,
    /// Those of any other form, and all documents with them: nothing orders these.
    All,
}

impl Keys {
    /// The condition for the documents of a stretch of time; a little more is found.
    pub(super) fn between(
        &self,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Document {
        let from = from.and_then(|from| from.checked_sub_signed(MARGIN));
        let to =
            to.and_then(|to| to.checked_add_signed(MARGIN)).filter(|to| times::is_carried(*to));
        match self {
            Self::Of(prefix) => {
                // Without its `Z` a time stands before all its fractions.
                let time = |at: DateTime<Utc>| {
                    at.to_rfc3339_opts(SecondsFormat::Secs, true).trim_end_matches('Z').to_owned()
                };
                let from =
                    from.filter(|from| times::is_carried(*from)).map(time).unwrap_or_default();
                let to = to.map_or_else(|| behind(prefix), |to| format!("{prefix}{}", time(to)));
                doc! { "_id": { "$gte": format!("{prefix}{from}"), "$lt": to } }
            }
            Self::ObjectIds => doc! { "_id": { "$gte": object_id(from) } },
            Self::All => doc! {},
        }
    }
}

/// The first ObjectId that can be made at a time.
fn object_id(at: Option<DateTime<Utc>>) -> ObjectId {
    let seconds = at.map_or(0, |at| at.timestamp().clamp(0, u32::MAX.into()));
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&u32::try_from(seconds).unwrap_or(0).to_be_bytes());
    ObjectId::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_of_time_is_a_stretch_of_keys() {
        let at = |text: &str| Some(text.parse().unwrap());
        let keys = Keys::Of("d@".to_owned());
        let between = keys.between(at("2026-05-01T12:00:00Z"), at("2026-05-01T13:00:00Z"));
        let expected = doc! { "$gte": "d@2026-05-01T11:00:00", "$lt": "d@2026-05-01T14:00:00" };
        assert_eq!(between, doc! { "_id": expected });
        assert_eq!(keys.between(None, None), doc! { "_id": { "$gte": "d@", "$lt": "dA" } });
        let ids = Keys::ObjectIds.between(at("1970-01-01T02:00:00Z"), None);
        let first = ObjectId::parse_str("00000e100000000000000000").unwrap();
        assert_eq!(ids, doc! { "_id": { "$gte": first } });
    }
}
