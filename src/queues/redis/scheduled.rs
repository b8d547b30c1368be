//! Jobs that are not due yet: those that were published for later, and those that failed and wait for
//! their next attempt.

use super::inspector::Inspector;
use super::looked::Looked;
use super::member::Member;
use super::sets::{Comeback, Left, Part};
use crate::error::Result;
use crate::queues::{
    MessageState, Peeked, Scheduled, ScheduledId, ScheduledMessages, ScheduledOutcome, Which,
};
use async_trait::async_trait;

impl From<Left> for ScheduledOutcome {
    fn from(left: Left) -> Self {
        match left {
            Left::Done => Self::Done,
            Left::Kept(why) => Self::Kept(why),
            Left::Gone => Self::Gone,
        }
    }
}

/// What is to be done with members of a set.
#[derive(Clone, Copy)]
enum Work {
    Run,
    Drop,
}

#[async_trait]
impl ScheduledMessages for Inspector {
    async fn list(
        &self,
        which: &Which,
        after: Option<&ScheduledId>,
        max: usize,
    ) -> Result<Vec<Scheduled>> {
        let (first, mut behind) = match after.and_then(of_id) {
            Some((set, member)) => (set, Some(member)),
            None => (0, None),
        };
        for (number, set) in self.sets().iter().enumerate().skip(first) {
            let wanted = |it: &Looked| it.is_of(&self.jobs) && which.has(&it.message.id);
            let part = Part { after: behind.take(), upto: None };
            let members = self.members(set, part, max, wanted).await?;
            if !members.is_empty() {
                return Ok(members.into_iter().map(|it| scheduled(number, it)).collect());
            }
        }
        Ok(Vec::new())
    }

    async fn run(&self, ids: Vec<ScheduledId>) -> Result<Vec<ScheduledOutcome>> {
        self.each(&ids, Work::Run).await
    }

    async fn drop(&self, ids: Vec<ScheduledId>) -> Result<Vec<ScheduledOutcome>> {
        self.each(&ids, Work::Drop).await
    }
}

impl Inspector {
    fn sets(&self) -> [String; 2] {
        [self.keys.scheduled(), self.keys.retry()]
    }

    /// Works on members, those of one set at once; answers in their order.
    async fn each(&self, ids: &[ScheduledId], work: Work) -> Result<Vec<ScheduledOutcome>> {
        let mut answers = vec![ScheduledOutcome::Gone; ids.len()];
        for (number, set) in self.sets().iter().enumerate() {
            let of_set = ids.iter().enumerate().filter_map(|(at, id)| {
                let (set, member) = of_id(id)?;
                (set == number).then_some((at, member))
            });
            let (positions, members): (Vec<_>, Vec<_>) = of_set.unzip();
            let left = match work {
                Work::Run => self.put_back(set, &members, Comeback::Tried).await?,
                Work::Drop => self.forget(set, &members).await?,
            };
            for (at, left) in positions.into_iter().zip(left) {
                answers[at] = left.into();
            }
        }
        Ok(answers)
    }
}

/// The number of its set and the member that a name stands for.
fn of_id(id: &ScheduledId) -> Option<(usize, Member)> {
    let (set, name) = id.0.split_once(' ')?;
    Some((set.parse().ok()?, Member::of_name(name)?))
}

fn scheduled(set: usize, (member, looked): (Member, Looked)) -> Scheduled {
    let peeked = Peeked {
        position: 0,
        message: looked.message,
        attempts: Some(looked.fails),
        state: MessageState::Scheduled,
        until: member.time(),
        unreadable: looked.unreadable,
    };
    Scheduled { id: ScheduledId(format!("{set} {}", member.name())), peeked }
}
