//! How much of a task a response shows.

use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::query::Query;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use std::fmt;

/// How much of a task is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum View {
    /// All but the payload.
    #[default]
    Basic,
    /// All of it.
    Full,
}

impl View {
    /// Reads it from a parameter; where that is not there, it is the smaller one.
    pub(super) fn of_query(query: &Query) -> Result<Self, Failure> {
        let given = query.any(&["responseView", "response_view"])?;
        let unread = || Failure::invalid("The parameter responseView is neither BASIC nor FULL");
        given.map_or(Ok(Self::Basic), |text| Self::named(text).ok_or_else(unread))
    }

    /// The view of a name or of a number in digits.
    fn named(text: &str) -> Option<Self> {
        match text {
            "VIEW_UNSPECIFIED" | "0" | "BASIC" | "1" => Some(Self::Basic),
            "FULL" | "2" => Some(Self::Full),
            _ => None,
        }
    }

    /// What it is called, and which number it has.
    pub(super) fn told(self) -> (&'static str, u8) {
        match self {
            Self::Basic => ("BASIC", 1),
            Self::Full => ("FULL", 2),
        }
    }
}

impl<'de> Deserialize<'de> for View {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrNumber)
    }
}

struct NameOrNumber;

impl Visitor<'_> for NameOrNumber {
    type Value = View;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BASIC or FULL")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<View, E> {
        View::named(text).ok_or_else(|| E::custom("is neither BASIC nor FULL"))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<View, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_a_name_or_a_number() {
        for (text, view) in [
            ("\"BASIC\"", Some(View::Basic)),
            ("\"FULL\"", Some(View::Full)),
            ("\"VIEW_UNSPECIFIED\"", Some(View::Basic)),
            ("0", Some(View::Basic)),
            ("1", Some(View::Basic)),
            ("2", Some(View::Full)),
            ("3", None),
            ("-1", None),
            ("1.0", None),
            ("\"full\"", None),
            ("true", None),
        ] {
            assert_eq!(serde_json::from_str::<View>(text).ok(), view, "{text}");
        }
        let query = |text| View::of_query(&Query::read(text).unwrap());
        assert_eq!(query("responseView=FULL").unwrap(), View::Full);
        assert_eq!(query("responseView=2").unwrap(), View::Full);
        assert_eq!(query("").unwrap(), View::Basic);
        assert!(query("responseView=ALL").is_err());
    }
}
