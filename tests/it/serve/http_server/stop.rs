//! How it stops: nobody new is taken, and what is being served is finished.

use super::{Fixture, options};
use kakehi::http_server::Limits;
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn a_request_in_flight_is_finished_and_its_connection_ended() {
    let mut server = Fixture::new();
    let mut client = server.before_the_gate();
    server.stop();
    while TcpStream::connect(server.address).is_ok() {
        std::thread::yield_now();
    }
    server.gate.add_permits(1);
    let answer = client.answer();
    assert_eq!((answer.status, &*answer.body), (200, "passed"));
    assert!(client.ends());
    server.ended();
}

#[test]
fn connections_without_a_request_are_ended() {
    let mut server = Fixture::new();
    let mut idle = server.connect();
    assert_eq!(idle.ask("POST /echo", &[], "one").body, "one");
    let mut fresh = server.connect();
    server.stop();
    server.ended();
    assert!(idle.ends() && fresh.ends());
}

#[test]
fn who_waits_for_something_is_told_that_nothing_came() {
    let mut server = Fixture::new();
    let mut client = server.connect();
    client.send("GET /poll HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it is read");
    server.has_one_waiting();
    server.stop();
    assert_eq!(client.answer().body, "nothing came");
    server.ended();
}

#[test]
fn what_is_not_finished_within_the_grace_is_cut_off() {
    let mut server = Fixture::start(options(Limits::default()), Duration::from_millis(50));
    let mut client = server.before_the_gate();
    server.stop();
    server.ended();
    assert!(client.ends());
}
