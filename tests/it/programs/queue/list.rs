//! `queue list` and `queue show`: the queues of a file, and one message with all that is known of it.

use super::*;

#[test]
fn the_queues_of_a_file_are_listed_with_what_they_hold() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "y");
    publish_all(&sandbox, "a b c@g d@g");
    let other = sandbox.publish().args("--to sqlite:q.db?queue=other stdin:?id=id");
    other.stdin("{\"id\":\"x\"}\n").run().expect(0);
    for given in ["q.db", "sqlite:q.db"] {
        let shown = queue(&sandbox, &format!("list {given}")).expect(0).stdout;
        let rows: Vec<Vec<&str>> =
            shown.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[0][..3], ["queue", "ready", "waiting"], "{shown}");
        assert_eq!(rows[1][..6], ["default", "3", "1", "0", "0", "1"], "{shown}");
        assert_eq!(rows[2][..6], ["other", "1", "0", "0", "0", "0"], "{shown}");
        assert!(shown.lines().all(|line| line.len() <= 80), "{shown}");
    }
    let one = queue(&sandbox, "list sqlite:q.db?queue=other --json").expect(0);
    let one = lines(&one);
    assert_eq!((one.len(), &one[0]["queue"], &one[0]["ready"]), (1, &json!("other"), &json!(1)));
    let none = queue(&sandbox, "list sqlite:none.db").expect(69);
    assert!(none.stderr.contains("hint: `queue create sqlite:none.db`"), "{}", none.stderr);
    assert!(!sandbox.path("none.db").exists());
    fs::rename(sandbox.path("q.db"), sandbox.path("q?1.db")).unwrap();
    queue(&sandbox, "list q?1.db").expect(0);
}

#[test]
fn a_message_is_shown_with_all_that_is_known_of_it() {
    let sandbox = Sandbox::new();
    let body = json!({"te": 21.5, "name": "\u{202e}寝室"});
    let message =
        json!({"id": "a", "group": "g", "tag": "t", "attributes": {"k": "v\u{7}"}, "body": body});
    publish(&sandbox, &[message]);
    let shown = queue(&sandbox, "show sqlite:q.db a").expect(0).stdout;
    for line in
        ["id          a", "state       ready", "group       g", "tag         t", "attempts    0"]
    {
        assert!(shown.lines().any(|shown| shown == line), "no `{line}` in\n{shown}");
    }
    assert!(shown.contains("attribute   k = v"), "{shown}");
    assert!(!shown.contains(['\u{7}', '\u{202e}']), "control characters are made visible: {shown}");
    let raw = queue(&sandbox, "show sqlite:q.db a --body").expect(0).stdout;
    assert_eq!(raw, body.to_string());
    let found = lines(&queue(&sandbox, "show sqlite:q.db a --json").expect(0));
    assert_eq!((&found[0]["state"], &found[0]["body"]), (&json!("ready"), &body));
}

#[test]
fn dead_letters_of_an_id_are_shown_beside_its_message() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d");
    let dead = queue(&sandbox, "show sqlite:q.db d").expect(0).stdout;
    assert!(dead.contains("state       dead\nreason      "), "{dead}");
    queue(&sandbox, "show sqlite:q.db d --body").expect(0);
    publish_all(&sandbox, "d");
    let both = queue(&sandbox, "show sqlite:q.db d").expect(0).stdout;
    assert_eq!(both.matches("id          d").count(), 2, "{both}");
    let several = queue(&sandbox, "show sqlite:q.db d --body").expect(1);
    assert!(
        several.stderr.contains("2 messages and dead letters have this id"),
        "{}",
        several.stderr
    );
    let none = queue(&sandbox, "show sqlite:q.db none").expect(1);
    assert!(none.stderr.contains("`none` is not there"), "{}", none.stderr);
}
