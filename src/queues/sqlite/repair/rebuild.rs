//! Fills a new file with the rows that are left of a damaged one.
//!
//! The rows are read around the damaged pages, and held against what the file says twice: a
//! message's digest tells whether its content is whole, and the indexes tell which ids there were.
//! Therefore a row that a torn page shows once more after its message was acknowledged does not come back,
//! and a message whose row is gone has a name.

use super::salvage::{Found, load};
use crate::clients::sqlite::Salvage;
use crate::queues::inspect::{RepairLoss, Repaired};
use crate::queues::sqlite::codec;
use crate::queues::sqlite::enqueue::digest;
use crate::queues::sqlite::verify::verified;
use crate::times;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// At most this many names are in memory at once.
const AT_ONCE: usize = 500;

/// Fills a new file from a damaged one, and tells of each thing that is not saved as it was.
pub fn rebuild(
    connection: &Connection,
    salvage: &Salvage,
    now: i64,
    tell: impl FnMut(RepairLoss),
) -> rusqlite::Result<Repaired> {
    let found = load(connection, salvage)?;
    connection.execute_batch(BOUND_ATTEMPTS)?;
    let mut repair = Repair { connection, now, found, lost: 0, tell };
    repair.name_queues()?;
    repair.drop_ghosts()?;
    // Before any is added: it might take the place of one that is lost.
    repair.verify_dead()?;
    repair.verify_messages()?;
    repair.bury_what_has_no_row()?;
    repair.name_forgotten()?;
    connection.execute_batch(OFFER)?;
    connection.execute(OFFER_GROUPS, [now])?;
    if let Some(wrong) = verified(connection)?.into_iter().find(|check| check.wrong > 0) {
        let why = format!("the repaired file is not in order: {}", wrong.what);
        return Err(rusqlite::Error::ToSqlConversionFailure(why.into()));
    }
    let count = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    Ok(Repaired {
        file: Default::default(),
        messages: count("SELECT count(*) FROM messages")?.unsigned_abs(),
        dead: count("SELECT count(*) FROM dead")?.unsigned_abs(),
        lost: repair.lost,
        pages: repair.found.damaged.into_iter().collect(),
        log_cut_off: salvage.pages().cut_off(),
    })
}

struct Repair<'c, T> {
    connection: &'c Connection,
    now: i64,
    found: Found,
    /// How much was told of.
    lost: u64,
    tell: T,
}

/// A message or dead letter by its place, queue and id.
struct Named {
    seq: i64,
    queue: i64,
    id: String,
}

impl Named {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { seq: row.get(0)?, queue: row.get(1)?, id: row.get(2)? })
    }
}

