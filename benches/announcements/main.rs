//! The users of one minute out of MariaDB into the embedded queue, beside a loop of the usual shape in
//! Go (`database/sql`, a channel): `bash tests/run.sh --bench --bench announcements`; `-- --quick`
//! takes a tenth of the users. The server is that of `TEST_MARIADB_HOST`.
//!
//! Ours is the whole of `publish`, its start included, and each message is on the disk; the peer's are
//! in memory only, and its start is not counted. Shows which index serves the query, and the memory of
//! a minute with ten times fewer users beside it. Asserts nothing of times.

#[path = "../cost/mod.rs"]
#[allow(dead_code)]
mod cost;
mod peer;
mod users;

#[path = "../../tests/it/support/services.rs"]
#[allow(dead_code)]
mod services;

use cost::Cost;
use users::Users;

const ROUNDS: usize = 3;

/// The minute with all the users; one with a tenth of them.
const FULL: &str = "18:53";
const TENTH: &str = "07:00";

fn main() {
    if cost::is_counted() {
        return;
    }
    let part = if std::env::args().any(|word| word == "--quick") { 10 } else { 1 };
    let users = Users::new(100_000 / part);
    println!(
        "{} users in a minute, {} in all; the median of {ROUNDS} rounds",
        users.count, users.all
    );
    println!("our query: {}", users.plan(users::QUERY, FULL));
    println!("by the text of a time: {}", users.plan(users::BY_TEXT, FULL));
    for minute in [TENTH, FULL] {
        ours(&users, minute);
    }
    for query in ["seed", "format", "range"] {
        match peer::median(&users, FULL, query, ROUNDS) {
            Some((count, seconds)) => {
                let rate = count as f64 / seconds;
                println!(
                    "  Go, a channel, {query:<7} {count:>7} users {seconds:>7.3} s {rate:>9.0}/s"
                );
            }
            None => println!("  Go: not measured, `go` is not there or the peer did not run"),
        }
    }
}

fn ours(users: &Users, minute: &str) {
    let costs: Vec<Cost> = (0..ROUNDS).map(|_| users.publish(minute)).collect();
    let cost = Cost::median(&costs);
    let count = users.published();
    let rate = count as f64 / cost.seconds;
    println!("  publish, on the disk    {count:>7} users {cost} {rate:>9.0}/s");
}
