//! The message that tells of an object which was put into a store.

use crate::clients::object_store::Store;
use serde::Serialize;

/// What is told of an object. It is no more than what follows from its content and key: what else is
/// known may change while the id of the message does not.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<&'a str>,
    key: &'a str,
    content_type: &'a str,
    size: usize,
}

/// The body of the message: `{"bucket", "key", "content_type", "size"}`, without a bucket where the
/// store is a folder.
pub(super) fn body(store: &Store, key: &str, content_type: &str, size: usize) -> Vec<u8> {
    let body = Body { bucket: store.bucket(), key, content_type, size };
    serde_json::to_vec(&body).expect("strings and a number are JSON")
}
