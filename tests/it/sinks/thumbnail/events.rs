//! The sink `thumbnail:` on the events by which stores tell what became of their objects.

use crate::support::pictures::{jpeg, sample};
use crate::support::s3::Bucket;
use crate::support::sandbox::{Run, Sandbox};
use crate::support::sqs_queue::{Stage, counted};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

/// A bucket with pictures under these keys, as they stand in a URL.
fn bucket_with(keys: &[&str]) -> Bucket {
    let bucket = Bucket::new();
    for key in keys {
        bucket.put(key, &jpeg(&sample(30, 20)));
    }
    bucket
}

/// Events in a queue, each as the body of a message, and what a sink in the bucket did with them.
fn subscribed(sandbox: &Sandbox, bucket: &Bucket, below: &str, events: &[Value], code: i32) -> Run {
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    sandbox.publish().args("stdin: --to sqlite:q.db").stdin(lines).run().expect(0);
    drained(sandbox, bucket, below, code)
}

fn drained(sandbox: &Sandbox, bucket: &Bucket, below: &str, code: i32) -> Run {
    let program = sandbox.subscribe().args("--from sqlite:q.db --summary json --to");
    let program = program.arg(format!("thumbnail:{}{below}?size=10x10", bucket.url()));
    bucket.through(program, None).run().expect(code)
}

fn thumbnails(bucket: &Bucket) -> Vec<String> {
    let keys = bucket.objects().into_keys();
    keys.filter_map(|key| key.strip_prefix("thumbnail/").map(str::to_owned)).collect()
}

fn record(bucket: &str, event: &str, key: &str) -> Value {
    json!({"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": event,
           "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": 5}}})
}

fn of_sns(message: &Value) -> Value {
    json!({"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:1:t",
           "Message": message.to_string()})
}

#[test]
fn events_of_every_cloud_make_thumbnails_of_what_is_new() {
    let keys = ["red%20flower%2B1.jpg", "b.jpg", "c.jpg", "d%2B%25.jpg", "e.jpg", "f.jpg", "g.jpg"];
    let bucket = bucket_with(&keys);
    let name = bucket.name.as_str();
    let created = |key: &str| record(name, "ObjectCreated:Put", key);
    let bridge = |kind: &str, key: &str| {
        json!({"detail-type": kind, "source": "aws.s3",
               "detail": {"bucket": {"name": name}, "object": {"key": key}}})
    };
    let blob = |kind: &str, key: &str| {
        let subject = format!("/blobServices/default/containers/{name}/blobs/{key}");
        json!({"topic": "/t", "subject": subject, "eventType": kind, "data": {"api": "PutBlob"}})
    };
    let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": name});
    let events = [
        json!({"Records": [created("red+flower%2B1.jpg"), created("b.jpg")]}),
        json!({"Records": [record(name, "ObjectRemoved:Delete", "gone.jpg")]}),
        json!({"Records": [created("thumbnail/b.jpg"), created("folder/")]}),
        test.clone(),
        of_sns(&test),
        of_sns(&json!({"Records": [created("c.jpg")]})),
        bridge("Object Created", "d+%.jpg"),
        bridge("Object Deleted", "gone.jpg"),
        json!({"kind": "storage#object", "name": "e.jpg", "bucket": name, "size": "5"}),
        json!([blob("Microsoft.Storage.BlobCreated", "f.jpg")]),
        blob("Microsoft.Storage.BlobDeleted", "gone.jpg"),
        blob("Microsoft.EventGrid.SubscriptionValidationEvent", ""),
    ];
    let sandbox = Sandbox::new();
    let run = subscribed(&sandbox, &bucket, "", &events, 0);
    assert_eq!((counted(&run, "stored"), counted(&run, "dead")), (12, 0), "{}", run.stderr);
    // Google's may come without a body.
    let told = |kind: &str, key: &str| {
        let attributes = json!({"eventType": kind, "bucketId": name, "objectId": key});
        json!({"attributes": attributes, "body_base64": BASE64_STANDARD.encode("")})
    };
    let lines =
        format!("{}\n{}\n", told("OBJECT_FINALIZE", "g.jpg"), told("OBJECT_DELETE", "gone.jpg"));
    sandbox.publish().args("stdin:?envelope --to sqlite:q.db").stdin(lines).run().expect(0);
    drained(&sandbox, &bucket, "", 0);
    let made = ["b.jpg", "c.jpg", "d+%.jpg", "e.jpg", "f.jpg", "g.jpg", "red flower+1.jpg"];
    assert_eq!(thumbnails(&bucket), made);
}

