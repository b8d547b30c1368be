//! PostgreSQL.
//!
//! What a query gives, the server turns into JSON itself, column by column: the query becomes a
//! subquery, and each of its columns an expression that its type asks for (`columns`).

mod cancel;
mod columns;
mod failure;

use super::failure::ONLY_READ;
use super::server::Server;
use super::statement::{Dialect, Statement};
use super::tls::Tls;
use super::{Cancel, Cell, Columns, Connection, Database, Outlet};
use crate::environment::Environment;
use crate::error::{Kind, Result};
use crate::identity::{Identity, endpoint};
use crate::location::Location;
use async_trait::async_trait;
use bytes::BytesMut;
use cancel::Canceller;
use futures_util::TryStreamExt as _;
use secrecy::ExposeSecret as _;
use std::error::Error as StdError;
use std::pin::pin;
use std::sync::Arc;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::task::AbortOnDropHandle;

/// Begins what reads: the query can neither write nor say otherwise, and gives the same text on every
/// server. Said for each transaction, so that it holds behind a pool of connections, too.
const BEGIN: &str = "begin transaction isolation level repeatable read, read only;
    set local timezone = 'UTC'; set local datestyle = 'ISO'; set local intervalstyle = 'iso_8601';
    set local extra_float_digits = 1; set local standard_conforming_strings = on";

/// Has the server notice during a query that we are gone; version 13 and older never do.
const NOTICE_OUR_END: &str = "select set_config(name, '10s', false) from pg_settings
    where name = 'client_connection_check_interval'";

/// A database of PostgreSQL.
pub struct Postgres {
    server: Arc<Server>,
}

impl Postgres {
    pub(super) fn take(url: &mut Location, environment: &Environment) -> Result<Self> {
        let server = Server::take("postgres", 5432, url, environment)?;
        Ok(Self { server: Arc::new(server) })
    }

    fn config(&self) -> Config {
        let Server { host, port, database, username, password, tls, .. } = &*self.server;
        let mut config = Config::new();
        config.host(host).port(*port).dbname(database).user(username);
        config.application_name("kakehi");
        config.ssl_mode(match tls {
            Tls::Off => SslMode::Disable,
            Tls::Require | Tls::Verify { .. } => SslMode::Require,
        });
        if let Some(password) = password {
            config.password(password.expose_secret());
        }
        config
    }
}

#[async_trait]
impl Database for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn name(&self) -> String {
        format!("`{}`", self.server.address())
    }

    fn identity(&self) -> Result<Identity> {
        Ok(Identity::named(endpoint(&self.server.address())))
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        let (server, config) = (self.server.clone(), self.config());
        let failed = |cause| failure::explain(&server, &cause);
        let (client, driver) = match &server.tls {
            Tls::Off => {
                let (client, driver) = config.connect(NoTls).await.map_err(failed)?;
                (client, tokio::spawn(async { drop(driver.await) }))
            }
            tls => {
                let tls = MakeRustlsConnect::new(tls.client_config()?);
                let (client, driver) = config.connect(tls).await.map_err(failed)?;
                (client, tokio::spawn(async { drop(driver.await) }))
            }
        };
        let session = Session { server, client, driver: AbortOnDropHandle::new(driver) };
        // A server that does not know it says so, and does all else.
        let _ = session.client.batch_execute(NOTICE_OUR_END).await;
        Ok(Box::new(session))
    }
}

/// A connection, and the task that moves what is sent through it.
struct Session {
    server: Arc<Server>,
    client: Client,
    driver: AbortOnDropHandle<()>,
}

impl Session {
    async fn say(&self, text: &str) -> Result<()> {
        self.client.batch_execute(text).await.map_err(|cause| self.explain(&cause))
    }

    fn explain(&self, cause: &tokio_postgres::Error) -> crate::Error {
        failure::explain(&self.server, cause)
    }

    /// Compiles the statement as it is; gives the query that has its columns as JSON, and these.
    async fn describe(&self, statement: &Statement) -> Result<(String, Columns)> {
        let compiled = self.client.prepare(statement.text()).await;
        let compiled = compiled.map_err(|cause| self.explain(&cause))?;
        let columns = Columns::new(compiled.columns().iter().map(|column| column.name()))?;
        Ok((columns::as_json(statement.text(), compiled.columns())?, columns))
    }

    /// Has the server plan a query, which it does only for who may run it.
    async fn plan(&self, query: &str, values: usize) -> Result<()> {
        let plan = self.client.prepare(&format!("explain {query}")).await;
        let plan = plan.map_err(|cause| self.explain_inner(&cause))?;
        let none = (0..values).map(|_| None::<AsText>);
        let lines = self.client.query_raw(&plan, none).await;
        let lines = lines.map_err(|cause| self.explain(&cause))?;
        let planned = lines.try_for_each(|_| async { Ok(()) }).await;
        planned.map_err(|cause| self.explain(&cause))
    }

    /// The error for a statement that is one by itself, and cannot stand in another one.
    fn explain_inner(&self, cause: &tokio_postgres::Error) -> crate::Error {
        let error = self.explain(cause);
        match error.kind() {
            Kind::Configuration => error.hint(ONLY_READ),
            _ => error,
        }
    }

    async fn read(&self, query: &str, values: Vec<String>, outlet: &mut Outlet) -> Result<()> {
        let explain = |cause| self.explain(&cause);
        let compiled = self.client.prepare(query).await;
        let compiled = compiled.map_err(|cause| self.explain_inner(&cause))?;
        let values = values.into_iter().map(AsText);
        let rows = self.client.query_raw(&compiled, values).await.map_err(explain)?;
        let mut rows = pin!(rows);
        while let Some(row) = rows.try_next().await.map_err(explain)? {
            if !outlet.push(cells(&row).map_err(explain)?).await {
                break;
            }
        }
        Ok(())
    }
}

fn cells(row: &Row) -> Result<Vec<Cell>, tokio_postgres::Error> {
    let cell =
        |at| Ok(row.try_get::<_, Option<&str>>(at)?.map_or_else(Cell::null, Cell::known_json));
    (0..row.len()).map(cell).collect()
}

#[async_trait]
impl Connection for Session {
    async fn prepare(&mut self, statement: &Statement) -> Result<Columns> {
        self.say(BEGIN).await?;
        let (query, columns) = self.describe(statement).await?;
        self.plan(&query, statement.names().len()).await?;
        self.say("rollback").await?;
        Ok(columns)
    }

    async fn run(
        &mut self,
        statement: &Statement,
        values: Vec<String>,
        mut outlet: Outlet,
    ) -> Result<Outlet> {
        self.say(BEGIN).await?;
        let (query, columns) = self.describe(statement).await?;
        outlet.begin(columns);
        self.read(&query, values, &mut outlet).await?;
        self.say("commit").await?;
        Ok(outlet)
    }

    fn canceller(&self) -> Option<Box<dyn Cancel>> {
        let (token, tls) = (self.client.cancel_token(), self.server.tls.clone());
        Some(Box::new(Canceller { token, tls }))
    }

    async fn close(self: Box<Self>) {
        let Self { client, driver, .. } = *self;
        drop(client); // the driver says goodbye
        let _ = driver.await;
    }
}

/// A value as text, whatever type the server takes it for: so it reads it as it reads a literal.
#[derive(Debug)]
struct AsText(String);

impl ToSql for AsText {
    fn to_sql(
        &self,
        _type: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_type: &Type) -> bool {
        true
    }

    fn encode_format(&self, _type: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}
