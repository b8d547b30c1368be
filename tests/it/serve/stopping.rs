//! How a server ends.

use crate::support::http_client::HttpClient;
use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;
use crate::support::serving_calls::json;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::net::TcpStream;

const QUEUE: &str = "/taskqueue/v1beta2/projects/p/taskqueues/q";

/// A request to insert a task, in two parts.
const INSERT: (&str, &str) = (r#"{"id": "kept", "payloadBase"#, r#"64": "aGk="}"#);

impl Serving {
    /// Sends half of a request to insert a task, and waits until the server is at it.
    fn half_an_insert(&mut self) -> HttpClient {
        let mut client = HttpClient::connect(self.address);
        let length = INSERT.0.len() + INSERT.1.len();
        let head = format!("POST {QUEUE}/tasks HTTP/1.1\r\nHost: localhost\r\n");
        let head =
            format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        client.send(head + INSERT.0).expect("it is read");
        self.wait_in_flight(1);
        client
    }

    /// Waits until nobody is taken any more.
    #[track_caller]
    fn wait_until_it_is_closed(&mut self) {
        let address = self.address;
        self.process.wait_until("it is closed", |_| TcpStream::connect(address).is_err());
    }
}

#[test]
fn each_signal_ends_it_with_a_code_of_its_own() {
    let sandbox = Sandbox::new();
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130), (Signal::SIGHUP, 129)] {
        let mut server = Serving::with_queues(&sandbox, &["q"]);
        let mut idle = HttpClient::connect(server.address);
        assert_eq!(idle.ask(&format!("GET {QUEUE}"), &[], "").status, 200);
        server.process.signal(signal);
        let end = server.process.end();
        assert_eq!(end.code, code, "{}", end.stderr);
        assert!(idle.ends());
    }
}

#[test]
fn a_lease_that_waits_is_told_that_nothing_came() {
    let sandbox = Sandbox::new();
    let mut server = Serving::with_queues(&sandbox, &["q"]);
    let mut client = HttpClient::connect(server.address);
    let request = format!("POST {QUEUE}/tasks/lease?numTasks=1&leaseSecs=60&wait=600 HTTP/1.1\r\n");
    client.send(request + "Host: localhost\r\nContent-Length: 0\r\n\r\n").expect("it is read");
    server.wait_in_flight(1);
    server.process.signal(Signal::SIGTERM);
    let answer = client.answer();
    assert_eq!((answer.status, &json(&answer)["items"]), (200, &Value::Null), "{}", answer.body);
    assert_eq!(server.process.end().code, 143);
}

#[test]
fn a_request_in_flight_is_finished() {
    let sandbox = Sandbox::new();
    let mut server = Serving::with_queues(&sandbox, &["q"]);
    let mut client = server.half_an_insert();
    server.process.signal(Signal::SIGTERM);
    server.wait_until_it_is_closed();
    client.send(INSERT.1).expect("it is read");
    let answer = client.answer();
    assert_eq!((answer.status, &json(&answer)["id"]), (200, &Value::from("kept")));
    assert!(client.ends());
    assert_eq!(server.process.end().code, 143);
    let server = Serving::start(&sandbox, "");
    server.done(&format!("GET {QUEUE}/tasks/kept"), Value::Null);
}

#[test]
fn what_is_not_finished_within_the_grace_is_cut_off() {
    let sandbox = Sandbox::new();
    sandbox.queue().args("create sqlite:q.db?queue=q").run().expect(0);
    let mut server = Serving::start(&sandbox, "--grace 100ms");
    let mut client = server.half_an_insert();
    server.process.signal(Signal::SIGTERM);
    let end = server.process.end();
    assert_eq!(end.code, 143);
    assert!(end.stderr.contains("the grace is over"), "{}", end.stderr);
    assert!(client.ends());
}

#[test]
fn a_second_signal_ends_it_now() {
    let sandbox = Sandbox::new();
    sandbox.queue().args("create sqlite:q.db?queue=q").run().expect(0);
    let mut server = Serving::start(&sandbox, "--grace 1h");
    let mut client = server.half_an_insert();
    server.process.signal(Signal::SIGTERM);
    server.wait_until_it_is_closed();
    server.process.insist(Signal::SIGINT);
    assert_eq!(server.process.end().code, 143);
    assert!(client.ends());
}
