//! Messages of the embedded queue are leased, and what was to wait comes back in time.

use super::sqlite_begun;
use super::sqlite_clock::{Now, TOLERATED};
use super::sqlite_settle::{Attempt, Claim, Ending};
use super::{Receive, Select};
use crate::message::{Delivery, Message};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, Row, Statement, ToSql, params};

/// At most this many messages come back in one transaction, so that a million that are due at once
/// hold nobody up; the next transactions bring the others.
const AT_ONCE: i64 = 2000;

/// One look into the queue.
pub struct Look {
    /// The queue's number.
    pub queue: i64,
    /// How long the lease shall be, in milliseconds.
    pub lease: i64,
    /// Who may settle what is found: never used before.
    pub token: i64,
    /// When a message that may kill its worker has its turn.
    pub suspects: Suspects,
    /// What to look for.
    pub request: Receive,
    /// Only messages of this group, where one is named.
    pub group: Option<String>,
}

/// When messages have their turn that lost their lease in mid-work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspects {
    /// When there are no others.
    Last,
    /// Before the others.
    First,
    /// Before the others, the oldest first: what was being worked on is older than what was not.
    InOrder,
}

/// What a look gave.
#[derive(Default)]
pub struct Found {
    /// What is leased now.
    pub deliveries: Vec<(Claim, Delivery)>,
    /// What can change by time alone.
    pub next: Next,
    /// More is due than came back at once: look again.
    pub more: bool,
}

/// When something may come by time alone, in milliseconds; `None`: not before somebody acts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Next {
    /// When the next message is due, as a time of day.
    pub due: Option<i64>,
    /// When the next lease ends, in the time of leases.
    pub lease_end: Option<i64>,
}

impl Look {
    /// Leases what can be had now, the oldest first; a group's messages stay in their order. A
    /// message that may kill its worker comes alone.
    pub fn run(&self, connection: &Connection, now: Now) -> rusqlite::Result<Found> {
        let more = self.bring_back(connection, now)?;
        let mut hand = Hand::new(&self.request, self.token);
        if self.suspects != Suspects::Last {
            self.take_suspect(connection, &mut hand)?;
        }
        if hand.deliveries.is_empty() {
            self.take_ready(connection, &mut hand)?;
            self.take_followers(connection, &mut hand, now)?;
        }
        if hand.deliveries.is_empty() && self.group.is_none() {
            self.take_suspect(connection, &mut hand)?;
        }
        let mut lease = connection.prepare_cached(LEASE)?;
        let until = now.lease.saturating_add(self.lease);
        for (claim, _) in &hand.deliveries {
            lease.execute(params![claim.seq, until, self.lease, self.token, now.day])?;
        }
        let next = match hand.deliveries.is_empty() {
            true => self.next(connection)?,
            false => Next::default(),
        };
        Ok(Found { deliveries: hand.deliveries, next, more })
    }

    /// Offers again what was leased or scheduled up to now. `true`: there may be more of it.
    fn bring_back(&self, connection: &Connection, now: Now) -> rusqlite::Result<bool> {
        let mut ended =
            claims_and_groups(connection, EXPIRED, params![self.queue, now.lease, AT_ONCE])?;
        // No clock of this machine has given a lease that begins in the future. Those that end
        // within the length of ours are looked at when they seem to have ended.
        let begun = now.lease.saturating_add(TOLERATED);
        let future = params![self.queue, begun.saturating_add(self.lease), begun, AT_ONCE];
        ended.extend(claims_and_groups(connection, FROM_THE_FUTURE, future)?);
        let mut count = ended.len() as i64;
        self.offer_again(connection, now, ended)?;
        count = count
            .max(connection.prepare_cached(DUE)?.execute(params![self.queue, now.day, AT_ONCE])?
                as i64);
        Ok(count >= AT_ONCE)
    }

    /// Offers what was leased; that counts where it was being worked on.
    fn offer_again(
        &self,
        connection: &Connection,
        now: Now,
        ended: Vec<(Claim, Option<String>)>,
    ) -> rusqlite::Result<()> {
        if ended.is_empty() {
            return Ok(());
        }
        let claims: Vec<_> = ended.iter().map(|(claim, _)| *claim).collect();
        let begun = sqlite_begun::end(connection, &claims)?;
        let mut ending = Ending::new(connection, self.queue, now.day);
        for (claim, group) in ended {
            let lost = begun.contains(&claim);
            let attempt = if lost { Attempt::Lost } else { Attempt::Uncounted };
            ending.offer(claim.seq, group, attempt, None)?;
        }
        ending.finish()?;
        sqlite_begun::sweep(connection)
    }

    /// Takes the one that was lost least often, or the oldest.
    fn take_suspect(&self, connection: &Connection, hand: &mut Hand) -> rusqlite::Result<()> {
        let tag = match &self.request.select {
            Select::Tag(tag) => Some(tag),
            Select::Any | Select::OldestTag => None,
        };
        let sql = match self.suspects {
            Suspects::InOrder => OLDEST_SUSPECT,
            Suspects::Last | Suspects::First => SUSPECT,
        };
        hand.take(&mut *connection.prepare_cached(sql)?, params![self.queue, tag])
    }

