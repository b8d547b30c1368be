//! Which dead letters match.

use super::super::fields::Fields;
use super::reasons::{form, key};
use crate::queues::{DeadLetterHead, Which};

/// Which dead letters match: all, where neither is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Matching {
    /// Those of this group, by its key.
    pub(super) reason: Option<String>,
    /// Those of the message with this id.
    pub(super) id: Option<String>,
}

impl Matching {
    /// What fields say; what is empty says nothing.
    pub(super) fn of(fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).filter(|it| !it.is_empty()).map(str::to_owned);
        Self { reason: text("reason"), id: text("id") }
    }

    /// Those that the queue can tell by itself.
    pub(super) fn which(&self) -> Which {
        self.id.clone().map_or(Which::All, |id| Which::Ids(vec![id]))
    }

    /// Whether this one matches.
    pub(super) fn has(&self, head: &DeadLetterHead) -> bool {
        let is_of = |group: &String| key(&form(&head.reason)) == *group;
        self.id.as_ref().is_none_or(|id| *id == head.id) && self.reason.as_ref().is_none_or(is_of)
    }

    /// The fields that say it.
    pub(super) fn fields(&self) -> [(&'static str, &str); 2] {
        [
            ("reason", self.reason.as_deref().unwrap_or_default()),
            ("id", self.id.as_deref().unwrap_or_default()),
        ]
    }
}
