//! What is left of an embedded queue's tables and of the indexes that repeat them, loaded into the
//! tables of a new file.

use crate::clients::sqlite::{Salvage, TreeKind};
use crate::queues::sqlite::schema::SCHEMA;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use std::collections::{BTreeSet, HashMap};

/// What was read: whether each of these was whole, and which pages were not.
#[derive(Default)]
pub struct Found {
    /// The table of messages.
    pub messages: bool,
    /// The index of their ids.
    pub ids: bool,
    /// The table of dead letters.
    pub dead: bool,
    /// The index of their ids.
    pub dead_ids: bool,
    /// The table of ids that count on.
    pub remembered: bool,
    /// Pages that could not be read, or not wholly.
    pub damaged: BTreeSet<u32>,
}

/// Loads every row that can be read, as it is; the ids of which an index knows go into tables that
/// vanish with this connection.
pub fn load(connection: &Connection, salvage: &Salvage) -> rusqlite::Result<Found> {
    connection.execute_batch(KNOWN)?;
    let (roots, damaged) = (roots(salvage)?, BTreeSet::new());
    let mut loader = Loader { connection, salvage, roots, damaged };
    loader.fill("queues", TreeKind::Table, QUEUES)?;
    loader.fill("sqlite_autoindex_queues_1", TreeKind::Index, NAMES)?;
    loader.fill("queues_topic", TreeKind::Index, TOPICS)?;
    loader.fill("bodies", TreeKind::Table, BODIES)?;
    let found = Found {
        messages: loader.fill("messages", TreeKind::Table, MESSAGES)?,
        ids: loader.fill("messages_id", TreeKind::Index, IDS)?,
        dead: loader.fill("dead", TreeKind::Table, DEAD)?,
        dead_ids: loader.fill("dead_id", TreeKind::Index, DEAD_IDS)?,
        remembered: loader.fill("remembered", TreeKind::Index, REMEMBERED)?,
        damaged: BTreeSet::new(),
    };
    loader.fill("remembered_until", TreeKind::Index, REMEMBERED_IDS)?;
    Ok(Found { damaged: loader.damaged, ..found })
}

/// Fills the tables of a new file from the trees of a damaged one.
struct Loader<'s> {
    connection: &'s Connection,
    salvage: &'s Salvage,
    /// Where each tree begins, by its name.
    roots: HashMap<String, u32>,
    /// Pages that could not be read by now, or not wholly.
    damaged: BTreeSet<u32>,
}

impl Loader<'_> {
    /// Loads what is left of one tree; gives whether it was whole.
    fn fill(&mut self, name: &str, kind: TreeKind, sql: &str) -> rusqlite::Result<bool> {
        let Some(root) = self.roots.get(name) else { return Ok(false) };
        let mut insert = self.connection.prepare(sql)?;
        let mut tree = self.salvage.tree(*root, kind);
        let mut refused = false;
        while let Some((rows, page_is_whole)) = tree.next_rows() {
            // A row beside one that is torn may be torn itself, and here nothing would tell.
            if name == "remembered" && !page_is_whole {
                continue;
            }
            for row in rows {
                let mut values = row.values;
                if kind == TreeKind::Table
                    && let Some(first) = values.first_mut()
                {
                    *first = Value::Integer(row.number); // it stands for the row's number
                }
                values.resize(insert.parameter_count(), Value::Null);
                if name == "dead" && !page_is_whole && values[DEAD_DIGEST] == Value::Null {
                    values[DEAD_DIGEST] = Value::Blob(Vec::new()); // what nothing has
                }
                refused |= insert.execute(params_from_iter(values))? == 0;
            }
        }
        let whole = tree.damaged.is_empty() && !refused;
        self.damaged.append(&mut tree.damaged);
        Ok(whole)
    }
}

/// Where each table and index begins: as the file says, or else where every file of ours has it,
/// since they are made in one order and a file that can shrink keeps their roots at its beginning.
fn roots(salvage: &Salvage) -> rusqlite::Result<HashMap<String, u32>> {
    let fresh = Connection::open_in_memory()?;
    fresh.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    fresh.execute_batch(SCHEMA.tables)?;
    let mut statement = fresh.prepare("SELECT name, rootpage FROM sqlite_schema")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut roots: HashMap<String, u32> = rows.collect::<rusqlite::Result<_>>()?;
    let mut schema = salvage.tree(1, TreeKind::Table);
    while let Some((rows, _)) = schema.next_rows() {
        for row in rows {
            if let [_, Value::Text(name), _, Value::Integer(root), ..] = &row.values[..]
                && let Ok(root) = u32::try_from(*root)
            {
                roots.insert(name.clone(), root);
            }
        }
    }
    Ok(roots)
}

