//! Rows of the embedded queue that cannot be read: what this program does not write, another version
//! may have written, or a damaged page may show. They stop nobody, and are not lost.

use crate::support::pond::{Pond, ack, ids, publish, receive, up_to};
use crate::support::queue_file::{publish as publish_lines, publish_all, stats};
use crate::support::sandbox::{Run, Sandbox};
use crate::support::verdicts::retry;
use kakehi::environment::Environment;
use kakehi::queues::{self, Options, Receipts, Receive, Select, Settled};
use kakehi::spool::Spool;
use kakehi::{Location, Message};
use serde_json::{Value, json};
use std::time::Duration;

/// Each makes the row of the message `bad` one that cannot be read, and is what is said of it.
const HARM: [(&str, &str); 7] = [
    ("UPDATE messages SET not_before = '-0001-01-01T00:00:00Z' WHERE id = 'bad'", "`not_before`"),
    (
        "UPDATE messages SET not_before = '+12000-01-01T00:00:00+00:00' WHERE id = 'bad'",
        "`not_before`",
    ),
    ("UPDATE messages SET attributes = '{\"k\":7}' WHERE id = 'bad'", "attributes"),
    ("UPDATE messages SET attempts = -3 WHERE id = 'bad'", "count of attempts"),
    ("UPDATE messages SET published_at = 'soon' WHERE id = 'bad'", "`published_at`"),
    ("DELETE FROM bodies WHERE seq = (SELECT seq FROM messages WHERE id = 'bad')", "body"),
    ("UPDATE messages SET tag = x'ff' WHERE id = 'bad'", "tag"),
];

fn harm(sandbox: &Sandbox, sql: &str) {
    let file = rusqlite::Connection::open(sandbox.path("q.db")).unwrap();
    file.execute_batch(sql).unwrap();
}

fn queue(sandbox: &Sandbox, words: &str) -> Run {
    sandbox.queue().args(words).run()
}

fn lines(run: &Run) -> Vec<Value> {
    run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_time_that_cannot_be_carried_is_refused_and_its_neighbours_go() {
    let sandbox = Sandbox::new();
    let times = [
        "-0001-01-01T00:00:00Z",
        "+12000-01-01T00:00:00Z",
        "0000-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ];
    for (at, time) in times.into_iter().enumerate() {
        let good =
            json!({"id": format!("good{at}"), "body": {}, "not_before": "0000-01-01T00:00:00Z"});
        let bad = json!({"id": "bad", "body": {}, "not_before": time});
        let publish = sandbox.publish().args("stdin:?envelope --to sqlite:q.db");
        let run = publish.stdin(format!("{bad}\n{good}\n")).run().expect(65);
        assert!(run.stderr.contains("0000 to 9999"), "{}", run.stderr);
    }
    let last = json!({"id": "last", "body": {}, "not_before": "9999-12-31T23:59:59.999Z"});
    publish_lines(&sandbox, &[last]);
    let peeked = lines(&queue(&sandbox, "peek sqlite:q.db --json").expect(0));
    assert_eq!(peeked.len(), 5);
    assert_eq!(peeked[4]["not_before"], "9999-12-31T23:59:59.999Z");
    queue(&sandbox, "verify q.db").expect(0);
    sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
}

#[test]
fn a_row_that_cannot_be_read_is_named_buried_listed_and_dropped() {
    for (sql, fault) in HARM {
        let sandbox = Sandbox::new();
        publish_all(&sandbox, "first bad last");
        harm(&sandbox, sql);
        let verify = queue(&sandbox, "verify q.db").expect(1);
        assert!(
            verify.stdout.contains("can be read: 1 times not, first message 2: its"),
            "{sql}: {}",
            verify.stdout
        );
        let peeked = queue(&sandbox, "peek sqlite:q.db").expect(0).stdout;
        assert!(peeked.contains(&format!("(cannot be read: its {fault})")), "{sql}: {peeked}");
        assert!(peeked.contains("first") && peeked.contains("last"), "{sql}: {peeked}");
        assert_eq!(stats(&sandbox)["ready"], 3, "{sql}");

        let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(65);
        assert_eq!(run.stdout, "{\"n\":\"first\"}\n{\"n\":\"last\"}\n", "{sql}");
        let letters = lines(&queue(&sandbox, "dead list sqlite:q.db --json").expect(0));
        let expected = (json!(format!("it cannot be read: its {fault}")), json!("bad"));
        assert_eq!((letters[0]["reason"].clone(), letters[0]["id"].clone()), expected, "{sql}");
        queue(&sandbox, "dead list sqlite:q.db").expect(0);
        let verify = queue(&sandbox, "verify q.db");
        assert!(verify.code == 0 || verify.stdout.contains("dead letter 1"), "{}", verify.stdout);
        queue(&sandbox, "dead drop sqlite:q.db --id bad --yes").expect(0);
        queue(&sandbox, "verify q.db").expect(0);
    }
}

#[test]
fn a_dead_letter_that_cannot_be_read_is_kept_by_a_redrive_and_dropped_by_a_drop() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "one two three");
    let fails = sandbox.subscribe().args("--from sqlite:q.db -- sh -c").arg("exit 65");
    fails.run().expect(65);
    harm(&sandbox, "UPDATE dead SET not_before = '+12000-01-01T00:00:00Z' WHERE id = 'one'");
    harm(
        &sandbox,
        "UPDATE dead SET id = x'ff', first_at = 'x', died_at = '', attempts = x'' WHERE id = 'two'",
    );
    let listed = lines(&queue(&sandbox, "dead list sqlite:q.db --json").expect(0));
    // In the order of their dying, which is chance.
    let mut told: Vec<_> = listed.iter().map(|it| it["unreadable"].as_str()).collect();
    told.sort_unstable();
    assert_eq!(told, [None, Some("its `not_before`"), Some("its id, its count of attempts")]);
    let run = queue(&sandbox, "dead redrive sqlite:q.db --all --yes").expect(65);
    assert_eq!(run.stdout.matches("not done: it cannot be read").count(), 2, "{}", run.stdout);
    let counts = stats(&sandbox);
    assert_eq!((&counts["ready"], &counts["dead"]), (&json!(1), &json!(2)));
    queue(&sandbox, "dead drop sqlite:q.db --all --yes").expect(0);
    assert_eq!(stats(&sandbox)["dead"], 0);
}

