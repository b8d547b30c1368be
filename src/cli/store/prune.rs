//! `store prune`: removes what is old.

use super::arguments::{NamedStore, StoreUrl, before};
use super::context::{StoreContext, closing};
use super::documents;
use crate::error::{Error, Kind, Result};
use crate::readings::{Document, Shapes, Store};
use crate::sinks::prune::{Remover, Stored};
use crate::{sinks, units};
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use std::time::Duration;

/// Remove documents that are older than a time
///
/// Without `--yes` only show how many would be removed. How old a document is its reading says, else
/// when it was stored; one without either stays. It goes in steps, between which others write: a
/// `subscribe` into the store goes on.
#[derive(Debug, Args)]
pub(super) struct Prune {
    #[command(flatten)]
    store: NamedStore,

    /// How old what is removed is at least: `365d`
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    older_than: Duration,

    /// Do it
    #[arg(long)]
    yes: bool,
}

/// What was looked at, and what became of it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    /// How many documents are old.
    old: u64,
    /// How many of these were removed.
    removed: u64,
    /// How many documents were looked at.
    all: u64,
    /// How many have no time.
    timeless: u64,
    /// The time of the oldest one that is old.
    oldest: Option<DateTime<Utc>>,
}

impl Prune {
    pub(super) async fn run(self, context: &StoreContext<'_>) -> Result<()> {
        let Self { store, older_than, yes } = self;
        let store = StoreUrl::from(store);
        let mut url = context.url(&store)?;
        let now = context.options(&url)?.clock.now();
        let Some(limit) = before(now, older_than) else {
            return Err(Error::new(Kind::Usage, "`--older-than` is longer than time is reckoned")
                .hint("name how old what is removed is at least: `365d`"));
        };
        let sink_options = context.sink_options(&[&url])?;
        Shapes::take(&mut url, "")?; // how documents are read is nothing to a sink
        let opened = context.open(&store).await?;
        let remover = match yes {
            true => Some(sinks::open_remover(url, &sink_options).await?),
            false => None,
        };
        context.finishes.set(yes);
        let mut counts = Counts::default();
        let pruned = counts.prune(&*opened, remover.as_deref(), limit, context).await;
        let closed = match remover {
            // Also where it was broken off: what was removed until then is gone.
            Some(remover) => {
                let closed = remover.close().await;
                fail::fail_point!("prune-closed");
                // A chart that was drawn between two steps has counted what the next one removed.
                closed.and(opened.forget(limit).await)
            }
            None => Ok(()),
        };
        counts.tell(context, limit, yes)?;
        closing(opened, pruned.and(closed)).await
    }
}

impl Counts {
    /// Looks at every document, and has the old ones removed where there is a remover, a batch at a
    /// time, until a signal.
    async fn prune(
        &mut self,
        store: &dyn Store,
        remover: Option<&dyn Remover>,
        limit: DateTime<Utc>,
        context: &StoreContext<'_>,
    ) -> Result<()> {
        let mut coming = store.documents(None).await?;
        while context.program.signals.received().is_none() {
            let batch = documents::next(&mut coming).await?;
            if batch.is_empty() {
                break;
            }
            let old = self.old_of(&batch, limit);
            if let Some(remover) = remover.filter(|_| !old.is_empty()) {
                // First, so that a kill behind the removal leaves no count of what is gone.
                store.forget(limit).await?;
                self.removed += remover.remove(&old).await?;
                fail::fail_point!("prune-removed");
            }
        }
        Ok(())
    }

    /// The old ones of some documents.
    fn old_of(&mut self, batch: &[Document], limit: DateTime<Utc>) -> Vec<Stored> {
        let mut old = Vec::new();
        for document in batch {
            self.all += 1;
            match document.at() {
                None => self.timeless += 1,
                Some(time) if time < limit => {
                    self.old += 1;
                    self.oldest = Some(self.oldest.map_or(time, |oldest| oldest.min(time)));
                    let (id, stored_at) = (document.id.clone(), document.stored_at);
                    old.push(Stored { id, stored_at });
                }
                Some(_) => {}
            }
        }
        old
    }

    fn tell(&self, context: &StoreContext<'_>, limit: DateTime<Utc>, done: bool) -> Result<()> {
        let Self { old, removed, all, timeless, oldest } = *self;
        let seconds = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let json = serde_json::json!({
            "old": old, "removed": removed, "documents": all, "without_time": timeless,
            "before": seconds(limit), "oldest": oldest.map(seconds), "done": done,
        });
        let (verb, count) = if done { ("removed", removed) } else { ("would remove", old) };
        let mut text = format!("{verb} {count} of {all} documents: older than {}", seconds(limit));
        if let Some(oldest) = oldest {
            text += &format!(", the oldest of {}", seconds(oldest));
        }
        if timeless > 0 {
            text += &match timeless {
                1 => "\n1 document has no time, and stays".to_owned(),
                _ => format!("\n{timeless} documents have no time, and stay"),
            };
        }
        if done && removed < old {
            let stay = old - removed;
            text +=
                &format!("\n{stay} stay: others changed or removed them, or their key is no text");
        }
        if !done {
            text += "\nnothing was changed: `--yes` does it";
        }
        context.tell(&text, &json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_time_is_not_old() {
        let at = |second| DateTime::from_timestamp(second, 0);
        let document = |id: &str, stored_at| Document {
            id: id.to_owned(),
            json: "{}".to_owned(),
            stored_at,
            observed: None,
        };
        let batch = [document("a", at(5)), document("b", None), document("c", at(10))];
        let mut counts = Counts::default();
        let old = counts.old_of(&batch, at(10).unwrap());
        assert_eq!(old, [Stored { id: "a".to_owned(), stored_at: at(5) }]);
        let expected = Counts { old: 1, removed: 0, all: 3, timeless: 1, oldest: at(5) };
        assert_eq!(counts, expected);
    }
}
