//! Whether a request comes from a page of this server, as a browser says.

use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};

/// Whether a request says that it comes from a page of the very server that it goes to, which listens at
/// this port: its `Origin` is there, once, and has the host and the port of its `Host`, or the server's
/// own port. A browser lets no page choose either; it sends `null` where it hides the origin.
///
/// Whether the names are the server's own was looked at before.
pub(super) fn is_own_page(headers: &HeaderMap, own_port: u16) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
    let Ok(origin) = Uri::try_from(origin.as_bytes()) else { return false };
    let default = match origin.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => return false,
    };
    let host = headers.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let Some(page) = origin.authority().map(|origin| named(origin, default)) else { return false };
    page.1 == own_port || host.is_some_and(|host| named(&host, default) == page)
}

/// The host in small letters and the port, which may be left out.
fn named(authority: &Authority, default: u16) -> (String, u16) {
    (authority.host().to_ascii_lowercase(), authority.port_u16().unwrap_or(default))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port that none of these has.
    const OTHER: u16 = 9;

    fn headers(host: &str, origins: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().expect("a header"));
        for origin in origins {
            headers.append(ORIGIN, origin.parse().expect("a header"));
        }
        headers
    }

    #[test]
    fn a_page_is_its_servers_own_where_host_and_port_are_one() {
        for (host, origin) in [
            ("localhost:7070", "http://localhost:7070"),
            ("LOCALHOST:7070", "http://localhost:7070"),
            ("[::1]:7070", "http://[::1]:7070"),
            ("queue.example", "https://queue.example"),
            ("queue.example:443", "https://queue.example"),
            ("queue.example", "http://queue.example:80"),
        ] {
            assert!(is_own_page(&headers(host, &[origin]), OTHER), "{host} {origin}");
        }
    }

    #[test]
    fn any_other_page_is_not() {
        for (host, origin) in [
            ("localhost:7070", "http://localhost:3000"),
            ("localhost:7070", "http://localhost"),
            ("localhost:7070", "http://127.0.0.1:7070"),
            ("localhost:7070", "https://evil.example"),
            ("queue.example", "https://queue.example:8443"),
            ("queue.example:80", "https://queue.example"),
            ("localhost:7070", "null"),
            ("localhost:7070", ""),
            ("localhost:7070", "localhost:7070"),
            ("localhost:7070", "file://localhost:7070"),
        ] {
            assert!(!is_own_page(&headers(host, &[origin]), OTHER), "{host} {origin}");
        }
        let own = "http://localhost:7070";
        assert!(is_own_page(&headers("localhost", &[own]), 7070), "the port is the server's own");
        assert!(
            !is_own_page(&headers("localhost:7070", &[]), OTHER),
            "a page says where it is from"
        );
        assert!(!is_own_page(&headers("localhost:7070", &[own, own]), OTHER), "once");
    }
}
