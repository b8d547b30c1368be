use super::*;
use serde_json::json;

fn requests(body: impl AsRef<[u8]>) -> Result<Vec<Request>, String> {
    read(&Message::new("m", body.as_ref().to_vec()))
}

fn key(body: &str) -> Result<String, String> {
    requests(body).map(|mut all| all.remove(0).key)
}

/// Bucket and key of each object that an event names.
#[track_caller]
fn told(event: &Value) -> Vec<(String, String)> {
    let all = requests(event.to_string()).expect("a known event");
    assert!(all.iter().all(|one| one.is_event));
    all.into_iter().map(|one| (one.bucket.expect("a bucket"), one.key)).collect()
}

#[track_caller]
fn refused(event: &Value) -> String {
    requests(event.to_string()).expect_err("it is refused")
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(bucket, key)| ((*bucket).to_owned(), (*key).to_owned())).collect()
}

#[test]
fn a_key_comes_as_files_publishes_it_or_bare() {
    for body in [
        r#"{"key":"a b/ä.jpg","content_type":"image/jpeg","size":5}"#,
        r#"{"bucket":"photos","key":"a b/ä.jpg"}"#,
        r#" {"key":"a b/\u00e4.jpg","bucket":null}"#,
        "a b/ä.jpg",
        "a b/ä.jpg\n",
        r#""a b/ä.jpg""#,
    ] {
        assert_eq!(key(body).as_deref(), Ok("a b/ä.jpg"), "{body}");
    }
    assert_eq!(key("[1] and +%2B.jpg").as_deref(), Ok("[1] and +%2B.jpg"));
}

