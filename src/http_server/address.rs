//! The address that a server listens at.

use super::Words;
use crate::error::{Error, Kind, Result};
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, lookup_host};

/// The addresses that a text names.
pub(super) async fn resolve(listen: &str) -> Result<Vec<SocketAddr>> {
    let failed = || {
        let error = Error::new(Kind::Configuration, format!("cannot listen at `{listen}`"));
        error.hint("write an address of this machine and a port, for instance `127.0.0.1:7070`")
    };
    let found = lookup_host(listen).await.map_err(|cause| failed().because(cause))?;
    match found.collect::<Vec<_>>() {
        none if none.is_empty() => Err(failed().because_of("the name stands for no address")),
        some => Ok(some),
    }
}

/// Whether a server may listen there: who can be reached from elsewhere asks for a token, and knows
/// its own names.
pub(super) fn may_listen(
    address: SocketAddr,
    has_token: bool,
    has_names: bool,
    words: Words,
) -> Result<()> {
    let ip = address.ip().to_canonical();
    let refused = |why: &str, hint: String| {
        let error = Error::new(Kind::Configuration, format!("cannot listen at `{address}`"));
        Err(error.because_of(why).hint(hint))
    };
    if !ip.is_loopback() && !has_token {
        let why = "it can be reached from other machines, and nothing is asked of them";
        let hint = format!("{} names a token that each client has to show", words.token);
        return refused(why, hint);
    }
    if ip.is_unspecified() && !has_names {
        let why = "it stands for all addresses, and no name is known by which clients reach it";
        return refused(why, format!("`{}NAME` gives one, as often as need be", words.host));
    }
    Ok(())
}

/// Listens at the first of the addresses that can be had.
pub(super) async fn bind(
    listen: &str,
    addresses: &[SocketAddr],
    words: Words,
) -> Result<TcpListener> {
    TcpListener::bind(addresses).await.map_err(|cause| refused(listen, cause, words))
}

/// Says why an address cannot be had. Another program may give it up: that is no configuration.
fn refused(listen: &str, cause: io::Error, words: Words) -> Error {
    let other = |what: &str| format!("{what} with {}", words.listen);
    let (kind, hint) = match cause.kind() {
        io::ErrorKind::AddrInUse => (
            Kind::Unreachable,
            other("another program listens there: end it, or choose another port"),
        ),
        io::ErrorKind::AddrNotAvailable => (
            Kind::Configuration,
            "it is no address of this machine: `ip address` lists them".to_owned(),
        ),
        io::ErrorKind::PermissionDenied => {
            (Kind::Configuration, other("ports below 1024 are root's: choose another one"))
        }
        _ => (Kind::Failed, other("choose another one")),
    };
    Error::new(kind, format!("cannot listen at `{listen}`")).because(cause).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Words = Words { listen: "`--listen`", token: "`--token FILE`", host: "--host " };

    #[test]
    fn whoever_can_be_reached_from_elsewhere_needs_a_token_and_a_name() {
        for (address, token, names, may) in [
            ("127.0.0.1:0", false, false, true),
            ("127.8.8.8:0", false, false, true),
            ("[::1]:0", false, false, true),
            ("[::ffff:127.0.0.1]:0", false, false, true),
            ("192.0.2.1:0", false, true, false),
            ("192.0.2.1:0", true, false, true),
            ("[2001:db8::1]:0", false, false, false),
            ("0.0.0.0:0", false, true, false),
            ("0.0.0.0:0", true, false, false),
            ("[::]:0", true, false, false),
            ("[::ffff:0.0.0.0]:0", true, false, false),
            ("0.0.0.0:0", true, true, true),
            ("[::]:0", true, true, true),
        ] {
            let told = may_listen(address.parse().expect("an address"), token, names, WORDS);
            let code = told.as_ref().map_err(|error| error.kind().code());
            assert_eq!(code, if may { Ok(&()) } else { Err(78) }, "{address} {token} {names}");
        }
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_had_is_named() {
        let taken = bind("127.0.0.1:0", &["127.0.0.1:0".parse().expect("an address")], WORDS).await;
        let address = taken.as_ref().expect("a free port").local_addr().expect("an address");
        let error = bind(&address.to_string(), &[address], WORDS).await.expect_err("it is taken");
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.to_string().contains(&format!("`{address}`")), "{error}");
        let error = bind("192.0.2.1:0", &["192.0.2.1:0".parse().expect("an address")], WORDS).await;
        assert_eq!(error.expect_err("not of this machine").kind(), Kind::Configuration);
        for nothing in ["", "7070", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70700", "a b:1"] {
            let error = resolve(nothing).await.expect_err(nothing);
            assert_eq!(error.kind(), Kind::Configuration, "{nothing}");
        }
    }
}
