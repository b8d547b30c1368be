//! A table of users, and `publish` on it.

use super::cost::Cost;
use super::services;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The query as the documents have it.
pub const QUERY: &str =
    "select uid, type, announce_at from users where announce_at >= :from and announce_at < :to";

/// The query that compares the minute as text.
pub const BY_TEXT: &str = "select uid, type from users where date_format(announce_at, '%H:%i') = time_format(:from, '%H:%i')";

/// A database that ends with the bench.
pub struct Users {
    /// How many there are in the full minute.
    pub count: usize,
    /// How many there are.
    pub all: usize,
    database: String,
    folder: TempDir,
}

impl Users {
    /// Makes the table: as many users in the full minute, a tenth of them in another one, and nine times
    /// as many through the day.
    pub fn new(count: usize) -> Self {
        let database = format!("bench_{}", uuid::Uuid::now_v7().simple());
        let folder = TempDir::with_prefix("kakehi-bench-").expect("a temporary folder");
        let all = count + count / 10 + 9 * count;
        let users = Self { count, all, database, folder };
        users.sql("mysql", &format!("create database {}", users.database));
        let others = format!("sec_to_time(floor(rand(1) * 1440) * 60) from seq_1_to_{}", 9 * count);
        for (first, rows) in [
            (0, format!("'18:53:00' from seq_1_to_{count}")),
            (count, format!("'07:00:00' from seq_1_to_{}", count / 10)),
            (2 * count, others),
        ] {
            users.sql(&users.database, &format!(
                "create table if not exists users (uid bigint primary key, type varchar(20) not null, \
                 announce_at time not null, index (announce_at, type)); \
                 insert into users select {first} + seq, 'weather', {rows}"
            ));
        }
        users.sql(&users.database, "analyze table users");
        std::fs::write(users.folder.path().join("users.sql"), QUERY).expect("a file");
        users
    }

    pub fn database(&self) -> &str {
        &self.database
    }

    /// The folder in which `publish` runs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs statements by the server's own program; gives what they give.
    fn sql(&self, database: &str, statements: &str) -> String {
        let (address, (user, password)) = (services::mariadb(), services::sql_login());
        let (host, port) = address.split_once(':').expect("HOST:PORT");
        let output = Command::new("mariadb")
            .args(["--no-defaults", "--batch", "-h", host, "-P", port, "-u", &user, database])
            .args(["--skip-column-names", "-e", statements])
            .env("MYSQL_PWD", password)
            .output()
            .expect("MariaDB's client is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// How the server finds the rows of a query: by which index, and how many it expects to read.
    pub fn plan(&self, query: &str, minute: &str) -> String {
        let query = query.replace(":from", &format!("'{minute}:00'"));
        let query = query.replace(":to", &format!("addtime('{minute}:00', '00:01:00')"));
        let plan = self.sql(&self.database, &format!("explain {query}"));
        let fields: Vec<_> = plan.trim().split('\t').collect();
        format!("access {}, index {}, {} rows to read", fields[3], fields[5], fields[8])
    }

    /// Publishes the users of a minute into a queue that was empty, as if it never had before.
    pub fn publish(&self, minute: &str) -> Cost {
        let folder = self.folder.path();
        for file in ["queue.db", "queue.db-wal", "queue.db-shm", "state.json"] {
            let _ = std::fs::remove_file(folder.join(file));
        }
        let (user, password) = services::sql_login();
        let source = format!(
            "sql:mysql://{}/{}?query-file=users.sql&at=announce_at&ahead=1h&id=uid,type&state=state.json",
            services::mariadb(),
            self.database
        );
        let hour: u32 = minute[..2].parse().expect("an hour");
        let at = format!("2026-11-26T{:02}{}:00+09:00", hour - 1, &minute[2..]);
        let words = format!(
            "{} {source} --at {at} --timezone Asia/Tokyo --to sqlite:queue.db --summary none",
            env!("CARGO_BIN_EXE_publish")
        );
        let home = folder.display().to_string();
        Cost::of(&words, &[("HOME", home), ("SQL_USERNAME", user), ("SQL_PASSWORD", password)])
    }

    /// How many messages the queue holds.
    pub fn published(&self) -> usize {
        let output = Command::new(env!("CARGO_BIN_EXE_queue"))
            .args(["stats", "sqlite:queue.db", "--json"])
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .output()
            .expect("it starts");
        let stats: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let count = |stats: &serde_json::Value| stats["ready"].as_u64();
        let ready = count(&stats).or_else(|| count(&stats[0])).expect("how many are ready");
        usize::try_from(ready).expect("it fits")
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        self.sql("mysql", &format!("drop database {}", self.database));
    }
}
