//! What the client of MariaDB and MySQL tells, as an error for a person.

use crate::clients::sql::failure::{Refusal, not_encrypted, unreachable};
use crate::clients::sql::server::Server;
use crate::error::{Error, Kind};
use mysql_async::{DriverError, IoError, ServerError};

/// No database has this name; its SQLSTATE says no more than that access is denied.
const UNKNOWN_DATABASE: u16 = 1049;

/// The error for a failure, by what the server says, or else by what became of the connection.
pub fn explain(server: &Server, cause: &mysql_async::Error) -> Error {
    use mysql_async::Error::{Driver, Io, Server};
    match cause {
        Server(ServerError { code, message, state }) => {
            let state = if *code == UNKNOWN_DATABASE { "3D000" } else { state };
            Refusal { state, message, kind: kind(*code) }.explain(server)
        }
        Io(IoError::Tls(cause)) => not_encrypted(server, &cause.to_string()),
        Io(IoError::Io(cause)) if is_of_tls(cause) => not_encrypted(server, &cause.to_string()),
        Driver(cause @ DriverError::NoClientSslFlagFromServer) => {
            not_encrypted(server, &cause.to_string())
        }
        // Of other packets the words hold what came.
        Driver(DriverError::UnexpectedPacket { .. }) => {
            unreachable(server, "it sent what was not expected")
        }
        other => unreachable(server, &other.to_string()),
    }
}

/// Whether the encryption failed, and not the connection below it.
fn is_of_tls(cause: &std::io::Error) -> bool {
    cause.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

/// What the server's own numbers mean where their SQLSTATE says too little.
fn kind(code: u16) -> Option<Kind> {
    match code {
        // Access denied: to the server, a database, a table, a column, for a command, by a plugin.
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 1698 | 3118 | 3955 => Some(Kind::Credentials),
        // Too many connections, out of resources, shutting down, a host that is blocked.
        1040 | 1041 | 1053 | 1129 | 1203 | 1226 | 1927 | 4151 => Some(Kind::Unreachable),
        // Waited too long for a lock, deadlock, killed, out of time.
        1205 | 1213 | 1317 | 1969 | 3024 => Some(Kind::Unreachable),
        // The files of a table, memory, disk.
        1021 | 1030 | 1037 | 1038 | 1114 | 1194 | 1195 => Some(Kind::Unreachable),
        // A server that is stopped for writing, or must first be told a new password.
        1290 | 1820 => Some(Kind::Configuration),
        _ => None,
    }
}