    fn take_ready(&self, connection: &Connection, hand: &mut Hand) -> rusqlite::Result<()> {
        let limit = i64::try_from(self.request.max).unwrap_or(i64::MAX);
        if let Some(group) = &self.group {
            let mut head = connection.prepare_cached(READY_GROUP)?;
            return hand.take(&mut head, params![self.queue, group]);
        }
        match self.tag(connection)? {
            Wanted::Any => {
                hand.take(&mut *connection.prepare_cached(READY)?, params![self.queue, limit])?;
            }
            Wanted::Tag(Some(tag)) => {
                hand.take(
                    &mut *connection.prepare_cached(READY_TAG)?,
                    params![self.queue, limit, tag],
                )?;
                hand.only = Some(Some(tag));
            }
            Wanted::Tag(None) => {
                hand.take(
                    &mut *connection.prepare_cached(READY_UNTAGGED)?,
                    params![self.queue, limit],
                )?;
                hand.only = Some(None);
            }
            Wanted::Nothing => {}
        }
        Ok(())
    }

    /// Which tag the request means now.
    fn tag(&self, connection: &Connection) -> rusqlite::Result<Wanted> {
        Ok(match &self.request.select {
            Select::Any => Wanted::Any,
            Select::Tag(tag) => Wanted::Tag(Some(tag.clone())),
            Select::OldestTag => connection
                .prepare_cached(OLDEST_TAG)?
                .query_row([self.queue], |row| row.get(0))
                .optional()?
                .map_or(Wanted::Nothing, Wanted::Tag),
        })
    }

    /// Adds to each group in hand the messages that follow, as far as they could be had one after
    /// the other.
    fn take_followers(
        &self,
        connection: &Connection,
        hand: &mut Hand,
        now: Now,
    ) -> rusqlite::Result<()> {
        let heads = hand.deliveries.iter();
        let groups: Vec<String> = heads.filter_map(|(_, it)| it.message.group.clone()).collect();
        for group in groups {
            let room = self.request.max.saturating_sub(hand.deliveries.len());
            if room == 0 || hand.full {
                break;
            }
            let room = i64::try_from(room).unwrap_or(i64::MAX);
            let mut followers = connection.prepare_cached(FOLLOWERS)?;
            hand.take(&mut followers, params![self.queue, room, group, now.day])?;
        }
        Ok(())
    }

    /// When the next message is due or the next lease ends.
    fn next(&self, connection: &Connection) -> rusqlite::Result<Next> {
        let mut statement = connection.prepare_cached(NEXT)?;
        let next = |row: &Row<'_>| Ok(Next { due: row.get(0)?, lease_end: row.get(1)? });
        statement.query_row([self.queue], next)
    }
}

enum Wanted {
    Any,
    Tag(Option<String>),
    Nothing,
}

/// What is being taken, within the request's bounds.
struct Hand {
    deliveries: Vec<(Claim, Delivery)>,
    token: i64,
    bytes: usize,
    max_bytes: usize,
    full: bool,
    /// The one tag that may be taken, if not any.
    only: Option<Option<String>>,
}

impl Hand {
    fn new(request: &Receive, token: i64) -> Self {
        let max_bytes = request.max_bytes;
        Self { deliveries: Vec::new(), token, bytes: 0, max_bytes, full: false, only: None }
    }

    /// Takes rows until there are no more, the bytes are used up, or one may not be taken: what
    /// follows it in its group must wait for it.
    fn take(
        &mut self,
        statement: &mut Statement<'_>,
        params: &[&dyn ToSql],
    ) -> rusqlite::Result<()> {
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            if row.get(9)? {
                break;
            }
            let (claim, delivery) = delivery(row, self.token)?;
            if self.only.as_ref().is_some_and(|tag| *tag != delivery.message.tag) {
                break;
            }
            let size = delivery.message.size();
            if !self.deliveries.is_empty() && self.bytes.saturating_add(size) > self.max_bytes {
                self.full = true;
                break;
            }
            self.bytes = self.bytes.saturating_add(size);
            self.deliveries.push((claim, delivery));
        }
        Ok(())
    }
}

fn claims_and_groups(
    connection: &Connection,
    sql: &str,
    params: &[&dyn ToSql],
) -> rusqlite::Result<Vec<(Claim, Option<String>)>> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params, |row| {
        let token: Option<i64> = row.get(2)?;
        Ok((Claim { seq: row.get(0)?, token: token.unwrap_or_default() }, row.get(1)?))
    })?;
    rows.collect()
}

/// The delivery that a row of `READY` and its sisters stands for.
fn delivery(row: &Row<'_>, token: i64) -> rusqlite::Result<(Claim, Delivery)> {
    let claim = Claim { seq: row.get(0)?, token };
    let attempts = Some(row.get::<_, u32>(7)?.saturating_add(1));
    let (message, lost) = (message(row)?, row.get(10)?);
    Ok((claim, Delivery { message, attempts, lost, receipt: claim.receipt() }))
}