#[test]
fn what_is_behind_such_a_row_in_its_group_goes_on() {
    let sandbox = Sandbox::new();
    let bad = ["UPDATE messages SET grp = CAST(x'ff' AS TEXT)", "UPDATE messages SET grp = x'67'"];
    for sql in bad {
        publish_all(&sandbox, "a1@g a2@g a3@g other");
        harm(&sandbox, &format!("{sql} WHERE grp = 'g'"));
        let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(65);
        assert_eq!(run.stdout, "{\"n\":\"other\"}\n", "{sql}");
        assert_eq!(stats(&sandbox)["dead"], 3, "the name of their group is none");
        queue(&sandbox, "dead drop sqlite:q.db --all --yes").expect(0);
    }
    // In the middle of a run, and at its head.
    publish_all(&sandbox, "b1@g b2@g bad@g b3@g");
    harm(&sandbox, HARM[0].0);
    let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(65);
    assert_eq!(run.stdout, "{\"n\":\"b1\"}\n{\"n\":\"b2\"}\n{\"n\":\"b3\"}\n");
    // Nobody knows until when it is leased, or waits.
    for (state, due) in [(2, "NULL"), (2, "'soon'"), (3, "NULL"), (3, "x''")] {
        publish_all(&sandbox, "bad@g c2@g c3@g");
        let sql = format!("UPDATE messages SET state = {state}, due = {due}, span = 1, token = 1");
        harm(&sandbox, &format!("{sql} WHERE id = 'bad'"));
        queue(&sandbox, "verify q.db").expect(1);
        let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(65);
        assert_eq!(run.stdout, "{\"n\":\"c2\"}\n{\"n\":\"c3\"}\n", "{state} {due}");
        queue(&sandbox, "dead drop sqlite:q.db --all --yes").expect(0);
    }
    queue(&sandbox, "verify q.db").expect(0);
}

