//! `queue stats`, which counts and changes nothing.

use super::*;

#[test]
fn stats_count_every_state_once() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d1 d2");
    publish_all(&sandbox, "a b g1@g g2@g g3@g");
    publish(&sandbox, &[json!({"id": "later", "body": 1, "not_before": "2099-01-01T00:00:00Z"})]);
    publish(&sandbox, &[json!({"id": "tagged", "body": 1, "tag": "t"})]);
    assert_eq!(counts(&sandbox), [4, 2, 1, 0, 2]);

    let stats = stats(&sandbox);
    assert!(stats["file_bytes"].as_u64().unwrap() > 0, "{stats}");
    assert!(stats["oldest_seconds"].as_u64().unwrap() < 600, "{stats}");
    let human = queue(&sandbox, "stats sqlite:q.db").expect(0).stdout;
    assert!(human.contains("ready       4\n") && human.contains("dead        2\n"), "{human}");
}

#[test]
fn stats_of_an_empty_queue_know_no_oldest_message() {
    let sandbox = Sandbox::new();
    publish(&sandbox, &[]);
    assert_eq!(counts(&sandbox), [0; 5]);
    assert_eq!(stats(&sandbox)["oldest_seconds"], Value::Null);
}

#[test]
fn stats_count_a_lease_that_has_ended_as_what_the_next_run_will_find() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a b g1@g g2@g g3@g h1@h h2@h");
    let file = raw(&sandbox);
    let lease = |ids: &str, due: i64, span: i64| {
        let sql = format!(
            "UPDATE messages SET state = 3, due = {due}, span = {span}, token = 7
             WHERE id IN ({ids})"
        );
        file.execute(&sql, []).unwrap();
    };
    // One that runs, one that has ended, and one of a clock that was an hour ahead.
    lease("'a'", millis() + 60_000, 60_000);
    lease("'b'", millis() - 1, 30_000);
    lease("'g1', 'g2'", millis() + 3_600_000, 30_000);
    lease("'h1'", millis() + 60_000, 60_000);
    assert_eq!(counts(&sandbox), [2, 3, 0, 2, 0]);
    // What is due is ready, though nobody has looked yet.
    file.execute("UPDATE messages SET state = 2, due = 1 WHERE id = 'a'", []).unwrap();
    assert_eq!(counts(&sandbox), [3, 3, 0, 1, 0]);

    let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout: --max-messages 3").run();
    assert_eq!(run.expect(0).stdout.lines().count(), 3);
}
