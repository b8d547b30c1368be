//! Files: out of a form or as they are, into the object store, and a message of each.

use super::SOURCE;
use super::key::id_of;
use super::options::UploadOptions;
use crate::clients::object_store::{Failure, Store};
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::http_server::Refusal;
use crate::message::Message;
use crate::sources::{content_type, object};
use crate::text;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use std::collections::BTreeMap;

/// At most this many parts in one form.
const MOST_PARTS: usize = 100;
/// How many digits of a digest are in the key of an object.
const DIGITS: usize = 32;

/// A file that a request brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The name that its sender gave it; nothing in it is trusted.
    pub name: Option<String>,
    /// The type that its sender gave it; nothing in it is trusted.
    pub content_type: Option<String>,
    /// The content.
    pub bytes: Bytes,
}

/// The files of a request: those of a form that have a name, or the body as it is.
///
/// # Errors
/// 400 for a form that cannot be read, or that has no file; 415 for what is neither a form of files
/// nor a file.
pub async fn parts(headers: &HeaderMap, body: Bytes) -> Result<Vec<Part>, Refusal> {
    let given = headers.get(CONTENT_TYPE).map(|it| it.to_str().unwrap_or_default());
    let kind = given.and_then(content_type::essence).unwrap_or_default();
    let parts = match &*kind {
        "multipart/form-data" => form(headers, body).await?,
        "application/x-www-form-urlencoded" => return Err(not_a_file()),
        _ if kind.starts_with("multipart/") => return Err(not_a_file()),
        _ => vec![Part {
            name: None,
            content_type: Some(kind).filter(|it| !it.is_empty()),
            bytes: body,
        }],
    };
    match parts.iter().find(|part| part.bytes.is_empty()) {
        Some(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the file is empty")),
        None if parts.is_empty() => {
            let reason = "the form has no file: send one with `curl -F file=@photo.jpg`";
            Err(Refusal::new(StatusCode::BAD_REQUEST, reason))
        }
        None => Ok(parts),
    }
}

fn not_a_file() -> Refusal {
    let reason = "send the file as `multipart/form-data` (`curl -F file=@photo.jpg`), or as it is \
                  with its type (`curl -H 'Content-Type: image/jpeg' --data-binary @photo.jpg`)";
    Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason)
}

async fn form(headers: &HeaderMap, body: Bytes) -> Result<Vec<Part>, Refusal> {
    let unread = |_| Refusal::new(StatusCode::BAD_REQUEST, "the form cannot be read");
    let mut request = Request::new(Body::from(body));
    request.headers_mut().extend(headers.get(CONTENT_TYPE).map(|it| (CONTENT_TYPE, it.clone())));
    // The guard has bounded the body as a whole.
    DefaultBodyLimit::disable().apply(&mut request);
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|_| {
        Refusal::new(StatusCode::BAD_REQUEST, "the type of the form names no boundary")
    })?;
    let (mut files, mut seen) = (Vec::new(), 0);
    while let Some(field) = form.next_field().await.map_err(unread)? {
        seen += 1;
        if seen > MOST_PARTS {
            let reason = format!("the form has more than {MOST_PARTS} parts");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, reason));
        }
        let name = field.file_name().map(str::to_owned);
        let content_type = field.content_type().map(str::to_owned);
        let bytes = field.bytes().await.map_err(unread)?;
        // A part without the name of a file is a field of the form, and no file.
        if name.is_some() {
            files.push(Part { name, content_type, bytes });
        }
    }
    Ok(files)
}

/// Where files go.
pub(super) struct Uploads {
    store: Store,
    options: UploadOptions,
    max_size: usize,
}

impl Uploads {
    /// Opens the store; nothing is asked of it.
    pub(super) async fn open(
        options: UploadOptions,
        max_size: usize,
        environment: &Environment,
    ) -> Result<Self> {
        let store = Store::open(&options.store, environment).await?;
        let prefix = &options.prefix;
        store.accepts(&format!("{prefix}x")).map_err(|failure| {
            Error::new(Kind::Usage, format!("`prefix={prefix}` cannot stand before a key"))
                .because_of(failure)
                .hint("write it as `prefix=camera-` or `prefix=camera/`")
        })?;
        Ok(Self { store, options, max_size })
    }

