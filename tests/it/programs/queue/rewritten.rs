//! `queue dead redrive` with another body: a dead letter is mended where it lies, and keeps its id.

use super::*;

/// What is stored, by its ids, after all that waits was written.
fn stored(sandbox: &Sandbox) -> Vec<(String, Value)> {
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(0);
    let store = rusqlite::Connection::open(sandbox.path("s.db")).unwrap();
    let mut rows = store.prepare("select id, document from messages order by id").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).unwrap();
    let rows = rows.map(Result::unwrap);
    rows.map(|(id, document)| (id, serde_json::from_str(&document).unwrap())).collect()
}

fn mended(text: &str) -> Value {
    json!({ "text": text })
}

#[test]
fn a_letter_takes_a_body_from_a_file_and_keeps_its_id() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d e");
    sandbox.write("body.json", mended("mended").to_string());
    let redrive = "dead redrive sqlite:q.db --id d --body body.json";
    let shown = queue(&sandbox, redrive).expect(0);
    assert!(shown.stdout.contains("nothing was changed"), "{}", shown.stdout);
    assert_eq!(counts(&sandbox), [0, 0, 0, 0, 2]);
    queue(&sandbox, &format!("{redrive} --yes")).expect(0);
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 1]);
    assert_eq!(stored(&sandbox), [("d".to_owned(), mended("mended"))]);
    let from_stdin = sandbox.queue().args("dead redrive sqlite:q.db --id e --yes --body -");
    from_stdin.stdin(mended("by hand").to_string()).run().expect(0);
    assert_eq!(stored(&sandbox).len(), 2);
}

#[test]
fn what_the_queue_remembers_of_the_old_body_is_no_hindrance() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d");
    // A dead letter's id is free: another message of that id is stored, and remembered.
    let message = json!({"id": "d", "body": mended("stored")});
    let publisher = sandbox.publish().args("stdin:?envelope --to sqlite:q.db?dedupe=1h");
    publisher.stdin(format!("{message}\n")).run().expect(0);
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(0);
    let plain = queue(&sandbox, "dead redrive sqlite:q.db --id d --yes").expect(65);
    assert!(plain.stdout.contains("was acknowledged"), "{}", plain.stdout);
    sandbox.write("body.json", mended("mended").to_string());
    let remembered = "select hex(digest) from remembered where id = 'd'";
    let digest = || raw(&sandbox).query_row(remembered, [], |row| row.get::<_, String>(0)).unwrap();
    let before = digest();
    let redrive = "dead redrive sqlite:q.db?dedupe=1h --id d --body body.json --yes";
    queue(&sandbox, redrive).expect(0);
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 0]);
    let store = "--from sqlite:q.db --to sqlite:s.db?conflict=replace";
    sandbox.subscribe().args(store).run().expect(0);
    assert_ne!(digest(), before, "the mended body is what is remembered now");
}

#[test]
fn a_live_message_of_that_id_keeps_the_letter_where_it_is() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d");
    publish(&sandbox, &[json!({"id": "d", "body": mended("live")})]);
    raw(&sandbox).execute("insert into remembered values (1, 'd', x'00', 9e15)", []).unwrap();
    sandbox.write("body.json", mended("mended").to_string());
    let run = queue(&sandbox, "dead redrive sqlite:q.db --id d --body body.json --yes").expect(65);
    assert!(run.stdout.contains("is in the queue"), "{}", run.stdout);
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 1]);
    let count = "select count(*) from remembered where id = 'd'";
    assert_eq!(raw(&sandbox).query_row(count, [], |row| row.get(0)), Ok(1), "nothing is forgotten");
}

#[test]
fn a_program_mends_each_and_leaves_those_that_it_fails_on() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d e f");
    let run = sandbox.queue().args("dead redrive sqlite:q.db --all --yes --map");
    let map = r#"if $message.id == "e" then error("not this") else {text: .} end"#;
    let run = run.arg(map).run().expect(65);
    assert!(run.stdout.contains("not this"), "{}", run.stdout);
    assert_eq!(counts(&sandbox), [2, 0, 0, 0, 1]);
    let ids: Vec<_> = stored(&sandbox).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["d", "f"]);
    for (map, why) in [("empty", "gives nothing"), ("1, 2", "more than one value")] {
        let run =
            sandbox.queue().args("dead redrive sqlite:q.db --id e --yes --map").arg(map).run();
        let run = run.expect(65);
        assert!(run.stdout.contains(why), "{}", run.stdout);
    }
}

#[test]
fn one_body_is_not_given_to_several() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d e");
    sandbox.write("body.json", "{}");
    let words = "dead redrive sqlite:q.db --body body.json";
    let run = queue(&sandbox, &format!("{words} --id d e --yes")).expect(2);
    assert!(run.stderr.contains("one body is given for several"), "{}", run.stderr);
    queue(&sandbox, &format!("{words} --all")).expect(2);
    queue(&sandbox, "dead redrive sqlite:q.db --id d --body none.json").expect(78);
    queue(&sandbox, "dead redrive sqlite:q.db --id nobody --body body.json --yes").expect(1);
    let bad = sandbox.queue().args("dead redrive sqlite:q.db --all --map").arg("{").run().expect(2);
    assert!(bad.stderr.contains("jq"), "{}", bad.stderr);
    assert_eq!(counts(&sandbox), [0, 0, 0, 0, 2]);
}

#[test]
fn a_kill_in_between_changes_nothing() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d");
    sandbox.write("body.json", mended("mended").to_string());
    let redrive = || sandbox.queue().args("dead redrive sqlite:q.db --id d --body body.json --yes");
    for point in ["redrive-forgotten=kill@1", "sqlite-commit=kill@1"] {
        redrive().env("KAKEHI_FAILPOINTS", point).run().expect(137);
        assert_eq!(counts(&sandbox), [0, 0, 0, 0, 1], "{point}");
    }
    redrive().run().expect(0);
    assert_eq!(stored(&sandbox), [("d".to_owned(), mended("mended"))]);
}