impl<T: FnMut(RepairLoss)> Repair<'_, T> {
    /// Every queue that anything is in gets a name: its own, if any page still knows it.
    fn name_queues(&mut self) -> rusqlite::Result<()> {
        self.connection.execute_batch(NAME_QUEUES)?;
        let nameless = self.all(NAMELESS, |row| row.get::<_, i64>(0))?;
        for number in nameless {
            let mut name = format!("repaired-{number}");
            while self.connection.prepare(IS_NAME)?.exists([&name])? {
                name.push('x');
            }
            self.connection.execute(ADD_QUEUE, params![number, name])?;
            let named = Named { seq: 0, queue: number, id: name };
            self.note("queue", named, "its name is gone: it has this one now", true)?;
        }
        Ok(())
    }

    /// Where only one of table and index is whole, that one tells what there was.
    fn drop_ghosts(&mut self) -> rusqlite::Result<()> {
        let Found { messages, ids, dead, dead_ids, .. } = self.found;
        if ids && !messages {
            self.connection.execute_batch(DROP_GHOSTS)?;
        }
        if messages && !ids {
            self.connection
                .execute_batch("DELETE FROM known WHERE seq NOT IN (SELECT seq FROM messages)")?;
        }
        if dead_ids && !dead {
            self.connection
                .execute_batch("DELETE FROM dead WHERE seq NOT IN (SELECT seq FROM known_dead)")?;
        }
        if dead && !dead_ids {
            self.connection
                .execute_batch("DELETE FROM known_dead WHERE seq NOT IN (SELECT seq FROM dead)")?;
        }
        Ok(())
    }

    /// A message without its body is lost; one whose content is not what was published is kept as a
    /// dead letter, to be looked at.
    fn verify_messages(&mut self) -> rusqlite::Result<()> {
        self.each_judged(MESSAGES, |repair, named, judgement| match judgement {
            Judgement::NoBody => {
                repair.remove(named.seq)?;
                repair.note("message", named, "its body is gone", false)
            }
            Judgement::BadTime | Judgement::OtherContent => {
                let why = match judgement {
                    Judgement::BadTime => "the time that it was to wait for is gone",
                    _ => "its content is not what was published",
                };
                let bury = params![named.seq, repair.now, format!("damaged: {why}")];
                repair.connection.prepare_cached(BURY)?.execute(bury)?;
                repair.leave_out(repair.connection.last_insert_rowid())?;
                repair.remove(named.seq)?;
                repair.note("message", named, why, true)
            }
        })
    }

    /// Removes a row that is dealt with: neither its id nor its body is looked at again.
    fn remove(&self, seq: i64) -> rusqlite::Result<()> {
        DELETE.iter().try_for_each(|sql| self.change(sql, seq))
    }

    fn change(&self, sql: &str, seq: i64) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([seq]).map(drop)
    }

    /// A message of which only id and body are left is kept as a dead letter; so is a body alone.
    fn bury_what_has_no_row(&mut self) -> rusqlite::Result<()> {
        self.each(ROW_LOST, |repair, named| {
            let why = "its attributes, group and tag are gone";
            match repair.bury_body(&named, why)? {
                true => repair.note("message", named, why, true),
                false => repair.note("message", named, "it is gone", false),
            }
        })?;
        // Whose queue and id nobody knows. Where the index is whole, they are of no message.
        if !self.found.ids {
            self.each(BODY_ALONE, |repair, Named { seq, .. }| {
                let queue = repair.first_queue()?;
                let named = Named { seq, queue, id: format!("repaired/{seq}") };
                let why = "only its body is left: id, queue, attributes, group and tag are gone";
                repair.bury_body(&named, why)?;
                repair.note("message", named, why, true)
            })?;
        }
        self.connection.execute_batch(DROP_BODIES)
    }

    /// A queue for what is of none; one is made where there is none.
    fn first_queue(&self) -> rusqlite::Result<i64> {
        let first = self.connection.query_row(FIRST_QUEUE, [], |row| row.get(0)).optional()?;
        if let Some(queue) = first {
            return Ok(queue);
        }
        self.connection.execute(ADD_QUEUE, params![1, "default"])?;
        Ok(1)
    }

    fn bury_body(&self, named: &Named, why: &str) -> rusqlite::Result<bool> {
        let Named { seq, queue, id } = named;
        let reason = format!("damaged: {why}");
        let buried = params![seq, queue, id, self.now, reason];
        Ok(self.connection.prepare_cached(BURY_BODY)?.execute(buried)? > 0)
    }

    fn verify_dead(&mut self) -> rusqlite::Result<()> {
        self.each_judged(DEAD, |repair, named, judgement| match judgement {
            Judgement::NoBody => Ok(()),
            // It waits for nothing any more.
            Judgement::BadTime => repair.leave_out(named.seq),
            Judgement::OtherContent => {
                let why = "its content may not be what was published";
                repair.leave_out(named.seq)?;
                repair.note("dead letter", named, why, true)
            }
        })?;
        self.each(DEAD_LOST, |repair, named| repair.note("dead letter", named, "it is gone", false))
    }

    /// What cannot be read of a dead letter is left out.
    fn leave_out(&self, seq: i64) -> rusqlite::Result<()> {
        let readable = |row: &Row<'_>| {
            let time = row.get_ref(1)?.as_str_or_null()?;
            let time = time.is_none_or(|text| times::parse(text).is_some());
            Ok((codec::has_attributes(row.get_ref(0)?), time))
        };
        let (attributes, time) =
            self.connection.prepare_cached(CELLS)?.query_row([seq], readable)?;
        self.connection.prepare_cached(FORGET)?.execute(params![seq, attributes, time]).map(drop)
    }

    fn name_forgotten(&mut self) -> rusqlite::Result<()> {
        if self.found.remembered {
            return Ok(());
        }
        self.each(FORGOTTEN, |repair, named| {
            let why = "it counts no more: a message with it is accepted again";
            repair.note("remembered id", named, why, false)
        })
    }

    /// Does this with each row with which something is wrong, some at a time.
    fn each_judged(
        &mut self,
        sql: &str,
        work: impl Fn(&mut Self, Named, Judgement) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let mut after = i64::MIN;
        loop {
            let judged = self.judged(sql, after)?;
            let Some((last, _)) = judged.last() else { return Ok(()) };
            after = last.seq;
            judged.into_iter().try_for_each(|(named, it)| work(self, named, it))?;
        }
    }

    /// The first rows behind a place with which something is wrong.
    fn judged(&self, sql: &str, after: i64) -> rusqlite::Result<Vec<(Named, Judgement)>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([after])?;
        let mut judged = Vec::new();
        while judged.len() < AT_ONCE
            && let Some(row) = rows.next()?
        {
            if let Some(judgement) = judge(row)? {
                judged.push((Named::of(row)?, judgement));
            }
        }
        Ok(judged)
    }

    /// Does this with each thing that a query names, some at a time.
    fn each(
        &mut self,
        sql: &str,
        work: impl Fn(&mut Self, Named) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let mut after = i64::MIN;
        loop {
            let mut statement = self.connection.prepare_cached(sql)?;
            let page = statement.query_map(params![after, AT_ONCE as i64], Named::of)?;
            let page = page.collect::<rusqlite::Result<Vec<_>>>()?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.seq;
            page.into_iter().try_for_each(|named| work(self, named))?;
        }
    }

    fn all<V>(
        &self,
        sql: &str,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<V>,
    ) -> rusqlite::Result<Vec<V>> {
        self.connection.prepare(sql)?.query_map([], read)?.collect()
    }

    fn note(
        &mut self,
        what: &'static str,
        Named { queue, id, .. }: Named,
        why: &'static str,
        kept: bool,
    ) -> rusqlite::Result<()> {
        let name = "SELECT name FROM queues WHERE id = ?1";
        let queue = self.connection.prepare_cached(name)?.query_row([queue], |row| row.get(0))?;
        self.lost += 1;
        (self.tell)(RepairLoss { what, queue, id, why, kept });
        Ok(())
    }
}

