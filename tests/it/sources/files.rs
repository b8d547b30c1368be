//! `files:`: what lies in a folder is put into a store, and told once.

use crate::support::http_server::{Answer, Server};
use crate::support::process::Process;
use crate::support::proxy::Proxy;
use crate::support::s3::Bucket;
use crate::support::sandbox::{Program, Run, Sandbox};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

const SOURCE: &str = "files:in/**/*?store=file:out&state=state";
/// Where nobody listens.
const NOBODY: &str = "127.0.0.1:1";

/// A sandbox with a folder to read and one to be the store.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    for folder in ["in", "out"] {
        fs::create_dir(sandbox.path(folder)).expect("a folder");
    }
    sandbox
}

fn publish(sandbox: &Sandbox, source: &str) -> Program {
    sandbox.publish().arg(source).args("--to sqlite:queue.db --summary json")
}

fn summary(run: &Run) -> Value {
    serde_json::from_str(run.stderr.lines().last().expect("a summary")).expect("JSON")
}

#[track_caller]
fn counts(run: &Run, read: u64, published: u64, refused: u64) {
    let told = summary(run);
    let found = ["read", "published", "refused"].map(|name| told[name].as_u64());
    assert_eq!(found, [Some(read), Some(published), Some(refused)], "{}", run.stderr);
}

/// Takes all messages out of the queue, in their order: id and body.
fn drain(sandbox: &Sandbox) -> Vec<(String, Value)> {
    let run = sandbox.subscribe().args("--from sqlite:queue.db --to stdout:?envelope").run();
    let run = run.expect(0);
    let parse = |line: &str| serde_json::from_str::<Value>(line).expect("JSON");
    let messages = run.stdout.lines().map(parse);
    messages.map(|it| (it["id"].as_str().expect("an id").to_owned(), it["body"].clone())).collect()
}

fn keys(messages: &[(String, Value)]) -> Vec<&str> {
    messages.iter().map(|(_, body)| body["key"].as_str().expect("a key")).collect()
}

