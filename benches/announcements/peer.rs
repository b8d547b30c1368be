//! What ours is compared with: the program in `seed/`.

use super::services;
use super::users::Users;
use std::fs::File;
use std::path::Path;
use std::process::Command;

/// How many users it finds in a minute, and the median of the seconds that it takes.
pub fn median(users: &Users, minute: &str, query: &str, rounds: usize) -> Option<(usize, f64)> {
    let measured: Option<Vec<_>> = (0..rounds).map(|_| once(users, minute, query)).collect();
    let mut measured = measured?;
    measured.sort_by(|a, b| a.1.total_cmp(&b.1));
    measured.get(rounds / 2).copied()
}

fn once(users: &Users, minute: &str, query: &str) -> Option<(usize, f64)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/announcements/seed");
    let (user, password) = services::sql_login();
    // As a service's log: a pipe would take longer.
    let log = users.folder().join("peer.log");
    let output = Command::new("go")
        .args(["run", ".", &services::mariadb(), users.database(), minute, query])
        .envs([("SQL_USERNAME", user), ("SQL_PASSWORD", password)])
        .current_dir(folder)
        .stderr(File::create(&log).ok()?)
        .output()
        .ok()?;
    if !output.status.success() {
        eprint!("{}", std::fs::read_to_string(&log).unwrap_or_default());
    }
    let text = String::from_utf8(output.stdout).ok()?;
    let (count, seconds) = text.trim().split_once(' ')?;
    Some((count.parse().ok()?, seconds.parse().ok()?))
}