/// What is wrong with a row.
enum Judgement {
    /// The time cannot be read.
    BadTime,
    NoBody,
    OtherContent,
}

/// Holds a row of `MESSAGES` or `DEAD` against its digest. What version 1 buried has none, and an
/// empty one where its page is torn.
fn judge(row: &Row<'_>) -> rusqlite::Result<Option<Judgement>> {
    let text = |at| row.get_ref(at).and_then(|it| Ok(it.as_str_or_null()?));
    let Some(body) = row.get_ref(8)?.as_blob_or_null()? else { return Ok(Some(Judgement::NoBody)) };
    let attributes = text(5)?;
    let readable = codec::has_attributes(row.get_ref(5)?);
    let content = digest(attributes, text(3)?, text(4)?, body);
    let fits = row.get_ref(6)?.as_blob_or_null()?.is_none_or(|known| known == content);
    if !readable || !fits {
        return Ok(Some(Judgement::OtherContent));
    }
    let time = text(7)?;
    let readable = time.is_none_or(|time| times::parse(time).is_some());
    Ok((!readable).then_some(Judgement::BadTime))
}

const NAME_QUEUES: &str = "
INSERT OR IGNORE INTO queues (id, name) SELECT number, name FROM known_names;
UPDATE OR IGNORE queues SET topic = (SELECT topic FROM known_topics WHERE number = queues.id)
WHERE topic IS NULL;";
const NAMELESS: &str = "
SELECT queue FROM messages UNION SELECT queue FROM known UNION SELECT queue FROM dead
UNION SELECT queue FROM known_dead UNION SELECT queue FROM remembered
UNION SELECT queue FROM known_remembered
EXCEPT SELECT id FROM queues";
const IS_NAME: &str = "SELECT 1 FROM queues WHERE name = ?1";
const ADD_QUEUE: &str = "INSERT INTO queues (id, name) VALUES (?1, ?2)";
const FIRST_QUEUE: &str = "SELECT id FROM queues ORDER BY id LIMIT 1";
const DROP_GHOSTS: &str = "
DELETE FROM messages WHERE NOT EXISTS (
  SELECT 1 FROM known
  WHERE known.seq = messages.seq AND known.queue = messages.queue AND known.id = messages.id);
