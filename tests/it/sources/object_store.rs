//! Object stores: a local folder and a server that speaks S3, on the same terms.

use crate::support::proxy::Proxy;
use crate::support::s3::Bucket;
use crate::support::sandbox::Sandbox;
use bytes::Bytes;
use kakehi::clients::object_store::{Answer, Failure, Store};
use kakehi::environment::Environment;
use kakehi::{Error, Kind, Location};
use std::os::unix::fs::symlink;
use std::time::Duration;

const MANY: u64 = 1 << 20;

async fn open(url: &str, environment: &Environment) -> Result<Store, Error> {
    Store::open(&Location::parse(url)?, environment).await
}

async fn folder(sandbox: &Sandbox) -> Store {
    let path = sandbox.path("store");
    std::fs::create_dir_all(&path).expect("a folder");
    open(&format!("file:{}", path.display()), &Environment::default()).await.expect("it opens")
}

async fn on_s3(bucket: &Bucket, endpoint: Option<&str>) -> Store {
    open(&bucket.url(), &bucket.environment(endpoint)).await.expect("it opens")
}

/// What every store must do.
async fn contract(store: &Store, keeps_types: bool) {
    assert_eq!(store.ping().await, Ok(Answer::Yes));
    assert_eq!(store.get("nothing", MANY).await, Err(Failure::Missing));
    assert_eq!(store.get("nothing/below/it", MANY).await, Err(Failure::Missing));
    for key in [
        "a.jpg",
        "a/b c.jpg",
        "寝室/ä.png",
        "100%/%2e%2e/50%25.gif",
        "what?#1a&b=c+d",
        "..a/b..",
        "a\\b",
    ] {
        let bytes = Bytes::from(format!("of {key}"));
        store.put(key, "old".into(), Some("text/plain")).await.expect(key);
        store.put(key, bytes.clone(), Some("image/jpeg")).await.expect(key);
        let got = store.get(key, MANY).await.expect(key);
        assert_eq!(got.bytes, bytes, "{key}");
        assert_eq!(got.content_type.as_deref(), keeps_types.then_some("image/jpeg"), "{key}");
    }
    store.put("empty", Bytes::new(), None).await.expect("nothing can be put");
    assert_eq!(store.get("empty", 0).await.expect("and got").bytes.len(), 0);
    store.put("large", vec![7; 1000].into(), None).await.expect("it is put");
    assert_eq!(store.get("large", 999).await, Err(Failure::TooLarge { size: 1000, limit: 999 }));
    assert_eq!(store.get("large", 1000).await.expect("it fits").bytes.len(), 1000);
    for key in ["", "/a", "a/", "../a", "a/../../b", "a//b", ".", "a\nb", &"k".repeat(1025)] {
        for answer in [store.get(key, MANY).await.map(drop), store.put(key, "x".into(), None).await]
        {
            assert!(matches!(answer, Err(Failure::BadKey(_))), "{key:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_folder_is_a_store() {
    let sandbox = Sandbox::new();
    let store = folder(&sandbox).await;
    contract(&store, false).await;
    assert_eq!(store.bucket(), None);
    let left: Vec<_> = std::fs::read_dir(sandbox.path("store")).expect("it").collect();
    assert_eq!(left.len(), 9, "no file in the making is left behind: {left:?}");
}

#[tokio::test]
async fn a_bucket_is_a_store() {
    let bucket = Bucket::new();
    let store = on_s3(&bucket, None).await;
    contract(&store, true).await;
    assert_eq!(store.bucket(), Some(&*bucket.name));
    assert!(bucket.objects().contains_key("寝室/ä.png"), "{:?}", bucket.objects());
}

#[tokio::test]
async fn a_prefix_stands_before_every_key() {
    let bucket = Bucket::new();
    let url = format!("{}/2026/a b/", bucket.url());
    let store = open(&url.replace(' ', "%20"), &bucket.environment(None)).await.expect("it opens");
    store.put("c.jpg", "x".into(), None).await.expect("it is put");
    assert_eq!(store.get("c.jpg", MANY).await.expect("it is there").bytes, "x");
    assert_eq!(bucket.objects().into_keys().collect::<Vec<_>>(), ["2026/a b/c.jpg"]);
}

#[tokio::test]
async fn no_link_leads_out_of_the_folder() {
    let sandbox = Sandbox::new();
    let store = folder(&sandbox).await;
    std::fs::create_dir(sandbox.path("store/in")).expect("a folder");
    std::fs::create_dir(sandbox.path("out")).expect("a folder");
    sandbox.write("out/secret", "secret");
    for (target, link) in [
        (sandbox.path("out"), "folder"),
        (sandbox.path("out/secret"), "file"),
        (sandbox.path("out/new"), "dangling"),
        (sandbox.path("store/in"), "fine"),
        ("circle".into(), "circle"),
    ] {
        symlink(target, sandbox.path(&format!("store/{link}"))).expect("a link");
    }
    for key in ["folder/secret", "file", "dangling", "circle", "circle/a"] {
        let got = store.get(key, MANY).await;
        assert!(matches!(got, Err(Failure::BadKey(_))), "{key}: {got:?}");
    }
    for key in ["folder/new", "folder/deep/new", "dangling/new", "circle/new"] {
        let put = store.put(key, "x".into(), None).await;
        assert!(matches!(put, Err(Failure::BadKey(_))), "{key}: {put:?}");
    }
    store.put("fine/a", "x".into(), None).await.expect("it stays in the folder");
    assert_eq!(store.get("fine/a", MANY).await.expect("it is there").bytes, "x");
    store.put("file", "mine".into(), None).await.expect("the link is replaced");
    assert_eq!(std::fs::read_to_string(sandbox.path("out/secret")).expect("it"), "secret");
    assert_eq!(std::fs::read_dir(sandbox.path("out")).expect("it").count(), 1);
}

#[tokio::test]
async fn what_a_folder_cannot_hold_is_refused_alone() {
    let sandbox = Sandbox::new();
    let store = folder(&sandbox).await;
    store.put("a", "x".into(), None).await.expect("it is put");
    store.put("b/c", "x".into(), None).await.expect("it is put");
    let made = std::process::Command::new("mkfifo").arg(sandbox.path("store/pipe")).status();
    assert!(made.expect("it starts").success());
    assert_eq!(store.get("b", MANY).await, Err(Failure::Missing));
    let long = "n".repeat(300);
    for (key, puts) in
        [("a/b", true), ("b", true), ("file#1", true), (&*long, true), ("pipe", false)]
    {
        let answer = match puts {
            true => store.put(key, "x".into(), None).await,
            false => store.get(key, MANY).await.map(drop),
        };
        let failure = answer.expect_err(key);
        assert!(failure.is_the_objects(), "{key}: {failure:?}");
    }
}

#[tokio::test]
async fn a_store_that_is_gone_is_told_apart_from_an_object_that_is_missing() {
    let sandbox = Sandbox::new();
    let store = folder(&sandbox).await;
    std::fs::remove_dir(sandbox.path("store")).expect("it is empty");
    all_gone(&store).await;
    let bucket = Bucket::new();
    let store = on_s3(&bucket, None).await;
    bucket.remove();
    all_gone(&store).await;
}

async fn all_gone(store: &Store) {
    let failures = [
        store.ping().await.map(drop),
        store.get("a/b", MANY).await.map(drop),
        store.put("a/b", "x".into(), None).await,
    ];
    for failure in failures.map(|answer| answer.expect_err("it is gone")) {
        assert!(matches!(failure, Failure::Gone(_)), "{failure:?}");
        let error = store.error("cannot use the store", &failure);
        assert_eq!(error.kind(), Kind::Configuration);
        assert!(error.remedy().is_some(), "{error}");
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_says_so_in_time() {
    let bucket = Bucket::new();
    let proxy = Proxy::start(bucket.address());
    let endpoint = format!("http://{}", proxy.address());
    let store = on_s3(&bucket, Some(&endpoint)).await.with_patience(Duration::from_secs(60));
    store.put("a", "x".into(), None).await.expect("it is reached");
    proxy.cut();
    for failure in [store.ping().await.map(drop), store.put("b", "x".into(), None).await] {
        let failure = failure.expect_err("it is cut");
        assert!(matches!(failure, Failure::Unavailable(_)), "{failure:?}");
        assert_eq!(failure.kind(), Kind::Unreachable);
    }
    proxy.restore();
    assert_eq!(store.get("a", MANY).await.expect("it is back").bytes, "x");
    proxy.stall();
    let failure = store.with_patience(Duration::from_millis(300)).get("a", 1).await;
    assert!(matches!(failure, Err(Failure::Unavailable(_))), "{failure:?}");
}

#[tokio::test]
async fn an_answer_that_is_an_error_is_told_by_its_code_alone() {
    use crate::support::http_server::{Answer as Reply, Server};
    let xml = |code: &str| {
        format!(
            "<Error><Code>{code}</Code><Message>m</Message><AWSAccessKeyId>AKIASECRET</AWSAccessKeyId></Error>"
        )
    };
    type Is = fn(&Failure) -> bool;
    let denied: Is = |it| matches!(it, Failure::Denied(_));
    let down: Is = |it| matches!(it, Failure::Unavailable(_));
    let full: Is = |it| matches!(it, Failure::NoRoom(_));
    let refused: Is = |it| matches!(it, Failure::Refused(_));
    for (status, code, is) in [
        (403, "InvalidAccessKeyId", denied),
        (403, "SignatureDoesNotMatch", denied),
        (403, "AccessDenied", denied),
        (400, "ExpiredToken", denied),
        (400, "KeyTooLongError", refused),
        (413, "EntityTooLarge", refused),
        (503, "SlowDown", full),
        (403, "QuotaExceeded", full),
        (507, "XMinioStorageFull", full),
        (500, "InternalError", down),
        (429, "TooManyRequests", full),
        (404, "NoSuchKey", |it| *it == Failure::Missing),
        (404, "NoSuchBucket", |it| matches!(it, Failure::Gone(_))),
        (302, "Found", down),
    ] {
        let server = Server::new([Reply::http(&format!("{status} No"), &[], xml(code))]);
        let environment: Environment = [
            ("AWS_ACCESS_KEY_ID", "AKIASECRET"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &server.url()),
        ]
        .into_iter()
        .collect();
        let store = open("s3://bucket", &environment).await.expect("it opens");
        let failure = store.get("a", MANY).await.expect_err(code);
        assert!(is(&failure), "{status} {code}: {failure:?}");
        let told = store.error("cannot get it", &failure).to_string();
        assert!(!told.contains("AKIA") && !told.contains("hunter2"), "{told}");
        let check = store.ping().await;
        assert_eq!(
            check.is_ok(),
            ["AccessDenied", "NoSuchKey"].contains(&code),
            "{code}: {check:?}"
        );
    }
}

#[tokio::test]
async fn what_names_no_store_is_refused() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("file", "");
    for (url, kind) in [
        ("ftp://host/a".to_owned(), Kind::Usage),
        ("s3:bucket".to_owned(), Kind::Usage),
        ("s3://me:hunter2@bucket".to_owned(), Kind::Usage),
        ("s3://bucket?region=x".to_owned(), Kind::Usage),
        ("file:".to_owned(), Kind::Usage),
        ("file://host/a".to_owned(), Kind::Usage),
        (format!("file:{}/none", sandbox.dir().display()), Kind::Configuration),
        (format!("file:{}", file.display()), Kind::Configuration),
        ("az://container".to_owned(), Kind::Configuration),
    ] {
        let error = open(&url, &Environment::default()).await.expect_err(&url);
        assert_eq!(error.kind(), kind, "{url}: {error}");
        assert!(error.remedy().is_some(), "{url}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_without_being_shown() {
    let sandbox = Sandbox::new();
    let broken = sandbox.write("broken.json", "{\"private_key\":\"hunter2\"}");
    for (url, variables) in [
        (
            "az://a",
            vec![("AZURE_STORAGE_ACCOUNT_NAME", "me"), ("AZURE_STORAGE_ACCOUNT_KEY", "hunter2!")],
        ),
        ("gs://a", vec![("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/file.json")]),
        ("gs://a", vec![("GOOGLE_APPLICATION_CREDENTIALS", broken.to_str().expect("UTF-8"))]),
        ("s3://a", vec![("AWS_REGION", "us-east-1"), ("AWS_ENDPOINT_URL", "no url")]),
    ] {
        let environment: Environment = variables.into_iter().collect();
        let told = match open(url, &environment).await {
            Ok(store) => {
                let failure = store.ping().await.expect_err("it cannot be asked");
                store.error("it fails", &failure).to_string()
            }
            Err(error) => error.to_string(),
        };
        assert!(told.contains("hint: ") && !told.contains("hunter2"), "{told}");
    }
}

#[tokio::test]
async fn googles_and_azures_stores_are_set_up_from_their_variables() {
    let environment: Environment = [
        ("AZURE_STORAGE_ACCOUNT_NAME", "me"),
        ("AZURE_STORAGE_ACCOUNT_KEY", "aHVudGVyMg=="),
        ("GOOGLE_SKIP_SIGNATURE", "true"),
    ]
    .into_iter()
    .collect();
    for (url, bucket) in [("az://photos/2026", "photos"), ("gs://photos", "photos")] {
        let store = open(url, &environment).await.expect(url);
        assert_eq!((store.bucket(), store.to_string()), (Some(bucket), url.to_owned()));
    }
}
