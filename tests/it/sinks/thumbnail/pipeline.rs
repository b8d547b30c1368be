//! The sink `thumbnail:` in a pipeline: from a queue, out of a store and into it.

use crate::support::pictures::{encoded, jpeg, sample};
use crate::support::proxy::Proxy;
use crate::support::s3::Bucket;
use crate::support::sandbox::{Program, Sandbox};
use image::ImageFormat;
use std::collections::BTreeMap;
use std::fs;

/// A folder of pictures, and a message for each body in the queue.
fn sandbox_with(bodies: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("photos")).expect("a folder");
    publish(&sandbox, bodies);
    sandbox
}

fn publish(sandbox: &Sandbox, bodies: &[&str]) {
    let lines: String = bodies.iter().map(|body| format!("{body}\n")).collect();
    sandbox.publish().args("stdin: --to sqlite:q.db").stdin(lines).run().expect(0);
}

fn subscribe(sandbox: &Sandbox) -> Program {
    sandbox.subscribe().args("--from sqlite:q.db --to thumbnail:photos")
}

fn reasons(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let run = sandbox.queue().args("dead list sqlite:q.db --json").run().expect(0);
    let text = |value: &serde_json::Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let letters = run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    letters
        .map(|letter: serde_json::Value| (text(&letter["body"]), text(&letter["reason"])))
        .collect()
}

#[test]
fn a_poison_picture_stops_nobody_and_a_redelivery_doubles_nothing() {
    let bodies = [
        r#"{"key":"a.jpg","content_type":"image/jpeg","size":5}"#,
        r#""deep/b.png""#,
        r#"{"key":"text.jpg"}"#,
        r#"{"key":"../q.db"}"#,
        r#"{"key":"gone.jpg"}"#,
        r#"{"key":"thumbnail/a.jpg"}"#,
        r#"{"key":"a.jpg","bucket":"other"}"#,
        r#"{"no":"key"}"#,
    ];
    let sandbox = sandbox_with(&bodies);
    fs::create_dir(sandbox.path("photos/deep")).expect("a folder");
    sandbox.write("photos/a.jpg", jpeg(&sample(300, 200)));
    sandbox.write("photos/deep/b.png", encoded(sample(200, 300), ImageFormat::Png));
    sandbox.write("photos/text.jpg", "hello");
    subscribe(&sandbox).run().expect(65);
    let told: Vec<_> = reasons(&sandbox).into_values().collect();
    for reason in [
        "`text.jpg`: it is no JPEG, PNG, WebP or GIF",
        "`../q.db`: the key has the part `..`",
        "`gone.jpg`: there is no such object",
        "`thumbnail/a.jpg`: it is a thumbnail itself: its key begins with `thumbnail/`",
        "`a.jpg`: it is in the bucket `other`, and this store has none",
        "the body is no JSON object with a `key`",
    ] {
        assert!(told.iter().any(|it| it == reason), "{reason}: {told:?}");
    }
    assert_eq!(told.len(), 6, "{told:?}");
    publish(&sandbox, &bodies[..2]);
    subscribe(&sandbox).run().expect(0);
    for (name, format) in [("a.jpg", ImageFormat::Jpeg), ("deep/b.png", ImageFormat::Png)] {
        let bytes = fs::read(sandbox.path("photos/thumbnail").join(name)).expect("a thumbnail");
        assert_eq!(image::guess_format(&bytes).expect("a format"), format);
        let picture = image::load_from_memory(&bytes).expect("a picture");
        assert_eq!((picture.width(), picture.height()), (100, 100));
    }
    let count = |folder: &str| fs::read_dir(sandbox.path(folder)).expect("a folder").count();
    assert_eq!((count("photos/thumbnail"), count("photos/thumbnail/deep")), (2, 1));
}

#[test]
fn limits_are_told_with_their_names() {
    let sandbox = sandbox_with(&[r#"{"key":"a.png"}"#]);
    sandbox.write("photos/a.png", encoded(sample(30, 20), ImageFormat::Png));
    let size = fs::metadata(sandbox.path("photos/a.png")).expect("it").len();
    let to = "--from sqlite:q.db --to thumbnail:file:photos?max-bytes=9";
    sandbox.subscribe().args(to).run().expect(65);
    publish(&sandbox, &[r#"{"key":"a.png"} "#]);
    let to = "--from sqlite:q.db --to thumbnail:file:photos?max-pixels=599";
    sandbox.subscribe().args(to).run().expect(65);
    let run = sandbox.queue().args("dead list sqlite:q.db --json").run().expect(0);
    for reason in [
        format!("`a.png`: it has {size} bytes, which is more than `max-bytes=9`"),
        "`a.png`: it has 30 x 20 pixels, which is more than `max-pixels=599`".to_owned(),
    ] {
        assert!(run.stdout.contains(&reason), "{reason}: {}", run.stdout);
    }
}

#[test]
fn a_store_that_is_down_loses_nothing_and_spends_nothing() {
    let keys: Vec<_> = (0..12).map(|n| format!("{{\"key\":\"{n}.jpg\"}}")).collect();
    let sandbox = sandbox_with(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    let bucket = Bucket::new();
    let picture = jpeg(&sample(300, 200));
    for n in 0..12 {
        sandbox.write(&format!("photos/{n}.jpg"), &picture);
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let url = kakehi::Location::parse(&bucket.url()).expect("a URL");
        let store = kakehi::clients::object_store::Store::open(&url, &bucket.environment(None))
            .await
            .expect("it");
        for n in 0..12 {
            let key = format!("{n}.jpg");
            let put = store.put(&key, picture.clone().into(), Some("image/jpeg"));
            put.await.expect("it is put");
        }
    });
    let proxy = Proxy::start(bucket.address());
    let endpoint = format!("http://{}", proxy.address());
    let to = format!("thumbnail:{}", bucket.url());
    let run = |code| {
        let program = sandbox.subscribe().args("--from sqlite:q.db --batch 4 --to").arg(&to);
        bucket.through(program, Some(&endpoint)).run().expect(code)
    };
    // Some are got, and then the line is cut.
    proxy.cut_after(crate::support::proxy::Way::Answer, 3 * picture.len());
    run(69);
    proxy.restore();
    run(0);
    let made: Vec<_> = bucket.objects().into_keys().filter(|k| k.starts_with("thumb")).collect();
    assert_eq!(made.len(), 12, "{made:?}");
    assert!(reasons(&sandbox).is_empty());
}

#[test]
fn the_store_is_looked_at_before_anything_is_received() {
    let sandbox = sandbox_with(&[r#"{"key":"a.jpg"}"#]);
    let check = "check --from sqlite:q.db --to thumbnail:photos";
    sandbox.queue().args(check).run().expect(0);
    fs::remove_dir(sandbox.path("photos")).expect("it goes");
    subscribe(&sandbox).run().expect(78);
    sandbox.queue().args(check).run().expect(78);
}
