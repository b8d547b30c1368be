//! Rows that are no messages, columns that are not there, and what is said before anything is read.

use crate::support::users::Users;

const AT: &str = "--at 2026-11-26T17:53:00+09:00";

#[test]
fn a_row_that_is_no_announcement_is_refused_by_its_id() {
    let users = Users::new(&[("good", "18:53:00"), ("short", "18:54"), ("x\u{1b}", "18:53:0x")]);
    users.run("insert into users (uid, t) values ('', '18:53:10')");
    let program = users.sandbox.publish().arg(users.url("&ahead=1h")).args(AT);
    let run = program.args("--to sqlite:q.db").run().expect(65);
    for told in [
        "row `short` was refused: its `t` has no seconds, and so does not compare with `:from`: \
         write `18:54:00`",
        "row `x\\u{1b}` was refused: its `t` is no time of day, as `18:53:00`",
        "was refused: its `uid` is empty, and is part of the id",
        "4 read, 1 published, 3 refused",
    ] {
        assert!(run.stderr.contains(told), "{told} is not in {}", run.stderr);
    }
    assert!(!run.stderr.contains("18:53:0x"), "{}", run.stderr);
}

#[test]
fn a_dry_run_shows_what_would_be_published_and_remembers_nothing() {
    let users = Users::new(&[("a", "18:53:00"), ("b", "18:54:00")]);
    let publish = || users.sandbox.publish().arg(users.url("&ahead=1h")).args(AT);
    for _ in 0..2 {
        let run = publish().args("--to sqlite:q.db --dry-run").run().expect(0);
        assert_eq!(
            run.stdout,
            "{\"id\":\"a/2026-11-26T09:53:00Z\",\"attributes\":{\"source\":\"sql\"},\"body\":\
             {\"uid\":\"a\",\"t\":\"18:53:00\",\"at\":\"2026-11-26T18:53:00+09:00\"}}\n"
        );
    }
    let run = publish().args("--to sqlite:q.db").run().expect(0);
    assert!(run.stderr.contains("1 read, 1 published"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

#[test]
fn a_dry_run_is_input_for_another_publish() {
    let users = Users::new(&[("a", "18:53:00")]);
    let program = users.sandbox.publish().arg(users.url("&ahead=1h")).args(AT).arg("--dry-run");
    let shown = program.args("--to sqlite:q.db").run().expect(0).stdout;
    let program = users.sandbox.publish().args("stdin:?envelope --to sqlite:q.db").stdin(shown);
    program.run().expect(0);
    let run = users.sandbox.publish().arg(users.url("&ahead=1h")).args(AT);
    let run = run.args("--to sqlite:q.db").run().expect(0);
    assert!(run.stderr.contains("0 published, 1 duplicate"), "{}", run.stderr);
}

#[test]
fn a_look_has_the_query_compiled_and_its_columns_found() {
    let users = Users::new(&[]);
    let look = |url: &str, code| {
        let run = users.sandbox.queue().args("check --source").arg(url).run().expect(code);
        run.stdout + &run.stderr
    };
    let good = look(&users.url("&ahead=1h"), 0);
    assert!(good.contains("takes the query, which gives `uid`, `t`"), "{good}");
    for (from, to, told) in [
        ("from users", "from nobody", "no such table: nobody"),
        ("select uid,", "select uid as id,", "gives no column `uid`, which `id` names"),
        ("select uid,", "select uid, 1 as at,", "gives a column `at`, too"),
        ("select uid,", "delete from users;", "more than one statement"),
    ] {
        let bad = users.url("").replace(from, to);
        let run = users.sandbox.queue().args("check --source").arg(&bad).run();
        let said = run.stdout + &run.stderr;
        assert!(run.code != 0 && said.contains(told), "{told} is not in {said}");
    }
    let several =
        users.url("&zones=select uid, zone from users").replace("where", "where zone=:zone and");
    assert!(look(&several, 78).contains("`zones` gives several columns"));
}

#[test]
fn a_time_means_nothing_to_other_sources() {
    let users = Users::new(&[]);
    let run = users.sandbox.publish().args("stdin: --to sqlite:q.db").args(AT).run().expect(2);
    assert!(run.stderr.contains("`--at` does not go with `stdin:`"), "{}", run.stderr);
    for (time, told) in [("17:53", "write it with its offset"), ("now", "write it with its offset")]
    {
        let program = users.sandbox.publish().arg(users.url("")).arg("--at").arg(time);
        let run = program.args("--to sqlite:q.db").run().expect(2);
        assert!(run.stderr.contains(told), "{}", run.stderr);
    }
    let program = users.sandbox.publish().arg(users.url("")).args(AT).arg("--every").arg("@hourly");
    let run = program.args("--to sqlite:q.db").run().expect(2);
    assert!(run.stderr.contains("cannot be used with"), "{}", run.stderr);
}

#[test]
fn without_a_home_the_state_needs_a_name() {
    let users = Users::new(&[("a", "18:53:00")]);
    let publish = |more: &str| {
        let program = users.sandbox.publish().arg(users.url(more)).args(AT).env("HOME", "");
        program.args("--to sqlite:q.db --no-spool")
    };
    let run = publish("&ahead=1h").run().expect(78);
    assert!(run.stderr.contains("name a file with `state=FILE`"), "{}", run.stderr);
    publish("&ahead=1h&state=mine.json").run().expect(0);
    assert!(users.sandbox.path("mine.json").exists());
}
