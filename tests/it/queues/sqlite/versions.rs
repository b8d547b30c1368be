//! Files that an older version of the program made, and older programs that still have them open.

use crate::support::pond::{Pond, drain, ids, publish, receive};
use crate::support::sandbox::Sandbox;
use kakehi::Kind;
use kakehi::queues;
use rusqlite::{Connection, params};
use std::path::Path;

/// What made a file of version 1, and what the next ones made of it.
const VERSIONS: [&str; 3] = [
    include_str!("../../../fixtures/queue-version-1.sql"),
    include_str!("../../../fixtures/queue-version-2.sql"),
    include_str!("../../../fixtures/queue-version-3.sql"),
];

/// The statements with which programs of versions 1 to 3 publish, word for word.
const INSERT: &str = "
INSERT INTO messages
  (queue, state, id, grp, tag, attributes, digest, not_before, published_at, remember, due)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
ON CONFLICT (queue, id) DO NOTHING";
const INSERT_BODY: &str = "INSERT INTO bodies (seq, body) VALUES (?1, ?2)";

fn make(path: &Path) {
    Connection::open(path).unwrap().execute_batch(VERSIONS[0]).unwrap();
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
    assert_eq!(version(&path), 4);
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
        assert_eq!(version(&sandbox.path(&name)), 4);
        sandbox.queue().args("verify").arg(&name).run().expect(0);
    }
}

#[tokio::test]
async fn a_file_that_an_older_program_has_open_is_not_upgraded() {
    // Each waits for the other program as long as anybody does.
    futures_util::future::join_all((1..=VERSIONS.len()).map(refused_while_open)).await;
}

async fn refused_while_open(version_there: usize) {
    let pond = Pond::new();
    let path = pond.folder.path().join("q.db");
    let old = Connection::open(&path).unwrap();
    VERSIONS[..version_there].iter().for_each(|step| old.execute_batch(step).unwrap());
    let looking = queues::open_inspector(pond.url(""), &pond.options).await.unwrap();
    let ready = looking.stats().await.unwrap().ready.unwrap();
    let error = queues::open_publisher(pond.url(""), &pond.options).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Unreachable, "{error}");
    let text = error.to_string();
    assert!(text.contains("another program has it open, and would not know format 4"), "{text}");
    assert_eq!(version(&path), version_there as i64);

    // It goes on, and what it published before it ended is there.
    let none = None::<String>;
    let row = params![1, 0, "old", none, none, none, [0_u8; 32], none, 1000, 0, None::<i64>];
    assert_eq!(old.execute(INSERT, row).unwrap(), 1);
    old.execute(INSERT_BODY, params![old.last_insert_rowid(), b"old".as_slice()]).unwrap();
    assert_eq!(looking.stats().await.unwrap().ready, Some(ready + 1));
    drop(old);
    // Who only looks at it, here the one from before, hinders nobody.
    let publisher = pond.publisher().await;
    assert_eq!(version(&path), 4);
    assert_eq!(looking.stats().await.unwrap().ready, Some(ready + 1));
    publish(&*publisher, "new").await;
    let drained = drain(&*pond.subscriber().await).await;
    assert!(drained.starts_with("ready tagged g1 g2 old"), "{drained}");
    assert!(drained.ends_with("new"), "{drained}");
}

#[tokio::test]
async fn what_older_versions_scheduled_comes_in_its_time_and_the_rest_before_what_is_new() {
    let pond = Pond::new();
    let path = pond.folder.path().join("q.db");
    let old = Connection::open(&path).unwrap();
    VERSIONS.iter().for_each(|step| old.execute_batch(step).unwrap());
    old.execute_batch("DELETE FROM messages; DELETE FROM bodies").unwrap();
    let now = pond.options.clock.millis();
    for (id, state, due) in [("late", 2, Some(now + 60_000)), ("a", 0, None), ("b", 0, None)] {
        let none = None::<String>;
        let row = params![1, state, id, none, none, none, [0_u8; 32], none, now, 0, due];
        old.execute(INSERT, row).unwrap();
        old.execute(INSERT_BODY, params![old.last_insert_rowid(), b"x".as_slice()]).unwrap();
    }
    drop(old);
    let (publisher, subscriber) = pond.both().await;
    pond.pass(30);
    publish(&*publisher, "c").await;
    pond.pass(60);
    publish(&*publisher, "d").await;
    assert_eq!(ids(&receive(&*subscriber, 9).await), "a b c late d");
}

#[tokio::test]
async fn the_first_topic_of_a_file_of_version_1_is_made_when_it_is_upgraded() {
    let pond = Pond::new();
    make(&pond.folder.path().join("q.db"));
    for queue in ["?queue=alerts", "?queue=more"] {
        let topic = format!("{queue}&topic=default");
        assert!(queues::create(pond.url(&topic), &pond.options).await.unwrap());
    }
    publish(&*pond.publisher().await, "a").await;
    for queue in ["?queue=alerts", "?queue=more"] {
        assert_eq!(drain(&*pond.subscriber_from(queue).await).await, "a");
    }
}

#[test]
fn a_newer_version_is_refused_untouched() {
    let sandbox = Sandbox::new();
    make(&sandbox.path("q.db"));
    Connection::open(sandbox.path("q.db")).unwrap().pragma_update(None, "user_version", 5).unwrap();
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
