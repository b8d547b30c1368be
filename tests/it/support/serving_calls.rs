//! Requests to `queue serve`, with JSON in and out.

use crate::support::http_client::{HttpAnswer, HttpClient};
use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;
use serde_json::Value;

impl Serving {
    /// Makes queues of these names, and starts a server of them.
    #[track_caller]
    pub fn with_queues(sandbox: &Sandbox, names: &[&str]) -> Self {
        for name in names {
            sandbox.queue().args("create").arg(format!("sqlite:q.db?queue={name}")).run().expect(0);
        }
        Self::start(sandbox, "")
    }

    /// Sends a request, `METHOD PATH`, on a connection of its own.
    #[track_caller]
    pub fn ask(&self, request: &str, headers: &[&str], body: impl AsRef<[u8]>) -> HttpAnswer {
        HttpClient::connect(self.address).ask(request, headers, body)
    }

    /// Waits until so many requests are being served.
    #[track_caller]
    pub fn wait_in_flight(&mut self, count: usize) {
        let address = self.address;
        // The request that tells is one more.
        let line = format!("kakehi_http_requests_in_flight {}\n", count + 1);
        self.process.wait_until("requests are being served", |_| {
            HttpClient::connect(address).ask("GET /metrics", &[], "").body.contains(&line)
        });
    }

    /// Sends a request with JSON, or with an empty body for `null`, and gives what comes back: the
    /// status, and JSON, or `null` for nothing.
    #[track_caller]
    pub fn call(&self, request: &str, body: Value) -> (u16, Value) {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.ask(request, &["Content-Type: application/json"], text);
        (answer.status, json(&answer))
    }

    /// Sends a request that must succeed.
    #[track_caller]
    pub fn done(&self, request: &str, body: Value) -> Value {
        let (status, answer) = self.call(request, body);
        assert!((200..300).contains(&status), "{request}: {status} {answer}");
        answer
    }
}

/// The JSON of an answer; `null` where it has none.
#[track_caller]
pub fn json(answer: &HttpAnswer) -> Value {
    match answer.body.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|cause| panic!("{cause}: {text}")),
    }
}
