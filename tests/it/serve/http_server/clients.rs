//! What clients send: too much, too little, or nonsense. Each is told, and the server goes on.

use super::Fixture;
use flate2::Compression;
use flate2::write::GzEncoder;
use kakehi::http_server::Limits;
use std::io::Write as _;

/// The most that a body may have.
const MOST: usize = 4 << 20;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    let server = Fixture::new();
    let mut client = server.connect();
    for text in ["one", "two", ""] {
        assert_eq!(client.ask("POST /echo", &[], text).body, text);
    }
    let request = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n";
    client.send(format!("{request}a{request}b")).expect("it is read");
    assert_eq!([client.answer().body, client.answer().body], ["a", "b"]);
    let last = client.ask("POST /echo", &["Connection: close"], "last");
    assert_eq!(last.body, "last");
    assert!(client.ends());
}

#[test]
fn the_largest_body_is_taken_and_no_larger_one() {
    let server = Fixture::new();
    let mut body = vec![b'a'; MOST];
    assert_eq!(server.echo(&[], &body).body.len(), MOST);
    assert_eq!(server.echo(&["Content-Encoding: gzip"], gzip(&body)).body.len(), MOST);
    body.push(b'a');
    for answer in [
        server.echo(&[], &body),
        server.echo(&["Content-Encoding: gzip"], gzip(&body)),
        server.echo(&[], vec![0; 100 << 20]),
    ] {
        assert_eq!((answer.status, answer.body.starts_with("refused: ")), (413, true));
    }
    server.works();
}

#[test]
fn a_bomb_of_gzip_does_not_go_off() {
    let server = Fixture::new();
    let bomb = gzip(&vec![0; 256 << 20]);
    assert!(bomb.len() < MOST, "it is small as it travels");
    assert_eq!(server.echo(&["Content-Encoding: gzip"], bomb).status, 413);
    server.works();
}

#[test]
fn a_body_in_chunks_has_the_same_bound() {
    let server = Fixture::new();
    let head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = server.connect();
    client.send(format!("{head}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")).expect("it is read");
    assert_eq!(client.answer().body, "abcde");
    let mut client = server.connect();
    client.send(head).expect("it is read");
    let chunk = [b"100000\r\n", &[b'a'; 1 << 20][..], b"\r\n"].concat();
    // It may end while we send.
    let _ = (0..100).try_for_each(|_| client.send(&chunk));
    assert_eq!(client.answer().status, 413);
    server.works();
}

#[test]
fn large_bodies_share_a_room_and_small_ones_need_none() {
    let server = Fixture::with(Limits { large_bodies_bytes: 200_000, ..Limits::default() });
    let large = vec![b'a'; 200_000];
    let mut first = server.connect();
    let head = "GET /gate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n";
    first.send([head.as_bytes(), &large].concat()).expect("it is read");
    server.has_one_waiting();
    for answer in [server.echo(&[], &large), server.echo(&["Content-Encoding: gzip"], gzip(&large))]
    {
        assert_eq!((answer.status, answer.body.starts_with("refused: ")), (503, true));
        assert!(answer.head.contains("retry-after: "), "{}", answer.head);
    }
    server.works();
    server.gate.add_permits(1);
    assert_eq!(first.answer().body, "passed");
    assert_eq!(server.echo(&[], &large).body.len(), large.len());
}

#[test]
fn an_encoding_that_is_not_spoken_is_refused() {
    let server = Fixture::new();
    let answer = server.echo(&["Content-Encoding: br"], "x");
    assert_eq!(answer.status, 415);
    assert!(answer.head.contains("accept-encoding: gzip"), "{}", answer.head);
    assert_eq!(server.echo(&["Content-Encoding: gzip"], "x").status, 400);
}

#[test]
fn half_a_request_harms_nobody() {
    let server = Fixture::new();
    let head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n";
    for half in ["", "P", "POST /echo HTTP/1.1\r\nHost: lo", head, &format!("{head}half")] {
        let mut client = server.connect();
        client.send(half).expect("it is read");
        drop(client);
        server.works();
    }
}

#[test]
fn nonsense_is_refused() {
    let server = Fixture::new();
    let many = "X: y\r\n".repeat(1000);
    let long = "a".repeat(1 << 20);
    for (nonsense, status) in [
        ("\0\u{1}\u{2}\r\n\r\n".to_owned(), 400),
        ("GET\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost localhost\r\n\r\n".to_owned(), 400),
        ("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n".to_owned(), 400),
        ("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1, 2\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nX: {long}\r\n\r\n"), 431),
        ("GET /echo HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), 405),
        ("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), 404),
    ] {
        let mut client = server.connect();
        // It may end while we send.
        let _ = client.send(&nonsense);
        let start: String = nonsense.chars().take(40).collect();
        assert_eq!(client.answer().status, status, "{start:?}");
    }
    let mut client = server.connect();
    client
        .send("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        .expect("it is read");
    assert_eq!(client.answer().status, 400);
    server.works();
}

#[test]
fn a_bug_in_a_handler_costs_one_request() {
    let server = Fixture::new();
    let mut client = server.connect();
    let answer = client.ask("GET /bug", &[], "");
    assert_eq!((answer.status, &*answer.body), (500, "refused: a bug of the server"));
    assert_eq!(client.ask("POST /echo", &[], "on").body, "on");
}