#[test]
fn receipts_purges_and_repairs_pass_such_rows() {
    let sandbox = Sandbox::new();
    for (sql, _) in HARM {
        publish_all(&sandbox, "bad good");
        harm(&sandbox, sql);
        let leased = lines(&queue(&sandbox, "lease sqlite:q.db -n 2 --json").expect(0));
        assert_eq!((leased.len(), &leased[0]["id"]), (1, &json!("good")), "{sql}");
        let receipt = leased[0]["receipt"].as_str().unwrap().to_owned();
        sandbox.queue().args("ack sqlite:q.db").arg(receipt).run().expect(0);
        queue(&sandbox, "dead drop sqlite:q.db --all --yes").expect(0);

        publish_all(&sandbox, "bad@g good@g");
        harm(&sandbox, sql);
        let repaired = queue(&sandbox, "repair q.db");
        assert!([0, 65].contains(&repaired.code), "{sql}: {}", repaired.stderr);
        queue(&sandbox, "verify q.db.repaired").expect(0);
        std::fs::remove_file(sandbox.path("q.db.repaired")).unwrap();
        queue(&sandbox, "purge sqlite:q.db --yes").expect(0);
        assert_eq!(stats(&sandbox)["ready"], 0, "{sql}");
    }
}

#[tokio::test]
async fn a_spool_that_holds_such_a_row_is_drained_of_the_others() {
    let sandbox = Sandbox::new();
    let options = Options::new(Environment::default(), sandbox.dir().to_owned());
    let url = format!("sqlite:{}", sandbox.path("q.db").display());
    let key = queues::key(&Location::parse(&url).unwrap(), &options).unwrap();
    let spool = Spool::new(sandbox.path("spool.db"), key, &options);
    let inlet = spool.open().await.unwrap();
    inlet.append(&["first", "bad", "last"].map(|id| Message::new(id, "{}"))).await.unwrap();
    inlet.close().await.unwrap();
    let file = rusqlite::Connection::open(sandbox.path("spool.db")).unwrap();
    file.execute_batch(HARM[0].0).unwrap();
    drop(file);
    let publish = sandbox.publish().args("--spool spool.db --to").arg(&url);
    let run = publish.stdin("{\"n\":4}\n").run().expect(65);
    assert_eq!(stats(&sandbox)["ready"], 3, "{}", run.stderr);
    let held = spool.stats().await.unwrap();
    assert_eq!((held.waiting, held.dead), (0, 1));
}

#[tokio::test]
async fn the_oldest_tag_may_be_one_that_cannot_be_read() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "bad x y").await;
    let harm = "UPDATE messages SET tag = x'ff' WHERE id = 'bad';
                UPDATE messages SET tag = id WHERE id = 'x'";
    pond.raw().execute_batch(harm).unwrap();
    for expected in ["x", "y", ""] {
        let oldest = Receive { select: Select::OldestTag, ..up_to(9) };
        let got = subscriber.receive(oldest).await.unwrap();
        assert_eq!(ids(&got), expected);
        ack(&*subscriber, &got).await;
    }
    assert_eq!(subscriber.unreadable(), 1);
}

#[tokio::test]
async fn verdicts_on_such_rows_are_carried_out_beside_the_others() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a@g bad@h c d@h").await;
    let got = receive(&*subscriber, 4).await;
    assert_eq!(ids(&got), "a bad c d");
    let harm = "UPDATE messages SET grp = CAST(x'ff' AS TEXT), remember = 'x', lost = '',
                digest = 'x', not_before = '' WHERE id = 'bad'";
    pond.raw().execute_batch(harm).unwrap();
    let inspector = queues::open_inspector(pond.url(""), &pond.options).await.unwrap();
    let receipts: &dyn Receipts = inspector.receipts().unwrap();
    let all: Vec<_> = got.iter().map(|it| it.receipt.clone()).collect();
    let extended = receipts.extend(all, Duration::from_secs(60)).await.unwrap();
    assert_eq!(extended, [const { Settled::Done }; 4]);
    let verdicts = got.iter().map(|it| (it.receipt.clone(), retry(Duration::ZERO)));
    assert_eq!(subscriber.settle(verdicts.collect()).await, [const { Settled::Done }; 4]);
    let got = receive(&*subscriber, 4).await;
    assert_eq!(ids(&got), "a c d");
    ack(&*subscriber, &got).await;
    assert_eq!(subscriber.unreadable(), 1);
}
