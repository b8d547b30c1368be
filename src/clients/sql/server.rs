//! Where a server is, who we are there, and how it is reached: from a URL and the environment.

use super::tls::Tls;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use std::net::IpAddr;
use url::{Host, Url};

/// A database on a server.
#[derive(Debug)]
pub struct Server {
    /// The scheme by which it is named: `mysql`, `postgres`.
    pub scheme: &'static str,
    /// A name or a number, an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The name of the database.
    pub database: String,
    /// Who we are.
    pub username: String,
    /// How we prove it, where we do.
    pub password: Option<SecretString>,
    /// Whether what is sent is encrypted, and who may be at the other end.
    pub tls: Tls,
}

impl Server {
    /// Takes all that it needs out of a URL like `mysql://HOST:PORT/DATABASE?tls=verify`.
    ///
    /// # Errors
    /// `Usage` for a URL that names no database, or that holds a login; `Configuration` where no user
    /// is named, or a file of certificates cannot be read.
    pub fn take(
        scheme: &'static str,
        port: u16,
        url: &mut Location,
        environment: &Environment,
    ) -> Result<Self> {
        let (host, given, database) = address(url)?;
        let username = environment.get("SQL_USERNAME")?.map(str::to_owned);
        let password = environment.secret("SQL_PASSWORD")?;
        let username = username.ok_or_else(|| {
            Error::new(Kind::Configuration, "no user of the database is named").hint(
                "set `SQL_USERNAME`, and `SQL_PASSWORD` or `SQL_PASSWORD_FILE` where the user has \
                 a password",
            )
        })?;
        let tls = Tls::take(url, is_loopback(&host))?;
        let port = given.unwrap_or(port);
        Ok(Self { scheme, host, port, database, username, password, tls })
    }

    /// `mysql://HOST:PORT/DATABASE`, which holds no secret.
    pub fn address(&self) -> String {
        let Self { scheme, port, database, .. } = self;
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.to_ascii_lowercase(),
        };
        format!("{scheme}://{host}:{port}/{database}")
    }
}

/// Host, port and database of a URL.
fn address(url: &Location) -> Result<(String, Option<u16>, String)> {
    if url.rest().contains('@') {
        return Err(Error::new(Kind::Usage, "the database's URL holds a user or a password")
            .because_of("everybody who can list processes sees it (it has an `@`)")
            .hint(
                "set `SQL_USERNAME` and `SQL_PASSWORD` or `SQL_PASSWORD_FILE` as they are, nothing \
                 escaped, and leave them out of the URL",
            ));
    }
    let parts = parts(url.rest());
    parts.ok_or_else(|| {
        let scheme = url.scheme();
        Error::new(Kind::Usage, format!("`{url}` names no database on a server")).hint(format!(
            "write `{scheme}://HOST/DATABASE` or `{scheme}://HOST:PORT/DATABASE`; what means \
             something in a URL is escaped: `%3F` is a question mark"
        ))
    })
}

fn parts(rest: &str) -> Option<(String, Option<u16>, String)> {
    let (authority, path) = rest.strip_prefix("//")?.split_once('/')?;
    // Behind a scheme that it does not know, a port is never left out as the usual one.
    let address = Url::parse(&format!("database://{authority}/")).ok()?;
    let host = match address.host()? {
        Host::Domain(name) => percent_decode_str(name).decode_utf8().ok()?.into_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    let database = percent_decode_str(path).decode_utf8().ok()?.into_owned();
    let whole = !host.is_empty() && !path.is_empty() && !path.contains('/');
    whole.then(|| (host, address.port(), database))
}

/// Whether a host is this machine, by its name or number alone.
fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    fn take(url: &str, variables: &[(&str, &str)]) -> Result<Server> {
        let environment = variables.iter().copied().collect();
        Server::take("mysql", 3306, &mut Location::parse(url).unwrap(), &environment)
    }

    const ME: (&str, &str) = ("SQL_USERNAME", "me@home");

    #[test]
    fn a_server_has_host_port_and_database() {
        let server = take("mysql://DB.example:3307/clo%63ky?tls=off", &[ME]).unwrap();
        assert_eq!(server.address(), "mysql://db.example:3307/clocky");
        assert_eq!((&*server.username, server.password.is_none()), ("me@home", true));
        assert!(matches!(server.tls, Tls::Off));
        let server = take("mysql://[::1]/d", &[ME, ("SQL_PASSWORD", "p@ss")]).unwrap();
        assert_eq!((server.address(), &*server.host), ("mysql://[::1]:3306/d".into(), "::1"));
        assert_eq!(server.password.as_ref().unwrap().expose_secret(), "p@ss");
        assert!(!format!("{server:?}").contains("p@ss"));
    }

    #[test]
    fn what_names_no_database_is_refused() {
        for url in [
            "mysql:h/d",
            "mysql://h",
            "mysql://h/",
            "mysql:///d",
            "mysql://h:port/d",
            "mysql://h:70000/d",
            "mysql://h/d/e",
            "mysql://h/%ff",
            "mysql://[::1/d",
        ] {
            let error = take(url, &[ME]).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{url}");
            assert!(error.to_string().contains("names no database"), "{error}");
        }
    }

    #[test]
    fn a_login_belongs_to_the_environment() {
        for url in ["mysql://me:hunter2@h/d", "mysql://me@h/d"] {
            let error = take(url, &[ME]).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        let error = take("mysql://me:hunter2?x@h/d", &[ME]).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let error = take("mysql://h/d", &[("SQL_PASSWORD", "p")]).unwrap_err();
        assert_eq!(error.kind(), Kind::Configuration);
        assert!(error.to_string().contains("`SQL_USERNAME`"), "{error}");
    }

    #[test]
    fn plain_text_beyond_this_machine_must_be_asked_for() {
        let tls = |url: &str| take(url, &[ME]).unwrap().tls;
        for near in ["mysql://127.0.0.1/d", "mysql://localhost/d", "mysql://[::1]:1/d"] {
            assert!(matches!(tls(near), Tls::Off), "{near}");
        }
        assert!(matches!(tls("mysql://db/d"), Tls::Verify { ca: None }));
        assert!(matches!(tls("mysql://127.0.0.1/d?tls=verify"), Tls::Verify { ca: None }));
        assert!(matches!(tls("mysql://db/d?tls=require"), Tls::Require));
        assert!(matches!(tls("mysql://db/d?tls=off"), Tls::Off));
    }
}
