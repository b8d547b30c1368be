//! The dead jobs of a namespace.

use super::inspector::Inspector;
use super::looked::Looked;
use super::member::Member;
use super::sets::{Comeback, Left, Part};
use crate::error::Result;
use crate::queues::{
    DeadLetter, DeadLetterHead, DeadLetterId, DeadLetterOutcome, DeadLetterPart, DeadLetterStore,
    Which,
};
use async_trait::async_trait;

impl From<Left> for DeadLetterOutcome {
    fn from(left: Left) -> Self {
        match left {
            Left::Done => Self::Done,
            Left::Kept(why) => Self::Kept(why),
            Left::Gone => Self::Gone,
        }
    }
}

#[async_trait]
impl DeadLetterStore for Inspector {
    async fn list(
        &self,
        which: &Which,
        part: DeadLetterPart<'_>,
        max: usize,
    ) -> Result<Vec<DeadLetter>> {
        let wanted = |it: &Looked| it.is_of(&self.jobs) && which.has(&it.message.id);
        let members = self.members(&self.keys.dead(), part.into(), max, wanted).await?;
        Ok(members.into_iter().map(|(member, looked)| dead_letter(&member, looked)).collect())
    }

    async fn heads(
        &self,
        which: &Which,
        part: DeadLetterPart<'_>,
        max: usize,
    ) -> Result<Vec<DeadLetterHead>> {
        let letters = self.list(which, part, max).await?;
        Ok(letters.into_iter().map(|letter| letter.head).collect())
    }

    async fn last(&self) -> Result<Option<DeadLetterId>> {
        let last = self.last_of(&self.keys.dead()).await?;
        Ok(last.map(|member| DeadLetterId(member.name())))
    }

    async fn redrive(&self, letters: Vec<DeadLetterId>) -> Result<Vec<DeadLetterOutcome>> {
        let moved = self.put_back(&self.keys.dead(), &members(letters), Comeback::Fresh).await?;
        Ok(moved.into_iter().map(DeadLetterOutcome::from).collect())
    }

    async fn drop(&self, letters: Vec<DeadLetterId>) -> Result<Vec<DeadLetterOutcome>> {
        let dropped = self.forget(&self.keys.dead(), &members(letters)).await?;
        Ok(dropped.into_iter().map(DeadLetterOutcome::from).collect())
    }
}

impl From<DeadLetterPart<'_>> for Part {
    fn from(part: DeadLetterPart<'_>) -> Self {
        let member = |id: &DeadLetterId| Member::of_name(&id.0);
        Self { after: part.after.and_then(member), upto: part.upto.and_then(member) }
    }
}

/// What the names stand for, which this queue alone has made.
fn members(letters: Vec<DeadLetterId>) -> Vec<Member> {
    letters.iter().filter_map(|id| Member::of_name(&id.0)).collect()
}

fn dead_letter(member: &Member, looked: Looked) -> DeadLetter {
    let Looked { message, fails, err, unreadable } = looked;
    let head = DeadLetterHead {
        name: DeadLetterId(member.name()),
        id: message.id.clone(),
        attempts: Some(fails),
        first_at: None,
        died_at: member.time(),
        reason: err,
        from: None,
    };
    DeadLetter { head, message, unreadable }
}
