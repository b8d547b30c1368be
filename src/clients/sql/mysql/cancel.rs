//! Ends what runs on a connection: the server does not notice that we are gone before it sends a row.

use super::MySql;
use crate::clients::sql::Cancel;
use async_trait::async_trait;
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;

/// The number by which the server knows a connection, and the way to it.
pub struct Canceller {
    /// The server.
    pub database: MySql,
    /// The number.
    pub id: u32,
}

#[async_trait]
impl Cancel for Canceller {
    async fn cancel(&self) {
        let Ok(options) = self.database.options() else { return };
        let Ok(mut conn) = Conn::new(options).await else { return };
        // What fails here ends by itself later.
        let _ = conn.query_drop(format!("kill query {}", self.id)).await;
        let _ = conn.disconnect().await;
    }
}
