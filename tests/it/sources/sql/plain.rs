//! Queries without `at`: a message a row at each tick, or what has happened since the last one.

use crate::support::users::{Ticking, Users};
use chrono_tz::Tz;

fn open(users: &Users, query: &str, more: &str, start: &str) -> Ticking {
    let path = users.sandbox.path("users.db");
    let url = format!("sql:sqlite:{}?query={query}{more}", path.display());
    Ticking::open(users, &url, Tz::Asia__Tokyo, start)
}

const START: &str = "2026-11-26T08:53:20Z";

#[tokio::test]
async fn each_tick_gives_each_row() {
    let users = Users::new(&[("a", "1"), ("b", "2")]);
    let mut with_id = open(&users, "select uid, t from users", "&id=uid,t", START);
    assert_eq!(with_id.tick().await, ["a/1", "b/2"]);
    assert_eq!(with_id.tick().await, ["a/1", "b/2"]);
    assert!(!users.sandbox.path("data").exists(), "nothing is to be remembered");
    let mut without = open(&users, "select uid from users", "", START);
    let ids = [without.tick().await, without.tick().await].concat();
    assert_eq!(std::collections::BTreeSet::from_iter(&ids).len(), 4, "{ids:?}");
}

#[tokio::test]
async fn a_plain_query_may_take_the_day_and_the_zone() {
    let users = Users::new(&[("a", "1")]);
    let query = "select uid, :date as date, :zone as zone from users";
    let told = open(&users, query, "", "2026-11-26T15:00:00Z").messages().await.unwrap();
    assert_eq!(told[0].body, r#"{"uid":"a","date":"2026-11-27","zone":"Asia/Tokyo"}"#);
    // In the hour that comes twice, too.
    let path = users.sandbox.path("users.db");
    let url = format!("sql:sqlite:{}?query={query}", path.display());
    let mut berlin = Ticking::open(&users, &url, Tz::Europe__Berlin, "2026-10-25T01:30:00Z");
    assert_eq!(berlin.messages().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_has_happened_is_given_once_without_ids_too() {
    let users = Users::new(&[("a", "2026-11-26 08:52:30"), ("b", "2026-11-26 08:53:20.5")]);
    let query = "select uid from users where t >= :since and t < :until order by t";
    let mut ticking = open(&users, query, "", "2026-11-26T08:53:00Z");
    assert_eq!(ticking.tick().await.len(), 1);
    assert_eq!(ticking.at("2026-11-26T08:53:20.7Z").tick().await.len(), 0);
    assert_eq!(ticking.at("2026-11-26T08:53:21Z").tick().await.len(), 1);
    assert_eq!(ticking.at("2026-11-26T08:54:00Z").tick().await.len(), 0);
}

#[tokio::test]
async fn a_plain_query_by_times_of_day_gives_each_minute_once() {
    let users = Users::new(&[("a", "17:53:30"), ("b", "17:54:00"), ("c", "17:57:00")]);
    let query = "select uid from users where t >= :from and t < :to order by t";
    let mut ticking = open(&users, query, "&id=uid", START);
    assert_eq!(ticking.tick().await, ["a"]);
    assert_eq!(ticking.pass(1).tick().await, ["b"]);
    assert_eq!(ticking.pass(5).tick().await, ["c"], "one that was missed has no time to be past");
}

#[tokio::test]
async fn what_has_happened_is_given_once_and_late_rows_by_overlap() {
    let users = Users::new(&[("a", "2026-11-26 08:53:05"), ("old", "2026-11-26 08:40:00")]);
    let query = "select uid from users where t >= :since and t < :until order by t";
    let mut ticking = open(&users, query, "&id=uid&overlap=5m", START);
    assert_eq!(ticking.tick().await, ["a"]);
    // In the same minute; and one of before, which was committed late.
    users.put("b", "2026-11-26 08:53:40");
    users.put("late", "2026-11-26 08:49:00");
    assert_eq!(ticking.at("2026-11-26T08:54:00Z").tick().await, ["late", "b"]);
    users.put("c", "2026-11-26 09:30:00");
    assert_eq!(ticking.at("2026-11-26T11:00:00Z").tick().await, ["c"]);
    assert_eq!(ticking.pass(1).tick().await, [""; 0]);
}