#[test]
fn what_is_wrong_with_one_object_of_an_event_is_named_and_the_others_are_made() {
    let bucket = bucket_with(&["a.jpg", "b.jpg"]);
    bucket.put("text.jpg", b"hello");
    let name = bucket.name.as_str();
    let created = |key: &str| record(name, "ObjectCreated:Put", key);
    let elsewhere = record("other", "ObjectCreated:Put", "x.jpg");
    let events = [
        json!({"Records": [created("text.jpg"), created("a.jpg"), elsewhere, created("no.jpg"),
                           created("../x"), created("b.jpg")]}),
        json!({"kind": "storage#object", "name": "x.jpg", "bucket": "other"}),
    ];
    let sandbox = Sandbox::new();
    subscribed(&sandbox, &bucket, "", &events, 65);
    assert_eq!(thumbnails(&bucket), ["a.jpg", "b.jpg"]);
    let dead = sandbox.queue().args("dead list sqlite:q.db --json").run().expect(0).stdout;
    let in_other = format!("it is in the bucket `other`, and this is `{name}`");
    let first = format!(
        "`text.jpg`: it is no JPEG, PNG, WebP or GIF; `x.jpg`: {in_other}; `no.jpg`: there is no \
         such object; and 1 more"
    );
    for reason in [first, format!("`x.jpg`: {in_other}")] {
        assert!(dead.contains(&format!("\"reason\":\"{reason}\"")), "{reason}: {dead}");
    }
}

#[test]
fn a_store_that_is_a_part_of_a_bucket_takes_what_is_below_it() {
    let bucket = bucket_with(&["in/a.jpg", "out/b.jpg"]);
    let created = |key: &str| json!({"Records": [record(&bucket.name, "ObjectCreated:Put", key)]});
    let sandbox = Sandbox::new();
    let events = [created("in/a.jpg"), created("in/thumbnail/a.jpg"), created("out/b.jpg")];
    let run = subscribed(&sandbox, &bucket, "/in", &events, 65);
    assert_eq!((counted(&run, "stored"), counted(&run, "dead")), (2, 1), "{}", run.stderr);
    let keys: Vec<_> = bucket.objects().into_keys().collect();
    assert_eq!(keys, ["in/a.jpg", "in/thumbnail/a.jpg", "out/b.jpg"]);
    let dead = sandbox.queue().args("dead list sqlite:q.db --json").run().expect(0).stdout;
    let reason = "`out/b.jpg`: it is not below `in/`, where this store is";
    assert!(dead.contains(reason), "{dead}");
}

/// The server tells its own events: the test of its notifications, what was put, what the sink puts
/// itself, and what was removed.
#[test]
fn a_bucket_that_tells_a_queue_has_thumbnails_and_no_end_of_them() {
    let stage = Stage::made("");
    let bucket = Bucket::new();
    bucket.tell(&stage.name);
    for key in ["a.jpg", "red%20flower%2B1.jpg", "gone.jpg"] {
        bucket.put(key, &jpeg(&sample(30, 20)));
    }
    let run = || {
        let to = format!("thumbnail:{}?size=10x10", bucket.url());
        bucket.through(stage.subscribe("--idle 3s --to").arg(to), None).run().expect(0)
    };
    run();
    assert_eq!(thumbnails(&bucket), ["a.jpg", "gone.jpg", "red flower+1.jpg"]);
    bucket.delete("gone.jpg");
    // What the first run put is told, too, and so is what was removed.
    run();
    let left = run();
    assert_eq!(counted(&left, "received"), 0, "it comes to an end");
    assert_eq!(thumbnails(&bucket), ["a.jpg", "gone.jpg", "red flower+1.jpg"]);
    assert_eq!(stage.dead().len(), 0);
}
