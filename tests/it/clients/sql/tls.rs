//! Encrypted connections, and servers that are not who they should be.

use super::{prepare, row};
use crate::support::sql_server::{Kind, SqlServer};
use kakehi::error::Kind as ErrorKind;

/// Whether the connection that asks this is encrypted.
fn is_encrypted(kind: Kind) -> &'static str {
    match kind {
        Kind::MariaDb => {
            "select if(variable_value = '', 0, 1) as x from information_schema.session_status \
             where variable_name = 'Ssl_cipher'"
        }
        Kind::Postgres => "select ssl::int as x from pg_stat_ssl where pid = pg_backend_pid()",
    }
}

#[tokio::test]
async fn a_connection_is_encrypted_as_the_url_says() {
    for kind in Kind::ALL {
        let server = SqlServer::start_with_tls(kind);
        let database = server.database();
        let ca = server.ca().display().to_string();
        for (query, encrypted) in [
            (String::new(), 0),
            ("?tls=off".to_owned(), 0),
            ("?tls=require".to_owned(), 1),
            (format!("?tls-ca={ca}"), 1),
            (format!("?tls=verify&tls-ca={ca}"), 1),
        ] {
            let client = database.client_of(&(database.url() + &query)).unwrap();
            let object = row(&client, is_encrypted(kind)).await;
            assert_eq!(object, format!("{{\"x\":{encrypted}}}"), "{kind:?} {query}");
        }
        let elsewhere =
            database.url_at(&server.database().address().replace("127.0.0.1", "localhost"));
        for url in [database.url() + "?tls=verify", format!("{elsewhere}?tls-ca={ca}")] {
            let error = prepare(&database.client_of(&url).unwrap(), "select 1").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{kind:?}: {error}");
            assert!(error.to_string().contains("no encrypted connection"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_server_that_cannot_encrypt_gets_no_password() {
    for kind in Kind::ALL {
        let server = SqlServer::start(kind);
        let database = server.database();
        for query in ["?tls=require", "?tls=verify"] {
            let client = database.client_of(&(database.url() + query)).unwrap();
            let error = prepare(&client, "select 1").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{kind:?}: {error}");
            assert!(error.to_string().contains("`tls=off`"), "{error}");
        }
    }
}
