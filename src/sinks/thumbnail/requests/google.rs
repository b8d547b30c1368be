//! Events of Google Cloud Storage, as Pub/Sub carries them: an object in the body, and what became of it
//! in the attributes, which name the object, too; the body may be empty.
//!
//! <https://cloud.google.com/storage/docs/pubsub-notifications>. Eventarc's events have the same object
//! within.

use super::{Request, text};
use serde_json::Value;
use std::collections::BTreeMap;

/// The object that the attributes name, if it has new content; nothing where they are no event's.
pub(super) fn of_attributes(attributes: &BTreeMap<String, String>) -> Option<Vec<Request>> {
    let (kind, bucket, key) =
        (attributes.get("eventType")?, attributes.get("bucketId")?, attributes.get("objectId")?);
    let is_new = kind == "OBJECT_FINALIZE";
    Some(is_new.then(|| Request::of_event(bucket, key)).into_iter().collect())
}

/// The object of a body; nothing where it is none of Google's.
pub(super) fn of_event(body: &Value) -> Option<Result<Vec<Request>, String>> {
    if text(body, "/kind") == Some("storage#object") {
        return Some(of_object(body));
    }
    let kind = text(body, "/type")?.strip_prefix("google.cloud.storage.object.")?;
    Some(match (kind.ends_with(".finalized"), body.get("data")) {
        (true, Some(object)) => of_object(object),
        (true, None) => Err("the body names no key".to_owned()),
        (false, _) => Ok(Vec::new()),
    })
}

fn of_object(object: &Value) -> Result<Vec<Request>, String> {
    match (text(object, "/bucket"), text(object, "/name")) {
        (Some(bucket), Some(key)) => Ok(vec![Request::of_event(bucket, key).with_a_key()?]),
        _ => Err("the body names no key".to_owned()),
    }
}
