//! Signing in: a field for the server's token, which becomes a session in a cookie.

use super::Pages;
use super::fields::Fields;
use super::frame::{Frame, Section};
use super::paths::{SIGN_IN, SIGN_OUT};
use axum::extract::State;
use axum::http::header::{LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use maud::{Markup, html};
use std::sync::Arc;

/// The routes.
pub(super) fn routes() -> Router<Arc<Pages>> {
    Router::new().route(SIGN_IN, get(show).post(sign_in)).route(SIGN_OUT, post(sign_out))
}

/// Sends a browser to where somebody signs in, and back to this page.
pub(super) fn redirect(wanted: &Uri) -> Response {
    let wanted = wanted.path_and_query().map_or("/", |it| it.as_str());
    let query =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("to", wanted).finish();
    go(&format!("{SIGN_IN}?{query}"))
}

/// An answer that has a browser fetch this page.
pub(super) fn go(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, path)]).into_response()
}

async fn show(State(pages): State<Arc<Pages>>, uri: Uri) -> Response {
    let fields = Fields::of(&uri);
    page(&pages, StatusCode::OK, fields.get("to").unwrap_or_default(), None)
}

async fn sign_in(
    State(pages): State<Arc<Pages>>,
    headers: HeaderMap,
    Extension(form): Extension<Fields>,
) -> Response {
    let to = form.get("to").unwrap_or_default();
    if !pages.guard.is_token(form.get("secret").unwrap_or_default().trim()) {
        return page(&pages, StatusCode::FORBIDDEN, to, Some("This is not the server’s token."));
    }
    let origin = headers.get(ORIGIN).map_or(&b""[..], |origin| origin.as_bytes());
    let cookie = pages.guard.sessions.begin(origin.starts_with(b"https:"));
    (AppendHeaders([(SET_COOKIE, cookie)]), go(own_path(to))).into_response()
}

async fn sign_out(State(pages): State<Arc<Pages>>, headers: HeaderMap) -> Response {
    let cookie = pages.guard.sessions.end(&headers);
    (AppendHeaders([(SET_COOKIE, cookie)]), go(SIGN_IN)).into_response()
}

/// The page that was wanted, where it is one of ours; else the overview.
fn own_path(to: &str) -> &str {
    let is_path = to.starts_with('/') && !to.starts_with("//") && !to.contains('\\');
    if is_path && to.bytes().all(|byte| byte.is_ascii_graphic()) { to } else { "/" }
}

fn page(pages: &Pages, status: StatusCode, to: &str, wrong: Option<&str>) -> Response {
    let content = match pages.guard.has_token() {
        true => fields(pages, to, wrong),
        false => html! {
            h1 { "Sign in" }
            p { "This server asks for no token: " a href="/" { "go to the overview" } "." }
        },
    };
    let frame = Frame { title: "Sign in", section: Section::SignIn };
    (status, frame.page(pages, &content)).into_response()
}

fn fields(pages: &Pages, to: &str, wrong: Option<&str>) -> Markup {
    html! {
        h1 { "Sign in" }
        form.sign-in method="post" action=(SIGN_IN) {
            (pages.form_token())
            input type="hidden" name="to" value=(to);
            @if let Some(wrong) = wrong {
                p.error #wrong role="alert" { (wrong) }
            }
            p {
                label for="secret" { "Token" }
                input #secret type="password" name="secret" autocomplete="current-password"
                    aria-describedby="help" required autofocus;
            }
            p #help.hint {
                "The line in the file that "
                code { "--token-file" }
                " names where the server was started."
            }
            p { button type="submit" { "Sign in" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_server() {
        for (to, path) in [
            ("/messages?queue=a", "/messages?queue=a"),
            ("/", "/"),
            ("", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/a\r\nSet-Cookie: b", "/"),
        ] {
            assert_eq!(own_path(to), path, "{to:?}");
        }
    }
}
