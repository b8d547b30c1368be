//! Clocks that leave an hour out or show it twice, midnight, and a leap day: an hour ahead is an hour.

use crate::support::users::{Ticking, Users};
use chrono_tz::Tz;

/// The ids of each minute from this time on, as many as there are minutes, those without one left
/// out; each behind the time of its tick.
async fn minutes(ticking: &mut Ticking, start: &str, count: i64) -> Vec<String> {
    let mut told = Vec::new();
    ticking.at(start);
    for _ in 0..count {
        let minute = ticking.now().format("%H:%M").to_string();
        told.extend(ticking.tick().await.into_iter().map(|id| format!("{minute} {id}")));
        ticking.pass(1);
    }
    told
}

fn open(users: &Users, zone: Tz, start: &str) -> Ticking {
    Ticking::open(users, &users.url("&ahead=1h"), zone, start)
}

#[tokio::test]
async fn an_hour_that_is_left_out_comes_in_the_first_minute_after_it() {
    let users =
        Users::new(&[("a", "01:59:00"), ("b", "02:30:00"), ("c", "03:00:00"), ("d", "03:01:00")]);
    // At 01:00 UTC the clocks of Berlin go from 02:00 to 03:00.
    let start = "2026-03-28T23:50:00Z";
    let mut ticking = open(&users, Tz::Europe__Berlin, start);
    assert_eq!(
        minutes(&mut ticking, start, 120).await,
        [
            "23:59 a/2026-03-29T00:59:00Z",
            "00:00 b/2026-03-29T01:00:00Z",
            "00:00 c/2026-03-29T01:00:00Z",
            "00:01 d/2026-03-29T01:01:00Z"
        ]
    );
}

#[tokio::test]
async fn an_hour_that_comes_twice_comes_once() {
    let users = Users::new(&[("a", "01:59:00"), ("b", "02:30:00"), ("c", "03:00:00")]);
    // At 01:00 UTC the clocks of Berlin go from 03:00 back to 02:00.
    let start = "2026-10-24T22:50:00Z";
    let mut ticking = open(&users, Tz::Europe__Berlin, start);
    assert_eq!(
        minutes(&mut ticking, start, 180).await,
        [
            "22:59 a/2026-10-24T23:59:00Z",
            "23:30 b/2026-10-25T00:30:00Z",
            "01:00 c/2026-10-25T02:00:00Z"
        ]
    );
}

#[tokio::test]
async fn lord_howe_moves_by_half_an_hour() {
    let users = Users::new(&[("a", "02:15:00"), ("b", "01:45:00")]);
    let zone = Tz::Australia__Lord_Howe;
    let mut ticking = open(&users, zone, "2026-10-03T13:30:00Z");
    assert_eq!(
        minutes(&mut ticking, "2026-10-03T13:30:00Z", 90).await,
        ["14:15 b/2026-10-03T15:15:00Z", "14:30 a/2026-10-03T15:30:00Z"]
    );
    let mut ticking = open(&users, zone, "2027-04-03T13:00:00Z");
    assert_eq!(
        minutes(&mut ticking, "2027-04-03T13:00:00Z", 180).await,
        ["13:45 b/2027-04-03T14:45:00Z", "14:45 a/2027-04-03T15:45:00Z"]
    );
}

#[tokio::test]
async fn midnight_is_an_hour_after_eleven() {
    let users = Users::new(&[("a", "23:59:59"), ("b", "00:00:00"), ("c", "00:30:00")]);
    let start = "2026-11-26T13:59:00Z";
    let mut ticking = open(&users, Tz::Asia__Tokyo, start);
    assert_eq!(
        minutes(&mut ticking, start, 40).await,
        [
            "13:59 a/2026-11-26T14:59:59Z",
            "14:00 b/2026-11-26T15:00:00Z",
            "14:30 c/2026-11-26T15:30:00Z"
        ]
    );
}

#[tokio::test]
async fn a_gap_over_midnight_is_caught_up_day_by_day() {
    let users = Users::new(&[("a", "23:59:00"), ("b", "00:10:00"), ("c", "23:58:00")]);
    let mut ticking = open(&users, Tz::Asia__Tokyo, "2026-11-26T13:58:00Z");
    assert_eq!(ticking.tick().await, ["c/2026-11-26T14:58:00Z"]);
    assert_eq!(ticking.pass(15).tick().await, ["a/2026-11-26T14:59:00Z", "b/2026-11-26T15:10:00Z"]);
}

#[tokio::test]
async fn a_leap_day_is_a_day() {
    let users = Users::new(&[("a", "00:30:00")]);
    let mut ticking = open(&users, Tz::UTC, "2028-02-28T23:30:00Z");
    assert_eq!(ticking.tick().await, ["a/2028-02-29T00:30:00Z"]);
    assert_eq!(ticking.pass(24 * 60).tick().await, ["a/2028-03-01T00:30:00Z"]);
}
