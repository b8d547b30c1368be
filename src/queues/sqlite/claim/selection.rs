//! What one look into an embedded queue takes, within the bounds of the request.

use crate::batch::BatchBuilder;
use crate::message::Delivery;
use crate::queues::Receive;
use crate::queues::sqlite::codec::{Group, Reading, integer, lossy};
use crate::queues::sqlite::lease::Claim;
use rusqlite::{Row, Statement, ToSql};

/// At most this many groups are taken before what follows in them is. A group's messages lie apart
/// from other groups', and each place costs a page: with ever more groups ever fewer messages would
/// come of each place.
const GROUPS: usize = 64;

/// What is being taken.
pub struct Selection {
    /// What was taken.
    pub deliveries: BatchBuilder<Vec<(Claim, Delivery)>>,
    /// What was met on the way, and cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// The one tag that may be taken, if not any.
    pub only: Option<Option<String>>,
    token: i64,
    full: bool,
}

/// A message that cannot be read.
pub struct Unreadable {
    /// The place of the message in the file.
    pub seq: i64,
    /// The id of the message, as far as it can be read.
    pub id: String,
    /// The group of the message.
    pub group: Option<Group>,
    /// What cannot be read.
    pub fault: String,
}

/// A bound as SQLite takes it.
pub fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What became of a row.
#[derive(PartialEq, Eq)]
enum Step {
    /// The message was taken, a group's or one by itself.
    Taken { grouped: bool },
    /// The message cannot be delivered.
    Passed,
    /// The message may not be taken, nor what follows it.
    Stop,
}

impl Selection {
    /// Nothing, with room for what is asked for.
    pub fn new(request: &Receive, token: i64) -> Self {
        Self {
            deliveries: BatchBuilder::new(request.limits()),
            unreadable: Vec::new(),
            only: None,
            token,
            full: false,
        }
    }

    /// How many more may be taken.
    pub fn room(&self) -> usize {
        let max = self.deliveries.limits().count;
        if self.full { 0 } else { max.saturating_sub(self.deliveries.count()) }
    }

    /// How many more may be taken by the next of so many groups.
    pub fn share(&self, groups: usize) -> usize {
        self.room().div_ceil(groups)
    }

    /// The place of the last that was taken.
    pub fn last_seq(&self) -> i64 {
        self.deliveries.content().last().map_or(0, |(claim, _)| claim.seq)
    }

    /// Takes rows until there are no more, the bytes are used up, or one may not be taken: what
    /// follows it in its group must wait for it. Gives how many it took.
    pub fn take(
        &mut self,
        statement: &mut Statement<'_>,
        params: &[&dyn ToSql],
    ) -> rusqlite::Result<usize> {
        let before = self.deliveries.count();
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            if self.step(row)? == Step::Stop {
                break;
            }
        }
        Ok(self.deliveries.count() - before)
    }

    /// Takes rows until there are no more, the bytes are used up, or enough groups are among them:
    /// then, and only then, it gives the place of the last.
    pub fn take_heads(
        &mut self,
        statement: &mut Statement<'_>,
        params: &[&dyn ToSql],
    ) -> rusqlite::Result<Option<i64>> {
        let mut groups = 0;
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            let step = self.step(row)?;
            groups += usize::from(step == Step::Taken { grouped: true });
            if step == Step::Stop {
                break;
            }
            if groups == GROUPS {
                return row.get(0).map(Some);
            }
        }
        Ok(None)
    }

    fn step(&mut self, row: &Row<'_>) -> rusqlite::Result<Step> {
        if integer(row.get_ref(9)?) == Some(1) {
            return Ok(Step::Stop);
        }
        let (seq, Reading { message, attempts, fault }) = (row.get(0)?, Reading::of(row)?);
        if let Some(fault) = fault {
            let (id, group) = (lossy(row.get_ref(1)), row.get(2)?);
            self.unreadable.push(Unreadable { seq, id, group, fault });
            return Ok(Step::Passed);
        }
        let size = message.size();
        if self.only.as_ref().is_some_and(|tag| *tag != message.tag) {
            return Ok(Step::Stop);
        }
        if !self.deliveries.has_room_for(1, size) {
            self.full = true;
            return Ok(Step::Stop);
        }
        let claim = Claim { seq, token: self.token };
        let lost = integer(row.get_ref(10)?).and_then(|lost| lost.try_into().ok());
        let (attempts, lost) = (Some(attempts.saturating_add(1)), lost.unwrap_or_default());
        let grouped = message.group.is_some();
        let delivery = Delivery { message, attempts, lost, receipt: claim.receipt() };
        self.deliveries.push((claim, delivery), size);
        Ok(Step::Taken { grouped })
    }
}
