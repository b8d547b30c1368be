//! Who may see a page, and whose change is carried out.
//!
//! A page of somebody else can have a browser send us a form, but it neither knows the page's token nor
//! can it choose the `Origin`. What is shown runs no script but ours, and asks nobody else for anything.

use super::Pages;
use super::fields::{Fields, TOKEN};
use super::frame::refusal;
use super::sessions::{Sessions, random};
use super::{paths, sign_in};
use crate::clock::Clock;
use crate::http_server::Guard;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// What a page may load, and from where: its own script, style and pictures, and no more.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// What every answer of ours says.
const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Adds the headers that keep a page to itself.
pub(super) async fn add_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The rules of the pages.
pub(super) struct PageGuard {
    /// Who is let in at all, and the token that whoever signs in has to show.
    server: Guard,
    /// Those who have signed in.
    pub(super) sessions: Sessions,
    /// The token that each form of ours has, until this server ends.
    pub(super) form_token: String,
    read_only: bool,
}

impl PageGuard {
    pub(super) fn new(server: Guard, read_only: bool, clock: Clock) -> Self {
        Self { server, sessions: Sessions::new(clock), form_token: random(), read_only }
    }

    /// Whether anybody has to sign in.
    pub(super) fn has_token(&self) -> bool {
        self.server.token().is_some()
    }

    /// Whether this is the server's token.
    pub(super) fn is_token(&self, shown: &str) -> bool {
        self.server.token().is_some_and(|token| token.is(shown.as_bytes()))
    }

    /// Whether somebody has signed in, or shows the token as a program does.
    fn knows(&self, headers: &HeaderMap) -> bool {
        match self.server.token() {
            None => true,
            Some(token) => token.verify(headers).is_ok() || self.sessions.has(headers),
        }
    }

    /// Refuses a form that no page of ours has sent, and says why.
    fn verify_form(&self, headers: &HeaderMap, form: &Fields) -> Result<(), &'static str> {
        if !self.server.is_own_page(headers) {
            return Err(
                "only a page of this server changes anything; nothing was changed: a proxy \
                        before it has to pass the `Host` on that the browser names",
            );
        }
        let shown = form.get(TOKEN).unwrap_or_default();
        match bool::from(shown.as_bytes().ct_eq(self.form_token.as_bytes())) {
            true => Ok(()),
            false => {
                Err("this page is from an earlier start of the server; nothing was changed: go \
                          back, reload it, and try again")
            }
        }
    }

    /// The request as its page sees it.
    async fn admit(&self, request: Request) -> Result<Request, Response> {
        let path = request.uri().path();
        let is_open = path == paths::SIGN_IN;
        if !is_open && !self.knows(request.headers()) {
            return Err(unknown_answer(&request));
        }
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return Ok(request);
        }
        if self.read_only && !is_open && path != paths::SIGN_OUT {
            let why = "this server only shows: it was started with `--read-only`";
            return Err(refusal(StatusCode::FORBIDDEN, why));
        }
        let (mut head, body) = request.into_parts();
        // The whole body was read by the guard before this one.
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        let form = Fields::parse(&body);
        let refused = |why| refusal(StatusCode::FORBIDDEN, why);
        self.verify_form(&head.headers, &form).map_err(refused)?;
        head.extensions.insert(form);
        Ok(Request::from_parts(head, axum::body::Body::empty()))
    }
}

/// The answer to one who has not signed in: a person is shown the field for the token, a program is
/// refused.
fn unknown_answer(request: &Request) -> Response {
    let accepts = request.headers().get(ACCEPT).and_then(|it| it.to_str().ok());
    match request.method() == Method::GET && accepts.is_some_and(|it| it.contains("text/html")) {
        true => sign_in::redirect(request.uri()),
        false => {
            let why = "sign in, or show the server's token: `Authorization: Bearer TOKEN`";
            refusal(StatusCode::UNAUTHORIZED, why)
        }
    }
}

/// Lets requests through to the pages.
pub(super) async fn admit(
    State(pages): State<Arc<Pages>>,
    request: Request,
    next: Next,
) -> Response {
    match pages.guard.admit(request).await {
        Ok(request) => next.run(request).await,
        Err(refused) => refused,
    }
}
