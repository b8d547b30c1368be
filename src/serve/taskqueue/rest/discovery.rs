//! The document that describes this API, from which clients make themselves; what may be selected of
//! a response is looked up there, too. No scopes are in it: for these, Python's client would ask for
//! Google's credentials, where there are none.

use super::errors;
use super::route::{self, Action};
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::format::Format;
use crate::serve::taskqueue::partial::Mask;
use crate::serve::taskqueue::query::Query;
use axum::extract::RawQuery;
use axum::http::header::HOST;
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use serde_json::Value;
use std::sync::LazyLock;

/// By which protocol a client reached whoever passed its request on.
const FORWARDED_PROTOCOL: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The document, but for the address of the server.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("discovery.json")).expect("the document is JSON")
});

/// Answers with the document, which leads to the address that the client has used.
pub(super) async fn serve(RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let format = Query::read(query.as_deref().unwrap_or_default());
    match format.and_then(|query| Format::read(&query)) {
        Ok(format) => format.render(&document(&root(&headers))),
        Err(failure) => errors::response(&failure),
    }
}

/// Answers any other method.
pub(super) async fn no_method() -> Response {
    errors::response(&route::no_method())
}

/// The address of the server, as the client calls it.
fn root(headers: &HeaderMap) -> String {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(HOST).unwrap_or("localhost");
    let is_https = text(FORWARDED_PROTOCOL).is_some_and(|name| name.eq_ignore_ascii_case("https"));
    format!("{}://{host}/", if is_https { "https" } else { "http" })
}

fn document(root: &str) -> Value {
    let mut document = DOCUMENT.clone();
    let path = document["servicePath"].as_str().unwrap_or_default();
    document["baseUrl"] = format!("{root}{path}").into();
    document["rootUrl"] = root.into();
    document
}

/// Refuses a selection of fields that the response of a call never has.
pub(super) fn validate(mask: &Mask, action: &Action) -> Result<(), Failure> {
    let schema = match action {
        Action::GetQueue => "TaskQueue",
        Action::List => "Tasks2",
        Action::Lease => "Tasks",
        Action::Insert | Action::Get(_) | Action::Patch(_) | Action::Update(_) => "Task",
        Action::Delete(_) => return Ok(()),
    };
    let told = |field| Failure::invalid(format!("Invalid field selection {field}"));
    unknown(mask, &DOCUMENT["schemas"][schema]).map_or(Ok(()), |field| Err(told(field)))
}

/// The first field of a selection that a schema does not have.
fn unknown<'m>(mask: &'m Mask, schema: &Value) -> Option<&'m str> {
    let Mask::Fields(fields) = mask else { return None };
    fields.iter().filter(|(name, _)| *name != "*").find_map(|(name, inner)| {
        match schema["properties"].get(name) {
            Some(property) => unknown(inner, resolved(property)),
            None => Some(name.as_str()),
        }
    })
}

/// The schema that a property stands for; of an array, that of its elements.
fn resolved(property: &Value) -> &Value {
    match (property.get("$ref").and_then(Value::as_str), property.get("items")) {
        (Some(name), _) => &DOCUMENT["schemas"][name],
        (None, Some(elements)) => resolved(elements),
        (None, None) => property,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_leads_to_the_address_that_was_used() {
        for (host, protocol, root_url) in [
            (Some("127.0.0.1:7070"), None, "http://127.0.0.1:7070/"),
            (Some("[::1]:80"), None, "http://[::1]:80/"),
            (Some("tasks.example"), Some("https"), "https://tasks.example/"),
            (None, None, "http://localhost/"),
        ] {
            let mut headers = HeaderMap::new();
            host.map(|host| headers.insert(HOST, host.parse().unwrap()));
            protocol.map(|name| headers.insert(FORWARDED_PROTOCOL, name.parse().unwrap()));
            let document = document(&root(&headers));
            assert_eq!(document["rootUrl"], root_url);
            assert_eq!(document["baseUrl"], format!("{root_url}taskqueue/v1beta2/projects/"));
        }
    }

    #[test]
    fn only_fields_that_there_are_can_be_selected() {
        let lease = Action::Lease;
        let get = Action::Get(String::new());
        for (action, fields, valid) in [
            (&lease, "kind,items(id,tag,retry_count)", true),
            (&lease, "items/payloadBase64", true),
            (&lease, "*", true),
            (&lease, "items/*", true),
            (&lease, "id", false),
            (&lease, "items/name", false),
            (&lease, "items/id/deeper", false),
            (&get, "id,leaseTimestamp", true),
            (&get, "items", false),
            (&Action::GetQueue, "stats(totalTasks,oldestTask),acl/adminEmails", true),
            (&Action::GetQueue, "stats/none", false),
            (&Action::List, "items(id)", true),
            (&Action::Delete(String::new()), "anything", true),
        ] {
            let mask = Mask::read(fields).unwrap();
            assert_eq!(validate(&mask, action).is_ok(), valid, "{action:?} {fields}");
        }
    }
}
