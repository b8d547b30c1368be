//! Messages of the embedded queue are leased: what could be had first comes first, and the room is
//! shared among groups.

pub mod expiry;
pub mod glance;
pub mod selection;
pub mod turns;

use super::clock::Now;
use super::limits::Limits;
use super::settle::Ending;
use crate::queues::{Receive, Select};
use expiry::{Next, without_an_end};
use foldhash::HashMap;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, params};
use selection::{FIRST, Passed, Position, Selection, Taken, limit};

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
    /// Each lease counts, whatever becomes of it.
    pub counts_leases: bool,
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
    pub deliveries: Vec<Taken>,
    /// What can change by time alone.
    pub next: Next,
    /// There is more than was looked at at once: look again.
    pub more: bool,
    /// How many messages could not be read, or had no lease left, and are dead letters now.
    pub buried: usize,
}

impl Look {
    /// Leases what can be had now, in the order since when it could, and then that of publishing;
    /// behind the first of each group what follows it, the room shared among the groups. A message
    /// that may kill its worker comes alone.
    pub fn run(&self, connection: &Connection, now: Now) -> rusqlite::Result<Found> {
        let mut more = self.bring_back(connection, now)?;
        let limits = Limits::of(connection, self.queue)?;
        if limits.paused {
            return Ok(Found { next: self.next(connection)?, more, ..Found::default() });
        }
        let mut selection = Selection::new(self, limits, now.day);
        if self.suspects != Suspects::Last {
            self.take_suspect(connection, &mut selection)?;
        }
        if selection.taken.is_empty() {
            self.take_in_turns(connection, &mut selection, now)?;
        }
        if selection.taken.is_empty() && selection.passed.is_empty() && self.group.is_none() {
            self.take_suspect(connection, &mut selection)?;
        }
        if selection.taken.is_empty() {
            selection.passed.extend(without_an_end(connection, self.queue)?);
        }
        let buried = selection.passed.len();
        more |= buried > 0;
        self.bury(connection, now, std::mem::take(&mut selection.passed))?;
        selection.taken.content_mut().sort_unstable_by_key(|it| (it.available_at, it.claim.seq));
        self.lease(connection, now, &selection)?;
        let next = match selection.taken.is_empty() {
            true => self.next(connection)?,
            false => Next::default(),
        };
        Ok(Found { deliveries: selection.taken.into_content(), next, more, buried })
    }

    /// Looks until something was found, or nothing is there. What is due comes back in steps; the first
    /// ones may bring nothing that can be leased.
    pub fn run_until_found(&self, connection: &Connection, now: Now) -> rusqlite::Result<Found> {
        loop {
            let found = self.run(connection, now)?;
            if !found.deliveries.is_empty() || !found.more {
                return Ok(found);
            }
        }
    }

    fn lease(
        &self,
        connection: &Connection,
        now: Now,
        selection: &Selection,
    ) -> rusqlite::Result<()> {
        let mut lease = connection.prepare_cached(LEASE)?;
        let until = now.lease.saturating_add(self.lease);
        for Taken { claim, .. } in selection.taken.content() {
            let counts = self.counts_leases;
            lease.execute(params![claim.seq, until, self.lease, claim.token, now.day, counts])?;
        }
        self.begin_runs(connection, selection)
    }

    /// Notes of which groups something is leased now, and what the last of each is.
    fn begin_runs(&self, connection: &Connection, selection: &Selection) -> rusqlite::Result<()> {
        let taken = selection.taken.content().iter();
        let grouped =
            taken.filter_map(|it| Some((it.delivery.message.group.as_ref()?, it.claim.seq)));
        // A group's messages are in their order: the last one stays.
        let runs: HashMap<_, _> = grouped.collect();
        let mut run = connection.prepare_cached(RUN)?;
        runs.into_iter()
            .try_for_each(|(group, last)| run.execute(params![self.queue, group, last]).map(drop))
    }

