//! Files that an older version of the program made, and older programs that still have them open.

use crate::support::pond::{Pond, drain, ids, publish, receive};
use crate::support::sandbox::Sandbox;
use kakehi::Kind;
use kakehi::queues;
use rusqlite::{Connection, params};
use std::path::Path;

const VERSION_1: &str = include_str!("../../../fixtures/queue-version-1.sql");

/// The statements with which programs of version 1 publish and bury, word for word.
const INSERT: &str = "
INSERT INTO messages
  (queue, state, id, grp, tag, attributes, digest, not_before, published_at, remember, due)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
ON CONFLICT (queue, id) DO NOTHING";
const INSERT_BODY: &str = "INSERT INTO bodies (seq, body) VALUES (?1, ?2)";
const BURY: &str = "
INSERT INTO dead (queue, id, grp, tag, attributes, body, not_before, published_at, attempts,
                  first_at, died_at, reason)
SELECT queue, id, grp, tag, attributes, body, not_before, published_at, attempts, first_at, ?2, ?3
FROM messages JOIN bodies USING (seq) WHERE seq = ?1";
/// The statement with which programs of version 2 lease, word for word.
const LEASE: &str = "
UPDATE messages SET state = 3, due = ?2, span = ?3, token = ?4, attempts = attempts + 1,
                    first_at = coalesce(first_at, ?5)
WHERE seq = ?1";
const QUEUE: &str = "INSERT INTO queues (name) VALUES (?1) ON CONFLICT DO NOTHING";

fn make(path: &Path) {
    Connection::open(path).unwrap().execute_batch(VERSION_1).unwrap();
}

fn version(path: &Path) -> i64 {
    let file = Connection::open(path).unwrap();
    file.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_file_of_version_1_is_looked_at_as_it_is_and_upgraded_by_the_first_that_writes() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("q.db");
    make(&path);
    let queue = |words: &str| sandbox.queue().args(words).run();
    let stats = |queue: &str| {
        let run = sandbox.queue().args("stats --json").arg(format!("sqlite:q.db{queue}")).run();
        let stats: serde_json::Value = serde_json::from_str(&run.expect(0).stdout).unwrap();
        ["ready", "waiting", "scheduled", "leased", "dead"].map(|it| stats[it].as_u64().unwrap())
    };
    let held = [3, 2, 1, 2, 2];
    assert_eq!((stats(""), stats("?queue=second")), (held, [1, 0, 0, 0, 0]));
    queue("verify q.db").expect(0);
    assert_eq!(queue("peek sqlite:q.db").expect(0).stdout.lines().count(), 16);
    queue("stats sqlite:q.db?queue=second&topic=default").expect(78);
    assert_eq!(version(&path), 1, "looking changes nothing");

    queue("dead redrive sqlite:q.db --id dead1 --yes").expect(0);
    assert_eq!(version(&path), 3);
    assert_eq!(stats(""), [4, 2, 1, 2, 1]);
    queue("verify q.db").expect(0);
    let drained = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
    let mut lines: Vec<_> = drained.stdout.lines().collect();
    lines.sort_unstable();
    let drains = ["\"no object\"", "g1", "g2", "ready", "tagged"];
    let whole =
        |it: &str| if it.starts_with('"') { it.into() } else { format!("{{\"n\":\"{it}\"}}") };
    assert_eq!(lines, drains.map(whole));
    // What was leased is its holder's still, by the receipt that version 1 gave.
    queue("ack sqlite:q.db 1-7636683674156865051 2-7636683674156865051").expect(0);
    let drained = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
    assert_eq!(drained.stdout, "{\"n\":\"h2\"}\n", "it waited behind a leased one");
    // The id that was remembered still counts.
    let publish = |line: &str| {
        sandbox.publish().args("stdin:?envelope --to sqlite:q.db").stdin(line).run().expect(0)
    };
    publish("{\"id\":\"done\",\"body\":{\"n\":\"done\"}}\n");
    assert_eq!(stats(""), [0, 0, 1, 0, 1]);
}

#[tokio::test]
async fn many_programs_may_upgrade_one_file() {
    let sandbox = Sandbox::new();
    for round in 0..5 {
        let name = format!("q{round}.db");
        make(&sandbox.path(&name));
        let start = |_| sandbox.queue().args(&format!("create sqlite:{name}?queue=new")).spawn();
        let children: Vec<_> = (0..6).map(start).collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        assert_eq!(version(&sandbox.path(&name)), 3);
        sandbox.queue().args("verify").arg(&name).run().expect(0);
    }
}

