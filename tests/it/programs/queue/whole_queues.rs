//! `queue create`, `purge` and `delete`.

use super::*;

#[test]
fn create_makes_a_queue_once() {
    let sandbox = Sandbox::new();
    let run = queue(&sandbox, "create sqlite:new/q.db?queue=readings").expect(0);
    assert_eq!(
        run.stdout,
        "made sqlite:new/q.db?queue=readings (sqlite new/q.db queue readings)\n"
    );
    let run = queue(&sandbox, "create sqlite:new/q.db?queue=readings --json").expect(0);
    assert_eq!(lines(&run)[0]["made"], false);
    queue(&sandbox, "stats sqlite:new/q.db?queue=readings").expect(0);
    let run = queue(&sandbox, "stats sqlite:new/q.db").expect(69);
    assert!(run.stderr.contains("it holds `readings`"), "{}", run.stderr);
    queue(&sandbox, "create memory:t").expect(78);
}

#[test]
fn purge_asks_first_and_leaves_dead_letters_and_other_queues() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d");
    publish_all(&sandbox, "a b g1@g g2@g");
    let other = sandbox.publish().args("--to sqlite:q.db?queue=other").stdin("{\"a\":1}\n");
    other.run().expect(0);
    let shown = queue(&sandbox, "purge sqlite:q.db").expect(0).stdout;
    assert_eq!(shown, "would remove 4 messages\nnothing was changed: `--yes` does it\n");
    assert_eq!(counts(&sandbox), [3, 1, 0, 0, 1]);

    let run = queue(&sandbox, "purge sqlite:q.db --yes --json").expect(0);
    assert_eq!(lines(&run), [json!({"removed": 4, "done": true})]);
    assert_eq!(counts(&sandbox), [0, 0, 0, 0, 1]);
    let run = queue(&sandbox, "stats sqlite:q.db?queue=other --json").expect(0);
    assert_eq!(lines(&run)[0]["ready"], 1);
    let bodies: i64 =
        raw(&sandbox).query_row("SELECT count(*) FROM bodies", [], |row| row.get(0)).unwrap();
    assert_eq!(bodies, 1);
    // A group whose messages went goes on with what comes.
    publish_all(&sandbox, "g3@g");
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 1]);
}

#[test]
fn purge_takes_more_than_one_step() {
    let sandbox = Sandbox::new();
    let lines: String = (0..4500).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    sandbox.publish().args("--to sqlite:q.db").stdin(lines).run().expect(0);
    let run = queue(&sandbox, "purge sqlite:q.db --yes").expect(0);
    assert_eq!(run.stdout, "removed 4500 messages\n");
    assert_eq!(counts(&sandbox), [0; 5]);
}

#[test]
fn delete_asks_first_and_then_ends_the_queue_and_no_other() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d");
    publish_all(&sandbox, "a b");
    let other = sandbox.publish().args("--to sqlite:q.db?queue=other").stdin("{\"a\":1}\n");
    other.run().expect(0);
    let shown = queue(&sandbox, "delete sqlite:q.db").expect(0).stdout;
    assert!(shown.starts_with("would delete the queue, 2 messages and 1 dead letter\n"), "{shown}");
    assert_eq!(counts(&sandbox), [2, 0, 0, 0, 1]);

    queue(&sandbox, "delete sqlite:q.db --yes").expect(0);
    let run = queue(&sandbox, "stats sqlite:q.db").expect(69);
    assert!(run.stderr.contains("it holds `other`"), "{}", run.stderr);
    let run = queue(&sandbox, "stats sqlite:q.db?queue=other --json").expect(0);
    assert_eq!(lines(&run)[0]["ready"], 1);
    publish_all(&sandbox, "a");
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 0]);
    queue(&sandbox, "delete sqlite:missing.db --yes").expect(69);
    assert!(!sandbox.path("missing.db").exists());
}

#[test]
fn a_queue_that_a_program_has_open_is_not_deleted() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    let file = raw(&sandbox);
    let count = || file.query_row("SELECT count(*) FROM messages", [], |row| row.get::<_, i64>(0));
    assert_eq!(count().unwrap(), 1);
    let run = queue(&sandbox, "delete sqlite:q.db --yes").expect(69);
    assert!(run.stderr.contains("another program holds it locked"), "{}", run.stderr);
    assert_eq!(count().unwrap(), 1);
    drop(file);
    queue(&sandbox, "delete sqlite:q.db --yes").expect(0);
}
