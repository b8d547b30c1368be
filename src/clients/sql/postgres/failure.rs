//! What the client of PostgreSQL tells, as an error for a person.

use crate::clients::sql::failure::{Refusal, not_encrypted, unreachable};
use crate::clients::sql::server::Server;
use crate::error::{Error, Kind};
use std::error::Error as StdError;

/// The error for a failure, by what the server says, or else by what became of the connection.
pub fn explain(server: &Server, cause: &tokio_postgres::Error) -> Error {
    if let Some(refusal) = cause.as_db_error() {
        let (state, message) = (refusal.code().code(), refusal.message());
        return Refusal { state, message, kind: None }.explain(server);
    }
    match cause.to_string().as_str() {
        "error performing TLS handshake" => not_encrypted(server, &words(cause)),
        // A password that the server asks for and nobody gave, too.
        "authentication error" | "invalid configuration" => {
            let refusal = words(cause);
            Refusal { state: "28000", message: &refusal, kind: Some(Kind::Credentials) }
                .explain(server)
        }
        _ => unreachable(server, &words(cause)),
    }
}

/// The error with its causes, which hold no row and no password.
fn words(cause: &tokio_postgres::Error) -> String {
    let mut text = cause.to_string();
    let mut source = cause.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
