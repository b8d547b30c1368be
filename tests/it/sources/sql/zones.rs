//! `zones=`: each user's own clock.

use crate::support::users::{Ticking, Users};
use chrono_tz::Tz;

const ZONES: &str = "&zones=select distinct zone from users order by zone";

fn url(users: &Users, more: &str) -> String {
    users.url(more).replace(" where ", " where zone = :zone and ")
}

#[tokio::test]
async fn each_user_is_told_by_the_clock_of_their_zone() {
    let users = Users::new(&[]);
    users.put_in("tokyo", "18:53:00", "Asia/Tokyo");
    users.put_in("berlin", "10:53:00", "Europe/Berlin");
    users.put_in("kathmandu", "15:38:00", "Asia/Kathmandu");
    users.put_in("late", "18:53:00", "Europe/Berlin");
    let url = url(&users, &format!("&ahead=1h{ZONES}"));
    let mut ticking = Ticking::open(&users, &url, Tz::UTC, "2026-11-26T08:53:00Z");
    let told = ticking.messages().await.unwrap();
    let bodies: Vec<_> = told
        .iter()
        .map(|message| serde_json::from_slice::<serde_json::Value>(&message.body).unwrap())
        .map(|body| format!("{} {}", body["uid"], body["at"]).replace('"', ""))
        .collect();
    assert_eq!(
        bodies,
        [
            "kathmandu 2026-11-26T15:38:00+05:45",
            "tokyo 2026-11-26T18:53:00+09:00",
            "berlin 2026-11-26T10:53:00+01:00"
        ]
    );
    assert!(told.iter().all(|message| message.id.ends_with("/2026-11-26T09:53:00Z")));
}

#[test]
fn a_zone_that_is_none_is_refused_and_stops_no_other() {
    let users = Users::new(&[("nowhere", "18:53:00")]);
    users.put_in("tokyo", "18:53:00", "Asia/Tokyo");
    users.put_in("mars", "18:53:00", "Mars/Phobos");
    let url = url(&users, &format!("&ahead=1h{ZONES}"));
    let program = users.sandbox.publish().arg(&url).args("--to sqlite:q.db");
    let run = program.args("--at 2026-11-26T08:53:00Z").run().expect(65);
    assert!(run.stderr.contains("the zone `Mars/Phobos` was refused: it is no IANA name"));
    assert!(run.stderr.contains("the zone NULL was refused"), "{}", run.stderr);
    assert!(run.stderr.contains("3 read, 1 published, 2 refused"), "{}", run.stderr);
}
