//! The way to a Redis. A command on a broken connection fails, and is not sent again: whoever sent it
//! knows whether it may be.

use super::error::{ErrorClass, ServiceError};
use super::keys::Keys;
use super::line::{Line, Patience, Whereabouts};
use super::name::Name;
use super::sentinel::Sentinels;
use super::server::{Form, Host, Server};
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use futures_util::FutureExt as _;
use redis::aio::ConnectionLike;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::sentinel::SentinelNodeConnectionInfo;
use redis::{
    Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue,
    IntoConnectionInfo as _, Pipeline, RedisConnectionInfo, RedisError, RedisFuture, RedisResult,
    ScriptInvocation, ServerErrorKind, TlsMode, Value,
};
use secrecy::ExposeSecret as _;
use std::time::Duration;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How often a script is loaded that the server forgets at once.
const MOST_LOADS: u32 = 5;
/// How long an answer may take.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// A connection, shared by whoever has a clone of it.
#[derive(Clone)]
pub(super) struct Redis {
    way: Way,
}

/// What leads to the server.
#[derive(Clone)]
enum Way {
    One(Line),
    /// All keys of a namespace have one slot, and whoever has that gets every command.
    Cluster(ClusterConnection, Route),
}

impl Redis {
    /// Connects, and shows who we are.
    pub(super) async fn connect(name: &Name, environment: &Environment) -> Result<Self> {
        let who = who(&name.server, environment)?;
        let way = match name.server.is_cluster() {
            true => cluster(name, who).await,
            false => one(&name.server, who).await,
        };
        let failed = |error| ServiceError::from(error).to_error("cannot connect to", name);
        Ok(Self { way: way.map_err(failed)? })
    }

    /// What an error means; a slot of a cluster that has moved is found by the next command.
    fn error(&self, error: RedisError) -> ServiceError {
        match (&self.way, error.is_cluster_error()) {
            (Way::Cluster(..), true) => ServiceError::new(ErrorClass::Busy, &error.to_string()),
            _ => ServiceError::from(error),
        }
    }

    /// Sends a command.
    pub(super) async fn query<T: FromRedisValue>(&self, cmd: &Cmd) -> Result<T, ServiceError> {
        cmd.query_async(&mut self.way.clone()).await.map_err(|error| self.error(error))
    }

    /// Sends commands in one go; the first error among their answers is the error.
    pub(super) async fn pipeline<T: FromRedisValue>(
        &self,
        pipeline: &Pipeline,
    ) -> Result<T, ServiceError> {
        pipeline.query_async(&mut self.way.clone()).await.map_err(|error| self.error(error))
    }

    /// Sends commands in one go, and gives the answer of each.
    pub(super) async fn each(
        &self,
        pipeline: &Pipeline,
    ) -> Result<Vec<Result<Value, ServiceError>>, ServiceError> {
        let mut way = self.way.clone();
        let values = way.req_packed_commands(pipeline, 0, pipeline.len()).await;
        let values = values.map_err(|error| self.error(error))?;
        let answer = |value: Value| value.extract_error().map_err(|error| self.error(error));
        Ok(values.into_iter().map(answer).collect())
    }

    /// Runs a script, which is loaded where the server does not know it, and again where the server
    /// forgot it before it was run: what it did not know it did not begin.
    pub(super) async fn invoke<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, ServiceError> {
        let mut loads = 1;
        loop {
            match script.invoke_async(&mut self.way.clone()).await {
                Err(error) if is_forgotten(&error) && loads < MOST_LOADS => loads += 1,
                answer => return answer.map_err(|error| self.error(error)),
            }
        }
    }
}

fn is_forgotten(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

async fn one(server: &Server, who: RedisConnectionInfo) -> RedisResult<Way> {
    let infos = server.hosts.iter().map(|host| connection_info(host, server.tls));
    let mut infos = infos.collect::<RedisResult<Vec<_>>>()?;
    let whereabouts = match &server.form {
        Form::Sentinels(master) => {
            let node = SentinelNodeConnectionInfo::default().set_redis_connection_info(who.clone());
            let node = if server.tls { node.set_tls_mode(TlsMode::Secure) } else { node };
            let (sentinels, master) = (infos, master.clone());
            Whereabouts::BySentinels(Sentinels { sentinels, master, node, who })
        }
        Form::One | Form::Cluster => {
            let info = infos.remove(0).set_redis_settings(who);
            Whereabouts::Here(Client::open(info)?)
        }
    };
    let patience = Patience { connect: CONNECT, answer: ANSWER };
    Ok(Way::One(Line::open(whereabouts, server.db, patience).await?))
}

/// The crate would send a command again whose connection broke, and what a script had given us would
/// be nowhere: nothing is sent again, and where a slot has moved the next command finds it.
async fn cluster(name: &Name, who: RedisConnectionInfo) -> RedisResult<Way> {
    let hosts = name.server.hosts.iter().map(|host| {
        connection_info(host, name.server.tls).map(|info| info.set_redis_settings(who.clone()))
    });
    let builder = ClusterClientBuilder::new(hosts.collect::<RedisResult<Vec<_>>>()?);
    let builder = builder.connection_timeout(CONNECT).response_timeout(ANSWER).retries(0);
    let route = Route::with_key(Keys::of(&name.namespace).known_jobs(), SlotAddr::Master);
    Ok(Way::Cluster(builder.build()?.get_async_connection().await?, route))
}

fn connection_info(Host { name, port }: &Host, tls: bool) -> RedisResult<ConnectionInfo> {
    let (host, port) = (name.clone(), *port);
    match tls {
        false => ConnectionAddr::Tcp(host, port),
        true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
    }
    .into_connection_info()
}

/// Who we are, and which database is meant.
fn who(server: &Server, environment: &Environment) -> Result<RedisConnectionInfo> {
    let who = RedisConnectionInfo::default().set_db(server.db);
    let password = environment.secret("REDIS_PASSWORD")?;
    let password = password.as_ref().map(|password| password.expose_secret());
    match (environment.get("REDIS_USERNAME")?, password) {
        (Some(user), Some(password)) => Ok(who.set_username(user).set_password(password)),
        (None, Some(password)) => Ok(who.set_password(password)),
        (None, None) => Ok(who),
        // Without one nobody would be told who we are.
        (Some(_), None) => Err(Error::new(Kind::Configuration, "`REDIS_USERNAME` is set alone")
            .hint("set `REDIS_PASSWORD` or `REDIS_PASSWORD_FILE` too")),
    }
}

impl ConnectionLike for Way {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(line) => line.req_packed_command(cmd),
            Self::Cluster(nodes, route) => {
                let node = SingleNodeRoutingInfo::SpecificNode(*route);
                nodes.route_command(cmd.clone(), RoutingInfo::SingleNode(node)).boxed()
            }
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(line) => line.req_packed_commands(pipeline, offset, count),
            Self::Cluster(nodes, route) => {
                let node = SingleNodeRoutingInfo::SpecificNode(*route);
                nodes.route_pipeline(pipeline.clone(), offset, count, node).boxed()
            }
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(line) => line.get_db(),
            Self::Cluster(..) => 0,
        }
    }
}
