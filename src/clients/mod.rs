//! What speaks to somebody, for any shelf: SQLite's files, HTTP, AWS's settings, object stores,
//! databases of SQL.

#[cfg(feature = "aws")]
pub mod aws;
pub mod command;
pub mod http;
#[cfg(feature = "store")]
pub mod object_store;
#[cfg(feature = "sql")]
pub mod sql;
pub mod sqlite;
#[cfg(feature = "https")]
mod tls;
#[cfg(not(feature = "https"))]
#[path = "no_tls.rs"]
mod tls;
