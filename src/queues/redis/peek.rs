//! Shows jobs where they stand: in progress, ready, not due yet, and moved aside.

use super::inspector::Inspector;
use super::looked::Looked;
use super::member::Member;
use super::pools;
use crate::error::Result;
use crate::queues::{MessageState, Peek, PeekFilter, Peeked, PeekedPart};
use async_trait::async_trait;

/// How many bits of a position tell where in its list or set a job is; those before them tell which.
const OFFSET_BITS: u32 = 40;

/// One list or set of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shelf {
    /// A list whose oldest stands at its right end.
    List(String, MessageState),
    /// A set by time.
    Timed(String),
}

#[async_trait]
impl Peek for Inspector {
    /// Jobs that are moved while they are looked at may be shown twice, or not at all.
    async fn peek(&self, after: i64, max: usize) -> Result<Vec<Peeked>> {
        self.walk(after, max, |_| true).await
    }

    /// Lists and sets of other states are not looked at.
    async fn peek_only(&self, filter: &PeekFilter, after: i64, max: usize) -> Result<PeekedPart> {
        let state = filter.state;
        let has = |shelf: &Shelf| state.is_none_or(|state| shelf.state() == state);
        let mut found = self.walk(after, max, has).await?;
        let next = found.last().map(|last| last.position);
        found.retain(|it| filter.has(it));
        Ok(PeekedPart { found, next })
    }
}

impl Shelf {
    /// The state of whatever stands there.
    fn state(&self) -> MessageState {
        match self {
            Self::List(_, state) => *state,
            Self::Timed(_) => MessageState::Scheduled,
        }
    }
}

impl Inspector {
    /// What stands behind a position, in the first of those shelves that are meant and have anything.
    async fn walk(
        &self,
        after: i64,
        max: usize,
        is_meant: impl Fn(&Shelf) -> bool,
    ) -> Result<Vec<Peeked>> {
        let (first, mut offset) = (after >> OFFSET_BITS, after & ((1 << OFFSET_BITS) - 1));
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        for (number, shelf) in self.shelves().await?.iter().enumerate().skip(first) {
            let begin = i64::try_from(number).unwrap_or(i64::MAX) << OFFSET_BITS;
            if is_meant(shelf) {
                let found = self.shown(shelf, begin, offset, max).await?;
                if !found.is_empty() {
                    return Ok(found);
                }
            }
            offset = 0;
        }
        Ok(Vec::new())
    }

    /// Everything that jobs stand in, what was begun first.
    async fn shelves(&self) -> Result<Vec<Shelf>> {
        let names = self.names().await?;
        let list = |state| move |key| Shelf::List(key, state);
        let mut shelves = Vec::new();
        for name in &names {
            let pools = pools::of_job(self, name).await?;
            let keys = pools.iter().map(|pool| self.keys.in_progress(name, pool));
            shelves.extend(keys.map(list(MessageState::Leased)));
        }
        let ready = names.iter().map(|name| self.keys.ready(name));
        shelves.extend(ready.map(list(MessageState::Ready)));
        shelves.extend([self.keys.scheduled(), self.keys.retry()].map(Shelf::Timed));
        let poison = names.iter().map(|name| self.keys.poison_of_job(name));
        shelves.extend(poison.map(list(MessageState::SetAside)));
        if self.jobs.is_empty() {
            let of_sets = [self.keys.poison_of_scheduled(), self.keys.poison_of_retry()];
            shelves.extend(of_sets.map(list(MessageState::SetAside)));
        }
        Ok(shelves)
    }

    /// What stands behind an offset, and is of the jobs that are meant; none at the end.
    async fn shown(
        &self,
        shelf: &Shelf,
        begin: i64,
        mut offset: i64,
        max: usize,
    ) -> Result<Vec<Peeked>> {
        loop {
            let members = self.behind(shelf, offset, max).await?;
            if members.is_empty() {
                return Ok(Vec::new());
            }
            let next = offset + i64::try_from(members.len()).unwrap_or(i64::MAX);
            let shown = (offset + 1..).zip(members).filter_map(|(at, member)| {
                let peeked = peeked(shelf, begin + at, &member);
                self.means(shelf, &peeked).then_some(peeked)
            });
            let shown: Vec<_> = shown.collect();
            if !shown.is_empty() {
                return Ok(shown);
            }
            offset = next;
        }
    }

    /// Whether a job is meant: a list is one job's, whatever stands in it.
    fn means(&self, shelf: &Shelf, peeked: &Peeked) -> bool {
        let is_of = |name: &String| self.jobs.contains(name);
        match shelf {
            Shelf::List(..) => true,
            Shelf::Timed(_) => {
                self.jobs.is_empty() || peeked.message.tag.as_ref().is_some_and(is_of)
            }
        }
    }

    async fn behind(&self, shelf: &Shelf, offset: i64, max: usize) -> Result<Vec<Member>> {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let last = offset.saturating_add(max);
        match shelf {
            Shelf::List(key, _) => {
                let range = redis::cmd("LRANGE").arg(key).arg(-last).arg(-offset - 1).take();
                let jobs: Vec<Vec<u8>> = self.query(&range).await?;
                Ok(jobs.into_iter().rev().map(|bytes| Member::from((bytes, f64::NAN))).collect())
            }
            Shelf::Timed(key) => {
                let range = redis::cmd("ZRANGE").arg(key).arg(offset).arg(last - 1).take();
                let members: Vec<(Vec<u8>, f64)> =
                    self.query(range.clone().arg("WITHSCORES")).await?;
                Ok(members.into_iter().map(Member::from).collect())
            }
        }
    }
}

fn peeked(shelf: &Shelf, position: i64, member: &Member) -> Peeked {
    let Looked { message, fails, unreadable, .. } = Looked::at(&member.bytes);
    let (state, until) = match shelf {
        Shelf::List(_, state) => (*state, None),
        Shelf::Timed(_) => (MessageState::Scheduled, member.time()),
    };
    let begun = u32::from(state == MessageState::Leased);
    let attempts = Some(fails.saturating_add(begun));
    Peeked { position, message, attempts, state, until, unreadable }
}
