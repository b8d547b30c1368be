//! `queue peek`, which takes nothing.

use super::*;

#[test]
fn peek_shows_every_message_in_its_state_and_takes_none() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a g1@g g2@g");
    publish(&sandbox, &[json!({"id": "later", "body": 1, "not_before": "2099-01-01T00:00:00Z"})]);
    let file = raw(&sandbox);
    let due = millis() + 60_000;
    let lease = format!(
        "UPDATE messages SET state = 3, due = {due}, span = 60000, token = 7 WHERE id = 'a'"
    );
    file.execute(&lease, []).unwrap();

    let shown = lines(&queue(&sandbox, "peek sqlite:q.db --json").expect(0));
    let states: Vec<_> = shown.iter().map(|it| (it["id"].clone(), it["state"].clone())).collect();
    let expected = [("a", "leased"), ("g1", "ready"), ("g2", "waiting"), ("later", "scheduled")];
    assert_eq!(states, expected.map(|(id, state)| (json!(id), json!(state))));
    assert_eq!(shown[1]["body"], json!({"n": "g1"}));
    assert_eq!(shown[1]["group"], "g");
    assert_eq!(counts(&sandbox), [1, 1, 1, 1, 0]);

    let first = queue(&sandbox, "peek sqlite:q.db -n 2").expect(0).stdout;
    assert!(
        first.contains("a  leased until 20") && first.contains("g1  group g  ready"),
        "{first}"
    );
    assert!(first.contains("\n    {\"n\":\"a\"}\n") && !first.contains("g2"), "{first}");
}

#[test]
fn peek_shows_what_would_act_on_a_terminal() {
    let sandbox = Sandbox::new();
    // An escape that clears the screen, a bell, a byte that is no UTF-8.
    publish(&sandbox, &[json!({"id": "x\u{1b}[31m", "body_base64": "YRtbMkoH/w=="})]);
    let run = queue(&sandbox, "peek sqlite:q.db").expect(0);
    assert!(run.stdout.contains("x\\u{1b}[31m"), "{}", run.stdout);
    assert!(run.stdout.contains("a\\u{1b}[2J\\u{7}\\xff"), "{}", run.stdout);
    assert!(!run.stdout.contains(['\u{1b}', '\u{7}']), "{:?}", run.stdout);
    let exact = lines(&queue(&sandbox, "peek sqlite:q.db --json").expect(0));
    assert_eq!(exact[0]["body_base64"], "YRtbMkoH/w==");
}

#[test]
fn peek_goes_on_beyond_a_page() {
    let sandbox = Sandbox::new();
    let ids: Vec<_> = (0..450).map(|n| format!("m{n:03}")).collect();
    publish_all(&sandbox, &ids.join(" "));
    let shown = lines(&queue(&sandbox, "peek sqlite:q.db -n 430 --json").expect(0));
    let seen: Vec<_> = shown.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(seen, ids[..430]);
}

#[test]
fn a_file_that_may_only_be_read_can_be_looked_at() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    bury(&sandbox, "d");
    publish_all(&sandbox, "a");
    fs::set_permissions(sandbox.path("q.db"), fs::Permissions::from_mode(0o400)).unwrap();
    let before = fs::read(sandbox.path("q.db")).unwrap();
    for words in ["stats", "peek", "peek --dead", "dead list", "dead redrive --all"] {
        let run = queue(&sandbox, &format!("{words} sqlite:q.db")).expect(0);
        assert!(!run.stdout.is_empty(), "{words}");
    }
    assert_eq!(fs::read(sandbox.path("q.db")).unwrap(), before);
}
