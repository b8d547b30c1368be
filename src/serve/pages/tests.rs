//! Who sees a page, and whose change is carried out.

use super::{Pages, Shown, routes};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::http_server::{Limits, Options, Server, Token, Words};
use crate::queues;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use std::path::PathBuf;
use std::sync::Arc;
use tower::ServiceExt as _;

const SECRET: &str = "an-entirely-secret-token";
const WORDS: Words = Words { listen: "`--listen`", token: "`--token-file FILE`", host: "--host " };

/// The pages of a server that shows nothing yet.
struct Stage {
    pages: Arc<Pages>,
    router: Router,
}

/// What came of a request.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

impl Stage {
    async fn new(token: bool, read_only: bool) -> Self {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), SECRET).expect("a token");
        let token = token.then(|| Token::read(file.path()).expect("a token"));
        let (listen, limits) = ("127.0.0.1:0".to_owned(), Limits::default());
        let options = Options { listen, hosts: Vec::new(), token, limits, words: WORDS };
        let server = Server::bind(options).await.expect("a free port");
        let shown = Shown {
            queues: Vec::new(),
            options: queues::Options {
                clock: Clock::system(),
                ..queues::Options::new(Environment::default(), PathBuf::new())
            },
            stores: Vec::new(),
            spool: None,
            timezone: chrono_tz::UTC,
            read_only,
        };
        let pages = Arc::new(Pages::new(shown, &server.guard()));
        Self { router: routes(&pages, &server.guard()), pages }
    }

    async fn ask(&self, request: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (method, uri) = request.split_once(' ').expect("a method and a path");
        let mut request = Request::builder().method(method).uri(uri);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "localhost:7070");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("memory");
        let body = String::from_utf8(body.to_vec()).expect("text");
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// A form of ours with these fields besides.
    fn form(&self, fields: &str) -> String {
        format!("token={}&{fields}", self.pages.guard.form_token)
    }
}

const OWN: (&str, &str) = ("origin", "http://localhost:7070");
const HTML: (&str, &str) = ("accept", "text/html,*/*");

#[tokio::test]
async fn each_answer_keeps_the_page_to_itself() {
    let stage = Stage::new(true, false).await;
    for (request, headers) in [
        ("GET /sign-in", &[][..]),
        ("GET /assets/script.js", &[]),
        ("GET /", &[]),
        ("GET /", &[("host", "evil.example")]),
        ("POST /sign-in", &[]),
        ("PUT /", &[]),
    ] {
        let answer = stage.ask(request, headers, "").await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; "),
            "{request} {policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{request}");
        assert_eq!(answer.header("cache-control"), "no-store", "{request}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{request}");
    }
}

#[tokio::test]
async fn another_host_sees_nothing() {
    let stage = Stage::new(false, false).await;
    for path in ["/", "/sign-in", "/assets/style.css"] {
        let answer = stage.ask(&format!("GET {path}"), &[("host", "evil.example:7070")], "").await;
        assert_eq!(answer.status, 403, "{path}");
    }
    assert_eq!(stage.ask("GET /", &[], "").await.status, 200);
}

#[tokio::test]
async fn only_a_form_of_ours_changes_anything() {
    let stage = Stage::new(true, false).await;
    let own = stage.form(&format!("secret={SECRET}"));
    for (headers, body) in [
        (&[][..], own.as_str()),
        (&[("origin", "null")], &own),
        (&[("origin", "https://evil.example")], &own),
        (&[("origin", "http://localhost:3000")], &own),
        (&[OWN], &format!("secret={SECRET}")),
        (&[OWN], &format!("token=&secret={SECRET}")),
        (&[OWN], &format!("token=0123&secret={SECRET}")),
    ] {
        let answer = stage.ask("POST /sign-in", headers, body).await;
        assert_eq!(answer.status, 403, "{headers:?} {body}");
        assert_eq!(answer.header("set-cookie"), "", "{headers:?} {body}");
    }
    assert_eq!(stage.ask("POST /sign-in", &[OWN], &own).await.status, 303);
}

#[tokio::test]
async fn the_token_becomes_a_session() {
    let stage = Stage::new(true, false).await;
    let answer = stage.ask("GET /?a=b%26c", &[HTML], "").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/sign-in?to=%2F%3Fa%3Db%2526c"));
    assert_eq!(stage.ask("GET /", &[], "").await.status, 401, "a program is refused");
    let field = stage.ask("GET /sign-in?to=%2F%3Fa", &[HTML], "").await;
    assert!(field.body.contains("value=\"/?a\"") && field.body.contains("type=\"password\""));
    let wrong = stage.ask("POST /sign-in", &[OWN], &stage.form("secret=wrong")).await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (403, ""));
    let fields = stage.form(&format!("secret={SECRET}&to=%2F%3Fa"));
    let answer = stage.ask("POST /sign-in", &[OWN], &fields).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/?a"));
    let cookie = answer.header("set-cookie");
    assert!(cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains(SECRET), "{cookie}");
    let shown = ("cookie", cookie.split(';').next().expect("a pair"));
    assert_eq!(stage.ask("GET /", &[shown], "").await.status, 200);
    let bearer = format!("Bearer {SECRET}");
    assert_eq!(stage.ask("GET /", &[("authorization", &bearer)], "").await.status, 200);
    assert_eq!(stage.ask("POST /sign-out", &[shown, OWN], &stage.form("")).await.status, 303);
    assert_eq!(stage.ask("GET /", &[shown], "").await.status, 401);
}

#[tokio::test]
async fn whoever_only_shows_lets_people_in_and_out() {
    let stage = Stage::new(true, true).await;
    let fields = stage.form(&format!("secret={SECRET}"));
    assert_eq!(stage.ask("POST /sign-in", &[OWN], &fields).await.status, 303);
    let bearer = format!("Bearer {SECRET}");
    let answer = stage.ask("POST /", &[("authorization", &bearer), OWN], &stage.form("")).await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("--read-only"), "{}", answer.body);
}
