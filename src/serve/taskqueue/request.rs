//! What the protocols take of a request: which call it is, the parameters, the body.

use super::failure::{Failure, Reason};
use super::query::Query;
use axum::body::Body;
use axum::extract::{FromRequest as _, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use bytes::Bytes;

/// A request that was understood to be a call.
pub struct Incoming<C> {
    /// The call.
    pub call: C,
    /// The parameters.
    pub query: Query,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, which was not read yet.
    pub body: Body,
}

/// Reads a request but for its body; `find` tells which call it is, by its method and its path.
pub async fn read<C>(
    request: Request,
    find: fn(&Method, &str) -> Result<C, Failure>,
) -> Result<Incoming<C>, Failure> {
    let (head, body) = request.into_parts();
    let method = method(&head)?;
    let call = find(&method, head.uri.path())?;
    let (query, body) = query(&head, &method, body).await?;
    Ok(Incoming { call, query, headers: head.headers, body })
}

/// Stands for the method where a client's HTTP does not have it.
const METHOD: HeaderName = HeaderName::from_static("x-http-method-override");

/// The methods that a POST may stand for.
const MEANT: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Which method a request means.
fn method(head: &Parts) -> Result<Method, Failure> {
    let given = head.headers.get(METHOD).filter(|_| head.method == Method::POST);
    let name = given.map(|name| name.as_bytes().to_ascii_uppercase());
    match name.as_deref() {
        None if head.method == Method::HEAD => Ok(Method::GET),
        None | Some(b"") => Ok(head.method.clone()),
        Some(name) => {
            let meant = MEANT.iter().find(|method| method.as_str().as_bytes() == name);
            let unknown = || Failure::invalid("X-HTTP-Method-Override names no method");
            meant.cloned().ok_or_else(unknown)
        }
    }
}

/// The parameters of a request. Clients whose address would be too long send them as a form, and say
/// that they mean GET.
async fn query(head: &Parts, method: &Method, body: Body) -> Result<(Query, Body), Failure> {
    let overridden = head.method == Method::POST && *method == Method::GET;
    let is_form = head
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if overridden && is_form {
        let form = bytes(&head.headers, body).await?;
        let form =
            std::str::from_utf8(&form).map_err(|_| Failure::invalid("The form is not text"))?;
        return Ok((Query::read(form)?, Body::empty()));
    }
    Ok((Query::read(head.uri.query().unwrap_or_default())?, body))
}

/// A body, whole.
pub async fn bytes(headers: &HeaderMap, body: Body) -> Result<Bytes, Failure> {
    // What is understood was decoded before, and its header is gone.
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Failure::invalid("The body's Content-Encoding is not gzip"));
    }
    let read = Bytes::from_request(Request::new(body), &()).await;
    read.map_err(|refused| match refused.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Failure::new(Reason::BodyTooLarge, "The body has more bytes than are read")
        }
        _ => Failure::invalid("The body could not be read"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: Method, overridden: Option<&str>) -> Parts {
        let mut request = Request::builder().method(method);
        if let Some(name) = overridden {
            request = request.header(METHOD, name);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_post_may_mean_another_method() {
        for (sent, overridden, meant) in [
            (Method::POST, None, Method::POST),
            (Method::POST, Some("PATCH"), Method::PATCH),
            (Method::POST, Some("patch"), Method::PATCH),
            (Method::POST, Some("DELETE"), Method::DELETE),
            (Method::POST, Some(""), Method::POST),
            // What has a method of its own means that.
            (Method::GET, Some("DELETE"), Method::GET),
            (Method::HEAD, None, Method::GET),
        ] {
            assert_eq!(method(&head(sent, overridden)).unwrap(), meant, "{overridden:?}");
        }
        for name in ["HELLO", "PATCH DELETE", "CONNECT"] {
            assert!(method(&head(Method::POST, Some(name))).is_err(), "{name}");
        }
    }

    #[tokio::test]
    async fn parameters_may_come_as_a_form() {
        let (mut head, ()) = Request::builder()
            .method(Method::POST)
            .uri("/x?n=1")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
            .body(())
            .unwrap()
            .into_parts();
        let form = || Body::from("n=2");
        let (read, _) = query(&head, &Method::GET, form()).await.unwrap();
        assert_eq!(read.get("n").unwrap(), Some("2"));
        let (read, _) = query(&head, &Method::POST, form()).await.unwrap();
        assert_eq!(read.get("n").unwrap(), Some("1"));
        head.headers.remove(CONTENT_TYPE);
        let (read, _) = query(&head, &Method::GET, form()).await.unwrap();
        assert_eq!(read.get("n").unwrap(), Some("1"));
    }

    #[tokio::test]
    async fn a_body_that_is_encoded_in_an_unknown_way_is_refused() {
        let mut headers = HeaderMap::new();
        assert_eq!(bytes(&headers, Body::from("a")).await.unwrap(), "a");
        headers.insert(CONTENT_ENCODING, "br".parse().unwrap());
        assert_eq!(bytes(&headers, Body::from("a")).await.unwrap_err().reason, Reason::Invalid);
    }
}