DELETE FROM bodies WHERE NOT EXISTS (SELECT 1 FROM known WHERE known.seq = bodies.seq);";
const MESSAGES: &str = "
SELECT seq, queue, id, grp, tag, attributes, digest, not_before,
       (SELECT body FROM bodies WHERE bodies.seq = messages.seq)
FROM messages WHERE seq > ?1 ORDER BY seq";
const DEAD: &str = "
SELECT seq, queue, id, grp, tag, attributes, digest, not_before, body FROM dead
WHERE seq > ?1 ORDER BY seq";
const BOUND_ATTEMPTS: &str = "
UPDATE messages SET attempts = min(max(attempts, 0), 4294967295);
UPDATE dead SET attempts = min(max(attempts, 0), 4294967295);";
const CELLS: &str = "SELECT attributes, not_before FROM dead WHERE seq = ?1";
const FORGET: &str = "
UPDATE dead SET attributes = CASE WHEN ?2 THEN attributes END,
                not_before = CASE WHEN ?3 THEN not_before END
WHERE seq = ?1";
const DELETE: [&str; 3] = [
    "DELETE FROM messages WHERE seq = ?1",
    "DELETE FROM bodies WHERE seq = ?1",
    "DELETE FROM known WHERE seq = ?1",
];
const BURY: &str = "
INSERT INTO dead (queue, id, grp, tag, attributes, body, not_before, published_at, attempts,
                  first_at, died_at, reason)
SELECT queue, id, grp, tag, CASE WHEN json_valid(attributes) THEN attributes END, body, NULL,
       published_at, attempts, first_at, ?2, ?3
FROM messages JOIN bodies USING (seq) WHERE seq = ?1";
const BURY_BODY: &str = "
INSERT INTO dead (queue, id, body, published_at, attempts, died_at, reason)
SELECT ?2, ?3, body, ?4, 0, ?4, ?5 FROM bodies WHERE seq = ?1";
const ROW_LOST: &str = "
SELECT seq, queue, id FROM known
WHERE seq > ?1 AND NOT EXISTS (SELECT 1 FROM messages WHERE messages.seq = known.seq)
ORDER BY seq LIMIT ?2";
const BODY_ALONE: &str = "
SELECT seq, 0, '' FROM bodies
WHERE seq > ?1 AND NOT EXISTS (SELECT 1 FROM messages WHERE messages.seq = bodies.seq)
AND NOT EXISTS (SELECT 1 FROM known WHERE known.seq = bodies.seq)
ORDER BY seq LIMIT ?2";
const DROP_BODIES: &str = "
DELETE FROM bodies WHERE NOT EXISTS (SELECT 1 FROM messages WHERE messages.seq = bodies.seq)";
const DEAD_LOST: &str = "
SELECT seq, queue, id FROM known_dead
WHERE seq > ?1 AND NOT EXISTS (SELECT 1 FROM dead WHERE dead.seq = known_dead.seq)
ORDER BY seq LIMIT ?2";
const FORGOTTEN: &str = "
SELECT rowid, queue, id FROM known_remembered
WHERE rowid > ?1 AND NOT EXISTS (SELECT 1 FROM remembered
                                 WHERE remembered.queue = known_remembered.queue
                                 AND remembered.id = known_remembered.id)
ORDER BY rowid LIMIT ?2";
/// Nothing is leased any more.
const OFFER: &str = "
UPDATE messages SET state = CASE WHEN grp IS NOT NULL THEN 1
                                 WHEN state = 2 AND due IS NOT NULL THEN 2 ELSE 0 END,
                    due = CASE WHEN state IN (1, 2) THEN due END,
                    -- An older version gave it none.
                    available_at = CASE WHEN state IN (1, 2) AND available_at = 0 THEN coalesce(due, 0)
                                 ELSE available_at END,
                    span = NULL, token = NULL, attempts = max(attempts, 0),
                    lost = min(max(lost, 0), max(attempts, 0))";
const OFFER_GROUPS: &str = "
UPDATE messages SET state = CASE WHEN due > ?1 THEN 2 ELSE 0 END,
                    due = CASE WHEN due > ?1 THEN due END
WHERE seq IN (SELECT min(seq) FROM messages WHERE grp IS NOT NULL GROUP BY queue, grp)";
