//! The sink `thumbnail:` when it is killed, when the store refuses it, and when pictures are large.

use crate::support::http_server::{Answer, Server};
use crate::support::pictures::{Jpeg, encoded, jpeg, sample};
use crate::support::process::Process;
use crate::support::sandbox::{Program, Run, Sandbox};
use image::{ImageFormat, RgbImage};
use kakehi::sinks::thumbnail::{Fit, Picture, Recipe, Size};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

/// Pictures in a folder, and a message for each key in the queue.
fn sandbox_with(
    pictures: &BTreeMap<String, Vec<u8>>,
    keys: impl Iterator<Item = String>,
) -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("photos")).expect("a folder");
    for (key, bytes) in pictures {
        sandbox.write(&format!("photos/{key}"), bytes);
    }
    let lines: String = keys.map(|key| format!("{{\"key\":\"{key}\"}}\n")).collect();
    sandbox.publish().args("stdin: --to sqlite:q.db").stdin(lines).run().expect(0);
    sandbox
}

fn subscribe(sandbox: &Sandbox) -> Program {
    sandbox.subscribe().args("--from sqlite:q.db --lease 1s --to thumbnail:photos")
}

/// What is in the queue: how many messages, and the most attempts that one of them has had.
fn waiting(sandbox: &Sandbox) -> (u32, u32) {
    let file = rusqlite::Connection::open(sandbox.path("q.db")).expect("the queue");
    let sql = "SELECT count(*), coalesce(max(attempts), 0) FROM messages";
    file.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("two numbers")
}

fn dead(sandbox: &Sandbox) -> String {
    sandbox.queue().args("dead list sqlite:q.db --json").run().expect(0).stdout
}

/// What is there under the names of thumbnails. What is still being written has none of these.
fn thumbnails(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(sandbox.path("photos/thumbnail")) else {
        return BTreeMap::new();
    };
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    names
        .map(|name| name.into_string().expect("UTF-8"))
        .filter(|name| !name.contains('#'))
        .map(|name| {
            let bytes = fs::read(sandbox.path("photos/thumbnail").join(&name)).expect("a file");
            (name, bytes)
        })
        .collect()
}

const SIZE: Size = Size { width: 100, height: 100 };

#[test]
fn what_is_killed_at_random_moments_leaves_whole_thumbnails_and_loses_none() {
    const KILLS: usize = 12;
    let (mut pictures, mut wanted) = (BTreeMap::new(), BTreeMap::new());
    for n in 0..60 {
        let picture = sample(240 + n, 160 + n);
        let (name, bytes) = match n % 2 {
            0 => (format!("{n}.jpg"), jpeg(&picture)),
            _ => (format!("{n}.png"), encoded(picture, ImageFormat::Png)),
        };
        let recipe = Recipe { size: SIZE, fit: Fit::Exact };
        let open = Picture::open(bytes.clone().into(), u64::MAX).expect("a picture");
        wanted.insert(name.clone(), open.thumbnail(recipe).expect("a thumbnail").bytes);
        pictures.insert(name, bytes);
    }
    let sandbox = sandbox_with(&pictures, pictures.keys().cloned());
    let whole = |made: &BTreeMap<String, Vec<u8>>| {
        for (name, bytes) in made {
            assert!(wanted.get(name) == Some(bytes), "`{name}` is none of ours, or not whole");
        }
    };
    let (mut at_work, mut span) = (0, Duration::from_millis(200));
    for kill in 0..KILLS {
        let before = thumbnails(&sandbox).len();
        let program = subscribe(&sandbox).args("--batch 7");
        let mut process = Process::start(program, String::new(), false);
        if kill % 2 == 0 {
            // Right at its work, which may be over in a moment.
            while thumbnails(&sandbox).len() == before && !process.has_ended() {
                std::thread::sleep(Duration::from_millis(1));
            }
        } else {
            std::thread::sleep(span.mul_f64(fastrand::f64()));
        }
        process.signal(Signal::SIGKILL);
        process.end();
        let made = thumbnails(&sandbox);
        whole(&made);
        let (left, _) = waiting(&sandbox);
        assert!(made.len() + left as usize >= wanted.len(), "some are neither made nor waiting");
        if made.len() > before && left > 0 {
            at_work += 1;
        }
        // Later where it had made nothing, sooner where it had made much.
        span = span.mul_f64(if made.len() == before { 1.5 } else { 0.8 });
    }
    assert!(at_work > 0, "no kill hit it at its work");
    let deadline = Instant::now() + Duration::from_secs(60);
    while waiting(&sandbox).0 > 0 {
        assert!(Instant::now() < deadline, "they never come out: {:?}", waiting(&sandbox));
        subscribe(&sandbox).args("--idle 200ms").run().expect(0);
    }
    let made = thumbnails(&sandbox);
    whole(&made);
    assert_eq!(made.len(), wanted.len());
    assert_eq!(dead(&sandbox), "");
}

