//! Which messages are meant, by their tags.

use crate::error::Result;
use crate::inspect::lacks;
use crate::queues::Select;
use clap::Args;

/// A selection by tag.
#[derive(Debug, Clone, Args)]
pub(super) struct Tags {
    /// Only messages with this tag
    #[arg(long, value_name = "TAG", conflicts_with = "oldest_tag", hide_short_help = true)]
    tag: Option<String>,

    /// Only messages with the tag of the oldest one; if that has none, those without. What is
    /// written at once has one tag
    #[arg(long, hide_short_help = true)]
    oldest_tag: bool,
}

impl Tags {
    /// What is asked for.
    pub(super) fn select(&self) -> Select {
        match (&self.tag, self.oldest_tag) {
            (Some(tag), _) => Select::Tag(tag.clone()),
            (None, true) => Select::OldestTag,
            (None, false) => Select::Any,
        }
    }

    /// What is asked for, of a queue that can or cannot select so.
    pub(super) fn select_from(&self, selects_tags: bool) -> Result<Select> {
        match self.select() {
            select if selects_tags || select == Select::Any => Ok(select),
            _ => Err(lacks("select by tag")),
        }
    }
}
