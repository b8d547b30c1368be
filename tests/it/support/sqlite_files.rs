//! What the files of a killed pipeline hold, seen in a copy: whoever opens the files themselves
//! mends them, and that is the programs' part.

use crate::support::sandbox::Sandbox;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// Documents or bodies by their ids.
pub type Texts = BTreeMap<String, String>;

/// The file that publishers are given as their spool.
pub const SPOOL: &str = "spool.db";

/// What the queue's file holds.
#[derive(Default)]
pub struct Queue {
    /// Ready, waiting, scheduled or leased.
    pub live: Texts,
    /// The leases under which some of these are.
    pub leases: BTreeSet<i64>,
    pub dead: Texts,
}

/// What must never be found, each as a question that counts.
const WRONG: [(&str, &str); 9] = [
    (
        "messages without a body",
        "SELECT count(*) FROM messages WHERE seq NOT IN (SELECT seq FROM bodies)",
    ),
    (
        "bodies without a message",
        "SELECT count(*) FROM bodies WHERE seq NOT IN (SELECT seq FROM messages)",
    ),
    ("messages in no state", "SELECT count(*) FROM messages WHERE state NOT IN (0, 1, 2, 3)"),
    (
        "leased ones without a lease",
        "SELECT count(*) FROM messages
         WHERE state = 3 AND (token IS NULL OR due IS NULL OR span IS NULL)",
    ),
    (
        "more leases lost than attempts made",
        "SELECT count(*) FROM messages WHERE lost < 0 OR lost > attempts",
    ),
    (
        "others with a lease",
        "SELECT count(*) FROM messages WHERE state <> 3 AND (token IS NOT NULL OR span IS NOT NULL)",
    ),
    (
        "waiting ones without a group",
        "SELECT count(*) FROM messages WHERE state = 1 AND grp IS NULL",
    ),
    (
        "scheduled ones without a time",
        "SELECT count(*) FROM messages WHERE state = 2 AND due IS NULL",
    ),
    (
        "groups that are stuck, or offered twice",
        "SELECT count(*) FROM (
           SELECT sum(state IN (0, 2)) AS heads, count(DISTINCT token) AS runs
           FROM messages WHERE grp IS NOT NULL GROUP BY queue, grp)
         WHERE heads + runs <> 1",
    ),
];

/// The queue; empty where its file was not made yet.
pub fn queue(sandbox: &Sandbox) -> Queue {
    queue_in(sandbox, "queue.db")
}

/// The spool, which is a queue in a file of its own.
pub fn spool(sandbox: &Sandbox) -> Queue {
    queue_in(sandbox, SPOOL)
}

fn queue_in(sandbox: &Sandbox, name: &str) -> Queue {
    let Some(file) = copy(sandbox, name, "messages") else { return Queue::default() };
    for (what, sql) in WRONG {
        assert_eq!(number(&file, sql), 0, "{what}");
    }
    let counted = number(&file, "SELECT count(*) FROM messages");
    let live = texts(
        &file,
        "SELECT id, CAST(body AS TEXT) FROM messages JOIN bodies USING (seq)",
        counted,
    );
    // A dead one may be published again, and die again.
    let counted = number(&file, "SELECT count(DISTINCT id) FROM dead");
    let dead = texts(&file, "SELECT id, CAST(body AS TEXT) FROM dead", counted);
    let mut leases =
        file.prepare("SELECT DISTINCT token FROM messages WHERE state = 3").expect("it");
    let leases = leases.query_map([], |row| row.get(0)).expect("rows");
    Queue { live, leases: leases.map(|row| row.expect("a row")).collect(), dead }
}

/// The documents of the store.
pub fn store(sandbox: &Sandbox) -> Texts {
    let Some(file) = copy(sandbox, "store.db", "messages") else { return Texts::new() };
    let counted = number(&file, "SELECT count(*) FROM messages");
    texts(&file, "SELECT id, document FROM messages", counted)
}

/// A sound copy of a file and its log, or of what a kill left of them; `None` where it has no such
/// table yet.
fn copy(sandbox: &Sandbox, name: &str, table: &str) -> Option<Connection> {
    if !sandbox.path(name).exists() {
        return None;
    }
    let folder = tempfile::tempdir_in(sandbox.dir()).expect("a folder");
    for ending in ["", "-wal", "-journal"] {
        let file = format!("{name}{ending}");
        if sandbox.path(&file).exists() {
            std::fs::copy(sandbox.path(&file), folder.path().join(&file)).expect("a copy");
        }
    }
    let connection = Connection::open(folder.path().join(name)).expect("a database");
    let ask = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0));
    assert_eq!(ask("PRAGMA integrity_check").expect("an answer"), "ok", "{name}");
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    let there: u32 = connection.query_row(sql, [table], |row| row.get(0)).expect("a number");
    (there > 0).then_some(connection)
}

fn number(file: &Connection, sql: &str) -> usize {
    let counted: u32 =
        file.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|cause| panic!("{sql}: {cause}"));
    counted as usize
}

/// Texts by id, each once, and as many as were counted.
#[track_caller]
fn texts(file: &Connection, sql: &str, counted: usize) -> Texts {
    let mut statement = file.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    let texts: Texts = rows.map(|row| row.expect("a row")).collect();
    assert_eq!(texts.len(), counted, "an id is there twice, or a row is not counted: {sql}");
    texts
}