/// 50 megapixels, quickly.
fn large() -> RgbImage {
    let tile = sample(800, 625);
    let mut pixels = Vec::with_capacity(8000 * 6250 * 3);
    for y in 0..6250 {
        let row = &tile.as_raw()[y % 625 * 2400..][..2400];
        (0..10).for_each(|_| pixels.extend_from_slice(row));
    }
    RgbImage::from_raw(8000, 6250, pixels).expect("as many as it needs")
}

#[test]
fn the_memory_is_bounded_however_large_the_pictures_and_however_many() {
    // A progressive picture is held as a whole, two bytes for each of three samples: 286 MiB. That
    // is more than the 256 MiB of room for what is decoded, so that it has them for itself.
    const MOST_MEMORY: u64 = 286 + 128;
    let picture = large();
    let progressive = Jpeg { progressive: true, half_colours: false, ..Jpeg::default() };
    let pictures = BTreeMap::from([
        ("a.jpg".to_owned(), progressive.of(&picture)),
        ("b.jpg".to_owned(), jpeg(&picture)),
        ("c.png".to_owned(), encoded(picture, ImageFormat::Png)),
    ]);
    let keys = (0..2).flat_map(|_| ["a.jpg", "b.jpg", "a.jpg", "c.png"]).map(str::to_owned);
    let sandbox = sandbox_with(&pictures, keys);
    let mut follower = Process::start(subscribe(&sandbox).args("--follow"), String::new(), false);
    follower.wait_until("all are made", |_| waiting(&sandbox).0 == 0);
    let peak = follower.peak_memory();
    follower.signal(Signal::SIGTERM);
    assert_eq!(follower.end().code, 143);
    println!("the most was {peak} MiB");
    assert!(peak < MOST_MEMORY, "{peak} MiB");
    assert_eq!(thumbnails(&sandbox).len(), 3);
    assert_eq!(dead(&sandbox), "");
}

fn answer(status: &str, code: &str) -> Answer {
    let text = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
    Answer::http(status, &["Content-Type: application/xml"], text)
}

/// Some messages for a store that answers by this script; what became of them, and of the requests.
fn refused(messages: u32, script: impl IntoIterator<Item = Answer>) -> (Sandbox, Run, usize) {
    let keys = (0..messages).map(|n| format!("{n}.jpg"));
    let sandbox = sandbox_with(&BTreeMap::new(), keys);
    let server = Server::new(script);
    let program = sandbox.subscribe().args("--from sqlite:q.db --to thumbnail:s3://photos");
    let run = [
        ("AWS_ACCESS_KEY_ID", "made-up"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL_S3", &server.url()),
    ];
    let run = run.into_iter().fold(program, |it, (name, value)| it.env(name, value)).run();
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    assert_eq!(dead(&sandbox), "");
    (sandbox, run, server.requests().len())
}

#[test]
fn refused_credentials_end_it_before_anything_is_received() {
    for code in ["InvalidAccessKeyId", "SignatureDoesNotMatch"] {
        let (sandbox, run, requests) = refused(30, [answer("403 Forbidden", code)]);
        let run = run.expect(77);
        assert!(run.stderr.contains(&format!("the store answered 403 {code}")), "{}", run.stderr);
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
        assert_eq!(waiting(&sandbox), (30, 0), "nothing is received");
        assert_eq!(requests, 1, "it is asked once");
    }
}

#[test]
fn credentials_that_are_refused_in_the_middle_spend_no_attempt() {
    let script = [answer("404 Not Found", "NoSuchKey"), answer("403 Forbidden", "ExpiredToken")];
    let (sandbox, run, requests) = refused(30, script);
    let run = run.expect(69);
    assert!(run.stderr.contains("the store answered 403 ExpiredToken"), "{}", run.stderr);
    assert_eq!(waiting(&sandbox), (30, 0), "all are given back, and no attempt is spent");
    // No message is asked for twice; each is followed by a look at the store.
    assert!(requests <= 1 + 2 * 30, "{requests} requests");
}

#[test]
fn thumbnails_that_may_not_be_written_are_no_fault_of_the_pictures() {
    let when = "Last-Modified: Wed, 19 Mar 2025 10:00:00 GMT";
    let (looked, got, put) = (
        answer("404 Not Found", "NoSuchKey"),
        Answer::http("200 OK", &[when], jpeg(&sample(30, 20))),
        answer("403 Forbidden", "AccessDenied"),
    );
    let (sandbox, run, requests) = refused(1, [looked, got, put]);
    let run = run.expect(69);
    assert!(run.stderr.contains("the store answered 403 AccessDenied"), "{}", run.stderr);
    assert_eq!(waiting(&sandbox), (1, 0), "it is given back, and no attempt is spent");
    assert_eq!(requests, 3, "a check, a picture, and its thumbnail");
}