/// The message that a row holds: id, grp, tag, attributes, published_at, not_before, attempts and
/// body, from the second column on.
pub fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: row.get(1)?,
        group: row.get(2)?,
        tag: row.get(3)?,
        attributes: match row.get_ref(4)?.as_str_or_null().map_err(rusqlite::Error::from)? {
            None => Default::default(),
            Some(json) => serde_json::from_str(json).map_err(|cause| unreadable(4, cause))?,
        },
        published_at: DateTime::from_timestamp_millis(row.get(5)?),
        not_before: match row.get_ref(6)?.as_str_or_null().map_err(rusqlite::Error::from)? {
            None => None,
            Some(text) => Some(
                DateTime::parse_from_rfc3339(text)
                    .map_err(|cause| unreadable(6, cause))?
                    .with_timezone(&Utc),
            ),
        },
        body: row.get_ref(8)?.as_blob()?.to_vec().into(),
    })
}

fn unreadable(
    column: usize,
    cause: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(cause))
}

/// The columns of a delivery; a follower that is not due yet, or comes alone, blocks itself and all
/// after it.
macro_rules! delivery {
    ($blocked:literal) => {
        concat!(
            "SELECT seq, id, grp, tag, attributes, published_at, not_before, attempts,
               (SELECT body FROM bodies WHERE bodies.seq = messages.seq), ",
            $blocked,
            ", lost FROM messages "
        )
    };
}

// Two indexes walked side by side: a message without a tag, as most are, has one entry to keep.
const READY: &str = concat!(
    delivery!("0"),
    "WHERE queue = ?1 AND state = 0 AND tag IS NULL AND lost = 0 UNION ALL ",
    delivery!("0"),
    "WHERE queue = ?1 AND state = 0 AND tag IS NOT NULL AND lost = 0 ORDER BY 1 LIMIT ?2"
);
const READY_TAG: &str = concat!(
    delivery!("0"),
    "WHERE queue = ?1 AND state = 0 AND tag IS NOT NULL AND tag = ?3 AND lost = 0
     ORDER BY seq LIMIT ?2"
);
const READY_UNTAGGED: &str = concat!(
    delivery!("0"),
    "WHERE queue = ?1 AND state = 0 AND tag IS NULL AND lost = 0 ORDER BY seq LIMIT ?2"
);
const READY_GROUP: &str =
    concat!(delivery!("0"), "WHERE queue = ?1 AND grp = ?2 AND state = 0 ORDER BY seq LIMIT 1");
const FOLLOWERS: &str = concat!(
    delivery!("coalesce(due > ?4, 0) OR lost > 0"),
    "WHERE queue = ?1 AND grp = ?3 AND state = 1 ORDER BY seq LIMIT ?2"
);
const SUSPECT: &str = concat!(
    delivery!("0"),
    "WHERE queue = ?1 AND state = 0 AND lost > 0 AND (?2 IS NULL OR tag = ?2)
     ORDER BY lost, seq LIMIT 1"
);
const OLDEST_SUSPECT: &str = concat!(
    delivery!("0"),
    "WHERE seq = (SELECT min(seq) FROM messages
                  WHERE queue = ?1 AND state = 0 AND lost > 0 AND (?2 IS NULL OR tag = ?2))"
);
const OLDEST_TAG: &str = "
SELECT tag, seq FROM messages WHERE queue = ?1 AND state = 0 AND tag IS NULL AND lost = 0
UNION ALL
SELECT tag, seq FROM messages WHERE queue = ?1 AND state = 0 AND tag IS NOT NULL AND lost = 0
ORDER BY 2 LIMIT 1";
const LEASE: &str = "
UPDATE messages SET state = 3, due = ?2, span = ?3, token = ?4,
                    first_at = coalesce(first_at, ?5)
WHERE seq = ?1";
const EXPIRED: &str = "
SELECT seq, grp, token FROM messages WHERE queue = ?1 AND state = 3 AND due <= ?2
ORDER BY due LIMIT ?3";
const FROM_THE_FUTURE: &str = "
SELECT seq, grp, token FROM messages WHERE queue = ?1 AND state = 3 AND due > ?2 AND due - span > ?3
ORDER BY due LIMIT ?4";
const DUE: &str = "
UPDATE messages SET state = 0, due = NULL WHERE seq IN
  (SELECT seq FROM messages WHERE queue = ?1 AND state = 2 AND due <= ?2 ORDER BY due LIMIT ?3)";
const NEXT: &str = "
SELECT (SELECT min(due) FROM messages WHERE queue = ?1 AND state = 2),
       (SELECT min(due) FROM messages WHERE queue = ?1 AND state = 3)";

#[cfg(test)]
pub const HOT: &[&str] = &[
    READY,
    READY_TAG,
    READY_UNTAGGED,
    READY_GROUP,
    FOLLOWERS,
    SUSPECT,
    OLDEST_SUSPECT,
    OLDEST_TAG,
    LEASE,
    EXPIRED,
    FROM_THE_FUTURE,
    DUE,
    NEXT,
];
