//! What one look into an embedded queue takes, within the bounds of the request.

use crate::batch::BatchBuilder;
use crate::message::Delivery;
use crate::queues::RetryLimits;
use crate::queues::sqlite::claim::Look;
use crate::queues::sqlite::codec::{Group, Reading, integer, lossy};
use crate::queues::sqlite::lease::{self, Claim};
use crate::queues::sqlite::limits::{Limits, retry_limits};
use rusqlite::{Row, Statement, ToSql};

/// At most this many groups are taken before what follows in them is. A group's messages lie apart
/// from other groups', and each place costs a page: with ever more groups ever fewer messages would
/// come of each place.
const GROUPS: usize = 64;

/// When so many were met that cannot be delivered, a look ends, so that it holds nobody up.
const MOST_PASSED: usize = 2000;

/// What is being taken.
pub struct Selection {
    /// What was taken.
    pub taken: BatchBuilder<Vec<Taken>>,
    /// What was met on the way, and cannot be delivered.
    pub passed: Vec<Passed>,
    /// The one tag that may be taken, if not any.
    pub only: Option<Option<String>>,
    token: i64,
    /// Each lease counts, whatever becomes of it.
    counts_leases: bool,
    limits: Limits,
    /// The time of day, in milliseconds.
    day: i64,
    full: bool,
}

/// A message that was taken.
pub struct Taken {
    /// Since when it could be had; what comes later in its group has no earlier one.
    pub available_at: i64,
    /// The lease under which it is delivered.
    pub claim: Claim,
    /// The delivery.
    pub delivery: Delivery,
    /// How many leases counted before this one, whatever became of them.
    pub leases: u32,
    /// Limits of its own, in place of the queue's.
    pub limits: Option<RetryLimits>,
}

/// Where a message stands in the order of delivery: since when it can be had, and when it was
/// published.
pub type Position = (i64, i64);

/// A message that cannot be delivered.
pub struct Passed {
    /// The place of the message in the file.
    pub seq: i64,
    /// The id of the message, as far as it can be read.
    pub id: String,
    /// The group of the message.
    pub group: Option<Group>,
    /// Why it is given up.
    pub why: String,
}

impl Passed {
    /// A message of which this cannot be read.
    pub fn unreadable(seq: i64, id: String, group: Option<Group>, fault: &str) -> Self {
        Self { seq, id, group, why: format!("it cannot be read: {fault}") }
    }
}

/// How often a message was leased, and how often it may be.
struct Leased {
    /// Leases that count whatever became of them, and attempts.
    count: u32,
    limits: Option<RetryLimits>,
    published_at: i64,
}

impl Leased {
    fn of(row: &Row<'_>, attempts: u32) -> rusqlite::Result<Self> {
        let number = |at| Ok::<_, rusqlite::Error>(integer(row.get_ref(at)?));
        let leases = number(12)?.and_then(|it| u32::try_from(it).ok()).unwrap_or_default();
        let limits = retry_limits(number(13)?, number(14)?);
        let published_at = number(5)?.unwrap_or_default();
        Ok(Self { count: leases.saturating_add(attempts), limits, published_at })
    }

    /// Whether no lease is left: with a limit of age, too, both must be exceeded.
    fn is_used_up(&self, queue: Limits, day: i64) -> bool {
        let RetryLimits { leases, age } = self.limits.unwrap_or_else(|| queue.retry_limits());
        let age = age.and_then(|age| i64::try_from(age.as_millis()).ok()).unwrap_or_default();
        leases.is_some_and(|most| self.count >= most)
            && day.saturating_sub(self.published_at) >= age
    }

    fn used_up(&self) -> String {
        match self.count {
            1 => "it was leased once, as often as its limit allows".to_owned(),
            count => format!("it was leased {count} times, as often as its limit allows"),
        }
    }
}

/// Before everything.
pub const FIRST: Position = (i64::MIN, 0);

/// Since when a message can be had; one of which that cannot be read stands first.
fn available_at(row: &Row<'_>) -> rusqlite::Result<i64> {
    Ok(integer(row.get_ref(11)?).unwrap_or(FIRST.0))
}

