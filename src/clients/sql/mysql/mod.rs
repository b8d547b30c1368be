//! MariaDB and MySQL.

mod cancel;
mod failure;
mod json;
mod value;

use super::server::Server;
use super::statement::{Dialect, Statement};
use super::tls::Tls;
use super::{Cancel, Columns, Connection, Database, Outlet, Row};
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::identity::{Identity, endpoint};
use crate::location::Location;
use async_trait::async_trait;
use cancel::Canceller;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder, Params, SslOpts, Value};
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use value::Form;

/// What each session is told, the last one first: it may only read, and gives the same text on every
/// server. The modes are MariaDB's own: other ones change where a string ends. A server whose
/// client waits for a queue waits, too.
const SETUP: &[&str] = &[
    "set session transaction read only",
    "set session time_zone = '+00:00', net_write_timeout = 3600, sql_mode = \
     'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
];

/// The largest answer that the protocol has, in bytes; known here, it is not asked for.
const LARGEST_PACKET: usize = 1 << 30;

/// A server ends a connection that was idle for so many seconds; ours are not.
const WAIT: usize = 28800;

/// A database of MariaDB or MySQL.
pub struct MySql {
    server: Arc<Server>,
}

impl MySql {
    pub(super) fn take(url: &mut Location, environment: &Environment) -> Result<Self> {
        let server = Server::take("mysql", 3306, url, environment)?;
        Ok(Self { server: Arc::new(server) })
    }

    fn options(&self) -> Result<OptsBuilder> {
        let Server { host, port, database, username, password, .. } = &*self.server;
        let password = password.as_ref().map(|password| password.expose_secret());
        Ok(OptsBuilder::default()
            .ip_or_hostname(host.as_str())
            .tcp_port(*port)
            .db_name(Some(database))
            .user(Some(username))
            .pass(password)
            // Else a connection on this machine moves to the server's socket, without encryption.
            .prefer_socket(false)
            .max_allowed_packet(Some(LARGEST_PACKET))
            .wait_timeout(Some(WAIT))
            .setup(SETUP.to_vec())
            .ssl_opts(ssl_options(&self.server.tls)?))
    }
}

fn ssl_options(tls: &Tls) -> Result<Option<SslOpts>> {
    let options = SslOpts::default();
    Ok(match tls {
        Tls::Off => None,
        Tls::Require => Some(options.with_danger_accept_invalid_certs(true)),
        Tls::Verify { .. } => {
            let authorities = tls.authorities()?;
            let authorities = authorities.into_iter().map(|it| it.as_ref().to_vec().into());
            let options = options.with_root_certs(authorities.collect());
            Some(options.with_disable_built_in_roots(true))
        }
    })
}

#[async_trait]
impl Database for MySql {
    fn dialect(&self) -> Dialect {
        Dialect::MySql
    }

    fn name(&self) -> String {
        format!("`{}`", self.server.address())
    }

    fn identity(&self) -> Result<Identity> {
        Ok(Identity::named(endpoint(&self.server.address())))
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        let server = self.server.clone();
        let connected = Conn::new(self.options()?).await;
        let conn = connected.map_err(|cause| failure::explain(&server, &cause))?;
        Ok(Box::new(Session { server, conn: Some(conn) }))
    }
}

/// A connection; `None` once it is given up.
struct Session {
    server: Arc<Server>,
    conn: Option<Conn>,
}

impl Session {
    fn conn(&mut self) -> Result<&mut Conn> {
        let gone = || Error::new(Kind::Bug, "a connection was used after its end");
        self.conn.as_mut().ok_or_else(gone)
    }

    fn explain(&self, cause: &mysql_async::Error) -> Error {
        failure::explain(&self.server, cause)
    }

    /// Has the server compile a statement; gives its columns with how their values become JSON.
    async fn compile(
        &mut self,
        statement: &Statement,
    ) -> Result<(mysql_async::Statement, Columns, Vec<Form>)> {
        let compiled = self.conn()?.prep(statement.text()).await;
        let compiled = compiled.map_err(|cause| self.explain(&cause))?;
        let kinds = compiled.columns();
        let columns = Columns::new(kinds.iter().map(|column| column.name_str()))?;
        if usize::from(compiled.num_params()) != statement.names().len() {
            return Err(Error::new(Kind::Usage, "the query holds a placeholder without a value")
                .hint("write parameters as `:name`"));
        }
        let forms: Vec<_> = kinds.iter().map(Form::of).collect::<Result<_>>()?;
        let json = json::columns(self.conn()?, &kinds).await;
        let json = json.map_err(|cause| self.explain(&cause))?;
        let forms = forms.into_iter().zip(json);
        let forms = forms.map(|(form, json)| if json { Form::Json } else { form }).collect();
        Ok((compiled, columns, forms))
    }

    async fn read(
        &mut self,
        compiled: &mysql_async::Statement,
        (columns, forms): (&Columns, &[Form]),
        values: Vec<String>,
        outlet: &mut Outlet,
    ) -> Result<()> {
        let server = self.server.clone();
        let explain = |cause| failure::explain(&server, &cause);
        let params = match values.is_empty() {
            true => Params::Empty,
            false => Params::Positional(values.into_iter().map(Value::from).collect()),
        };
        let mut rows = self.conn()?.exec_iter(compiled, params).await.map_err(explain)?;
        while let Some(row) = rows.next().await.map_err(explain)? {
            let row = cells(columns, forms, row.unwrap())?;
            if !outlet.push(row).await {
                break;
            }
        }
        Ok(())
    }
}

fn cells(columns: &Columns, forms: &[Form], values: Vec<Value>) -> Result<Row> {
    let cells = columns.names().zip(forms).zip(values);
    cells.map(|((name, form), value)| form.cell(name, value)).collect()
}

#[async_trait]
impl Connection for Session {
    async fn prepare(&mut self, statement: &Statement) -> Result<Columns> {
        self.compile(statement).await.map(|(_, columns, _)| columns)
    }

    async fn run(
        &mut self,
        statement: &Statement,
        values: Vec<String>,
        mut outlet: Outlet,
    ) -> Result<Outlet> {
        let (compiled, columns, forms) = self.compile(statement).await?;
        outlet.begin(columns.clone());
        self.read(&compiled, (&columns, &forms), values, &mut outlet).await?;
        Ok(outlet)
    }

    fn canceller(&self) -> Option<Box<dyn Cancel>> {
        let database = MySql { server: self.server.clone() };
        let id = self.conn.as_ref()?.id();
        Some(Box::new(Canceller { database, id }))
    }

    async fn close(mut self: Box<Self>) {
        if let Some(conn) = self.conn.take() {
            let _ = conn.disconnect().await; // whether it hears us or not
        }
    }
}

/// Cuts the connection. The driver would read what is left of an answer first, and for ever where the
/// server hangs; where it finds no runtime, it does not.
impl Drop for Session {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            let _ = std::thread::spawn(move || drop(conn)).join();
        }
    }
}
