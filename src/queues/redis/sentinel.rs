//! Sentinels, which tell where the master is that they watch.

use redis::sentinel::{Sentinel, SentinelNodeConnectionInfo};
use redis::{Client, ConnectionInfo, RedisConnectionInfo, RedisError, RedisResult};
use std::io;
use std::time::Duration;

/// How long all of them together may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The sentinels of one master.
pub(super) struct Sentinels {
    /// Each without credentials.
    pub(super) sentinels: Vec<ConnectionInfo>,
    /// What they call the master.
    pub(super) master: String,
    /// How the master itself is met.
    pub(super) node: SentinelNodeConnectionInfo,
    /// Who we are; a sentinel that wants to know gets it too.
    pub(super) who: RedisConnectionInfo,
}

impl Sentinels {
    /// Where the master is now; it was asked whether it is one.
    pub(super) async fn master(&self) -> RedisResult<Client> {
        match self.ask(self.sentinels.clone()).await {
            Err(error) if error.code() == Some("NOAUTH") => {
                let known = |info: &ConnectionInfo| {
                    info.clone().set_redis_settings(self.who.clone().set_db(0))
                };
                self.ask(self.sentinels.iter().map(known).collect()).await
            }
            answer => answer,
        }
    }

    async fn ask(&self, sentinels: Vec<ConnectionInfo>) -> RedisResult<Client> {
        let mut sentinels = Sentinel::build(sentinels)?;
        let answer = sentinels.async_master_for(&self.master, Some(&self.node));
        let silence = |_| RedisError::from(io::Error::from(io::ErrorKind::TimedOut));
        tokio::time::timeout(PATIENCE, answer).await.map_err(silence)?
    }
}
