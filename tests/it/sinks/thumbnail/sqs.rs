//! The thumbnail pipeline on SQS and S3, from the uploaded picture to the small one: whatever dies,
//! each thumbnail is there once, and what is no picture is a dead letter with its reason.

use crate::support::pictures::{encoded, jpeg, sample};
use crate::support::process::Process;
use crate::support::s3::Bucket;
use crate::support::sandbox::{Program, Run};
use crate::support::sqs_queue::{PATIENCE, Stage, client, counted};
use fastrand::Rng;
use image::ImageFormat;
use kakehi::Location;
use kakehi::clients::object_store::Store;
use nix::sys::signal::Signal;
use std::fs;
use std::time::{Duration, Instant};

/// A queue, a bucket, and a folder of pictures that are to be uploaded.
struct Studio {
    stage: Stage,
    bucket: Bucket,
}

impl Studio {
    fn of(stage: Stage) -> Self {
        fs::create_dir(stage.sandbox.path("photos")).expect("a folder");
        Self { stage, bucket: Bucket::new() }
    }

    fn with_s3(&self, program: Program) -> Program {
        self.bucket.through(program, None)
    }

    fn upload(&self) -> Program {
        let source = format!("files:photos/*?store={}", self.bucket.url());
        self.with_s3(self.stage.publish("").arg(source))
    }

    fn work(&self, words: &str) -> Program {
        let sink = format!("thumbnail:{}?size=100x100", self.bucket.url());
        let words = format!("--batch 10 --concurrency 3 {words}");
        self.with_s3(self.stage.subscribe(&words).arg("--to").arg(sink))
    }

    fn thumbnails(&self) -> Vec<String> {
        let keys = self.bucket.objects().into_keys();
        keys.filter_map(|key| key.strip_prefix("thumbnail/").map(str::to_owned)).collect()
    }

    /// Every thumbnail is a whole picture.
    async fn look_at(&self, names: &[String]) {
        let url = Location::parse(&self.bucket.url()).expect("a URL");
        let store = Store::open(&url, &self.bucket.environment(None)).await.expect("it opens");
        for name in names {
            let object =
                store.get(&format!("thumbnail/{name}"), 1 << 20).await.expect("it is there");
            let picture = image::load_from_memory(&object.bytes).expect("a picture");
            assert_eq!((picture.width(), picture.height()), (100, 100), "{name}");
        }
    }
}

/// A text among pictures dies with its reason, and stops nobody.
fn poison_is_buried(stage: Stage) {
    let studio = Studio::of(stage);
    let photo = |name: &str| studio.stage.sandbox.path("photos").join(name);
    fs::write(photo("a.jpg"), jpeg(&sample(300, 200))).expect("a file");
    fs::write(photo("b.png"), encoded(sample(200, 300), ImageFormat::Png)).expect("a file");
    fs::write(photo("text.jpg"), "hello").expect("a file");
    studio.upload().run().expect(0);
    let run = studio.work("").run().expect(65);
    assert_eq!((counted(&run, "stored"), counted(&run, "dead")), (2, 1));
    assert_eq!(studio.thumbnails(), ["a.jpg", "b.png"]);
    let dead = studio.stage.dead();
    let reasons: Vec<_> = dead.iter().map(|it| it["reason"].as_str().expect("a reason")).collect();
    assert_eq!(reasons, ["`text.jpg`: it is no JPEG, PNG, WebP or GIF"]);
    let run = studio.work("").run().expect(0);
    assert_eq!(counted(&run, "received"), 0);
    // Once it is mended, it goes its way.
    fs::write(photo("text.jpg"), jpeg(&sample(300, 200))).expect("a file");
    studio.upload().run().expect(0);
    let words = format!("dead redrive {} --all --yes --idle 3s", studio.stage.url());
    studio.stage.queue(&words).run().expect(0);
    let run: Run = studio.work("").run().expect(0);
    assert_eq!(counted(&run, "stored"), 2, "the upload, and what was redriven");
    assert_eq!(studio.thumbnails(), ["a.jpg", "b.png", "text.jpg"]);
}

#[test]
fn a_poison_picture_is_buried_with_a_redrive_policy() {
    poison_is_buried(Stage::made(""));
}

#[test]
fn a_poison_picture_in_a_fifo_queue_is_buried() {
    poison_is_buried(Stage::made(".fifo"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_picture_is_buried_without_a_redrive_policy() {
    let stage = Stage::named("");
    let client = client().await;
    for name in [stage.name.clone(), format!("{}-dead", stage.name)] {
        client.create_queue().queue_name(name).send().await.expect("it is made");
    }
    tokio::task::spawn_blocking(move || poison_is_buried(stage)).await.expect("no panic");
}

/// Workers are killed and terminated with pictures in hand, and uploads are killed as well.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_dies_each_thumbnail_is_there_once() {
    const PICTURES: usize = 60;
    let studio = Studio::of(Stage::made(""));
    let mut dice = Rng::new();
    for n in 0..PICTURES {
        let file = studio.stage.sandbox.path("photos").join(format!("{n:02}.jpg"));
        fs::write(file, jpeg(&sample(640, 480))).expect("a file");
    }
    let mut blow = |process: &mut Process, signal: Signal| {
        std::thread::sleep(Duration::from_millis(dice.u64(100..900)));
        process.signal(signal);
    };
    for _ in 0..4 {
        let mut upload = Process::start(studio.upload(), String::new(), false);
        blow(&mut upload, Signal::SIGKILL);
        upload.end();
    }
    studio.upload().run().expect(0);
    let start = |_| Process::start(studio.work("--lease 3s --idle 5s"), String::new(), false);
    for signal in [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGKILL] {
        let mut workers: Vec<_> = (0..3).map(start).collect();
        workers.iter_mut().for_each(|worker| blow(worker, signal));
        for end in workers.into_iter().map(Process::end) {
            assert!([0, 128 + signal as i32].contains(&end.code), "{}: {}", end.code, end.stderr);
        }
    }
    let deadline = Instant::now() + PATIENCE;
    while studio.thumbnails().len() < PICTURES {
        assert!(Instant::now() < deadline, "only {:?}", studio.thumbnails());
        studio.work("--lease 3s --idle 5s").run().expect(0);
    }
    let names = studio.thumbnails();
    let wanted: Vec<_> = (0..PICTURES).map(|n| format!("{n:02}.jpg")).collect();
    assert_eq!(names, wanted);
    studio.look_at(&names).await;
    assert!(studio.stage.dead().is_empty());
    // What was in flight when its worker was killed comes again, and nothing is left.
    while !studio.stage.is_empty() {
        assert!(Instant::now() < deadline, "{}", studio.stage.stats());
        studio.work("--lease 3s").run().expect(0);
    }
    assert_eq!(studio.thumbnails(), wanted);
}