    /// The files of a request, each within its bounds and of a type that is taken.
    pub(super) async fn parts(
        &self,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Vec<Part>, Refusal> {
        let parts = parts(headers, body).await?;
        for part in &parts {
            if part.bytes.len() > self.max_size {
                let reason = format!("the file has more than {} bytes", self.max_size);
                return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, reason));
            }
            let kind = kind_of(part);
            if !self.takes(&kind) {
                let reason = format!("files of the type `{kind}` are not taken here");
                return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
            }
        }
        Ok(parts)
    }

    fn takes(&self, kind: &str) -> bool {
        let fits = |accepted: &String| match accepted.strip_suffix('*') {
            Some(start) => kind.starts_with(start),
            None => accepted == kind,
        };
        self.options.accept.is_empty() || self.options.accept.iter().any(fits)
    }

    /// Puts the files, and gives a message of each. With a key of the request, another request of it
    /// that brings the same files puts the same objects.
    pub(super) async fn put(
        &self,
        parts: Vec<Part>,
        key: Option<String>,
        fresh_id: impl Fn() -> String,
    ) -> Result<Vec<Message>, Refusal> {
        let count = parts.len();
        let mut messages = Vec::with_capacity(count);
        for (at, part) in parts.into_iter().enumerate() {
            let (id, stem) = match &key {
                Some(key) => {
                    let id = id_of(key, at, count);
                    let digest = text::digest(format!("{id}\n{}", text::digest(&part.bytes)));
                    (id, digest[..DIGITS].to_owned())
                }
                None => {
                    let id = fresh_id();
                    (id.clone(), id)
                }
            };
            messages.push(self.put_one(part, id, &stem).await?);
        }
        Ok(messages)
    }

    async fn put_one(&self, part: Part, id: String, stem: &str) -> Result<Message, Refusal> {
        let (kind, size) = (kind_of(&part), part.bytes.len());
        let key = format!("{}{stem}{}", self.options.prefix, ending(&kind, part.name.as_deref()));
        let put = self.store.put(&key, part.bytes, Some(&kind)).await;
        put.map_err(|failure| self.not_put(&failure))?;
        fail::fail_point!("listen-put");
        let body = match self.options.bare_key {
            true => key.clone().into_bytes(),
            false => object::body(&self.store, &key, &kind, size),
        };
        let mut message = Message::new(id, body);
        let schema = if self.options.bare_key { "listen.key.1" } else { "listen.object.1" };
        message.attributes = BTreeMap::from([
            ("source".to_owned(), SOURCE.to_owned()),
            ("schema".to_owned(), schema.to_owned()),
        ]);
        Ok(message)
    }

    /// What the client hears of the store is no more than need be; the log has the rest.
    fn not_put(&self, failure: &Failure) -> Refusal {
        let what = format!("cannot put a file into the store `{}`", self.store);
        tracing::warn!("{}", self.store.error(what, failure).one_line());
        match failure.is_the_objects() {
            true => Refusal::new(StatusCode::BAD_REQUEST, "the store does not take this file"),
            false => Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the store could not take it now: send it again",
            ),
        }
    }

    /// The store, for who looks whether it answers.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }
}

/// The type of a file: what its first bytes say, else what its sender said, else what its name says.
fn kind_of(part: &Part) -> String {
    let told = part.content_type.as_deref().and_then(content_type::essence);
    let told = told.filter(|kind| kind != content_type::UNKNOWN);
    match (content_type::of_content(&part.bytes), told) {
        (Some(known), _) => known.to_owned(),
        (None, Some(told)) => told,
        (None, None) => content_type::of(part.name.as_deref().unwrap_or_default(), &[]).to_owned(),
    }
}

