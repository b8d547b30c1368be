//! Where requests may go: to no private address unless that is allowed, by whatever name it is
//! reached.

use crate::error::{Error, Kind, Result};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use url::{Host, Url};

/// How long a connection may take to be made.
const TIME: Duration = Duration::from_secs(5);

/// Which addresses are allowed, and how they are reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    /// Private ones as well.
    pub(super) private: bool,
    /// A proxy finds and reaches them.
    pub(super) by_proxy: bool,
}

impl Addresses {
    /// Refuses a URL whose host is an address that is not allowed.
    pub(super) fn allow(self, url: &Url) -> Result<()> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(name)) if is_this_machine(name) => Ipv4Addr::LOCALHOST.into(),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        match self.allows(address) {
            true => Ok(()),
            false => Err(Error::new(Kind::Configuration, "the webhook has a private address")
                .hint("say that it is meant: `webhook:URL?allow-private`")),
        }
    }

    fn allows(self, address: IpAddr) -> bool {
        self.private || !is_private(address)
    }

    /// Makes a connection to the host of a URL, and ends it.
    pub(super) async fn reach(self, url: &Url) -> Result<()> {
        if self.by_proxy {
            return Ok(());
        }
        let reached = tokio::time::timeout(TIME, self.connect(url)).await;
        let reached = reached.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        reached.map_err(|cause| {
            Error::new(Kind::Unreachable, "the webhook cannot be reached")
                .because(cause)
                .hint("check its address and the network; nothing is lost")
        })
    }

    async fn connect(self, url: &Url) -> io::Result<()> {
        let port = url.port_or_known_default().unwrap_or(443);
        let addresses = match url.host() {
            Some(Host::Ipv4(address)) => vec![(address, port).into()],
            Some(Host::Ipv6(address)) => vec![(address, port).into()],
            Some(Host::Domain(name)) => self.lookup(name, port).await?,
            None => Vec::new(),
        };
        TcpStream::connect(&addresses[..]).await.map(drop)
    }

    /// The addresses of a name that are allowed; where there are others only, an error.
    async fn lookup(self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let (allowed, others): (Vec<_>, Vec<_>) =
            lookup_host((name, port)).await?.partition(|address| self.allows(address.ip()));
        match allowed.is_empty() && !others.is_empty() {
            true => Err(io::Error::other("it has private addresses only, see `allow-private`")),
            false => Ok(allowed),
        }
    }
}

/// Looks names up for the client that sends.
impl Resolve for Addresses {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = *self;
        Box::pin(async move {
            let found = addresses.lookup(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn is_this_machine(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether an address is one that nobody reaches from everywhere.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let of_protocols = (a, b, c) == (192, 0, 0);
    let of_benchmarks = a == 198 && (18..20).contains(&b);
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || shared
        || of_protocols
        || of_benchmarks
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let within = match (first, second) {
        // What translators (RFC 6052) and 6to4 (RFC 3056) reach.
        (0x64, 0xff9b) => Some(embedded(&address, 12)),
        (0x2002, _) => Some(embedded(&address, 2)),
        _ => address.to_ipv4(),
    };
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || within.is_some_and(is_private_v4)
}

/// The address of four bytes that stands in one of sixteen.
fn embedded(address: &Ipv6Addr, at: usize) -> Ipv4Addr {
    let bytes = address.octets();
    Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known_in_every_form() {
        for text in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.9.9",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ] {
            assert!(is_private(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "192.0.2.1",
            "198.20.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert!(!is_private(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_url_with_a_private_address_is_refused_unless_allowed() {
        for url in [
            "http://127.0.0.1:9/x",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::1]/",
            "https://10.1.1.1/hunter2",
            "https://localhost/x",
            "https://a.localhost/x",
            "http://[::ffff:7f00:1]/",
        ] {
            let url = Url::parse(url).unwrap();
            let addresses = |private| Addresses { private, by_proxy: false };
            let error = addresses(false).allow(&url).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
            addresses(true).allow(&url).unwrap();
        }
        let url = Url::parse("https://hooks.example.org/x").unwrap();
        Addresses { private: false, by_proxy: false }.allow(&url).unwrap();
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_private_address_leads_nowhere() {
        let addresses = Addresses { private: false, by_proxy: false };
        assert!(addresses.lookup("localhost", 80).await.is_err());
        let allowed = Addresses { private: true, ..addresses };
        assert!(!allowed.lookup("localhost", 80).await.unwrap().is_empty());
    }
}
