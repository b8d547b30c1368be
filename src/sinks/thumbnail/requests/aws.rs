//! Events of S3: those of a bucket's notifications, as SQS and SNS carry them, and EventBridge's.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>. Others who speak S3, such as
//! MinIO and Ceph, write the former, too.

use super::{Request, shown, text};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The message in a message of SNS; `None` where it is none.
pub(super) fn message_of_sns(body: &Value) -> Result<Option<&str>, String> {
    if text(body, "/TopicArn").is_none() {
        return Ok(None);
    }
    match (text(body, "/Type"), text(body, "/Message")) {
        (Some("Notification"), Some(message)) => Ok(Some(message)),
        (Some("SubscriptionConfirmation"), _) => Err(
            "SNS asks whether the queue wants its messages: confirm the subscription by opening \
                 the `SubscribeURL` of the body"
                .to_owned(),
        ),
        _ => Err("the body is a message of SNS of a kind that is not known here".to_owned()),
    }
}

/// The objects of an event; `None` where it is none of S3's.
pub(super) fn of_event(body: &Value) -> Option<Result<Vec<Request>, String>> {
    if let Some(records) = body.get("Records").and_then(Value::as_array) {
        let requests = records.iter().map(of_record).filter_map(Result::transpose).collect();
        return Some(if records.is_empty() {
            Err("the body names no key".to_owned())
        } else {
            requests
        });
    }
    // Amazon sends one when notifications are set up.
    if text(body, "/Event") == Some("s3:TestEvent") {
        return Some(Ok(Vec::new()));
    }
    Some(of_event_bridge(text(body, "/detail-type")?, body))
}

/// The object of one record of a notification, if it has new content. Its key is written as in a form
/// of a web page.
fn of_record(record: &Value) -> Result<Option<Request>, String> {
    let object = (text(record, "/s3/bucket/name"), text(record, "/s3/object/key"));
    let (Some(bucket), Some(key)) = object else {
        return Err("a record of the body is no event of S3".to_owned());
    };
    let name = text(record, "/eventName").unwrap_or("ObjectCreated:Put");
    let name = name.strip_prefix("s3:").unwrap_or(name);
    if !name.starts_with("ObjectCreated:") && name != "ObjectRestore:Completed" {
        return Ok(None);
    }
    let spaced = key.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(key) => Request::of_event(bucket, key).with_a_key().map(Some),
        Err(_) => Err(format!("`{}`: the key is not UTF-8", shown(key))),
    }
}

/// The object of an event of EventBridge, if it has new content. Its key is written as it is.
fn of_event_bridge(kind: &str, body: &Value) -> Result<Vec<Request>, String> {
    if text(body, "/source") != Some("aws.s3") {
        return Err("the body is an event of EventBridge, and not one of S3's".to_owned());
    }
    if !matches!(kind, "Object Created" | "Object Restore Completed") {
        return Ok(Vec::new());
    }
    match (text(body, "/detail/bucket/name"), text(body, "/detail/object/key")) {
        (Some(bucket), Some(key)) => Ok(vec![Request::of_event(bucket, key).with_a_key()?]),
        _ => Err("the body names no key".to_owned()),
    }
}
