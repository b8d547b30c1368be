//! Shows messages and dead letters.

use super::context::{QueueContext, lacks, say};
use super::format;
use super::mending::{all_found, list_command};
use super::taken::Place;
use super::{List, Peek, Take};
use crate::error::Result;
use crate::inspect::{self, Patience};
use crate::queues::{
    Contents, DeadLetterStore, Inspect, MessageState, PeekByReceiving, Peeked, Which,
};
use std::collections::HashSet;

/// At most this many messages are looked at, or mended in one transaction, at once.
pub(super) const PAGE: usize = 200;

impl QueueContext<'_> {
    pub(super) async fn peek(&self, asked: Peek) -> Result<()> {
        let queue = self.open(&asked.place).await?;
        match (queue.peek_by_receiving(), asked.dead) {
            (Some(receiving), false) => {
                self.peek_by_receiving(receiving, &asked.take, asked.max).await
            }
            (Some(receiving), true) => {
                let (url, options) = self.place(&asked.place)?;
                let place =
                    Place::of(receiving, (&url, &options), &Which::All, &asked.take).await?;
                self.list_by_receiving(place, asked.max).await.map(drop)
            }
            (None, false) => self.peek_freely(&*queue, asked.max).await,
            (None, true) => self
                .list_freely(dead_letter_store(&*queue)?, &Which::All, asked.max)
                .await
                .map(drop),
        }
    }

    pub(super) async fn dead_list(&self, asked: List) -> Result<()> {
        let queue = self.open(&asked.place).await?;
        let which = match asked.id.is_empty() {
            true => Which::All,
            false => Which::Ids(asked.id),
        };
        let max = asked.max.unwrap_or(usize::MAX);
        let seen = match queue.peek_by_receiving() {
            Some(receiving) => {
                let (url, options) = self.place(&asked.place)?;
                let place = Place::of(receiving, (&url, &options), &which, &asked.take).await?;
                self.list_by_receiving(place, max).await?
            }
            None => self.list_freely(dead_letter_store(&*queue)?, &which, max).await?,
        };
        match seen {
            Some(seen) => {
                let (url, _) = self.place(&asked.place)?;
                all_found(&which, &seen, &list_command(&url, asked.take.take))
            }
            None => Ok(()),
        }
    }

    async fn peek_freely(&self, queue: &dyn Inspect, max: usize) -> Result<()> {
        let peek = queue.peek().ok_or_else(|| lacks("look without taking"))?;
        let (mut left, mut after) = (max, 0);
        while left > 0 {
            let page = peek.peek(after, left.min(PAGE)).await?;
            let Some(last) = page.last() else { break };
            after = last.place;
            left -= page.len();
            let text: String = page.iter().map(|it| format::peeked(it, self.form)).collect();
            if !say(&text)? {
                break;
            }
        }
        Ok(())
    }

    /// Shows dead letters, and gives their ids where some were chosen by it; `None` where it ended
    /// before all were shown.
    pub(super) async fn list_freely(
        &self,
        store: &dyn DeadLetterStore,
        which: &Which,
        max: usize,
    ) -> Result<Option<HashSet<String>>> {
        let (mut left, mut after) = (max, 0);
        let mut seen = HashSet::new();
        while left > 0 {
            let page = store.list(which, after, left.min(PAGE)).await?;
            let Some(last) = page.last() else { return Ok(Some(seen)) };
            after = last.head.place;
            left -= page.len();
            let text: String = page.iter().map(|it| format::dead_letter(it, self.form)).collect();
            if matches!(which, Which::Ids(_)) {
                seen.extend(page.into_iter().map(|letter| letter.head.id));
            }
            if !say(&text)? {
                break;
            }
        }
        Ok(None)
    }

    async fn peek_by_receiving(
        &self,
        receiving: &dyn PeekByReceiving,
        take: &Take,
        max: usize,
    ) -> Result<()> {
        self.warn_of_cost(receiving, Contents::Messages, take).await?;
        let patience = Patience { max, idle: take.idle };
        let queue = receiving.messages(Some(max)).await?;
        inspect::look(queue, patience, self.context.signals.shutdown(), |page| {
            let lines = page.into_iter().map(|delivery| Peeked {
                place: 0,
                message: delivery.message,
                attempts: delivery.attempts,
                state: MessageState::Ready,
                until: None,
                unreadable: None,
            });
            say(&lines.map(|it| format::peeked(&it, self.form)).collect::<String>())
        })
        .await
    }
}

pub(super) fn dead_letter_store(queue: &dyn Inspect) -> Result<&dyn DeadLetterStore> {
    queue.dead_letters().ok_or_else(|| lacks("keep dead letters"))
}
