//! Databases that are asked by one statement of SQL: PostgreSQL, MariaDB and MySQL, SQLite.
//!
//! A [`Client`] holds what a URL and the environment say, and a connection while it is used. A
//! [`Statement`] has its named parameters rewritten to what the server takes; their values are text.
//! What comes back are batches of rows whose cells are JSON already, the same on each run: sessions
//! have UTC, may only read, and never keep a server busy that nobody listens to.
//!
//! | piece | where |
//! |---|---|
//! | which parts of a statement mean something | `scan` |
//! | named parameters to the server's own | `statement` |
//! | cells, rows, columns | `row` |
//! | a connection, reused and watched | `client` |
//! | rows on their way, in batches | `outlet` |
//! | what the URL and the environment say | `options`, `server`, `tls` |
//! | what a refusal means | `failure` |
//! | a database each | `postgres`, `mysql`, `sqlite` |

mod client;
mod failure;
mod mysql;
mod options;
mod outlet;
mod postgres;
mod row;
mod scan;
mod server;
mod sqlite;
mod statement;
mod tls;

pub use client::{Client, RowStream};
pub use outlet::Outlet;
pub use row::{Cell, Columns, Row, RowBatch};
pub use statement::{Dialect, Statement};

use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::identity::Identity;
use crate::location::Location;
use async_trait::async_trait;
use options::Timeouts;

/// The schemes of databases.
pub const SCHEMES: &[&str] = &["mysql", "postgres", "sqlite"];

/// A kind of database, with all that leads to one of them.
#[async_trait]
pub trait Database: Send + Sync {
    /// How statements are written there.
    fn dialect(&self) -> Dialect;

    /// What the database is called in an error: without a secret.
    fn name(&self) -> String;

    /// What the database is, for what is locked.
    fn identity(&self) -> Result<Identity>;

    /// Opens a connection whose session may only read.
    async fn connect(&self) -> Result<Box<dyn Connection>>;
}

/// A connection to a database. One whose run has failed, or was dropped, is not used again.
#[async_trait]
pub trait Connection: Send {
    /// Has the database compile a statement; nothing is run. Gives its columns.
    ///
    /// # Errors
    /// `Configuration` for what the database refuses, for a statement that gives no rows, and for
    /// columns that no JSON object can hold.
    async fn prepare(&mut self, statement: &Statement) -> Result<Columns>;

    /// Runs a statement, its values in the order of its placeholders, and puts each row into the
    /// outlet, which is given back.
    async fn run(
        &mut self,
        statement: &Statement,
        values: Vec<String>,
        outlet: Outlet,
    ) -> Result<Outlet>;

    /// What tells the server that nobody waits any more for what runs on this connection; `None` where
    /// it notices that by itself.
    fn canceller(&self) -> Option<Box<dyn Cancel>>;

    /// Says goodbye.
    async fn close(self: Box<Self>);
}

/// Another way to a server, on which what runs there is ended.
#[async_trait]
pub trait Cancel: Send + Sync {
    /// Has the server end what runs, where it listens.
    async fn cancel(&self);
}

/// The parameters of a URL that [`open`] takes.
pub const PARAMETERS: &[&str] = &["query-timeout", "connect-timeout", "tls", "tls-ca"];

/// Those of them that this URL may have, for what lists those that are known.
pub fn parameters(url: &Location) -> &'static [&'static str] {
    match url.scheme() {
        "sqlite" => &PARAMETERS[..1],
        _ => PARAMETERS,
    }
}

/// Takes out of the URL what says where the database is and how it is reached; nothing is asked yet.
///
/// # Errors
/// `Usage` for a URL that cannot be meant, `Configuration` for a login that is not whole.
pub fn open(url: &mut Location, environment: &Environment) -> Result<Client> {
    let timeouts = Timeouts::take(url)?;
    let database: Box<dyn Database> = match url.scheme() {
        "mysql" | "mariadb" => Box::new(mysql::MySql::take(url, environment)?),
        "postgres" | "postgresql" => Box::new(postgres::Postgres::take(url, environment)?),
        "sqlite" => Box::new(sqlite::Sqlite::of(url)?),
        scheme => {
            return Err(Error::new(Kind::Usage, format!("unknown database `{scheme}:`"))
                .hint("a database is one of `mysql:`, `postgres:`, `sqlite:`"));
        }
    };
    Ok(Client::new(database, timeouts))
}
