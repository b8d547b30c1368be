//! The way to a Redis. A command on a broken connection fails, and is not sent again: whoever sent it
//! knows whether it may be.

use super::error::ServiceError;
use super::name::Name;
use super::server::Server;
use crate::environment::Environment;
use crate::error::Result;
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{
    Client, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue, IntoConnectionInfo as _, Pipeline,
    RedisConnectionInfo, RedisFuture, RedisResult, ScriptInvocation, Value,
};
use secrecy::ExposeSecret as _;
use std::time::Duration;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// A connection, shared by whoever has a clone of it.
#[derive(Clone)]
pub(super) struct Redis {
    way: Way,
}

/// What leads to the server.
#[derive(Clone)]
enum Way {
    One(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Redis {
    /// Connects, and shows who we are.
    pub(super) async fn connect(name: &Name, environment: &Environment) -> Result<Self> {
        let info = connection_info(&name.server, environment)?;
        let way = if name.server.cluster { cluster(info).await } else { one(info).await };
        let way =
            way.map_err(|error| ServiceError::from(error).to_error("cannot connect to", name))?;
        Ok(Self { way })
    }

    /// Sends a command.
    pub(super) async fn query<T: FromRedisValue>(&self, cmd: &Cmd) -> Result<T, ServiceError> {
        Ok(cmd.query_async(&mut self.way.clone()).await?)
    }

    /// Sends commands in one go; the first error among their answers is the error.
    pub(super) async fn pipeline<T: FromRedisValue>(
        &self,
        pipeline: &Pipeline,
    ) -> Result<T, ServiceError> {
        Ok(pipeline.query_async(&mut self.way.clone()).await?)
    }

    /// Runs a script, which is loaded where the server does not know it.
    pub(super) async fn invoke<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, ServiceError> {
        Ok(script.invoke_async(&mut self.way.clone()).await?)
    }
}

async fn one(info: ConnectionInfo) -> RedisResult<Way> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(ANSWER))
        .set_number_of_retries(1);
    Ok(Way::One(ConnectionManager::new_with_config(Client::open(info)?, config).await?))
}

async fn cluster(info: ConnectionInfo) -> RedisResult<Way> {
    let builder = ClusterClientBuilder::new([info]);
    let client = builder.connection_timeout(CONNECT).response_timeout(ANSWER).build()?;
    Ok(Way::Cluster(client.get_async_connection().await?))
}

fn connection_info(server: &Server, environment: &Environment) -> Result<ConnectionInfo> {
    let (host, port) = (server.host.clone(), server.port);
    let address = match server.tls {
        false => ConnectionAddr::Tcp(host, port),
        true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
    };
    let mut who = RedisConnectionInfo::default().set_db(server.db);
    if let Some(user) = environment.get("REDIS_USERNAME")? {
        who = who.set_username(user);
    }
    if let Some(password) = environment.secret("REDIS_PASSWORD")? {
        who = who.set_password(password.expose_secret());
    }
    let info = address.into_connection_info().expect("an address alone is enough");
    Ok(info.set_redis_settings(who))
}

impl ConnectionLike for Way {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(way) => way.req_packed_command(cmd),
            Self::Cluster(way) => way.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(way) => way.req_packed_commands(pipeline, offset, count),
            Self::Cluster(way) => way.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(way) => way.get_db(),
            Self::Cluster(way) => way.get_db(),
        }
    }
}
