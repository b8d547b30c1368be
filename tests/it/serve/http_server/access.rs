//! Who is let in.

use super::{Fixture, GRACE, options};
use crate::support::sandbox::Sandbox;
use kakehi::http_server::{Limits, Options, Token};

const TOKEN: &str = "a-token-of-more-than-16-bytes";

fn guarded() -> Fixture {
    let sandbox = Sandbox::new();
    let token = Token::read(&sandbox.write("token", format!("{TOKEN}\n"))).expect("a token");
    let hosts = vec!["queue.example".to_owned()];
    Fixture::start(Options { token: Some(token), hosts, ..options(Limits::default()) }, GRACE)
}

#[test]
fn only_the_token_opens() {
    let server = guarded();
    let right = format!("Authorization: Bearer {TOKEN}");
    assert_eq!(server.echo(&[&right], "in").body, "in");
    for wrong in ["X: y", "Authorization: Bearer a-token-of-more-than-16-byteS", "Authorization: x"]
    {
        let answer = server.echo(&[wrong], "out");
        assert_eq!((answer.status, answer.body.starts_with("refused: ")), (401, true), "{wrong}");
        assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
        assert!(!answer.body.contains(TOKEN));
    }
}

#[test]
fn a_token_in_the_query_opens_nothing() {
    let server = guarded();
    for name in ["access_token", "token", "key", "Authorization"] {
        let request = format!("POST /echo?{name}={TOKEN}");
        assert_eq!(server.connect().ask(&request, &[], "").status, 401, "{name}");
    }
}

#[test]
fn whoever_is_refused_is_told_so_however_much_was_sent() {
    let server = guarded();
    let answer = server.echo(&[], vec![b'a'; 100 << 20]);
    assert_eq!(answer.status, 401);
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
    let mut client = server.connect();
    // Nothing of the body is asked for.
    let head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n";
    client.send(format!("{head}Content-Length: 5\r\n\r\n")).expect("it is read");
    assert_eq!(client.answer().status, 401);
}

#[test]
fn foreign_hosts_and_origins_are_refused_and_named_ones_are_not() {
    let server = guarded();
    let right = format!("Authorization: Bearer {TOKEN}");
    for (header, status) in [
        ("Host: evil.example", 403),
        ("Host: queue.example", 200),
        ("Host: 127.0.0.1:1", 200),
        ("Origin: http://evil.example", 403),
        ("Origin: null", 403),
        ("Origin: https://queue.example", 200),
    ] {
        let answer = server.echo(&[&right, header], "");
        assert_eq!(answer.status, status, "{header}: {}", answer.body);
    }
    // Whether the token is right is nobody's business who came by a foreign name.
    assert_eq!(server.echo(&["Host: evil.example"], "").status, 403);
}

#[test]
fn what_stands_beside_the_guard_is_open() {
    let server = guarded();
    let mut client = server.connect();
    client.send("GET /open HTTP/1.0\r\n\r\n").expect("it is read");
    assert_eq!(client.answer().body, "open");
    let answer = server.connect().ask("GET /open", &["Host: evil.example"], "");
    assert_eq!(answer.status, 200);
}

#[test]
fn a_path_that_is_not_there_tells_nothing_to_those_outside() {
    let server = guarded();
    assert_eq!(server.connect().ask("GET /nowhere", &[], "").status, 401);
    let right = format!("Authorization: Bearer {TOKEN}");
    assert_eq!(server.connect().ask("GET /nowhere", &[&right], "").status, 404);
}
