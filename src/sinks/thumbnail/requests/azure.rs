//! Events of Azure's blob storage, as Event Grid carries them: one or some in a list, in its own schema
//! or in that of CloudEvents.
//!
//! <https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage>. The subject names the blob as
//! it is; the address beside it is encoded.

use super::{Request, shown, text};
use serde_json::Value;

/// Whether this is an event of Azure's.
pub(super) fn is_event(body: &Value) -> bool {
    kind(body).is_some_and(|kind| kind.starts_with("Microsoft."))
}

/// The blobs that have new content.
pub(super) fn of_events(events: &[Value]) -> Result<Vec<Request>, String> {
    if events.is_empty() {
        return Err("the body names no key".to_owned());
    }
    events.iter().map(of_event).filter_map(Result::transpose).collect()
}

fn kind(event: &Value) -> Option<&str> {
    text(event, "/eventType").or_else(|| text(event, "/type"))
}

fn of_event(event: &Value) -> Result<Option<Request>, String> {
    let unknown = || "the body is a list, and not one of Azure's events".to_owned();
    match kind(event).filter(|_| is_event(event)).ok_or_else(unknown)? {
        // An empty one that is being written: another event follows when it is.
        "Microsoft.Storage.BlobCreated" if text(event, "/data/api") == Some("CreateFile") => {
            Ok(None)
        }
        "Microsoft.Storage.BlobCreated" | "Microsoft.Storage.BlobRenamed" => {
            blob(text(event, "/subject").unwrap_or_default()).map(Some)
        }
        // Event Grid asks so when the queue is set up, and says goodbye.
        kind if kind.starts_with("Microsoft.Storage.")
            || kind.starts_with("Microsoft.EventGrid.Subscription") =>
        {
            Ok(None)
        }
        kind => {
            Err(format!("the body is an event of Azure's that tells of no blob: `{}`", shown(kind)))
        }
    }
}

/// `/blobServices/default/containers/CONTAINER/blobs/PATH`.
fn blob(subject: &str) -> Result<Request, String> {
    let path = subject.strip_prefix('/').unwrap_or(subject);
    let blob = path.strip_prefix("blobServices/default/containers/");
    match blob.and_then(|blob| blob.split_once("/blobs/")) {
        Some((container, key)) => Request::of_event(container, key).with_a_key(),
        None => Err(format!("the event names no blob: its subject is `{}`", shown(subject))),
    }
}
