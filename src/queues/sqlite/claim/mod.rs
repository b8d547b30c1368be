//! Messages of the embedded queue are leased, in the order of publishing and shared among groups.

pub mod expiry;
pub mod glance;
pub mod selection;
pub mod turns;

use super::clock::Now;
use super::lease::Claim;
use super::settle::Ending;
use crate::message::Delivery;
use crate::queues::{Receive, Select};
use expiry::{Next, without_an_end};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, params};
use selection::{Selection, Unreadable, limit};

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
    /// There is more than was looked at at once: look again.
    pub more: bool,
    /// How many messages could not be read, and are dead letters now.
    pub unreadable: usize,
}

impl Look {
    /// Leases what can be had now, sorted by the order of publishing: the oldest, and behind the
    /// first of each group what follows it, the room shared among the groups. A message that may
    /// kill its worker comes alone.
    pub fn run(&self, connection: &Connection, now: Now) -> rusqlite::Result<Found> {
        let mut more = self.bring_back(connection, now)?;
        let mut selection = Selection::new(&self.request, self.token);
        if self.suspects != Suspects::Last {
            self.take_suspect(connection, &mut selection)?;
        }
        if selection.deliveries.is_empty() {
            self.take_in_turns(connection, &mut selection, now)?;
        }
        if selection.deliveries.is_empty() && self.group.is_none() {
            self.take_suspect(connection, &mut selection)?;
        }
        if selection.deliveries.is_empty() {
            selection.unreadable.extend(without_an_end(connection, self.queue)?);
        }
        let unreadable = selection.unreadable.len();
        more |= unreadable > 0;
        self.bury(connection, now, std::mem::take(&mut selection.unreadable))?;
        selection.deliveries.content_mut().sort_unstable_by_key(|(claim, _)| claim.seq);
        self.lease(connection, now, &selection)?;
        let next = match selection.deliveries.is_empty() {
            true => self.next(connection)?,
            false => Next::default(),
        };
        Ok(Found { deliveries: selection.deliveries.into_content(), next, more, unreadable })
    }

    fn lease(
        &self,
        connection: &Connection,
        now: Now,
        selection: &Selection,
    ) -> rusqlite::Result<()> {
        let mut lease = connection.prepare_cached(LEASE)?;
        let until = now.lease.saturating_add(self.lease);
        for (claim, _) in selection.deliveries.content() {
            lease.execute(params![claim.seq, until, self.lease, self.token, now.day])?;
        }
        Ok(())
    }

    /// Makes dead letters of what cannot be read, so that it stops nobody.
    fn bury(
        &self,
        connection: &Connection,
        now: Now,
        unreadable: Vec<Unreadable>,
    ) -> rusqlite::Result<()> {
        if unreadable.is_empty() {
            return Ok(());
        }
        let mut ending = Ending::new(connection, self.queue, now.day)?;
        for Unreadable { seq, id, group, fault } in unreadable {
            tracing::warn!(id, "a message cannot be read, and is a dead letter now: {fault}");
            ending.bury_unread(seq, group, &format!("it cannot be read: {fault}"))?;
        }
        ending.finish()
    }

    /// Takes the one that was lost least often, or the oldest.
    fn take_suspect(
        &self,
        connection: &Connection,
        selection: &mut Selection,
    ) -> rusqlite::Result<()> {
        let tag = match &self.request.select {
            Select::Tag(tag) => Some(tag),
            Select::Any | Select::OldestTag => None,
        };
        let sql = match self.suspects {
            Suspects::InOrder => OLDEST_SUSPECT,
            Suspects::Last | Suspects::First => SUSPECT,
        };
        selection.take(&mut *connection.prepare_cached(sql)?, params![self.queue, tag]).map(drop)
    }

    /// Takes the oldest, then of the groups among them what follows, and goes on behind those as
    /// long as there is room.
    fn take_in_turns(
        &self,
        connection: &Connection,
        selection: &mut Selection,
        now: Now,
    ) -> rusqlite::Result<()> {
        if let Some(group) = &self.group {
            let mut head = connection.prepare_cached(READY_GROUP)?;
            selection.take(&mut head, params![self.queue, group])?;
            return self.take_followers(connection, selection, 0, now);
        }
        let wanted = self.tag(connection)?;
        let mut last = Some(0);
        while let Some(after) = last
            && selection.room() > 0
        {
            let taken = selection.deliveries.count();
            last = self.take_ready(connection, selection, &wanted, after)?;
            self.take_followers(connection, selection, taken, now)?;
        }
        Ok(())
    }

