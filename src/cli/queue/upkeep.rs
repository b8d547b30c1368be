//! Makes, empties and deletes queues.

use super::context::{QueueContext, lacks};
use super::{Sure, Where};
use crate::cli::cut;
use crate::error::Result;
use crate::location::QUOTE;
use crate::queues::{self, Deletion, Side};

impl QueueContext<'_> {
    pub(super) async fn create(&self, asked: &Where) -> Result<()> {
        let (url, options) = self.place(asked)?;
        let (name, queue) = (url.to_string(), queues::describe(&url, Side::From, &options));
        let cut = cut::looks_cut(&url);
        let made = queues::create(url, &options).await?;
        let text = if made { "made" } else { "it was there already:" };
        let json = serde_json::json!({"url": name, "made": made, "queue": queue});
        self.tell(&format!("{text} {name} ({queue})"), &json)?;
        match cut {
            true => self.remark(&format!("is that all that was meant? {}", QUOTE)),
            false => Ok(()),
        }
    }

    pub(super) async fn purge(&self, asked: Sure) -> Result<()> {
        let queue = self.open(&asked.place.into()).await?;
        let purge = queue.purge().ok_or_else(|| lacks("be emptied"))?;
        if asked.yes {
            let removed = purge.purge().await?;
            let json = serde_json::json!({"removed": removed, "done": true});
            return self.tell(&format!("removed {}", messages(removed)), &json);
        }
        let held = queue.stats().await?.messages();
        let json = serde_json::json!({"removed": held, "done": false});
        self.tell(&format!("would remove {}", messages(held)), &json)?;
        self.remind(false)
    }

    pub(super) async fn delete(&self, asked: Sure) -> Result<()> {
        let (url, options) = self.place(&asked.place.into())?;
        let deletion = queues::delete(url, &options, asked.yes).await?;
        self.tell_deletion(&deletion, asked.yes)?;
        self.remind(asked.yes)
    }

    fn tell_deletion(&self, deletion: &Deletion, done: bool) -> Result<()> {
        let Deletion { messages: held, dead, stays } = deletion;
        let json = serde_json::json!({"removed": held, "dead": dead, "stays": stays, "done": done});
        let verb = if done { "deleted" } else { "would delete" };
        let and = if held.is_some() { "," } else { " and" };
        let mut text = format!("{verb} the queue{and} {}", messages(*held));
        if let Some(dead) = dead {
            text += &format!(" and {dead} dead letters");
        }
        if let Some(stays) = stays {
            text += &format!("\n{stays}");
        }
        self.tell(&text, &json)
    }
}

/// So many messages, in words.
fn messages(count: Option<u64>) -> String {
    match count {
        Some(count) => format!("{count} messages"),
        None => "what it holds (nobody can tell how much)".to_owned(),
    }
}
