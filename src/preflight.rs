//! What a look at an end found, before anything runs through it.

use crate::error::{Error, Kind};
use serde::Serialize;

/// How one thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// What was looked at is as it should be.
    Ok,
    /// Nobody could tell, or it deserves a thought.
    Unknown,
    /// A run would fail.
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it stands.
    pub standing: Standing,
    /// What it is about and how it is, in words that hold no secret.
    pub what: String,
    /// What to do, or what follows from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The kind of the failure that a run would end with; `None` where none was found.
    #[serde(skip)]
    pub kind: Option<Kind>,
}

impl Finding {
    /// A finding that all is as it should be.
    pub fn ok(what: impl Into<String>) -> Self {
        Self { standing: Standing::Ok, what: what.into(), hint: None, kind: None }
    }

    /// Nobody can tell.
    pub fn unknown(what: impl Into<String>) -> Self {
        Self { standing: Standing::Unknown, ..Self::ok(what) }
    }

    /// A finding that a run would fail; the kind says what it would end with.
    pub fn wrong(kind: Kind, what: impl Into<String>) -> Self {
        Self { standing: Standing::Wrong, kind: Some(kind), ..Self::ok(what) }
    }

    /// A finding that a run would fail, with the kind, the text and the hint of this error.
    pub fn of(error: &Error) -> Self {
        let hint = error.remedy().map(str::to_owned);
        Self { hint, ..Self::wrong(error.kind(), error.one_line()) }
    }

    /// Adds what to do about it, or what follows from it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// The kind that a program ends with: that of the finding which takes the longest to mend.
pub fn worst<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Option<Kind> {
    let rank = |kind: &Kind| match kind {
        Kind::Usage => 4,
        Kind::Configuration => 3,
        Kind::Credentials => 2,
        Kind::Unreachable => 1,
        _ => 0,
    };
    findings.into_iter().filter_map(|finding| finding.kind).max_by_key(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides() {
        let of = |kinds: &[Kind]| -> Vec<_> {
            kinds.iter().map(|kind| Finding::wrong(*kind, "")).collect()
        };
        assert_eq!(worst(&[Finding::ok("a"), Finding::unknown("b")]), None);
        let kinds = [Kind::Unreachable, Kind::Configuration, Kind::Credentials];
        assert_eq!(worst(&of(&kinds)), Some(Kind::Configuration));
        assert_eq!(worst(&of(&[Kind::Credentials, Kind::Unreachable])), Some(Kind::Credentials));
    }

    #[test]
    fn an_error_is_a_finding_with_its_hint() {
        let error = Error::new(Kind::Unreachable, "cannot reach `x`").because_of("no route");
        let finding = Finding::of(&error.hint("start it"));
        assert_eq!(finding.what, "cannot reach `x`: no route");
        assert_eq!(finding.hint.as_deref(), Some("start it"));
    }
}
