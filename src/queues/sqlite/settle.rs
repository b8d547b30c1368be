//! Deliveries of the embedded queue end: acknowledged, retried, released, buried, or their lease
//! ends.

use super::begun::{self, Begun};
use super::clock::Now;
use super::codec::{Group, integer};
use super::lease::Claim;
use crate::queues::{Settled, Verdict};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};
use std::time::Duration;

/// Carries out verdicts in one transaction. `remember`: how long the id of an acknowledged message
/// counts at least.
pub fn settle(
    connection: &Connection,
    queue: i64,
    now: i64,
    remember: Duration,
    verdicts: &[(Option<Claim>, Verdict)],
) -> rusqlite::Result<Vec<Settled>> {
    let claims: Vec<_> = verdicts.iter().filter_map(|(claim, _)| *claim).collect();
    let begun = begun::end(connection, &claims)?;
    let mut end = Ending::new(connection, queue, now)?;
    let remember = millis(remember);
    let settled = verdicts
        .iter()
        .map(|(claim, verdict)| {
            let Some(claim) = *claim else { return Ok(Settled::LeaseLost) };
            let done = match verdict {
                Verdict::Ack => end.acknowledge(claim, remember)?,
                Verdict::Retry { after, .. } => {
                    end.give_back(claim, Attempt::Failed, after_millis(now, *after))?
                }
                Verdict::Release => end.give_back(claim, Attempt::Uncounted, None)?,
                Verdict::Bury(reason) => end.bury(claim, reason, &begun)?,
            };
            Ok(if done { Settled::Done } else { Settled::LeaseLost })
        })
        .collect::<rusqlite::Result<_>>()?;
    end.finish()?;
    Ok(settled)
}

/// Moves the end of these leases to `now` and one lease time; `false` for each that was lost.
pub fn extend(
    connection: &Connection,
    queue: i64,
    now: Now,
    lease: i64,
    claims: &[Claim],
) -> rusqlite::Result<Vec<bool>> {
    let mut statement = connection.prepare_cached(EXTEND)?;
    let until = now.lease.saturating_add(lease);
    let mut extend = |claim: &Claim| {
        let extended = statement.execute(params![claim.seq, claim.token, until, lease, queue])?;
        Ok(extended > 0)
    };
    claims.iter().map(&mut extend).collect()
}

fn after_millis(now: i64, after: Duration) -> Option<i64> {
    // Zero stays "now"; anything else is rounded up.
    let after = i64::try_from(after.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX);
    (after > 0).then(|| now.saturating_add(after))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// What an attempt that is over counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Nothing: it was given back, or had not begun.
    Uncounted,
    /// The attempt failed.
    Failed,
    /// The lease ended in mid-work.
    Lost,
}

/// Ends leases, and then lets those groups go on whose runs have ended.
pub struct Ending<'c> {
    connection: &'c Connection,
    queue: i64,
    now: i64,
    groups: Vec<Group>,
    leased: CachedStatement<'c>,
    delete: CachedStatement<'c>,
    delete_body: CachedStatement<'c>,
}

impl<'c> Ending<'c> {
    /// Nothing is ended yet.
    pub fn new(connection: &'c Connection, queue: i64, now: i64) -> rusqlite::Result<Self> {
        let [leased, delete, delete_body] =
            [LEASED, DELETE, DELETE_BODY].map(|sql| connection.prepare_cached(sql));
        let (leased, delete, delete_body) = (leased?, delete?, delete_body?);
        Ok(Self { connection, queue, now, groups: Vec::new(), leased, delete, delete_body })
    }

    /// Forgets a message, but not its id where that counts on.
    pub fn acknowledge(&mut self, claim: Claim, remember: i64) -> rusqlite::Result<bool> {
        let Some(leased) = self.leased(claim)? else { return Ok(false) };
        self.forget(claim.seq, leased.group, leased.remember.max(remember))
    }

    /// Forgets a message, but not its id for so long, in milliseconds.
    pub fn forget(
        &mut self,
        seq: i64,
        group: Option<Group>,
        remember: i64,
    ) -> rusqlite::Result<bool> {
        if remember > 0 {
            let until = self.now.saturating_add(remember);
            self.connection.prepare_cached(REMEMBER)?.execute(params![seq, until])?;
        }
        self.remove(seq, group)
    }

    /// Offers a message again, not before `due`.
    fn give_back(
        &mut self,
        claim: Claim,
        attempt: Attempt,
        due: Option<i64>,
    ) -> rusqlite::Result<bool> {
        let Some(leased) = self.leased(claim)? else { return Ok(false) };
        let available_at = (attempt == Attempt::Failed).then(|| due.unwrap_or(self.now));
        self.offer(claim.seq, leased.group, attempt, due, available_at)?;
        Ok(true)
    }

    /// Keeps a message as a dead letter. One that is given up because its leases were lost was not
    /// tried once more.
    fn bury(&mut self, claim: Claim, reason: &str, begun: &Begun) -> rusqlite::Result<bool> {
        let Some(leased) = self.leased(claim)? else { return Ok(false) };
        let tried = leased.lost == 0 || begun.contains(claim);
        let row = params![claim.seq, self.now, reason, tried];
        self.connection.prepare_cached(BURY)?.execute(row)?;
        self.remove(claim.seq, leased.group)
    }

