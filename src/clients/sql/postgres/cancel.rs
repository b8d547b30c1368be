//! Ends what runs on a connection: versions before 14 do not notice by themselves that we are gone.

use crate::clients::sql::Cancel;
use crate::clients::sql::tls::Tls;
use async_trait::async_trait;
use tokio_postgres::{CancelToken, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The key with which the server ends what runs on a connection.
pub struct Canceller {
    /// The key, and where the server is.
    pub token: CancelToken,
    /// How the server is reached.
    pub tls: Tls,
}

#[async_trait]
impl Cancel for Canceller {
    async fn cancel(&self) {
        // What fails here ends by itself later.
        match (&self.tls, self.tls.client_config()) {
            (Tls::Off, _) => drop(self.token.cancel_query(NoTls).await),
            (_, Ok(config)) => {
                drop(self.token.cancel_query(MakeRustlsConnect::new(config)).await);
            }
            (_, Err(_)) => {}
        }
    }
}