    /// Makes dead letters of what cannot be delivered, so that it stops nobody.
    fn bury(&self, connection: &Connection, now: Now, passed: Vec<Passed>) -> rusqlite::Result<()> {
        if passed.is_empty() {
            return Ok(());
        }
        let mut ending = Ending::new(connection, self.queue, now.day)?;
        for Passed { seq, id, group, why } in passed {
            tracing::warn!(id, "a message is a dead letter now: {why}");
            ending.bury_undelivered(seq, group, &why)?;
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
        let mut suspect = connection.prepare_cached(sql)?;
        selection.take(&mut suspect, params![self.queue, tag], FIRST.0).map(drop)
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
            selection.take(&mut head, params![self.queue, group], FIRST.0)?;
            return self.take_followers(connection, selection, 0, now);
        }
        let (wanted, oldest) = self.tag(connection)?;
        let passed = selection.passed.len();
        let mut last = Some(FIRST);
        while let Some(after) = last
            && selection.room() > 0
        {
            let taken = selection.taken.count();
            last = self.take_ready(connection, selection, &wanted, after)?;
            if oldest.is_some() && selection.passed.get(passed).map(|it| it.seq) == oldest {
                // Its tag decided, and it cannot be had: the next look asks what the oldest is then.
                selection.give_back_behind(passed + 1);
                return Ok(());
            }
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
        (available_at, seq): Position,
    ) -> rusqlite::Result<Option<Position>> {
        let (queue, room) = (self.queue, limit(selection.room()));
        match wanted {
            Wanted::Any => {
                let mut ready = connection.prepare_cached(READY)?;
                selection.take_heads(&mut ready, params![queue, room, available_at, seq])
            }
            Wanted::Tag(Some(tag)) => {
                let mut ready = connection.prepare_cached(READY_TAG)?;
                let last = selection
                    .take_heads(&mut ready, params![queue, room, available_at, seq, tag])?;
                selection.only = Some(Some(tag.clone()));
                Ok(last)
            }
            Wanted::Tag(None) => {
                let mut ready = connection.prepare_cached(READY_UNTAGGED)?;
                let last =
                    selection.take_heads(&mut ready, params![queue, room, available_at, seq])?;
                selection.only = Some(None);
                Ok(last)
            }
            Wanted::Unreadable => {
                selection.only = Some(None);
                let mut ready = connection.prepare_cached(READY)?;
                selection.take_heads(&mut ready, params![queue, room, available_at, seq])
            }
            Wanted::NoMessage => Ok(None),
        }
    }

    /// Which tag the request means now, and which message decided that.
    fn tag(&self, connection: &Connection) -> rusqlite::Result<(Wanted, Option<i64>)> {
        Ok(match &self.request.select {
            Select::Any => (Wanted::Any, None),
            Select::Tag(tag) => (Wanted::Tag(Some(tag.clone())), None),
            Select::OldestTag => connection
                .prepare_cached(OLDEST_TAG)?
                .query_row([self.queue], |row| Ok((Wanted::of(row.get_ref(0)?), row.get(2)?)))
                .optional()?
                .unwrap_or((Wanted::NoMessage, None)),
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
        let heads = selection.taken.content()[since..].iter();
        let grouped = heads.filter_map(|it| {
            let group = it.delivery.message.group.clone()?;
            Some((group, (it.available_at, it.claim.seq)))
        });
        let mut turn: Vec<(String, Position)> = grouped.collect();
        let mut followers = connection.prepare_cached(FOLLOWERS)?;
        while selection.room() > 0 && !turn.is_empty() {
            let (count, groups) = (turn.len(), std::mem::take(&mut turn));
            for (at, (group, (available_at, seq))) in groups.into_iter().enumerate() {
                let share = selection.share(count - at);
                let range = params![self.queue, limit(share), group, now.day, seq];
                let taken = selection.take(&mut followers, range, available_at)?;
                if taken > 0 && taken == share {
                    turn.push((group, selection.last()));
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
            ", lost, available_at, leases, retry_limit, age_limit FROM messages "
        )
    };
}

// Two indexes walked side by side: a message without a tag, as most are, has one entry to keep.
const READY: &str = concat!(
    delivery!("0"),
    "WHERE queue = ?1 AND state = 0 AND tag IS NULL AND lost = 0
     AND (available_at, seq) > (?3, ?4) UNION ALL ",
    delivery!("0"),
    "WHERE queue = ?1 AND state = 0 AND tag IS NOT NULL AND lost = 0
     AND (available_at, seq) > (?3, ?4) ORDER BY 12, 1 LIMIT ?2"
);
const READY_TAG: &str = concat!(
    delivery!("0"),
    "WHERE queue = ?1 AND state = 0 AND tag IS NOT NULL AND tag = ?5 AND lost = 0
     AND (available_at, seq) > (?3, ?4) ORDER BY available_at, seq LIMIT ?2"
);
const READY_UNTAGGED: &str = concat!(
    delivery!("0"),
    "WHERE queue = ?1 AND state = 0 AND tag IS NULL AND lost = 0
     AND (available_at, seq) > (?3, ?4) ORDER BY available_at, seq LIMIT ?2"
);
const READY_GROUP: &str = concat!(
    delivery!("0"),
    "WHERE seq = (SELECT min(seq) FROM messages WHERE queue = ?1 AND grp = ?2) AND state = 0"
);
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
SELECT tag, available_at, seq FROM messages
WHERE queue = ?1 AND state = 0 AND tag IS NULL AND lost = 0
UNION ALL
SELECT tag, available_at, seq FROM messages
WHERE queue = ?1 AND state = 0 AND tag IS NOT NULL AND lost = 0
ORDER BY 2, 3 LIMIT 1";
const LEASE: &str = "
UPDATE messages SET state = 3, due = ?2, span = ?3, token = ?4,
                    first_at = coalesce(first_at, ?5), leases = leases + ?6
WHERE seq = ?1";
const RUN: &str = "INSERT OR REPLACE INTO runs (queue, grp, last) VALUES (?1, ?2, ?3)";

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
    RUN,
];
