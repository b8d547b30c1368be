//! `queue lease`, and what is done by its receipts.

use super::*;

fn receipt(leased: &Value) -> &str {
    leased["receipt"].as_str().unwrap()
}

#[test]
fn a_lease_outlives_its_process_and_is_settled_by_its_receipt() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a b c");
    let leased = lease(&sandbox, "-n 2");
    assert_eq!(leased.len(), 2);
    assert_eq!(leased[0]["id"], "a");
    assert_eq!(leased[0]["body"], json!({"n": "a"}));
    assert_eq!(leased[0]["attempt"], 1);
    assert_eq!(counts(&sandbox), [1, 0, 0, 2, 0]);
    let human = queue(&sandbox, "lease sqlite:q.db -n 9 --for 5m").expect(0).stdout;
    assert!(human.contains("  c\n    {\"n\":\"c\"}\n"), "{human}");
    assert_eq!(lease(&sandbox, ""), Vec::<Value>::new());

    let run = queue(&sandbox, &format!("ack sqlite:q.db {}", receipt(&leased[0]))).expect(0);
    assert_eq!(run.stdout, format!("ack {}: done\n", receipt(&leased[0])));
    let run = queue(&sandbox, &format!("release sqlite:q.db --json {}", receipt(&leased[1])));
    assert_eq!(lines(&run.expect(0))[0]["done"], true);
    assert_eq!(counts(&sandbox), [1, 0, 0, 1, 0]);
    // Given back as if never received.
    assert_eq!(lease(&sandbox, "")[0]["attempt"], 1);
}

#[test]
fn a_receipt_opens_its_lease_once_and_no_other_queue() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "g1@g g2@g g3@g");
    queue(&sandbox, "create sqlite:q.db?queue=other").expect(0);
    let leased = lease(&sandbox, "-n 2");
    let receipts = format!("{} {}", receipt(&leased[0]), receipt(&leased[1]));
    for verb in ["ack", "release", "extend"] {
        let run = queue(&sandbox, &format!("{verb} sqlite:q.db?queue=other {receipts}")).expect(1);
        assert!(run.stderr.contains("2 of 2 receipts hold no lease"), "{}", run.stderr);
    }
    assert_eq!(counts(&sandbox), [0, 1, 0, 2, 0]);

    queue(&sandbox, &format!("ack sqlite:q.db {receipts}")).expect(0);
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 0]);
    let last = lease(&sandbox, "");
    let run = queue(&sandbox, &format!("ack sqlite:q.db {receipts} {}", receipt(&last[0])));
    let run = run.expect(1);
    assert_eq!(run.stdout.matches("not done").count(), 2, "{}", run.stdout);
    assert_eq!(counts(&sandbox), [0; 5]);
    for rubbish in ["x", "1-2-3", "99999999999999999999-1", "1-1"] {
        queue(&sandbox, &format!("ack sqlite:q.db {rubbish}")).expect(1);
    }
}

#[test]
fn a_group_is_leased_alone_and_in_its_order() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a g1@g h1@h g2@g g3@g b");
    let leased = |words: &str| {
        let leased = lease(&sandbox, words);
        leased.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(leased("--group g -n 2"), ["g1", "g2"]);
    assert!(leased("--group g -n 9").is_empty(), "some of it are leased");
    assert!(leased("--group nobody -n 9").is_empty());
    assert_eq!(leased("--group h -n 9"), ["h1"]);
    assert_eq!(leased("-n 9"), ["a", "b"]);
}

#[test]
fn a_lease_lasts_as_long_as_was_said_and_can_be_extended() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    let leased = lease(&sandbox, "--for 2m");
    let file = raw(&sandbox);
    let left = || {
        let sql = "SELECT due - ?1, span FROM messages";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        file.query_row(sql, [millis()], read).unwrap()
    };
    assert_eq!(left().1, 120_000);
    queue(&sandbox, &format!("extend sqlite:q.db {} --for 2h", receipt(&leased[0]))).expect(0);
    let (left, span) = left();
    assert!(left > 120_000 && span == 7_200_000, "{left} {span}");
    for time in ["0s", "10ms", "soon"] {
        queue(&sandbox, &format!("lease sqlite:q.db --for {time}")).expect(2);
    }
}

#[test]
fn what_is_leased_from_the_shell_is_not_given_to_a_subscriber() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a b");
    lease(&sandbox, "");
    let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
    assert_eq!(run.stdout, "{\"n\":\"b\"}\n");
    assert_eq!(counts(&sandbox), [0, 0, 0, 1, 0]);
    raw(&sandbox).execute("UPDATE messages SET due = 1", []).unwrap();
    let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
    assert_eq!(run.stdout, "{\"n\":\"a\"}\n");
}