    /// Takes the oldest behind this place; gives the last one's, where there may be more.
    fn take_ready(
        &self,
        connection: &Connection,
        selection: &mut Selection,
        wanted: &Wanted,
        after: i64,
    ) -> rusqlite::Result<Option<i64>> {
        let (queue, room) = (self.queue, limit(selection.room()));
        match wanted {
            Wanted::Any => {
                let mut ready = connection.prepare_cached(READY)?;
                selection.take_heads(&mut ready, params![queue, room, after])
            }
            Wanted::Tag(Some(tag)) => {
                let mut ready = connection.prepare_cached(READY_TAG)?;
                let last = selection.take_heads(&mut ready, params![queue, room, after, tag])?;
                selection.only = Some(Some(tag.clone()));
                Ok(last)
            }
            Wanted::Tag(None) => {
                let mut ready = connection.prepare_cached(READY_UNTAGGED)?;
                let last = selection.take_heads(&mut ready, params![queue, room, after])?;
                selection.only = Some(None);
                Ok(last)
            }
            Wanted::Unreadable => {
                selection.only = Some(None);
                let mut ready = connection.prepare_cached(READY)?;
                selection.take_heads(&mut ready, params![queue, room, after])
            }
            Wanted::NoMessage => Ok(None),
        }
    }

    /// Which tag the request means now.
    fn tag(&self, connection: &Connection) -> rusqlite::Result<Wanted> {
        Ok(match &self.request.select {
            Select::Any => Wanted::Any,
            Select::Tag(tag) => Wanted::Tag(Some(tag.clone())),
            Select::OldestTag => connection
                .prepare_cached(OLDEST_TAG)?
                .query_row([self.queue], |row| Ok(Wanted::of(row.get_ref(0)?)))
                .optional()?
                .unwrap_or(Wanted::NoMessage),
        })
    }

    /// Adds to each group that was taken since then the messages that follow, as far as they could
    /// be had one after the other: a share of the room each, and in turns what others leave of it.
    fn take_followers(
        &self,
        connection: &Connection,
        selection: &mut Selection,
        since: usize,
        now: Now,
    ) -> rusqlite::Result<()> {
        let heads = selection.deliveries.content()[since..].iter();
        let grouped = heads.filter_map(|(_, it)| it.message.group.clone());
        let mut turn: Vec<(String, i64)> = grouped.map(|group| (group, 0)).collect();
        let mut followers = connection.prepare_cached(FOLLOWERS)?;
        while selection.room() > 0 && !turn.is_empty() {
            let (count, groups) = (turn.len(), std::mem::take(&mut turn));
            for (at, (group, last)) in groups.into_iter().enumerate() {
                let share = selection.share(count - at);
                let range = params![self.queue, limit(share), group, now.day, last];
                let taken = selection.take(&mut followers, range)?;
                if taken > 0 && taken == share {
                    turn.push((group, selection.last_seq()));
                }
            }
        }
        Ok(())
    }
}

enum Wanted {
    Any,
    Tag(Option<String>),
    /// What the oldest has, which no message can have: it is met, and behind it those without one.
    Unreadable,
    NoMessage,
}

impl Wanted {
    fn of(tag: ValueRef<'_>) -> Self {
        match tag.as_str_or_null() {
            Ok(tag) => Self::Tag(tag.map(str::to_owned)),
            Err(_) => Self::Unreadable,
        }
    }
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
    "WHERE queue = ?1 AND state = 0 AND tag IS NULL AND lost = 0 AND seq > ?3 UNION ALL ",
    delivery!("0"),
    "WHERE queue = ?1 AND state = 0 AND tag IS NOT NULL AND lost = 0 AND seq > ?3
     ORDER BY 1 LIMIT ?2"
);
const READY_TAG: &str = concat!(
    delivery!("0"),
    "WHERE queue = ?1 AND state = 0 AND tag IS NOT NULL AND tag = ?4 AND lost = 0
     AND seq > ?3 ORDER BY seq LIMIT ?2"
);
const READY_UNTAGGED: &str = concat!(
    delivery!("0"),
    "WHERE queue = ?1 AND state = 0 AND tag IS NULL AND lost = 0 AND seq > ?3
     ORDER BY seq LIMIT ?2"
);
const READY_GROUP: &str =
    concat!(delivery!("0"), "WHERE queue = ?1 AND grp = ?2 AND state = 0 ORDER BY seq LIMIT 1");
const FOLLOWERS: &str = concat!(
    delivery!("coalesce(due > ?4, 0) OR lost > 0"),
    "WHERE queue = ?1 AND grp = ?3 AND state = 1 AND seq > ?5 ORDER BY seq LIMIT ?2"
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
];