const KNOWN: &str = "
CREATE TEMP TABLE known (seq INTEGER PRIMARY KEY, queue INTEGER, id TEXT);
CREATE TEMP TABLE known_dead (seq INTEGER PRIMARY KEY, queue INTEGER, id TEXT);
CREATE TEMP TABLE known_remembered (queue INTEGER, id TEXT, PRIMARY KEY (queue, id));
CREATE TEMP TABLE known_names (number INTEGER PRIMARY KEY, name TEXT);
CREATE TEMP TABLE known_topics (number INTEGER PRIMARY KEY, topic TEXT);";

// What has another type than a column of ours is no row of ours.
const QUEUES: &str = "
INSERT OR IGNORE INTO queues (id, name, topic, retry_limit, age_limit, paused)
SELECT ?1, ?2, ?3, ?4, ?5, coalesce(?6, 0)
WHERE typeof(?2) = 'text' AND typeof(?3) IN ('text', 'null')
AND typeof(?4) IN ('integer', 'null') AND typeof(?5) IN ('integer', 'null')
AND typeof(?6) IN ('integer', 'null')";
const NAMES: &str = "
INSERT OR IGNORE INTO known_names (name, number) SELECT ?1, ?2
WHERE typeof(?1) = 'text' AND typeof(?2) = 'integer'";
const TOPICS: &str = "
INSERT OR IGNORE INTO known_topics (topic, number) SELECT ?1, ?2
WHERE typeof(?1) = 'text' AND typeof(?2) = 'integer'";
const BODIES: &str =
    "INSERT OR IGNORE INTO bodies (seq, body) SELECT ?1, ?2 WHERE typeof(?2) = 'blob'";
const MESSAGES: &str = "
INSERT OR IGNORE INTO messages
  (seq, queue, state, id, grp, tag, attributes, digest, not_before, published_at, remember, due,
   span, token, attempts, first_at, lost, available_at, leases, retry_limit, age_limit)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, coalesce(?17, 0),
       coalesce(?18, 0), coalesce(?19, 0), ?20, ?21
WHERE typeof(?2) || typeof(?3) || typeof(?10) || typeof(?11) || typeof(?15)
        = 'integerintegerintegerintegerinteger'
AND typeof(?4) = 'text' AND typeof(?8) = 'blob'
AND typeof(?5) IN ('text', 'null') AND typeof(?6) IN ('text', 'null')
AND typeof(?7) IN ('text', 'null') AND typeof(?9) IN ('text', 'null')
AND typeof(?12) IN ('integer', 'null') AND typeof(?16) IN ('integer', 'null')
AND typeof(?17) IN ('integer', 'null') AND typeof(?18) IN ('integer', 'null')
AND typeof(?19) IN ('integer', 'null') AND typeof(?20) IN ('integer', 'null')
AND typeof(?21) IN ('integer', 'null')";
const IDS: &str = "
INSERT OR IGNORE INTO known (queue, id, seq) SELECT ?1, ?2, ?3
WHERE typeof(?1) = 'integer' AND typeof(?2) = 'text' AND typeof(?3) = 'integer'";
const DEAD: &str = "
INSERT OR IGNORE INTO dead
  (seq, queue, id, grp, tag, attributes, body, not_before, published_at, attempts, first_at,
   died_at, reason, digest)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14
WHERE typeof(?2) || typeof(?9) || typeof(?10) || typeof(?12) = 'integerintegerintegerinteger'
AND typeof(?3) = 'text' AND typeof(?7) = 'blob' AND typeof(?13) = 'text'
AND typeof(?4) IN ('text', 'null') AND typeof(?5) IN ('text', 'null')
AND typeof(?6) IN ('text', 'null') AND typeof(?8) IN ('text', 'null')
AND typeof(?11) IN ('integer', 'null') AND typeof(?14) IN ('blob', 'null')";
/// Where the digest is in that.
const DEAD_DIGEST: usize = 13;
const DEAD_IDS: &str = "
INSERT OR IGNORE INTO known_dead (queue, id, seq) SELECT ?1, ?2, ?3
WHERE typeof(?1) = 'integer' AND typeof(?2) = 'text' AND typeof(?3) = 'integer'";
const REMEMBERED: &str = "
INSERT OR IGNORE INTO remembered (queue, id, digest, until) SELECT ?1, ?2, ?3, ?4
WHERE typeof(?1) = 'integer' AND typeof(?2) = 'text'
AND typeof(?3) = 'blob' AND typeof(?4) = 'integer'";
const REMEMBERED_IDS: &str = "
INSERT OR IGNORE INTO known_remembered (queue, id) SELECT ?2, ?3
WHERE typeof(?2) = 'integer' AND typeof(?3) = 'text'";