#[tokio::test]
async fn a_program_of_version_1_that_has_the_file_open_goes_on_with_it() {
    let pond = Pond::new();
    let path = pond.folder.path().join("q.db");
    make(&path);
    pond.pass(365 * 24 * 60 * 60); // behind the time at which the file's messages were leased
    // It has prepared its statements, and uses them after the upgrade.
    let old = Connection::open(&path).unwrap();
    let mut insert = old.prepare(INSERT).unwrap();
    let mut insert_body = old.prepare(INSERT_BODY).unwrap();
    let mut bury = old.prepare(BURY).unwrap();
    let mut insert_queue = old.prepare(QUEUE).unwrap();
    let publisher = pond.publisher().await;
    let subscriber = pond.subscriber().await;
    assert_eq!(version(&path), 3);

    insert_queue.execute(["third"]).unwrap();
    let none = None::<String>;
    let inserted = params![1, 0, "old", none, none, none, [0_u8; 32], none, 1000, 0, None::<i64>];
    assert_eq!(insert.execute(inserted).unwrap(), 1);
    insert_body.execute(params![old.last_insert_rowid(), b"old".as_slice()]).unwrap();
    publish(&*publisher, "new").await;
    assert_eq!(drain(&*subscriber).await, "ready tagged g1 g2 old new");
    assert_eq!(bury.execute(params![8, 2000, "old ways"]).unwrap(), 1);
    let inspector = queues::open_inspector(pond.url(""), &pond.options).await.unwrap();
    let listed = inspector
        .dead_letters()
        .unwrap()
        .list(&queues::Which::All, Default::default(), 9)
        .await
        .unwrap();
    assert_eq!(listed.last().unwrap().head.reason, "old ways");
}

#[tokio::test]
async fn a_program_of_version_2_that_has_the_file_open_goes_on_with_it() {
    let pond = Pond::new();
    let path = pond.folder.path().join("q.db");
    make(&path);
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../../../fixtures/queue-version-2.sql")).unwrap();
    old.execute_batch("DELETE FROM messages; DELETE FROM bodies").unwrap();
    let mut lease = old.prepare(LEASE).unwrap();
    let reader = queues::open_inspector(pond.url(""), &pond.options).await.unwrap();
    let (publisher, subscriber) = pond.both().await;
    assert_eq!(version(&path), 3);
    publish(&*publisher, "a b c").await;
    let seq = "SELECT seq FROM messages WHERE id = 'a'";
    let seq: i64 = old.query_row(seq, [], |row| row.get(0)).unwrap();
    // By the time of day, as it knows no other.
    let now = pond.options.clock.millis();
    assert_eq!(lease.execute(params![seq, now + 30_000, 30_000, 7, now]).unwrap(), 1);
    let got = receive(&*subscriber, 1).await;
    assert_eq!(ids(&got), "b");
    pond.pass(29);
    assert_eq!(ids(&receive(&*subscriber, 9).await), "c");
    assert_eq!(reader.stats().await.unwrap().leased, Some(3));
    pond.pass(1);
    assert_eq!(ids(&receive(&*subscriber, 9).await), "a b");
}

#[tokio::test]
async fn the_first_topic_of_an_upgraded_file_waits_for_the_end_of_older_programs() {
    let pond = Pond::new();
    let path = pond.folder.path().join("q.db");
    make(&path);
    let old = Connection::open(&path).unwrap();
    let queues: i64 = old.query_row("SELECT count(*) FROM queues", [], |row| row.get(0)).unwrap();
    assert_eq!(queues, 2);
    let topic = "?queue=alerts&topic=default";
    // An older program would publish past the topic: what it published would be lost to `alerts`.
    let error = queues::create(pond.url(topic), &pond.options).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable, "{error}");
    assert!(error.to_string().contains("older version of this program"), "{error}");
    drop(old);
    assert!(queues::create(pond.url(topic), &pond.options).await.unwrap());
    // From now on none can come, and topics are made while others work.
    let publisher = pond.publisher().await;
    queues::create(pond.url("?queue=more&topic=default"), &pond.options).await.unwrap();
    publish(&*publisher, "a").await;
    for queue in ["?queue=alerts", "?queue=more"] {
        assert_eq!(drain(&*pond.subscriber_from(queue).await).await, "a");
    }
}

#[test]
fn a_newer_version_is_refused_untouched() {
    let sandbox = Sandbox::new();
    make(&sandbox.path("q.db"));
    Connection::open(sandbox.path("q.db")).unwrap().pragma_update(None, "user_version", 4).unwrap();
    let before = std::fs::read(sandbox.path("q.db")).unwrap();
    let subscribe = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run();
    let publish = sandbox.publish().args("--to sqlite:q.db").stdin("{}\n").run();
    let stats = sandbox.queue().args("stats sqlite:q.db").run();
    for run in [subscribe, publish, stats] {
        let run = run.expect(78);
        assert!(run.stderr.contains("a newer version of this program made it"), "{}", run.stderr);
        assert!(run.stderr.contains("hint:"), "{}", run.stderr);
    }
    assert_eq!(std::fs::read(sandbox.path("q.db")).unwrap(), before);
}