    /// Keeps a message that cannot be delivered as a dead letter, as it is.
    pub fn bury_undelivered(
        &mut self,
        seq: i64,
        group: Option<Group>,
        reason: &str,
    ) -> rusqlite::Result<()> {
        self.connection.prepare_cached(BURY)?.execute(params![seq, self.now, reason, 0])?;
        self.remove(seq, group).map(drop)
    }

    /// Puts a message whose lease has ended back into its queue: into its group's line, or to where
    /// it is offered at once or when it is due. Without a new place it has its old one.
    pub fn offer(
        &mut self,
        seq: i64,
        group: Option<Group>,
        attempt: Attempt,
        due: Option<i64>,
        available_at: Option<i64>,
    ) -> rusqlite::Result<()> {
        let state = match (&group, due) {
            (Some(_), _) => 1,
            (None, Some(_)) => 2,
            (None, None) => 0,
        };
        let (counted, lost) = (attempt != Attempt::Uncounted, attempt == Attempt::Lost);
        let row = params![seq, state, due, counted, lost, available_at];
        self.connection.prepare_cached(OFFER)?.execute(row)?;
        self.groups.extend(group);
        Ok(())
    }

    /// Lets each group go on of which nothing is leased any more: its first message is offered, and
    /// only that one is looked at.
    pub fn finish(self) -> rusqlite::Result<()> {
        let Self { connection, queue, now, mut groups, .. } = self;
        // Neighbours in the index one after the other, each once.
        groups.sort_unstable();
        groups.dedup();
        let mut end_run = connection.prepare_cached(END_RUN)?;
        let mut go_on = connection.prepare_cached(GO_ON)?;
        groups.iter().try_for_each(|group| {
            end_run.execute(params![queue, group])?;
            go_on.execute(params![queue, group, now]).map(drop)
        })
    }

    fn leased(&mut self, claim: Claim) -> rusqlite::Result<Option<Leased>> {
        self.leased
            .query_row(params![claim.seq, claim.token, self.queue], |row| {
                let number = |at| Ok::<_, rusqlite::Error>(integer(row.get_ref(at)?).unwrap_or(0));
                Ok(Leased { group: row.get(0)?, remember: number(1)?, lost: number(2)? })
            })
            .optional()
    }

    /// Takes a message out of the file; its group goes on at `finish`.
    pub fn remove(&mut self, seq: i64, group: Option<Group>) -> rusqlite::Result<bool> {
        self.delete.execute([seq])?;
        self.delete_body.execute([seq])?;
        self.groups.extend(group);
        Ok(true)
    }
}

/// What settling needs to know of a message.
struct Leased {
    group: Option<Group>,
    remember: i64,
    lost: i64,
}

const LEASED: &str =
    "SELECT grp, remember, lost FROM messages WHERE seq = ?1 AND token = ?2 AND queue = ?3";
const DELETE: &str = "DELETE FROM messages WHERE seq = ?1";
const DELETE_BODY: &str = "DELETE FROM bodies WHERE seq = ?1";
const REMEMBER: &str = "
INSERT OR REPLACE INTO remembered (queue, id, digest, until)
SELECT queue, id, digest, ?2 FROM messages WHERE seq = ?1";
const BURY: &str = "
INSERT INTO dead (queue, id, grp, tag, attributes, body, not_before, published_at, attempts,
                  first_at, died_at, reason, digest)
SELECT queue, coalesce(id, ''), grp, tag, attributes, coalesce(body, x''), not_before,
       coalesce(published_at, 0), coalesce(attempts, 0) + ?4, first_at, ?2, ?3, digest
FROM messages LEFT JOIN bodies USING (seq) WHERE messages.seq = ?1";
const OFFER: &str = "
UPDATE messages SET state = ?2, due = ?3, span = NULL, token = NULL, attempts = attempts + ?4,
                    lost = lost + ?5, available_at = coalesce(?6, available_at)
WHERE seq = ?1";
const EXTEND: &str =
    "UPDATE messages SET due = ?3, span = ?4 WHERE seq = ?1 AND token = ?2 AND queue = ?5";
/// A run has ended when nothing of it is leased any more.
const END_RUN: &str = "
DELETE FROM runs WHERE queue = ?1 AND grp = ?2 AND NOT EXISTS (
  SELECT 1 FROM messages WHERE queue = ?1 AND grp = ?2 AND seq <= runs.last AND state = 3)";
/// Unless a run of it is leased, a group's first message is the one that is offered.
const GO_ON: &str = "
UPDATE messages SET state = CASE WHEN due > ?3 THEN 2 ELSE 0 END,
                    due = CASE WHEN due > ?3 THEN due END
WHERE seq = (SELECT min(seq) FROM messages WHERE queue = ?1 AND grp = ?2) AND state = 1
  AND NOT EXISTS (SELECT 1 FROM runs WHERE queue = ?1 AND grp = ?2)";

#[cfg(test)]
pub const HOT: &[&str] =
    &[LEASED, DELETE, DELETE_BODY, REMEMBER, BURY, OFFER, EXTEND, END_RUN, GO_ON];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_after_nothing_is_now_and_after_a_moment_is_later() {
        assert_eq!(after_millis(5, Duration::ZERO), None);
        assert_eq!(after_millis(5, Duration::from_nanos(1)), Some(6));
        assert_eq!(after_millis(5, Duration::from_millis(2)), Some(7));
        assert_eq!(after_millis(5, Duration::MAX), Some(i64::MAX));
    }
}
