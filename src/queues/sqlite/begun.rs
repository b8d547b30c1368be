//! What is being worked on in an embedded queue: only that counts against a message whose lease
//! ends without a verdict, and not what was fetched ahead.
//!
//! A batch is one row for each lease that its messages came under, which is one as a rule. A row
//! outlives its process, and is told from others' by the lease's token.

use super::lease::Claim;
use rusqlite::{Connection, params};

/// The messages on which work had begun.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Begun(Vec<Claim>);

impl Begun {
    /// Whether work had begun on this one.
    pub fn contains(&self, claim: Claim) -> bool {
        self.0.binary_search(&claim).is_ok()
    }
}

/// Work on these begins.
pub fn begin(connection: &Connection, claims: &[Claim]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(INSERT)?;
    for lease in by_lease(claims).chunk_by(same_lease) {
        insert.execute(params![lease[0].token, write(lease.iter().map(|claim| &claim.seq))])?;
    }
    Ok(())
}

/// Work on these is over; gives those on which it had begun.
pub fn end(connection: &Connection, claims: &[Claim]) -> rusqlite::Result<Begun> {
    let mut begun = Vec::new();
    for over in by_lease(claims).chunk_by(same_lease) {
        let token = over[0].token;
        let is_over = |seq: &i64| over.binary_search_by_key(seq, |claim| claim.seq).is_ok();
        for (row, seqs) in rows(connection, token)? {
            let (ended, left): (Vec<_>, Vec<_>) = seqs.into_iter().partition(is_over);
            if left.is_empty() {
                connection.prepare_cached(DELETE)?.execute([row])?;
            } else if !ended.is_empty() {
                connection.prepare_cached(UPDATE)?.execute(params![row, write(left.iter())])?;
            }
            begun.extend(ended.into_iter().map(|seq| Claim { seq, token }));
        }
    }
    begun.sort_unstable();
    Ok(Begun(begun))
}

/// Forgets rows of leases that are no more: their workers have died.
pub fn sweep(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached(SWEEP)?.execute([]).map(drop)
}

/// The claims of one lease beside each other, in the order of publishing.
fn by_lease(claims: &[Claim]) -> Vec<Claim> {
    let mut claims = claims.to_vec();
    claims.sort_unstable_by_key(|claim| (claim.token, claim.seq));
    claims
}

fn same_lease(a: &Claim, b: &Claim) -> bool {
    a.token == b.token
}

fn rows(connection: &Connection, token: i64) -> rusqlite::Result<Vec<(i64, Vec<i64>)>> {
    let mut statement = connection.prepare_cached(SELECT)?;
    let rows =
        statement.query_map([token], |row| Ok((row.get(0)?, read(row.get_ref(1)?.as_str()?))))?;
    rows.collect()
}

fn write<'a>(seqs: impl Iterator<Item = &'a i64>) -> String {
    let mut text = String::new();
    for seq in seqs {
        text.push_str(&seq.to_string());
        text.push(' ');
    }
    text
}

fn read(text: &str) -> Vec<i64> {
    text.split_ascii_whitespace().filter_map(|seq| seq.parse().ok()).collect()
}

const INSERT: &str = "INSERT INTO begun (token, seqs) VALUES (?1, ?2)";
const SELECT: &str = "SELECT rowid, seqs FROM begun WHERE token = ?1";
const UPDATE: &str = "UPDATE begun SET seqs = ?2 WHERE rowid = ?1";
const DELETE: &str = "DELETE FROM begun WHERE rowid = ?1";
/// As many rows as batches are being written, in each of which messages are leased. It is done only
/// where leases have ended by themselves.
const SWEEP: &str = "
DELETE FROM begun WHERE token NOT IN (SELECT token FROM messages WHERE state = 3)";

#[cfg(test)]
pub const HOT: &[&str] = &[INSERT, SELECT, UPDATE, DELETE];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queues::sqlite::schema::SCHEMA;

    fn claims(seqs: &[i64], token: i64) -> Vec<Claim> {
        seqs.iter().map(|seq| Claim { seq: *seq, token }).collect()
    }

    fn rows_left(connection: &Connection) -> i64 {
        connection.query_row("SELECT count(*) FROM begun", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn what_began_is_known_until_it_ends() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA.tables).unwrap();
        begin(&connection, &[claims(&[1, 2, 3], 7), claims(&[4], 8)].concat()).unwrap();
        begin(&connection, &claims(&[5], 7)).unwrap();
        assert_eq!(rows_left(&connection), 3);
        let over = [claims(&[2, 5, 9], 7), claims(&[1], 8)].concat();
        let begun = end(&connection, &over).unwrap();
        assert_eq!(begun, Begun(claims(&[2, 5], 7)));
        assert_eq!(end(&connection, &over).unwrap(), Begun::default());
        let rest = [claims(&[1, 3], 7), claims(&[4], 8)].concat();
        assert_eq!(end(&connection, &rest).unwrap(), Begun(rest));
        assert_eq!(rows_left(&connection), 0);
    }

    #[test]
    fn a_dead_workers_rows_are_swept_and_a_living_ones_stay() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA.tables).unwrap();
        let lease = "INSERT INTO messages
                     (queue, state, id, digest, published_at, remember, due, span, token)
                     VALUES (1, 3, 'a', x'', 0, 0, 10, 10, 7)";
        connection.execute(lease, []).unwrap();
        begin(&connection, &[claims(&[1], 7), claims(&[2], 8)].concat()).unwrap();
        sweep(&connection).unwrap();
        assert!(end(&connection, &claims(&[1], 7)).unwrap().contains(Claim { seq: 1, token: 7 }));
        assert_eq!(rows_left(&connection), 0);
    }
}
