//! `queue verify`, on files that are whole and that are not.

use super::*;

#[test]
fn verify_finds_a_file_in_order() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d");
    publish_all(&sandbox, "a g1@g g2@g h1@h");
    publish(&sandbox, &[json!({"id": "t", "body": 1, "tag": "t", "attributes": {"k": "v"}})]);
    lease(&sandbox, "-n 3");
    let before = fs::read(sandbox.path("q.db")).unwrap();
    let run = queue(&sandbox, "verify q.db").expect(0);
    assert!(run.stdout.lines().all(|line| line.starts_with("ok  ")), "{}", run.stdout);
    assert!(run.stdout.lines().count() > 8, "{}", run.stdout);
    let checks = lines(&queue(&sandbox, "verify q.db --json").expect(0));
    assert!(checks.iter().all(|check| check["wrong"] == 0), "{checks:?}");
    assert_eq!(fs::read(sandbox.path("q.db")).unwrap(), before);
}

#[test]
fn verify_and_repair_take_the_url_of_a_queue_for_its_file() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    for given in ["q.db", "sqlite:q.db", "sqlite:q.db?queue=other"] {
        let run = queue(&sandbox, &format!("verify {given}")).expect(0);
        assert!(run.stdout.lines().all(|line| line.starts_with("ok  ")), "{}", run.stdout);
    }
    let run = queue(&sandbox, "repair sqlite:q.db").expect(0);
    assert!(run.stdout.starts_with("saved 1 message and 0 dead letters in `"), "{}", run.stdout);
    assert!(run.stdout.lines().next().unwrap().ends_with("`; 0 damaged pages"), "{}", run.stdout);
    assert!(sandbox.path("q.db.repaired").exists());
    for given in ["none.db", "sqlite:none.db"] {
        let run = queue(&sandbox, &format!("verify {given}")).expect(78);
        assert!(run.stderr.contains("because: there is no such file"), "{}", run.stderr);
    }
    // A file may be called as a URL is.
    fs::copy(sandbox.path("q.db"), sandbox.path("sqlite:odd.db")).unwrap();
    queue(&sandbox, "verify sqlite:odd.db").expect(0);
}

#[test]
fn verify_names_what_does_not_agree() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a g1@g g2@g");
    raw(&sandbox).execute_batch("DELETE FROM bodies; UPDATE messages SET state = 1").unwrap();
    let run = queue(&sandbox, "verify q.db").expect(1);
    assert!(run.stdout.contains("wrong  every message has a body: 3 times"), "{}", run.stdout);
    assert!(run.stdout.contains("wrong  what waits has a group: 1 times"), "{}", run.stdout);
    assert!(run.stdout.contains("group of message 2"), "{}", run.stdout);
    assert!(run.stderr.contains("`q.db` is not in order"), "{}", run.stderr);
}

#[test]
fn verify_survives_a_file_that_is_damaged() {
    let sandbox = Sandbox::new();
    let lines: String = (0..2000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    sandbox.publish().args("--to sqlite:q.db").stdin(lines).run().expect(0);
    let whole = fs::read(sandbox.path("q.db")).unwrap();
    let pages = whole.len() / 4096;
    assert!(pages > 50, "{pages}");
    for page in (1..pages).step_by(7) {
        let mut torn = whole.clone();
        torn[page * 4096..(page + 1) * 4096].fill(0xa5);
        sandbox.write("torn.db", &torn);
        let run = queue(&sandbox, "verify torn.db");
        assert!([1, 78].contains(&run.code), "page {page}: {run:?}");
        assert!(run.stderr.contains("hint:"), "{}", run.stderr);
    }
    // Half of the file is gone.
    sandbox.write("torn.db", &whole[..whole.len() / 2]);
    let run = queue(&sandbox, "verify torn.db");
    assert!([1, 78].contains(&run.code), "{run:?}");
    for words in ["verify missing.db", "verify ."] {
        queue(&sandbox, words).expect(78);
    }
}
