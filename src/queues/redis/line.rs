//! A connection that is made again once it is broken, or once its server takes no writes any more.
//!
//! The crate's own `ConnectionManager` does so for the first cause only, and where a new connection is
//! refused by an answer of the server, say because it has too many, it gives that answer for ever.

use super::sentinel::Sentinels;
use futures_util::FutureExt as _;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{
    AsyncConnectionConfig, Client, Cmd, Pipeline, RedisFuture, RedisResult, ServerErrorKind, Value,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long a connection may take, and an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) connect: Duration,
    pub(super) answer: Duration,
}

/// Where the server is.
pub(super) enum Whereabouts {
    /// At one address.
    Here(Client),
    /// Where sentinels say that it is now.
    BySentinels(Sentinels),
}

/// A connection, shared by whoever has a clone of it.
#[derive(Clone)]
pub(super) struct Line(Arc<Inner>);

struct Inner {
    whereabouts: Whereabouts,
    patience: Patience,
    db: i64,
    current: Mutex<Current>,
}

/// The connection, where there is one, and how many there were before it.
#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    number: u64,
}

impl Line {
    /// Connects.
    pub(super) async fn open(
        whereabouts: Whereabouts,
        db: i64,
        patience: Patience,
    ) -> RedisResult<Self> {
        let line = Self(Arc::new(Inner { whereabouts, patience, db, current: Mutex::default() }));
        line.connection().await.map(|_| line)
    }

    /// The connection, made where there is none, and its number.
    async fn connection(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        let mut current = self.0.current.lock().await;
        if current.connection.is_none() {
            current.connection = Some(self.0.connect().await?);
            current.number += 1;
        }
        let connection = current.connection.clone().expect("it was made");
        Ok((current.number, connection))
    }

    /// The next command finds another connection than this one.
    async fn forget(&self, number: u64) {
        let mut current = self.0.current.lock().await;
        if current.number == number {
            current.connection = None;
        }
    }
}

impl Inner {
    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.patience.connect))
            .set_response_timeout(Some(self.patience.answer));
        let client = match &self.whereabouts {
            Whereabouts::Here(client) => client,
            Whereabouts::BySentinels(sentinels) => &sentinels.master().await?,
        };
        client.get_multiplexed_async_connection_with_config(&config).await
    }
}

/// Whether another connection may do better than the one that this came over. One that has not
/// answered in time may never: what is at its other end may be gone without a word.
fn is_over<'v>(answer: Result<impl Iterator<Item = &'v Value>, &redis::RedisError>) -> bool {
    match answer {
        Ok(mut values) => values.any(is_of_a_replica),
        Err(error) => {
            error.is_unrecoverable_error()
                || error.is_io_error()
                || error.kind() == ServerErrorKind::ReadOnly.into()
        }
    }
}

/// Whether a server has answered that it takes no writes: another one is the master now.
fn is_of_a_replica(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::ReadOnly))
}

impl ConnectionLike for Line {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async move {
            let (number, mut connection) = self.connection().await?;
            let answer = connection.req_packed_command(cmd).await;
            if is_over(answer.as_ref().map(std::iter::once)) {
                self.forget(number).await;
            }
            answer
        }
        .boxed()
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        async move {
            let (number, mut connection) = self.connection().await?;
            let answer = connection.req_packed_commands(pipeline, offset, count).await;
            if is_over(answer.as_ref().map(|values| values.iter())) {
                self.forget(number).await;
            }
            answer
        }
        .boxed()
    }

    fn get_db(&self) -> i64 {
        self.0.db
    }
}
