//! A server that is killed: what it has answered stays.

use crate::support::http_client::HttpClient;
use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::mpsc::{Sender, channel};
use std::thread;

const QUEUE: &str = "/taskqueue/v1beta2/projects/p/taskqueues/q";

/// How many clients insert at once.
const CLIENTS: usize = 8;

/// How many inserts are answered before the server is killed.
const ANSWERED: usize = 200;

/// Inserts until the server is gone, and tells the names of the tasks whose inserts were answered.
fn insert(address: SocketAddr, client: usize, answered: &Sender<String>) {
    let mut connection = HttpClient::connect(address);
    for number in 0.. {
        let name = format!("{client}-{number}");
        let body = format!(r#"{{"id": "{name}", "payloadBase64": "aGk="}}"#);
        match connection.try_ask(&format!("POST {QUEUE}/tasks"), &[], body) {
            Ok(answer) if answer.status == 200 => answered.send(name).expect("somebody counts"),
            Ok(answer) => panic!("{}: {}", answer.status, answer.body),
            Err(_) => return,
        }
    }
}

#[test]
fn an_insert_that_was_answered_is_on_disk() {
    let sandbox = Sandbox::new();
    let server = Serving::with_queues(&sandbox, &["q"]);
    let (sender, answered) = channel();
    let address = server.address;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let sender = sender.clone();
            thread::spawn(move || insert(address, client, &sender))
        })
        .collect();
    drop(sender);
    let mut names: Vec<_> = answered.iter().take(ANSWERED).collect();
    assert_eq!(server.kill().code, 137);
    clients.into_iter().for_each(|client| client.join().expect("no panic"));
    names.extend(answered);
    let server = Serving::start(&sandbox, "");
    let mut connection = HttpClient::connect(server.address);
    for name in &names {
        let answer = connection.ask(&format!("GET {QUEUE}/tasks/{name}"), &[], "");
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
    }
    let stats = server.done(&format!("GET {QUEUE}?getStats=true"), Value::Null);
    let tasks = stats["stats"]["totalTasks"].as_u64().expect("a number");
    // Of each client one more may have been on its way.
    let most = names.len() + CLIENTS;
    assert!((names.len()..=most).contains(&usize::try_from(tasks).expect("small")), "{tasks}");
}