/// The ending of a key, with its dot: that of the type, else that of the sender's name where it is a
/// short word.
fn ending(kind: &str, name: Option<&str>) -> String {
    let of_name = || {
        let (_, ending) = name?.rsplit_once('.')?;
        let is_word = (1..=8).contains(&ending.len())
            && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_word.then(|| ending.to_ascii_lowercase())
    };
    let ending = content_type::ending(kind).map(str::to_owned).or_else(of_name);
    ending.map(|ending| format!(".{ending}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "multipart/form-data; boundary=XX";

    fn head(kind: &str) -> HeaderMap {
        HeaderMap::from_iter((!kind.is_empty()).then(|| (CONTENT_TYPE, kind.parse().unwrap())))
    }

    async fn told(kind: &str, body: &str) -> Result<Vec<Part>, u16> {
        let parts = parts(&head(kind), Bytes::from(body.to_owned())).await;
        parts.map_err(|refusal| refusal.status.as_u16())
    }

    #[tokio::test]
    async fn a_form_gives_its_files_and_passes_over_its_fields() {
        let body = "--XX\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nhello\r\n\
                    --XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../a.JPG\"\r\n\
                    Content-Type: image/jpeg\r\n\r\nabc\r\n--XX--\r\n";
        let parts = told(FORM, body).await.unwrap();
        let expected = Part {
            name: Some("../a.JPG".to_owned()),
            content_type: Some("image/jpeg".to_owned()),
            bytes: Bytes::from_static(b"abc"),
        };
        assert_eq!(parts, [expected]);
    }

    #[tokio::test]
    async fn a_body_that_is_no_form_is_the_file() {
        let parts = told("image/PNG; x=y", "abc").await.unwrap();
        assert_eq!(parts[0].content_type.as_deref(), Some("image/png"));
        assert_eq!(told("", "abc").await.unwrap()[0].content_type, None);
    }

    #[tokio::test]
    async fn what_brings_no_file_is_refused() {
        let empty =
            "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n\r\n--XX--";
        let field = "--XX\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\na\r\n--XX--";
        for (kind, body, status) in [
            (FORM, "", 400),
            (FORM, "--XX--\r\n", 400),
            (FORM, "rubbish", 400),
            (FORM, empty, 400),
            (FORM, field, 400),
            ("multipart/form-data", "--XX--", 400),
            ("multipart/mixed; boundary=XX", "--XX--", 415),
            ("application/x-www-form-urlencoded", "abc", 415),
            ("image/jpeg", "", 400),
            ("", "", 400),
        ] {
            assert_eq!(told(kind, body).await.err(), Some(status), "{kind}: {body}");
        }
        let part = field.trim_end_matches("--XX--");
        let many = format!("{}--XX--", part.repeat(MOST_PARTS + 1));
        assert_eq!(told(FORM, &many).await.err(), Some(400));
    }

    fn part(name: &str, kind: &str, bytes: &'static [u8]) -> Part {
        let text = |text: &str| Some(text.to_owned()).filter(|it| !it.is_empty());
        Part { name: text(name), content_type: text(kind), bytes: Bytes::from_static(bytes) }
    }

    #[test]
    fn the_content_says_what_a_file_is_before_its_sender_does() {
        for (part, kind, dotted) in [
            (part("a.txt", "text/html", b"\xff\xd8\xff\xe0"), "image/jpeg", ".jpg"),
            (part("a.png", "", b"x"), "image/png", ".png"),
            (part("a.heic", "application/octet-stream", b"x"), "image/heic", ".heic"),
            (part("a.tar.XZ", "application/x-xz; q", b"x"), "application/x-xz", ".xz"),
            (part("a.b/../c", "", b"x"), "application/octet-stream", ""),
            (part("", "not a type", b"x"), "application/octet-stream", ""),
        ] {
            assert_eq!(kind_of(&part), kind, "{part:?}");
            assert_eq!(ending(kind, part.name.as_deref()), dotted, "{part:?}");
        }
    }
}
