//! Looks at the messages of an embedded queue, and takes none.

use super::clock::{self, Now, TOLERATED};
use super::codec::{Reading, integer};
use super::inspector::Inspector;
use crate::batch::{BatchBuilder, BatchLimits};
use crate::error::Result;
use crate::queues::{MessageState, Peek, PeekFilter, Peeked, PeekedPart};
use crate::times;
use async_trait::async_trait;
use rusqlite::{Row, Rows, params};

/// How many bytes fill a page; a single message may have more.
const PAGE_BYTES: usize = 16 << 20;

#[async_trait]
impl Peek for Inspector {
    async fn peek(&self, after: i64, max: usize) -> Result<Vec<Peeked>> {
        let (queue, clock) = (self.number, self.clock.clone());
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let look = move |c: &rusqlite::Connection| {
            let now = clock::look(c, &clock)?;
            let mut statement = c.prepare_cached(PEEK)?;
            let rows = statement.query(params![queue, after, max])?;
            page(rows, |row| peeked(row, now), |peeked| peeked.message.size())
        };
        self.reader.read(look).await
    }

    async fn peek_only(&self, filter: &PeekFilter, after: i64, max: usize) -> Result<PeekedPart> {
        let (queue, clock, filter) = (self.number, self.clock.clone(), filter.clone());
        let look = move |c: &rusqlite::Connection| {
            let now = clock::look(c, &clock)?;
            let mut statement = c.prepare_cached(PEEK_ONLY)?;
            let begun = now.lease.saturating_add(TOLERATED);
            let rows = statement.query(params![
                queue,
                after,
                i64::try_from(max).unwrap_or(i64::MAX),
                now.day,
                now.lease,
                begun,
                filter.state.and_then(number_of),
                filter.group,
                filter.tag
            ])?;
            let found = page(rows, |row| peeked(row, now), |peeked| peeked.message.size())?;
            let bytes: usize = found.iter().map(|it| it.message.size()).sum();
            let is_full = found.len() >= max || bytes >= PAGE_BYTES;
            let next = found.last().filter(|_| is_full).map(|last| last.position);
            Ok(PeekedPart { found, next })
        };
        self.reader.read(look).await
    }
}

/// The number of a state as `PEEK_ONLY` has it; `None` of those that the file does not keep apart.
fn number_of(state: MessageState) -> Option<i64> {
    match state.counted() {
        MessageState::Ready => Some(0),
        MessageState::Waiting => Some(1),
        MessageState::Scheduled => Some(2),
        MessageState::Leased => Some(3),
        MessageState::LeaseEnded | MessageState::SetAside => Some(4),
    }
}

/// Takes rows until their bytes are enough for one page.
pub fn page<T>(
    mut rows: Rows<'_>,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    size: impl Fn(&T) -> usize,
) -> rusqlite::Result<Vec<T>> {
    let mut page = BatchBuilder::new(BatchLimits { count: usize::MAX, bytes: PAGE_BYTES });
    while !page.is_full()
        && let Some(row) = rows.next()?
    {
        let one = read(row)?;
        let size = size(&one);
        page.push(one, size);
    }
    Ok(page.into_content())
}

/// A statement that looks at messages, from behind the columns that [`peeked`] reads.
macro_rules! looked_at {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, grp, tag, attributes, published_at, not_before, attempts,
             (SELECT body FROM bodies WHERE bodies.seq = messages.seq), state, due, span ",
            $rest
        )
    };
}
pub(super) use looked_at;

/// A message as a row shows it at this time, by a statement of `looked_at!`.
pub fn peeked(row: &Row<'_>, now: Now) -> rusqlite::Result<Peeked> {
    let (due, span) = (integer(row.get_ref(10)?), integer(row.get_ref(11)?));
    let state = state(integer(row.get_ref(9)?).unwrap_or_default(), due, span, now);
    let until = match state {
        MessageState::Scheduled => due,
        MessageState::Leased => due.map(|end| now.to_day(end)),
        MessageState::Ready
        | MessageState::Waiting
        | MessageState::LeaseEnded
        | MessageState::SetAside => None,
    };
    let Reading { message, attempts, fault } = Reading::of(row)?;
    Ok(Peeked {
        position: row.get(0)?,
        message,
        attempts: Some(attempts),
        state,
        until: until.and_then(times::from_millis),
        unreadable: fault,
    })
}

/// What holds a message whose row says so, at this time.
fn state(number: i64, due: Option<i64>, span: Option<i64>, now: Now) -> MessageState {
    let later = |now: i64| due.is_some_and(|due| due > now);
    // A lease that begins in the future was given by a clock that has since been set back.
    let begun = now.lease.saturating_add(TOLERATED);
    let runs = due.zip(span).is_some_and(|(due, span)| due.saturating_sub(span) <= begun);
    match number {
        1 => MessageState::Waiting,
        2 if later(now.day) => MessageState::Scheduled,
        3 if runs && later(now.lease) => MessageState::Leased,
        3 => MessageState::LeaseEnded,
        _ => MessageState::Ready,
    }
}

/// In the order of publishing, which is the table's own. Messages of other queues in the same file
/// that were published earlier are walked over.
const PEEK: &str =
    looked_at!("FROM messages NOT INDEXED WHERE queue = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3");

/// Those of one state at this time, one group and one tag, where these are named. A row tells its state
/// as [`state`] does; what is looked at row by row has no bodies.
const PEEK_ONLY: &str = looked_at!(
    "FROM messages NOT INDEXED
     WHERE queue = ?1 AND seq > ?2
       AND (?7 IS NULL OR ?7 = CASE
              WHEN state = 1 THEN 1
              WHEN state = 2 AND due > ?4 THEN 2
              WHEN state = 3 AND due > ?5 AND due - span <= ?6 THEN 3
              ELSE 0 END)
       AND (?8 IS NULL OR grp = ?8) AND (?9 IS NULL OR tag = ?9)
     ORDER BY seq LIMIT ?3"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_what_it_is_now() {
        let now = Now { day: 1000, lease: 5000 };
        for (number, due, span, expected) in [
            (0, None, None, MessageState::Ready),
            (1, Some(2000), None, MessageState::Waiting),
            (2, Some(1000), None, MessageState::Ready),
            (2, Some(1001), None, MessageState::Scheduled),
            (3, Some(5001), Some(30), MessageState::Leased),
            (3, Some(6030), Some(30), MessageState::Leased),
            (3, Some(5000), Some(30), MessageState::LeaseEnded),
            (3, Some(6031), Some(30), MessageState::LeaseEnded),
        ] {
            assert_eq!(state(number, due, span, now), expected, "{number} {due:?} {span:?}");
        }
    }
}
