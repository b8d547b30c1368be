//! Ticks that come, are missed, fail, or come again: each announcement is published once.

use crate::support::users::{Ticking, Users};
use chrono_tz::Tz;
use kakehi::Kind;

/// Opens the source with an hour ahead, in Tokyo.
fn open(users: &Users, more: &str, start: &str) -> Ticking {
    Ticking::open(users, &users.url(&format!("&ahead=1h{more}")), Tz::Asia__Tokyo, start)
}

#[tokio::test]
async fn an_hour_before_its_time_a_user_is_told_and_at_no_other() {
    let users = Users::new(&[("a", "18:53:00"), ("b", "18:53:59"), ("c", "18:54:00")]);
    let mut ticking = open(&users, "", "2026-11-26T08:52:00Z");
    assert_eq!(ticking.tick().await, [""; 0]);
    let told = ticking.pass(1).messages().await.unwrap();
    let ids: Vec<_> = told.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(ids, ["a/2026-11-26T09:53:00Z", "b/2026-11-26T09:53:59Z"]);
    let body = r#"{"uid":"a","t":"18:53:00","at":"2026-11-26T18:53:00+09:00"}"#;
    assert_eq!(told[0].body, body);
    assert_eq!(told[0].attributes["source"], "sql");
    assert_eq!(ticking.tick().await, [""; 0], "the same minute again");
    assert_eq!(ticking.pass(1).tick().await, ["c/2026-11-26T09:54:00Z"]);
    assert_eq!(
        ticking.pass(24 * 60 - 1).tick().await[..2],
        ["a/2026-11-27T09:53:00Z", "b/2026-11-27T09:53:59Z"]
    );
}

#[tokio::test]
async fn what_was_missed_is_caught_up_until_its_time() {
    let users =
        Users::new(&[("a", "18:50:00"), ("b", "18:55:00"), ("c", "19:20:00"), ("d", "19:52:59")]);
    open(&users, "", "2026-11-26T08:40:00Z").tick().await;
    // Anew, at 18:52 in Tokyo: one is past, and one is not due for a while.
    let mut ticking = open(&users, "", "2026-11-26T09:52:00Z");
    assert_eq!(
        ticking.tick().await,
        ["b/2026-11-26T09:55:00Z", "c/2026-11-26T10:20:00Z", "d/2026-11-26T10:52:59Z"]
    );
    let mut again = open(&users, "", "2026-11-26T09:52:30Z");
    assert_eq!(again.tick().await, [""; 0]);
}

#[tokio::test]
async fn what_no_queue_took_is_read_again() {
    let users = Users::new(&[("a", "18:53:00")]);
    let mut ticking = open(&users, "", "2026-11-26T08:53:00Z");
    assert_eq!(ticking.lost_tick().await, 1);
    // The next tick is of the same run, and so is one of another.
    assert_eq!(ticking.pass(1).lost_tick().await, 1);
    assert_eq!(open(&users, "", "2026-11-26T08:53:59Z").tick().await, ["a/2026-11-26T09:53:00Z"]);
}

#[tokio::test]
async fn a_database_that_fails_in_mid_read_costs_nothing() {
    let users = Users::new(&[]);
    users.run(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2500)
         insert into users (uid, t) select printf('%04d', i), '18:53:00' from n;
         update users set note = cast(x'ff' as text) where uid = '2400'",
    );
    let url = users.url("&ahead=1h").replace("select uid, t", "select uid, t, note");
    let mut ticking = Ticking::open(&users, &url, Tz::Asia__Tokyo, "2026-11-26T08:53:00Z");
    let error = ticking.messages().await.unwrap_err();
    assert!(error.to_string().contains("`note`"), "{error}");
    users.run("update users set note = null");
    let ids = ticking.pass(1).tick().await;
    assert_eq!((ids.len(), ids[0].as_str()), (2500, "0001/2026-11-26T09:53:00Z"));
    assert_eq!(ticking.tick().await.len(), 0);
}

#[tokio::test]
async fn a_clock_that_is_set_back_repeats_nothing() {
    let users = Users::new(&[("a", "18:53:00"), ("b", "18:54:00")]);
    let mut ticking = open(&users, "", "2026-11-26T08:53:00Z");
    assert_eq!(ticking.tick().await.len(), 1);
    for time in ["2026-11-26T08:10:00Z", "2026-11-26T08:53:00Z", "2026-11-25T08:53:59Z"] {
        let yesterday = time.starts_with("2026-11-25");
        assert_eq!(ticking.at(time).tick().await.len(), usize::from(yesterday), "{time}");
    }
    assert_eq!(ticking.at("2026-11-26T08:54:00Z").tick().await, ["b/2026-11-26T09:54:00Z"]);
}

