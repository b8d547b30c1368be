//! What clients of pull queues do, by REST and by App Engine's own RPC.

use crate::client::Client;
use crate::load::{Figures, Pace, on_all, requests};
use crate::{BATCH, BODY, CONNECTIONS};
use base64::prelude::{BASE64_URL_SAFE, Engine as _};
use kakehi::serve::taskqueue::rpc_http::messages::{
    AddRequest, BulkAddRequest, DeleteRequest, LeaseRequest, LeaseResponse, PULL,
};
use prost::Message;
use std::cell::Cell;
use std::time::Instant;

const TASKS: &str = "/taskqueue/v1beta2/projects/p/taskqueues/q/tasks";
const QUEUE: &[u8] = b"q";

/// Inserts one task by REST.
pub async fn insert(client: &mut Client) -> usize {
    let payload = BASE64_URL_SAFE.encode([b'x'; BODY]);
    let body = format!(r#"{{"queueName": "q", "payloadBase64": "{payload}"}}"#);
    let head = format!("POST {TASKS} HTTP/1.1\r\nContent-Type: application/json\r\n");
    client.ask(&head, body.as_bytes()).await;
    1
}

/// Leases 100 tasks at a time by REST and deletes each in its turn, until none is left. The first lease of
/// each connection is of another size: those that began together would lease together for ever.
pub async fn drain_one_by_one(address: &str, pace: Pace) -> Figures {
    let lease = |most: usize| {
        format!("POST {TASKS}/lease?numTasks={most}&leaseSecs=600&fields=items/id HTTP/1.1\r\n")
    };
    let begun = Cell::new(0);
    on_all(address, async |client, record| {
        begun.set(begun.get() + 1);
        let mut most = begun.get() * BATCH / CONNECTIONS;
        loop {
            let began = Instant::now();
            let leased = client.ask(&lease(most), b"").await;
            record.note(began, 0);
            most = BATCH;
            let leased: serde_json::Value = serde_json::from_slice(&leased).expect("JSON");
            let Some(items) = leased["items"].as_array() else { return };
            for name in items.iter().map(|item| item["id"].as_str().expect("a name")) {
                let began = pace.turn().await;
                client.ask(&format!("DELETE {TASKS}/{name} HTTP/1.1\r\n"), b"").await;
                record.note(began, 1);
            }
        }
    })
    .await
}

/// Inserts tasks by RPC, 100 at a time.
pub async fn fill(address: &str, tasks: usize) -> Figures {
    let task = AddRequest {
        queue: Some(QUEUE.into()),
        name: Some(Default::default()),
        eta: Some(0),
        body: Some(vec![b'x'; BODY].into()),
        mode: Some(PULL),
        ..AddRequest::default()
    };
    let bulk = BulkAddRequest { tasks: vec![task; BATCH] };
    requests(address, tasks / BATCH, Pace::none(), async |client| {
        call(client, "BulkAdd", &bulk).await;
        BATCH
    })
    .await
}

/// Leases 100 tasks at a time by RPC, each time in its turn, and deletes them in one call, until none
/// is left.
pub async fn drain_in_batches(address: &str, pace: Pace) -> Figures {
    let lease = LeaseRequest {
        queue: Some(QUEUE.into()),
        seconds: Some(600.0),
        max: Some(BATCH.try_into().expect("a small number")),
        ..LeaseRequest::default()
    };
    on_all(address, async |client, record| {
        loop {
            let began = pace.turn().await;
            let answer = call(client, "QueryAndOwnTasks", &lease).await;
            let leased = LeaseResponse::decode(answer.as_slice()).expect("tasks").tasks;
            record.note(began, 0);
            if leased.is_empty() {
                return;
            }
            let count = leased.len();
            let names = leased.into_iter().map(|task| task.name).collect();
            let began = Instant::now();
            call(client, "Delete", &DeleteRequest { queue: Some(QUEUE.into()), names }).await;
            record.note(began, count);
        }
    })
    .await
}

/// A call of App Engine's services, as its clients write it.
#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(string, tag = "2")]
    service: String,
    #[prost(string, tag = "3")]
    method: String,
    #[prost(bytes = "vec", tag = "4")]
    request: Vec<u8>,
}

/// What comes of one; anything but the first field is an error.
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(bytes = "vec", optional, tag = "1")]
    response: Option<Vec<u8>>,
}

async fn call(client: &mut Client, method: &str, request: &impl Message) -> Vec<u8> {
    let (service, method) = ("taskqueue".to_owned(), method.to_owned());
    let request = Request { service, method, request: request.encode_to_vec() };
    let head = "POST /rpc_http HTTP/1.1\r\nContent-Type: application/octet-stream\r\n";
    let answer = client.ask(head, &request.encode_to_vec()).await;
    let answer = Response::decode(answer.as_slice()).expect("an answer");
    answer.response.expect("it was done")
}
