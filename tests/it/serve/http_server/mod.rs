//! The server alone, with handlers of the tests: who is let in, what clients may do, how it stops.

mod access;
mod clients;
mod stalled;
mod stop;

use crate::support::http_client::{HttpAnswer, HttpClient};
use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use kakehi::http_server::{Limits, Options, Server, Token, Words};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

/// How long a test's server may take to stop, where that is not what the test is about.
const GRACE: Duration = Duration::from_secs(3600);

/// A server in this process.
struct Fixture {
    runtime: Runtime,
    address: SocketAddr,
    /// `GET /gate` takes one of these away before it answers.
    gate: Arc<Semaphore>,
    /// How many requests stand before the gate, or poll.
    waiting: Arc<Semaphore>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Fixture {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self::start(options(limits), GRACE)
    }

    fn start(options: Options, grace: Duration) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let server = runtime.block_on(Server::bind(options)).expect("a free port");
        let address = server.address();
        let [gate, waiting] = [(); 2].map(|()| Arc::new(Semaphore::new(0)));
        let router = server.guard().protect(routes(&server, &gate, &waiting), told);
        let router = router.merge(Router::new().route("/open", get(|| async { "open" })));
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let serving = runtime.spawn(server.serve(router, stopped, grace));
        Self { runtime, address, gate, waiting, stop: Some(stop), serving }
    }

    fn connect(&self) -> HttpClient {
        HttpClient::connect(self.address)
    }

    /// Posts a body to where it comes back from.
    #[track_caller]
    fn echo(&self, headers: &[&str], body: impl AsRef<[u8]>) -> HttpAnswer {
        self.connect().ask("POST /echo", headers, body)
    }

    /// Proves that it goes on.
    #[track_caller]
    fn works(&self) {
        let answer = self.echo(&[], "still here");
        assert_eq!((answer.status, &*answer.body), (200, "still here"));
    }

    /// Sends a request that stands before the gate until it is opened.
    fn before_the_gate(&self) -> HttpClient {
        let mut client = self.connect();
        client.send("GET /gate HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it is read");
        self.has_one_waiting();
        client
    }

    /// Waits until one more request stands before the gate, or polls.
    fn has_one_waiting(&self) {
        let arrived = self.runtime.block_on(self.waiting.acquire()).expect("it is open");
        arrived.forget();
    }

    /// Tells it to stop.
    fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits for its end.
    fn ended(&mut self) {
        self.runtime.block_on(&mut self.serving).expect("no panic");
    }
}

/// A server on a port of its own.
fn options(limits: Limits) -> Options {
    let words = Words { listen: "`--listen`", token: "`--token-file FILE`", host: "--host " };
    let listen = "127.0.0.1:0".to_owned();
    Options { listen, hosts: Vec::new(), token: None::<Token>, limits, words }
}

fn routes(server: &Server, gate: &Arc<Semaphore>, waiting: &Arc<Semaphore>) -> Router {
    let (gate, waiting, stopping) = (gate.clone(), waiting.clone(), server.stopping());
    let polling = waiting.clone();
    let pass = async move || {
        waiting.add_permits(1);
        gate.acquire().await.expect("it is never closed").forget();
        "passed"
    };
    let poll = async move || {
        polling.add_permits(1);
        stopping.cancelled().await;
        "nothing came"
    };
    let bug = async || -> Response { panic!("a handler with a bug") };
    Router::new()
        .route("/echo", post(async |body: Bytes| body))
        .route("/gate", get(pass))
        .route("/poll", get(poll))
        .route("/bug", get(bug))
        .fallback(async || StatusCode::NOT_FOUND)
}

/// Errors as this protocol has them.
fn told(status: StatusCode, reason: &str) -> Response {
    (status, format!("refused: {reason}")).into_response()
}