#[tokio::test]
async fn who_changes_the_time_or_comes_late_is_found_by_overlap() {
    let users = Users::new(&[("a", "18:53:00"), ("b", "20:00:00"), ("z", "18:10:00")]);
    let mut ticking = open(&users, "&overlap=1h", "2026-11-26T08:53:00Z");
    assert_eq!(ticking.tick().await, ["a/2026-11-26T09:53:00Z"], "a first run takes its minute");
    users.put("b", "18:30:00");
    users.put("c", "18:53:30");
    users.run("update users set note = 'changed' where uid = 'a'");
    assert_eq!(
        ticking.pass(1).tick().await,
        ["b/2026-11-26T09:30:00Z", "c/2026-11-26T09:53:30Z", "z/2026-11-26T09:10:00Z"]
    );
    users.put("b", "18:20:00");
    assert_eq!(ticking.pass(1).tick().await, ["b/2026-11-26T09:20:00Z"]);
    let mut anew = open(&users, "&overlap=1h", "2026-11-26T08:55:00Z");
    assert_eq!(anew.tick().await, [""; 0], "another run knows the rows, too");
    users.put("d", "17:55:00");
    assert_eq!(anew.pass(1).tick().await, [""; 0], "that one is past");
}

#[tokio::test]
async fn without_ahead_a_user_is_told_in_the_minute_itself() {
    let users = Users::new(&[("a", "18:53:30")]);
    let start = "2026-11-26T09:53:00Z";
    let mut ticking = Ticking::open(&users, &users.url(""), Tz::Asia__Tokyo, start);
    assert_eq!(ticking.tick().await, ["a/2026-11-26T09:53:30Z"]);
}

#[tokio::test]
async fn a_query_that_gives_too_much_publishes_no_more_than_is_due() {
    let users = Users::new(&[("a", "18:53:00"), ("b", "18:54:00"), ("c", "07:00:00")]);
    let url = users.url("&ahead=1h").replace(" where t >= :from and t < :to", "");
    let mut ticking = Ticking::open(&users, &url, Tz::Asia__Tokyo, "2026-11-26T08:53:00Z");
    assert_eq!(ticking.tick().await, ["a/2026-11-26T09:53:00Z"]);
    assert_eq!(ticking.pass(1).tick().await, ["b/2026-11-26T09:54:00Z"]);
}

#[test]
fn what_is_past_is_counted_and_warned_of() {
    let users = Users::new(&[("a", "18:50:00"), ("b", "18:51:59"), ("c", "18:53:00")]);
    let publish = |at: &str| {
        let program = users.sandbox.publish().arg(users.url("&ahead=1h")).arg("--at").arg(at);
        program.args("--to sqlite:q.db").run().expect(0)
    };
    publish("2026-11-26T17:40:00+09:00");
    let late = publish("2026-11-26T18:52:00+09:00");
    let told = "rows whose time is past are not published: 2, from 2026-11-26T18:41:00+09:00 to \
                2026-11-26T18:52:00+09:00";
    assert!(late.stderr.contains(told), "{}", late.stderr);
    assert!(late.stderr.contains("1 read, 1 published"), "{}", late.stderr);
    let after = publish("2026-11-26T18:52:59+09:00");
    assert!(!after.stderr.contains("past"), "{}", after.stderr);
    let later = publish("2026-11-30T18:52:00+09:00").stderr;
    assert!(later.contains("nobody has looked from 2026-11-26T19:53:00+09:00"), "{later}");
}

#[test]
fn a_tick_that_finds_nobody_is_one_line() {
    let users = Users::new(&[]);
    let program = users.sandbox.publish().arg("-v").arg(users.url("&ahead=1h"));
    let run = program.args("--at 2026-11-26T17:53:00+09:00 --to sqlite:q.db").run().expect(0);
    let line = "no row was found from 2026-11-26T18:53:00+09:00 to 2026-11-26T18:54:00+09:00";
    assert_eq!(run.stderr.matches("no row").count(), 1, "{}", run.stderr);
    assert!(run.stderr.contains(line), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 3, "and the summary: {}", run.stderr);
}

#[test]
fn a_kill_at_any_step_costs_nobody_and_doubles_nobody() {
    for point in ["publish-read", "publish-taken", "publish-committed", "source-state"] {
        let users = Users::new(&[("a", "18:53:00"), ("b", "18:53:30")]);
        let publish = || {
            let program = users.sandbox.publish().arg(users.url("&ahead=1h"));
            program.args("--at 2026-11-26T17:53:00+09:00 --to sqlite:q.db --batch 1")
        };
        publish().env("KAKEHI_FAILPOINTS", format!("{point}=kill@1")).run().expect(137);
        publish().run().expect(0);
        let seen =
            users.sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
        assert_eq!(seen.stdout.lines().count(), 2, "{point}: {}", seen.stdout);
    }
}

#[test]
fn a_tick_that_fails_tells_why() {
    let users = Users::new(&[]);
    let url = users.url("").replace("from users", "from nobody");
    let run = users.sandbox.publish().arg(&url).args("--to sqlite:q.db").run();
    assert_eq!(run.code, i32::from(Kind::Configuration.code()), "{}", run.stderr);
    assert!(run.stderr.contains("no such table: nobody"), "{}", run.stderr);
}