/// The place of a row; `None` where it cannot be read, and is the last of all.
fn position(row: &Row<'_>) -> rusqlite::Result<Option<Position>> {
    Ok(integer(row.get_ref(11)?).zip(row.get(0)?))
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
    pub fn new(look: &Look, limits: Limits, day: i64) -> Self {
        Self {
            taken: BatchBuilder::new(look.request.limits()),
            passed: Vec::new(),
            only: None,
            token: look.token,
            counts_leases: look.counts_leases,
            limits,
            day,
            full: false,
        }
    }

    /// How many more may be taken.
    pub fn room(&self) -> usize {
        let max = self.taken.limits().count;
        if self.full { 0 } else { max.saturating_sub(self.taken.count()) }
    }

    /// How many more may be taken by the next of so many groups.
    pub fn share(&self, groups: usize) -> usize {
        self.room().div_ceil(groups)
    }

    /// Has nothing taken, and nothing met behind so many that cannot be delivered.
    pub fn give_back_behind(&mut self, passed: usize) {
        self.taken = BatchBuilder::new(self.taken.limits());
        self.passed.truncate(passed);
    }

    /// Where the last that was taken stands.
    pub fn last(&self) -> Position {
        self.taken.content().last().map_or(FIRST, |it| (it.available_at, it.claim.seq))
    }

    /// Takes rows until there are no more, the bytes are used up, or one may not be taken: what
    /// follows it in its group must wait for it. None stands before `earliest`, nor before the one
    /// that it follows. Gives how many it took.
    pub fn take(
        &mut self,
        statement: &mut Statement<'_>,
        params: &[&dyn ToSql],
        mut earliest: i64,
    ) -> rusqlite::Result<usize> {
        let before = self.taken.count();
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            match self.step(row, earliest)? {
                Step::Stop => break,
                Step::Taken { .. } => earliest = self.last().0,
                Step::Passed => {}
            }
        }
        Ok(self.taken.count() - before)
    }

    /// Takes rows until there are no more, the bytes are used up, or enough groups are among them.
    /// Gives the place of the last where there may be more behind it that have room.
    pub fn take_heads(
        &mut self,
        statement: &mut Statement<'_>,
        params: &[&dyn ToSql],
    ) -> rusqlite::Result<Option<Position>> {
        let (mut groups, mut last) = (0, None);
        let passed = self.passed.len();
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            let step = self.step(row, FIRST.0)?;
            if step == Step::Stop {
                return Ok(None);
            }
            groups += usize::from(step == Step::Taken { grouped: true });
            last = position(row)?;
            if groups == GROUPS {
                return Ok(last);
            }
        }
        // What cannot be delivered takes nobody's room.
        let passed = passed..self.passed.len();
        Ok(last.filter(|_| !passed.is_empty() && passed.end < MOST_PASSED))
    }

    fn token_behind(&self, leased: &Leased) -> i64 {
        if self.counts_leases { lease::counted(self.token, leased.count) } else { self.token }
    }

    fn step(&mut self, row: &Row<'_>, earliest: i64) -> rusqlite::Result<Step> {
        if integer(row.get_ref(9)?) == Some(1) {
            return Ok(Step::Stop);
        }
        let (seq, Reading { message, attempts, fault }) = (row.get(0)?, Reading::of(row)?);
        if let Some(fault) = fault {
            let (id, group) = (lossy(row.get_ref(1)), row.get(2)?);
            self.passed.push(Passed::unreadable(seq, id, group, &fault));
            return Ok(Step::Passed);
        }
        let size = message.size();
        if self.only.as_ref().is_some_and(|tag| *tag != message.tag) {
            return Ok(Step::Stop);
        }
        let leased = Leased::of(row, attempts)?;
        if leased.is_used_up(self.limits, self.day) {
            let why = leased.used_up();
            self.passed.push(Passed { seq, id: message.id, group: row.get(2)?, why });
            return Ok(Step::Passed);
        }
        if !self.taken.has_room_for(1, size) {
            self.full = true;
            return Ok(Step::Stop);
        }
        let claim = Claim { seq, token: self.token_behind(&leased) };
        let lost = integer(row.get_ref(10)?).and_then(|lost| lost.try_into().ok());
        let (attempts, lost) = (Some(attempts.saturating_add(1)), lost.unwrap_or_default());
        let grouped = message.group.is_some();
        let delivery = Delivery { message, attempts, lost, receipt: claim.receipt() };
        let available_at = available_at(row)?.max(earliest);
        let Leased { count: leases, limits, .. } = leased;
        self.taken.push(Taken { available_at, claim, delivery, leases, limits }, size);
        Ok(Step::Taken { grouped })
    }
}
