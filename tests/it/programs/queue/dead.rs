//! `queue dead`: dead letters are shown, put back or forgotten, and none by mistake.

use super::*;

#[test]
fn dead_letters_are_listed_with_body_reason_and_attempts() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d1 d2");
    for words in ["dead list sqlite:q.db --json", "peek --dead sqlite:q.db --json"] {
        let letters = lines(&queue(&sandbox, words).expect(0));
        assert_eq!(letters.len(), 2);
        assert_eq!(letters[0]["id"], "d1");
        assert_eq!(letters[0]["body"], "no object");
        assert_eq!(letters[0]["attempts"], 1);
        assert!(!letters[0]["reason"].as_str().unwrap().is_empty());
        assert!(letters[0]["died_at"].is_string() && letters[0]["first_at"].is_string());
    }
    let one = queue(&sandbox, "dead list sqlite:q.db --id d2").expect(0).stdout;
    assert!(one.contains("d2  died 20") && one.contains(", 1 attempt: "), "{one}");
    assert!(one.contains("\n    \"no object\"\n") && !one.contains("d1"), "{one}");
    let run = queue(&sandbox, "dead list sqlite:q.db --id d1 nobody").expect(1);
    assert!(run.stdout.contains("d1") && run.stderr.contains("`nobody`"), "{}", run.stderr);
}

#[test]
fn a_reader_who_leaves_early_is_told_of_no_missing_letters() {
    let sandbox = Sandbox::new();
    let ids: Vec<_> = (0..600).map(|n| format!("d{n}")).collect();
    // More than a pipe holds, so that the program sees that nobody reads on.
    let lines: Vec<_> = ids.iter().map(|id| json!({"id": id, "body": "x".repeat(500)})).collect();
    publish(&sandbox, &lines);
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(65);
    let words = format!("dead list sqlite:q.db --id {}", ids.join(" "));
    let mut child = sandbox.queue().args(&words).spawn();
    drop(child.stdin.take());
    let mut first = [0; 10];
    child.stdout.take().expect("a pipe").read_exact(&mut first).expect("the first bytes");
    let run = Run::of(child.wait_with_output().expect("it ends")).expect(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn a_redrive_asks_first_and_then_puts_everything_back() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d1 d2 d3");
    let shown = queue(&sandbox, "dead redrive sqlite:q.db --all").expect(0).stdout;
    assert_eq!(shown.matches("would redrive").count(), 3, "{shown}");
    assert!(shown.ends_with("nothing was changed: `--yes` does it\n"), "{shown}");
    assert!(!shown.contains("no object"), "{shown}");
    assert_eq!(counts(&sandbox), [0, 0, 0, 0, 3]);

    let run = queue(&sandbox, "dead redrive sqlite:q.db --id d2 --yes --json").expect(0);
    assert_eq!(lines(&run)[0]["done"], true);
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 2]);
    queue(&sandbox, "dead redrive sqlite:q.db --all --yes").expect(0);
    assert_eq!(counts(&sandbox), [3, 0, 0, 0, 0]);
    let back = lines(&queue(&sandbox, "peek sqlite:q.db --json").expect(0));
    let order: Vec<_> = back.iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(order, ["d2", "d1", "d3"]);
    assert!(back.iter().all(|it| it["attempts"] == 0 && it["body"] == "no object"));
    let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
    assert_eq!(run.stdout.lines().count(), 3);
}

#[test]
fn a_redriven_message_keeps_its_group_attributes_and_time() {
    let sandbox = Sandbox::new();
    let letter = json!({"id": "d", "group": "g", "tag": "t", "attributes": {"k": "v"}, "body": 7});
    publish(&sandbox, std::slice::from_ref(&letter));
    let before = lines(&queue(&sandbox, "peek sqlite:q.db --json").expect(0)).remove(0);
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(65);
    publish_all(&sandbox, "g1@g");
    queue(&sandbox, "dead redrive sqlite:q.db --all --yes").expect(0);
    let after = lines(&queue(&sandbox, "peek sqlite:q.db --json").expect(0)).remove(1);
    for field in ["id", "group", "tag", "attributes", "body", "published_at"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(after["state"], "waiting");
}

#[test]
fn a_redrive_never_overwrites_what_was_published_since() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d1 d2");
    publish_all(&sandbox, "d1");
    let run = queue(&sandbox, "dead redrive sqlite:q.db --all --yes").expect(65);
    assert!(run.stdout.contains("redrive d1: not done: another message"), "{}", run.stdout);
    assert!(run.stdout.contains("redrive d2: done"), "{}", run.stdout);
    assert!(run.stderr.contains("1 of 2 dead letters are still there"), "{}", run.stderr);
    assert_eq!(counts(&sandbox), [2, 0, 0, 0, 1]);
}

#[test]
fn a_drop_asks_first_and_then_forgets() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d1 d2 d3");
    publish_all(&sandbox, "a");
    let shown = queue(&sandbox, "dead drop sqlite:q.db --id d1").expect(0).stdout;
    assert!(shown.starts_with("would drop d1") && shown.contains("`--yes`"), "{shown}");
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 3]);
    queue(&sandbox, "dead drop sqlite:q.db --yes --id d1 d2").expect(0);
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 1]);
    let run = queue(&sandbox, "dead drop sqlite:q.db --yes --id d1 d3").expect(1);
    assert!(run.stderr.contains("`d1`"), "{}", run.stderr);
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 0]);
}

#[test]
fn dead_letters_are_chosen_by_saying_which() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d");
    // The last word is an id: which queue is meant was not said, and none is guessed.
    queue(&sandbox, "dead drop --yes --id d sqlite:q.db").expect(2);
    for words in ["redrive", "drop", "redrive --id d --all", "drop --yes"] {
        queue(&sandbox, &format!("dead {words} sqlite:q.db")).expect(2);
    }
    assert_eq!(counts(&sandbox), [0, 0, 0, 0, 1]);
}