#[test]
fn a_body_without_a_key_is_refused() {
    for (body, reason) in [
        ("", "the body names no key"),
        ("\n", "the body names no key"),
        ("\"\"", "the body names no key"),
        ("[]", "the body names no key"),
        (r#"{"key":""}"#, "the body names no key"),
        ("{}", "the body is no JSON object with a `key`"),
        (r#"{"key":7}"#, "the body is no JSON object with a `key`"),
        (r#"{"key":"a""#, "the body is no JSON object with a `key`"),
        (r#""a"#, "the body is no JSON string"),
    ] {
        assert_eq!(key(body), Err(reason.to_owned()), "{body}");
    }
    assert_eq!(requests(b"\xff"), Err("the body is not UTF-8".to_owned()));
}

fn record(name: &str, key: &str) -> Value {
    json!({"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": name, "s3": {
        "bucket": {"name": "photos", "arn": "arn:aws:s3:::photos"},
        "object": {"key": key, "size": 5, "versionId": "v", "sequencer": "0055"}}})
}

#[test]
fn notifications_of_s3_name_what_was_created_or_restored() {
    let event = json!({"Records": [
        record("ObjectCreated:Put", "in/red+flower%2B1.jpg"),
        record("ObjectCreated:CompleteMultipartUpload", "%E5%AF%9D%E5%AE%A4/%25.jpg"),
        record("ObjectRemoved:Delete", "gone.jpg"),
        record("ObjectRemoved:DeleteMarkerCreated", "gone.jpg"),
        record("LifecycleExpiration:Delete", "gone.jpg"),
        record("ObjectTagging:Put", "tagged.jpg"),
        record("ObjectAcl:Put", "shared.jpg"),
        record("ObjectRestore:Post", "frozen.jpg"),
        record("ObjectRestore:Completed", "thawed.jpg"),
        record("s3:ObjectCreated:Copy", "of-minio.jpg"),
    ]});
    let keys = ["in/red flower+1.jpg", "寝室/%.jpg", "thawed.jpg", "of-minio.jpg"];
    assert_eq!(told(&event), pairs(&keys.map(|key| ("photos", key))));
    assert_eq!(told(&json!({"Records": [record("ObjectRemoved:Delete", "a")]})), []);
    let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "photos"});
    assert_eq!(told(&test), []);
}

#[test]
fn a_notification_that_names_no_object_is_refused() {
    let not_s3 = "a record of the body is no event of S3";
    for (records, reason) in [
        (json!([]), "the body names no key"),
        (json!([{"eventSource": "aws:ses"}]), not_s3),
        (json!([record("ObjectCreated:Put", "a"), 7]), not_s3),
        (json!([record("ObjectCreated:Put", "")]), "the body names no key"),
        (json!([record("ObjectCreated:Put", "%ff.jpg")]), "`%ff.jpg`: the key is not UTF-8"),
    ] {
        assert_eq!(refused(&json!({"Records": records})), reason);
    }
}

fn of_sns(message: &str) -> Value {
    json!({"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:x:1:t",
           "Subject": "Amazon S3 Notification", "Message": message, "UnsubscribeURL": "https://x"})
}

#[test]
fn a_message_of_sns_holds_another_one() {
    let records = json!({"Records": [record("ObjectCreated:Put", "a+b.jpg")]});
    let once = of_sns(&records.to_string());
    assert_eq!(told(&once), pairs(&[("photos", "a b.jpg")]));
    assert_eq!(told(&of_sns(&once.to_string())), pairs(&[("photos", "a b.jpg")]));
    let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent"});
    assert_eq!(told(&of_sns(&test.to_string())), []);
    assert_eq!(key(&of_sns(r#"{"key":"own.jpg"}"#).to_string()).as_deref(), Ok("own.jpg"));
    let deep = (0..9).fold(records, |inner, _| of_sns(&inner.to_string()));
    assert_eq!(refused(&deep), "the body has too many messages in one another");
    let mut question = of_sns("You have chosen to subscribe");
    question["Type"] = json!("SubscriptionConfirmation");
    assert!(refused(&question).starts_with("SNS asks whether the queue wants its messages"));
}

#[test]
fn events_of_event_bridge_name_keys_as_they_are() {
    let event = |source: &str, kind: &str| {
        json!({"version": "0", "detail-type": kind, "source": source, "detail": {
            "bucket": {"name": "photos"}, "object": {"key": "a+b %2B.jpg", "version-id": "v"}}})
    };
    for kind in ["Object Created", "Object Restore Completed"] {
        assert_eq!(told(&event("aws.s3", kind)), pairs(&[("photos", "a+b %2B.jpg")]));
    }
    for kind in ["Object Deleted", "Object Tags Added", "Object Restore Initiated", "Whatever"] {
        assert_eq!(told(&event("aws.s3", kind)), []);
    }
    let reason = "the body is an event of EventBridge, and not one of S3's";
    assert_eq!(refused(&event("aws.ec2", "Object Created")), reason);
}

#[test]
fn events_of_google_come_in_the_body_or_in_the_attributes() {
    let object = json!({"kind": "storage#object", "id": "photos/in/a+b.jpg/1",
                        "name": "in/a+b.jpg", "bucket": "photos", "size": "664490"});
    assert_eq!(told(&object), pairs(&[("photos", "in/a+b.jpg")]));
    let mut message = Message::new("m", Vec::new());
    for (kind, count) in [
        ("OBJECT_FINALIZE", 1),
        ("OBJECT_DELETE", 0),
        ("OBJECT_ARCHIVE", 0),
        ("OBJECT_METADATA_UPDATE", 0),
    ] {
        let attributes = [("eventType", kind), ("bucketId", "photos"), ("objectId", "in/a+b.jpg")];
        message.attributes = attributes.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        for body in [String::new(), object.to_string()] {
            message.body = body.into();
            assert_eq!(read(&message).expect("it is known").len(), count, "{kind}");
        }
    }
    let of_eventarc = |kind: &str| json!({"specversion": "1.0", "type": kind, "data": object});
    let kind = "google.cloud.storage.object.v1.finalized";
    assert_eq!(told(&of_eventarc(kind)), pairs(&[("photos", "in/a+b.jpg")]));
    assert_eq!(told(&of_eventarc("google.cloud.storage.object.v1.deleted")), []);
}

#[test]
fn events_of_azure_come_in_both_schemas_and_in_lists() {
    let subject = "/blobServices/default/containers/photos/blobs/in/blobs/a+b %2B.jpg";
    let own = |kind: &str| json!({"topic": "/x", "subject": subject, "eventType": kind, "data": {"api": "PutBlob"}});
    let cloud = |kind: &str| json!({"specversion": "1.0", "type": kind, "subject": &subject[1..], "data": {}});
    let blob = pairs(&[("photos", "in/blobs/a+b %2B.jpg")]);
    for kind in ["Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobRenamed"] {
        assert_eq!(told(&own(kind)), blob);
        assert_eq!(told(&json!([cloud(kind)])), blob);
        assert_eq!(told(&json!([own(kind), cloud(kind)])).len(), 2);
    }
    for kind in [
        "Microsoft.Storage.BlobDeleted",
        "Microsoft.Storage.BlobTierChanged",
        "Microsoft.Storage.DirectoryCreated",
        "Microsoft.EventGrid.SubscriptionValidationEvent",
    ] {
        assert_eq!(told(&own(kind)), []);
        assert_eq!(told(&json!([cloud(kind)])), []);
    }
    let mut empty = own("Microsoft.Storage.BlobCreated");
    empty["data"]["api"] = json!("CreateFile");
    assert_eq!(told(&empty), []);
    let mut elsewhere = own("Microsoft.Storage.BlobCreated");
    elsewhere["subject"] = json!("/queueServices/x");
    assert_eq!(refused(&elsewhere), "the event names no blob: its subject is `/queueServices/x`");
    assert!(refused(&own("Microsoft.Devices.DeviceCreated")).contains("tells of no blob"));
    assert_eq!(refused(&json!([7])), "the body is a list, and not one of Azure's events");
}

fn layout<'p>(bucket: Option<&'p str>, root: &'p str) -> Layout<'p> {
    Layout { bucket, root, prefix: "thumbnail/" }
}

#[test]
fn a_thumbnail_has_a_name_that_follows_from_the_key() {
    let request = |bucket: Option<&str>, key: &str| Request {
        bucket: bucket.map(str::to_owned),
        key: key.to_owned(),
        is_event: false,
    };
    let name = |request: Request, bucket| {
        request.job(layout(bucket, "root")).map(|job| job.expect("there is work").thumbnail)
    };
    assert_eq!(name(request(None, "a/b.jpg"), None).unwrap(), "thumbnail/a/b.jpg");
    assert_eq!(name(request(Some("x"), "a"), Some("x")).unwrap(), "thumbnail/a");
    assert_eq!(name(request(None, "a"), Some("x")).unwrap(), "thumbnail/a");
    for (request, bucket, reason) in [
        (request(Some("y"), "a"), Some("x"), "it is in the bucket `y`, and this is `x`"),
        (request(Some("y\n"), "a"), None, "it is in the bucket `y\\u{a}`, and this store has none"),
        (
            request(None, "thumbnail/a"),
            None,
            "it is a thumbnail itself: its key begins with `thumbnail/`",
        ),
    ] {
        assert_eq!(name(request, bucket), Err(reason.to_owned()));
    }
}

#[test]
fn a_store_tells_keys_from_the_root_and_of_thumbnails_and_folders_too() {
    let job = |root: &str, key: &str| {
        let job = Request::of_event("x", key).job(layout(Some("x"), root));
        job.map(|job| job.map(|job| (job.key, job.thumbnail)))
    };
    let made = |key: &str, thumbnail: &str| Ok(Some((key.to_owned(), thumbnail.to_owned())));
    assert_eq!(job("", "in/a.jpg"), made("in/a.jpg", "thumbnail/in/a.jpg"));
    assert_eq!(job("in", "in/a.jpg"), made("a.jpg", "thumbnail/a.jpg"));
    for (root, key) in
        [("", "thumbnail/a.jpg"), ("in", "in/thumbnail/a.jpg"), ("", "in/"), ("in", "in/")]
    {
        assert_eq!(job(root, key), Ok(None), "{root} {key}");
    }
    for key in ["a.jpg", "inner/a.jpg", "in", "thumbnail/a.jpg"] {
        assert_eq!(job("in", key), Err("it is not below `in/`, where this store is".to_owned()));
    }
    let elsewhere = Request::of_event("y", "thumbnail/a").job(layout(Some("x"), ""));
    assert_eq!(elsewhere, Err("it is in the bucket `y`, and this is `x`".to_owned()));
}

#[test]
fn what_a_terminal_would_obey_is_shown_and_not_sent() {
    let request = requests(b"a\x1b[2Jb").unwrap().remove(0);
    assert_eq!(request.shown(), "a\\u{1b}[2Jb");
}
