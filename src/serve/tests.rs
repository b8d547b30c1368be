//! What is answered where the queue is not.

use super::{Content, Metrics, pages, router};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::http_server::{Limits, Options, Server, Words, observed};
use crate::queues::{self, TaskQueues, TaskSettings, Tasks};
use crate::serve::taskqueue::{Declared, Served};
use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use std::path::PathBuf;
use std::sync::Arc;
use tower::ServiceExt as _;

/// Queues that nobody reaches.
struct Unreachable;

#[async_trait]
impl TaskQueues for Unreachable {
    async fn names(&self) -> Result<Vec<String>> {
        Err(Error::new(Kind::Unreachable, "the file is gone: `secret-path`"))
    }

    async fn find(&self, _name: &str) -> Result<Option<Arc<dyn Tasks>>> {
        Err(Error::new(Kind::Unreachable, "the file is gone: `secret-path`"))
    }

    async fn create(&self, _name: &str, _settings: TaskSettings) -> Result<bool> {
        Err(Error::new(Kind::Unreachable, "the file is gone: `secret-path`"))
    }

    async fn set_storage_limit(&self, _bytes: Option<u64>) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// Status and body of the answers to these requests, one after the other.
async fn answers(requests: &[&str]) -> Vec<(u16, String)> {
    let options = Options {
        listen: "127.0.0.1:0".to_owned(),
        hosts: Vec::new(),
        token: None,
        limits: Limits::default(),
        words: Words { listen: "`--listen`", token: "`--token-file FILE`", host: "--host " },
    };
    let server = Server::bind(options).await.expect("a free port");
    let served = Served {
        queues: Arc::new(Unreachable),
        declared: Arc::new(Declared::default()),
        clock: Clock::system(),
        stopping: server.stopping(),
    };
    let shown = pages::Shown {
        queues: Vec::new(),
        options: queues::Options::new(Environment::default(), PathBuf::new()),
        stores: Vec::new(),
        spool: None,
        timezone: chrono_tz::UTC,
        read_only: false,
    };
    let content = Content { tasks: Some(served), jobs: None, shown, clock: Clock::system() };
    let metrics = Arc::new(Metrics::new(Clock::system()));
    let pages = Arc::new(pages::Pages::new(content.shown.clone(), &server.guard()));
    let router = router(&Arc::new(content), &server, &metrics, &pages);
    let router = observed(router, metrics);
    let mut answers = Vec::new();
    for request in requests {
        let (method, uri) = request.split_once(' ').expect("a method and a path");
        let request = Request::builder().method(method).uri(uri).header("host", "localhost");
        let request = request.body(Body::empty()).expect("a request");
        let response = router.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("memory");
        answers.push((status, String::from_utf8_lossy(&body).into_owned()));
    }
    answers
}

#[tokio::test]
async fn a_queue_that_nobody_reaches_is_said_to_be_and_no_more() {
    let answers = answers(&[
        "GET /healthz",
        "GET /metrics",
        "GET /taskqueue/v1beta2/projects/p/taskqueues/q",
        "GET /v2beta2/projects/p/locations/l/queues",
    ]);
    for (status, body) in answers.await {
        assert_eq!((status, body.contains("secret-path")), (503, false), "{body}");
    }
}

#[tokio::test]
async fn what_is_not_served_is_not_there() {
    let answers =
        answers(&["GET /none", "GET /nowhere", "GET /taskqueue/v1beta3/x", "PUT /healthz"]);
    let statuses: Vec<_> = answers.await.into_iter().map(|(status, _)| status).collect();
    assert_eq!(statuses, [404, 404, 404, 405]);
}
