//! Users in a SQLite file, each with a time of day, and a source that reads whose it is.

use crate::support::sandbox::Sandbox;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use kakehi::clock::{Clock, ClockControl};
use kakehi::environment::Environment;
use kakehi::sources::{self, Options, Source};
use kakehi::{Location, Message, Result};
use rusqlite::Connection;

/// Asks for the users of a window.
pub const QUERY: &str = "select uid, t from users where t >= :from and t < :to order by uid";

/// A file of users, `users.db` in a sandbox.
pub struct Users {
    pub sandbox: Sandbox,
    connection: Connection,
}

impl Users {
    /// These users, each with a time of day.
    pub fn new(users: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::new();
        let connection = Connection::open(sandbox.path("users.db")).expect("a file");
        let users_of = Self { sandbox, connection };
        users_of.run("create table users (uid text primary key, t text, zone text, note text)");
        users.iter().for_each(|(uid, t)| users_of.put(uid, t));
        users_of
    }

    /// Runs statements on the file.
    pub fn run(&self, sql: &str) {
        self.connection.execute_batch(sql).expect("statements");
    }

    /// Gives a user this time.
    pub fn put(&self, uid: &str, t: &str) {
        let sql = "insert into users (uid, t) values (?1, ?2) on conflict do update set t = ?2";
        self.connection.execute(sql, [uid, t]).expect("a user");
    }

    /// Gives a user this time in this zone.
    pub fn put_in(&self, uid: &str, t: &str, zone: &str) {
        self.put(uid, t);
        let sql = "update users set zone = ?2 where uid = ?1";
        self.connection.execute(sql, [uid, zone]).expect("a user");
    }

    /// The URL of the source, with more parameters.
    pub fn url(&self, more: &str) -> String {
        let path = self.sandbox.path("users.db");
        format!("sql:sqlite:{}?query={QUERY}&at=t&id=uid{more}", path.display())
    }
}

/// A source whose clock is moved by hand.
pub struct Ticking {
    source: Box<dyn Source>,
    control: ClockControl,
    clock: Clock,
    tick: u64,
}

impl Ticking {
    /// Opens the source, the clock standing at this time.
    pub fn open(users: &Users, url: &str, zone: Tz, start: &str) -> Self {
        Self::open_as(Environment::default(), &users.sandbox, url, zone, start)
    }

    /// Opens the source of a server, which must know who we are.
    pub fn open_as(
        environment: Environment,
        sandbox: &Sandbox,
        url: &str,
        zone: Tz,
        start: &str,
    ) -> Self {
        let start: DateTime<Utc> = start.parse().expect("a time");
        let (clock, control) = Clock::manual(start);
        let base = Options::new(environment, sandbox.path("data"));
        let options = Options { timezone: zone, clock: clock.clone(), ..base };
        let url = Location::parse(url).expect("a URL");
        let opening = sources::open(url, &options);
        let source = futures_util::FutureExt::now_or_never(opening).expect("it asks nobody");
        Self { source: source.expect("a source"), control, clock, tick: 0 }
    }

    /// The time at which the clock stands.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Lets the clock stand at this time.
    pub fn at(&mut self, time: &str) -> &mut Self {
        let time: DateTime<Utc> = time.parse().expect("a time");
        self.control.jump(time - self.clock.now());
        self
    }

    /// Lets this many minutes pass.
    pub fn pass(&mut self, minutes: i64) -> &mut Self {
        self.control.advance(TimeDelta::minutes(minutes));
        self
    }

    /// A tick whose batches are all published; the ids of its messages.
    pub async fn tick(&mut self) -> Vec<String> {
        let messages = self.messages().await.expect("a tick");
        messages.into_iter().map(|message| message.id).collect()
    }

    /// A tick whose batches are all published.
    pub async fn messages(&mut self) -> Result<Vec<Message>> {
        let read = self.read().await;
        self.source.flush().await?;
        read
    }

    /// A tick whose batches nobody takes.
    pub async fn lost_tick(&mut self) -> usize {
        self.tick += 1;
        let mut count = 0;
        while let Some(batch) = self.source.read(self.tick).await.expect("a tick") {
            count += batch.messages.len();
        }
        self.source.flush().await.expect("nothing to be written");
        count
    }

    /// The first batch of a tick.
    pub async fn begin(&mut self) -> Result<Option<usize>> {
        self.tick += 1;
        self.batch().await
    }

    /// The next batch of a tick that goes on.
    pub async fn batch(&mut self) -> Result<Option<usize>> {
        let batch = self.source.read(self.tick).await?;
        Ok(batch.map(|batch| batch.messages.len()))
    }

    async fn read(&mut self) -> Result<Vec<Message>> {
        self.tick += 1;
        let mut messages = Vec::new();
        while let Some(batch) = self.source.read(self.tick).await? {
            messages.extend(batch.messages);
            self.source.commit(batch.number).await?;
        }
        Ok(messages)
    }
}