/// Every file below a folder with its content, but for those in the making.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let key = path.strip_prefix(folder).expect("below it").to_str().expect("UTF-8");
            if !key.contains('#') {
                found.insert(key.to_owned(), fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

/// Sets a file's time of modification, in seconds since 1970.
fn age(path: &Path, seconds: u64) {
    let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    File::options().write(true).open(path).and_then(|it| it.set_modified(time)).expect("it");
}

#[test]
fn a_file_is_stored_and_told_once_and_again_when_it_has_changed() {
    let sandbox = sandbox();
    fs::create_dir(sandbox.path("in/b")).expect("a folder");
    for (name, content, seconds) in
        [("in/z.jpg", "one", 100), ("in/b/c d", "\u{89}PNG", 300), ("in/a.txt", "three", 200)]
    {
        age(&sandbox.write(name, content), seconds);
    }
    fs::write(sandbox.path("in/b/c d"), b"\x89PNG\r\n\x1a\n").expect("a file");
    counts(&publish(&sandbox, SOURCE).run().expect(0), 3, 3, 0);
    assert_eq!(tree(&sandbox.path("out")), tree(&sandbox.path("in")));
    let first = drain(&sandbox);
    assert_eq!(keys(&first), ["z.jpg", "a.txt", "b/c d"], "the oldest first");
    let body = serde_json::json!({"key": "z.jpg", "content_type": "image/jpeg", "size": 3});
    assert_eq!(first[0].1, body);
    assert_eq!(first[2].1["content_type"], "image/png");

    counts(&publish(&sandbox, SOURCE).run().expect(0), 0, 0, 0);
    // Touched, and written as it was: not changed.
    age(&sandbox.path("in/a.txt"), 900);
    sandbox.write("in/z.jpg", "one");
    counts(&publish(&sandbox, SOURCE).run().expect(0), 0, 0, 0);
    sandbox.write("in/z.jpg", "two");
    counts(&publish(&sandbox, SOURCE).run().expect(0), 1, 1, 0);
    let second = drain(&sandbox);
    assert_eq!(keys(&second), ["z.jpg"]);
    assert_ne!(second[0].0, first[0].0, "another content is another message");
    assert_eq!(tree(&sandbox.path("out"))["z.jpg"], b"two");

    fs::remove_file(sandbox.path("state")).expect("it is there");
    sandbox.write("in/z.jpg", "one");
    counts(&publish(&sandbox, SOURCE).run().expect(0), 3, 3, 0);
    let again: BTreeSet<_> = drain(&sandbox).into_iter().map(|(id, _)| id).collect();
    assert_eq!(again, first.iter().map(|(id, _)| id.clone()).collect(), "the same ids");
}

#[test]
fn what_is_gone_is_forgotten() {
    let sandbox = sandbox();
    for name in ["in/a", "in/b"] {
        sandbox.write(name, "x");
    }
    publish(&sandbox, SOURCE).run().expect(0);
    let state = || fs::read_to_string(sandbox.path("state")).expect("it");
    assert!(state().contains("\"b\":"), "{}", state());
    fs::remove_file(sandbox.path("in/b")).expect("it");
    publish(&sandbox, SOURCE).run().expect(0);
    assert!(state().contains("\"a\":") && !state().contains("\"b\":"), "{}", state());
    // A disk that is not mounted shows nothing at all: that is no reason to forget.
    fs::rename(sandbox.path("in"), sandbox.path("away")).expect("it");
    fs::create_dir(sandbox.path("in")).expect("it");
    publish(&sandbox, SOURCE).run().expect(0);
    assert!(state().contains("\"a\":"), "{}", state());
}

#[test]
fn a_bucket_is_in_the_message_and_has_the_same_object_for_it() {
    let sandbox = sandbox();
    let bucket = Bucket::new();
    let names = ["ä 寝室.jpg", "a?b%41.jpg", "a..&b=c+d;e.jpg", "d/e~f'(g)!.jpg", "h#1.jpg", "i#1"];
    fs::create_dir(sandbox.path("in/d")).expect("a folder");
    for name in names {
        sandbox.write(&format!("in/{name}"), name);
    }
    let source = format!("files:in/**/*?prefix=p/&store={}/deep", bucket.url());
    let run = || bucket.through(publish(&sandbox, &source), None).run().expect(0);
    counts(&run(), 6, 6, 0);
    counts(&run(), 0, 0, 0);
    let told = drain(&sandbox);
    let expected: BTreeSet<_> = names.iter().map(|name| format!("p/{name}")).collect();
    assert_eq!(keys(&told).into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), expected);
    assert!(told.iter().all(|(_, body)| body["bucket"] == *bucket.name), "{told:?}");
    let stored: BTreeSet<_> = bucket.objects().into_keys().collect();
    assert_eq!(stored, expected.iter().map(|key| format!("deep/{key}")).collect());
}

#[test]
fn what_cannot_be_taken_is_named_and_stops_nothing() {
    let sandbox = sandbox();
    sandbox.write("in/a.jpg", "x");
    sandbox.write("in/large.jpg", "12345");
    sandbox.write("in/b#1", "x");
    sandbox.write("in/line\nfeed", "x");
    sandbox.write("in/z.jpg", "1234");
    symlink("/proc/self/mem", sandbox.path("in/unreadable")).expect("a link");
    symlink("nowhere", sandbox.path("in/dangling")).expect("a link");
    let made = std::process::Command::new("mkfifo").arg(sandbox.path("in/pipe")).status();
    assert!(made.expect("it starts").success());
    let source = format!("{SOURCE}&max-size=4");
    let run = publish(&sandbox, &source).run().expect(65);
    counts(&run, 6, 2, 4);
    for words in [
        "file `in/large.jpg` was refused: it has 5 bytes, and `max-size` is 4",
        "file `in/b#1` was refused",
        "file `in/line feed` was refused: the key holds control characters",
        "file `in/unreadable` was refused: it cannot be read",
    ] {
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
    assert_eq!(tree(&sandbox.path("out")).into_keys().collect::<Vec<_>>(), ["a.jpg", "z.jpg"]);
    // What may be read by the next run is tried again; the rest was told, and is as it was.
    counts(&publish(&sandbox, &source).run().expect(65), 1, 0, 1);
    fs::write(sandbox.path("in/large.jpg"), "123").expect("a file");
    counts(&publish(&sandbox, &source).run().expect(65), 2, 1, 1);
}

#[test]
fn a_dry_run_puts_and_remembers_nothing() {
    let sandbox = sandbox();
    sandbox.write("in/a", "x");
    sandbox.write("in/b", "x");
    let run = publish(&sandbox, SOURCE).arg("--dry-run").run().expect(0);
    counts(&run, 2, 0, 0);
    assert_eq!(tree(&sandbox.path("out")).len(), 0);
    assert!(!sandbox.path("state").exists());
    counts(&publish(&sandbox, SOURCE).run().expect(0), 2, 2, 0);
}

#[test]
fn nothing_to_take_is_well() {
    let sandbox = sandbox();
    let run = publish(&sandbox, SOURCE).arg("-v").run().expect(0);
    assert!(run.stderr.contains("nothing matches `in/**/*`"), "{}", run.stderr);
    let run = publish(&sandbox, "files:nowhere/*?store=file:out").run().expect(0);
    assert!(run.stderr.contains("there is no folder `nowhere`"), "{}", run.stderr);
    counts(&run, 0, 0, 0);
}

#[test]
fn a_store_that_is_down_loses_nothing() {
    let sandbox = sandbox();
    let bucket = Bucket::new();
    let proxy = Proxy::start(bucket.address());
    let endpoint = format!("http://{}", proxy.address());
    for n in 0..5 {
        sandbox.write(&format!("in/{n}"), format!("of {n}"));
    }
    let source = format!("files:in/*?state=state&store={}", bucket.url());
    let run = || bucket.through(publish(&sandbox, &source), Some(&endpoint)).run();
    proxy.cut();
    let down = run().expect(69);
    assert!(down.stderr.contains("cannot put files into the store"), "{}", down.stderr);
    assert!(!sandbox.path("state").exists(), "nothing is remembered");
    proxy.restore();
    counts(&run().expect(0), 5, 5, 0);
    assert_eq!(keys(&drain(&sandbox)).len(), 5);
    assert_eq!(bucket.objects().len(), 5);
    bucket
        .through(publish(&sandbox, "files:in/*?store=s3://nobodys-own-bucket-0"), None)
        .run()
        .expect(78);
}

#[test]
fn a_queue_that_is_down_gets_it_from_the_spool() {
    let sandbox = sandbox();
    sandbox.write("in/a", "x");
    sandbox.write("in/b", "x");
    let run = || {
        let words = "--to pubsub://kakehi-files/pictures --publish-timeout 1s --summary json";
        let program = sandbox.publish().arg(SOURCE).args(words);
        program.env("PUBSUB_EMULATOR_HOST", NOBODY).run().expect(75)
    };
    let told = summary(&run());
    assert_eq!((&told["read"], &told["spooled"]), (&2.into(), &2.into()), "{told}");
    assert_eq!(tree(&sandbox.path("out")).len(), 2);
    let told = summary(&run());
    assert_eq!((&told["read"], &told["spooled"]), (&0.into(), &0.into()), "{told}");
}

/// Puts what the queue holds into a store, where each id is once.
fn stored(sandbox: &Sandbox) -> Vec<String> {
    sandbox.subscribe().args("--from sqlite:queue.db --to sqlite:store.db").run().expect(0);
    let store = rusqlite::Connection::open(sandbox.path("store.db")).expect("a file");
    let mut keys = store.prepare("SELECT document ->> 'key' FROM messages ORDER BY 1").expect("it");
    let keys = keys.query_map([], |row| row.get(0)).expect("rows");
    keys.map(|key| key.expect("a row")).collect()
}

#[test]
fn what_is_killed_between_any_two_steps_loses_nothing_and_stores_nothing_twice() {
    let sandbox = sandbox();
    for n in 0..12 {
        sandbox.write(&format!("in/{n:02}"), format!("of {n}"));
    }
    for (point, passing) in [
        ("publish-read", 1),
        ("publish-read", 3),
        ("publish-taken", 1),
        ("publish-taken", 3),
        ("publish-committed", 2),
        ("source-state", 1),
        ("source-state", 2),
    ] {
        // Every time there is something new, and something that was told before.
        sandbox.write(&format!("in/{point}-{passing}"), "new");
        sandbox.write("in/00", format!("{point}{passing}"));
        sandbox.write("in/01", format!("{point}{passing}!"));
        let program = publish(&sandbox, SOURCE).args("--batch 1");
        let program = program.env("KAKEHI_FAILPOINTS", format!("{point}=kill@{passing}"));
        program.run().expect(137);
        assert!(sandbox.path("in/00").exists());
    }
    publish(&sandbox, SOURCE).run().expect(0);
    counts(&publish(&sandbox, SOURCE).run().expect(0), 0, 0, 0);
    assert_eq!(tree(&sandbox.path("out")), tree(&sandbox.path("in")));
    let told: BTreeSet<_> = stored(&sandbox).into_iter().collect();
    assert_eq!(told, tree(&sandbox.path("in")).into_keys().collect());
}

#[test]
fn what_is_killed_at_random_moments_loses_nothing_and_stores_nothing_twice() {
    let sandbox = sandbox();
    let mut files = 0;
    for round in 0..12 {
        for _ in 0..8 {
            sandbox.write(&format!("in/{files:03}"), format!("of {files}"));
            files += 1;
        }
        let program = publish(&sandbox, SOURCE).args("--batch 2");
        let mut process = Process::start(program, String::new(), false);
        std::thread::sleep(Duration::from_millis(fastrand::u64(1..150)));
        process.signal(if round % 3 == 2 { Signal::SIGTERM } else { Signal::SIGKILL });
        process.end();
    }
    publish(&sandbox, SOURCE).run().expect(0);
    counts(&publish(&sandbox, SOURCE).run().expect(0), 0, 0, 0);
    assert_eq!(tree(&sandbox.path("out")), tree(&sandbox.path("in")));
    let told = stored(&sandbox);
    assert_eq!(told, tree(&sandbox.path("in")).into_keys().collect::<Vec<_>>(), "each once");
}

fn watch(sandbox: &Sandbox, source: &str) -> Process {
    Process::start(publish(sandbox, source), String::new(), false)
}

/// Waits until the store holds this many files.
#[track_caller]
fn until_stored(process: &mut Process, sandbox: &Sandbox, count: usize) {
    let out = sandbox.path("out");
    process.wait_until("the files are stored", |_| tree(&out).len() >= count);
}

#[test]
fn a_watch_takes_what_was_there_and_what_is_finished() {
    let sandbox = sandbox();
    sandbox.write("in/before", "x");
    let mut process = watch(&sandbox, "files:in/**/*?store=file:out&state=state&watch");
    until_stored(&mut process, &sandbox, 1);

    let mut slow = File::create(sandbox.path("in/slow")).expect("a file");
    slow.write_all(b"half").expect("it is written");
    sandbox.write("in/.hidden", "moved");
    fs::rename(sandbox.path("in/.hidden"), sandbox.path("in/moved")).expect("it");
    sandbox.write("in/at once", "x");
    until_stored(&mut process, &sandbox, 3);
    fs::create_dir_all(sandbox.path("in/new/deep")).expect("a folder");
    sandbox.write("in/new/deep/file", "x");
    let elsewhere = sandbox.write("elsewhere", "x");
    fs::hard_link(elsewhere, sandbox.path("in/linked")).expect("a link");
    // By now a look has passed over the one in writing, more than once.
    until_stored(&mut process, &sandbox, 5);
    assert!(!sandbox.path("out/slow").exists(), "it is not finished");
    slow.write_all(b" and whole").expect("it is written");
    drop(slow);
    until_stored(&mut process, &sandbox, 6);
    sandbox.write("in/before", "changed");
    let changed = sandbox.path("out/before");
    process.wait_until("the change is stored", |_| fs::read(&changed).expect("it") == b"changed");

    process.signal(Signal::SIGTERM);
    let end = process.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    assert_eq!(tree(&sandbox.path("out")), {
        let mut all = tree(&sandbox.path("in"));
        all.remove(".hidden");
        all
    });
    // The signal may have come between the store and the queue.
    publish(&sandbox, SOURCE).run().expect(0);
    counts(&publish(&sandbox, SOURCE).run().expect(0), 0, 0, 0);
    let told = drain(&sandbox);
    let slow: Vec<_> = told.iter().filter(|(_, body)| body["key"] == "slow").collect();
    assert_eq!(slow.len(), 1, "{told:?}");
    assert_eq!(slow[0].1["size"], 14);
    let all: BTreeSet<_> = keys(&told).into_iter().collect();
    assert_eq!(all.len(), 6, "{told:?}");
    assert!(told.len() >= 7, "and one of them changed: {told:?}");
}

#[test]
fn a_watch_waits_for_a_store_that_is_down() {
    let sandbox = sandbox();
    let bucket = Bucket::new();
    let proxy = Proxy::start(bucket.address());
    let endpoint = format!("http://{}", proxy.address());
    proxy.cut();
    let source = format!("files:in/*?state=state&watch&store={}", bucket.url());
    let program = bucket.through(publish(&sandbox, &source), Some(&endpoint));
    let mut process = Process::start(program, String::new(), false);
    sandbox.write("in/a", "x");
    process.wait_until("it says so", |it| it.said().contains("trying again"));
    proxy.restore();
    process.wait_until("it is stored", |_| bucket.objects().len() == 1);
    let state = sandbox.path("state");
    process.wait_until("it is remembered", |_| state.exists());
    process.signal(Signal::SIGINT);
    assert_eq!(process.end().code, 130);
    assert_eq!(keys(&drain(&sandbox)), ["a"]);
}

#[test]
fn a_store_below_the_folder_is_not_read_itself() {
    let sandbox = sandbox();
    fs::create_dir(sandbox.path("in/out")).expect("a folder");
    sandbox.write("in/a", "x");
    let source = "files:in/**/*?store=file:in/out&state=state";
    counts(&publish(&sandbox, source).run().expect(0), 1, 1, 0);
    counts(&publish(&sandbox, source).run().expect(0), 0, 0, 0);
    let run = publish(&sandbox, "files:in/*?store=file:in").run().expect(78);
    assert!(run.stderr.contains("would read what it writes"), "{}", run.stderr);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let sandbox = sandbox();
    sandbox.write("state", "{\"kakehi\":\"nature-remo\",\"version\":1,\"devices\":{}}");
    for (source, more, code, words) in [
        ("files:in/*", "", 2, "add `store="),
        ("files:?store=file:out", "", 2, "names no files"),
        ("files:in/?store=file:out", "", 2, "names no files"),
        ("files:in/a[?store=file:out", "", 2, "names no files"),
        ("files:in/*/../*?store=file:out", "", 2, "`..`"),
        ("files:in/*?store=ftp://x", "", 2, "unknown store"),
        ("files:in/*?store=s3://me:hunter2@x", "", 2, "names no store"),
        ("files:in/*?store=file:out&sore=1", "", 2, "unknown parameter `sore`"),
        ("files:in/*?store=file:out&max-size=0", "", 2, "max-size"),
        ("files:in/*?store=file:out&prefix=../", "", 2, "prefix"),
        ("files:in/*?store=file:out&watch", "--every '* * * * *'", 2, "`--every` does not go"),
        ("files:in/*?store=file:none", "", 78, "mkdir -p"),
        ("files:none/*?store=file:out&watch", "", 78, "cannot watch the folder `none`"),
        ("files:in/*?store=file:out&state=state", "", 78, "was not written by `files:`"),
        ("files:in/*?store=az://container", "", 78, "AZURE_"),
    ] {
        let mut program = publish(&sandbox, source);
        if !more.is_empty() {
            program = program.arg("--every").arg("* * * * *");
        }
        let run = program.run().expect(code);
        assert!(run.stderr.contains(words), "{source}: {}", run.stderr);
        assert!(run.stderr.contains("hint: "), "{source}: {}", run.stderr);
        assert!(!run.stderr.contains("hunter2"), "{source}: {}", run.stderr);
    }
}

#[test]
fn a_check_counts_the_files_and_asks_the_store() {
    let sandbox = sandbox();
    sandbox.write("in/a", "x");
    sandbox.write("in/b", "x");
    let bucket = Bucket::new();
    let source = format!("files:in/*?state=state&store={}", bucket.url());
    let check = |endpoint: Option<&str>| {
        let program = sandbox.queue().args("check --source").arg(&source);
        bucket.through(program, endpoint).run()
    };
    let run = check(None).expect(0);
    assert!(run.stdout.contains("`in/*` matches 2 files"), "{}", run.stdout);
    assert!(run.stdout.contains("answers"), "{}", run.stdout);
    assert_eq!(bucket.objects().len(), 0);
    assert!(!sandbox.path("state").exists());
    check(Some(&format!("http://{NOBODY}"))).expect(69);
}

#[test]
fn every_tick_looks_again() {
    let sandbox = sandbox();
    sandbox.write("in/a", "x");
    let program = publish(&sandbox, SOURCE).arg("--every").arg("* * * * * *");
    let mut process = Process::start(program, String::new(), false);
    until_stored(&mut process, &sandbox, 1);
    sandbox.write("in/b", "x");
    until_stored(&mut process, &sandbox, 2);
    process.signal(Signal::SIGTERM);
    assert_eq!(process.end().code, 143);
    // The signal may have come between the store and the queue.
    publish(&sandbox, SOURCE).run().expect(0);
    assert_eq!(keys(&drain(&sandbox)), ["a", "b"]);
}

/// A region that nothing names is told in our words alone, and in AWS's to who asks for more.
#[test]
fn a_region_that_is_not_named_is_told_once() {
    let metadata = Server::new([Answer::http("403 Forbidden", &[], "")]);
    let sandbox = sandbox();
    for (flag, told) in [("", false), ("-v", true)] {
        let program = publish(&sandbox, "files:in/*?store=s3://bucket").args(flag);
        let program = program.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url());
        let run = program.run().expect(78);
        assert!(run.stderr.contains("set `AWS_REGION`"), "{}", run.stderr);
        assert_eq!(run.stderr.contains("IMDS"), told, "{}", run.stderr);
    }
}
