//! Clients that stall: each is ended, and none holds up another one.

use super::Fixture;
use crate::support::http_client::HttpClient;
use kakehi::http_server::Limits;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(200);

const HALF_A_HEAD: &str = "POST /echo HTTP/1.1\r\nHost: local";
const HALF_A_BODY: &str = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf";

#[test]
fn a_head_that_does_not_end_ends_the_connection() {
    let server = Fixture::with(Limits { head_time: SHORT, ..Limits::default() });
    for start in ["", HALF_A_HEAD] {
        let mut client = server.connect();
        client.send(start).expect("it is read");
        assert!(client.ends());
    }
    server.works();
}

#[test]
fn a_connection_that_pauses_ends() {
    let server = Fixture::with(Limits { head_time: SHORT, ..Limits::default() });
    let mut client = server.connect();
    assert_eq!(client.ask("POST /echo", &[], "one").body, "one");
    assert!(client.ends());
}

#[test]
fn a_body_that_does_not_end_is_refused() {
    let server = Fixture::with(Limits { body_time: SHORT, ..Limits::default() });
    let mut client = server.connect();
    client.send(HALF_A_BODY).expect("it is read");
    let answer = client.answer();
    assert_eq!((answer.status, answer.body.starts_with("refused: ")), (408, true));
    assert!(client.ends());
}

#[test]
fn a_body_that_drips_is_refused() {
    let server = Fixture::with(Limits { body_time: SHORT, ..Limits::default() });
    let mut client = server.connect();
    client
        .send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        .expect("it is read");
    // Each byte comes soon enough, and all of them never do.
    while client.send("a").is_ok() {
        std::thread::sleep(Duration::from_millis(5));
        if client.has_answer() {
            break;
        }
    }
    assert_eq!(client.answer().status, 408);
}

#[test]
fn a_client_that_takes_nothing_of_its_answer_is_given_up() {
    let limits = Limits { answer_time: SHORT, ..Limits::default() };
    let mut server = Fixture::with(limits);
    let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut clients {
        let head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4194304\r\n\r\n";
        // More than the system takes for a client that does not read.
        for _ in 0..4 {
            let sent = client.send(head).and_then(|()| client.send(vec![b'a'; 4 << 20]));
            if sent.is_err() {
                break;
            }
        }
    }
    // What is being answered is finished before the end: by then nobody takes these.
    server.stop();
    server.ended();
}

#[test]
fn more_stalled_clients_than_connections_hold_up_nobody() {
    let server = Fixture::with(Limits { connections: 8, ..Limits::default() });
    let mut stalled: Vec<HttpClient> = Vec::new();
    for start in ["", HALF_A_HEAD, HALF_A_BODY].iter().cycle().take(30) {
        let mut client = server.connect();
        client.send(start).expect("it is read");
        stalled.push(client);
        server.works();
    }
    // The first ones have made room, without an answer.
    assert!(stalled[0].ends());
}

#[test]
fn a_thousand_and_more_stalled_clients_hold_up_nobody() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("as many as are allowed");
    let server = Fixture::new();
    let stalled: Vec<_> = (0..1100).map(|_| server.connect()).collect();
    server.works();
    drop(stalled);
    server.works();
}

#[test]
fn whoever_is_being_served_is_not_ended_for_another_one() {
    let server = Fixture::with(Limits { connections: 3, ..Limits::default() });
    let mut served: Vec<_> = (0..3).map(|_| server.before_the_gate()).collect();
    let mut waiting = server.connect();
    waiting
        .send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nme")
        .expect("the system takes it");
    server.gate.add_permits(3);
    for client in &mut served {
        assert_eq!(client.answer().body, "passed");
    }
    assert_eq!(waiting.answer().body, "me");
}
