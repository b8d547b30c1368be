//! The spool: what the queue cannot take now is kept in a file, and follows when it can.

use crate::support::emulator::Name;
use crate::support::http_server::{Answer, Server};
use crate::support::proxy::Proxy;
use crate::support::sandbox::{Program, Run, Sandbox};
use crate::support::services;
use kakehi::dead_letter::Death;
use kakehi::environment::Environment;
use kakehi::identity::Key;
use kakehi::queues::{self, Options, Published};
use kakehi::spool::{Spool, Spooled};
use kakehi::{Location, Message};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::time::Duration;

fn options(sandbox: &Sandbox) -> Options {
    Options::new(Environment::default(), sandbox.dir().to_owned())
}

fn message(id: &str) -> Message {
    let mut message = Message::new(id, format!("{{\"of\":\"{id}\"}}"));
    message.group = Some("g".to_owned());
    message
}

fn death(reason: &str) -> Death {
    Death { reason: reason.to_owned(), attempts: Some(2), first_at: None, at: None, from: None }
}

#[tokio::test]
async fn the_program_queue_works_on_a_spool_whatever_its_place_is_called() {
    let sandbox = Sandbox::new();
    for place in ["pubsub://p/t at 127.0.0.1:8085", "sqlite:/a b/%41?#&+'\"寝室.db?queue=x=y"] {
        let spool = Spool::new(sandbox.path("my spool?.db"), place.to_owned(), &options(&sandbox));
        assert_eq!(spool.stats().await.unwrap(), Spooled::default());
        let inlet = spool.open().await.unwrap();
        let kept = inlet.append(&[message("a"), message("b")]).await.unwrap();
        assert_eq!(kept, [Published::Accepted, Published::Accepted]);
        inlet.close().await.unwrap();
        spool.bury(&[(message("c"), death("too large"))]).await.unwrap();
        let url = spool.url().unwrap();
        let run = sandbox.queue().args("peek").arg(&url).run().expect(0);
        assert!(run.stdout.contains("a  group g"), "{}", run.stdout);
        let run = sandbox.queue().args("stats --json").arg(&url).run().expect(0);
        assert!(run.stdout.contains("\"ready\":1,\"waiting\":1"), "{}", run.stdout);
        assert_eq!(spool.stats().await.unwrap().dead, 1);
    }
}

#[tokio::test]
async fn a_message_from_elsewhere_is_buried_once() {
    let sandbox = Sandbox::new();
    let spool = Spool::new(sandbox.path("spool.db"), "here".to_owned(), &options(&sandbox));
    let mut other = message("a");
    other.body = "other".into();
    let letters = [(message("a"), death("first")), (other, death("other content"))];
    for _ in 0..2 {
        spool.bury(&letters).await.unwrap();
    }
    spool.bury(&[(message("a"), death("again"))]).await.unwrap();
    let run = sandbox.queue().args("dead list sqlite:spool.db?queue=here --json").run().expect(0);
    let reasons: Vec<_> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["reason"].clone())
        .collect();
    assert_eq!(reasons, ["first", "other content"]);
    sandbox.queue().args("dead redrive sqlite:spool.db?queue=here --all --yes").run().expect(65);
    assert_eq!(spool.stats().await.unwrap().waiting, 1, "one of the two ids is back");
}

#[tokio::test]
async fn looking_at_a_spool_makes_no_file() {
    let sandbox = Sandbox::new();
    let spool = Spool::new(sandbox.path("deep/spool.db"), "here".to_owned(), &options(&sandbox));
    assert_eq!(spool.stats().await.unwrap(), Spooled::default());
    assert!(!sandbox.path("deep").exists());
    // A run that was killed while it made the file leaves an empty one: nothing is in it.
    sandbox.write("empty.db", "");
    let spool = Spool::new(sandbox.path("empty.db"), "here".to_owned(), &options(&sandbox));
    assert_eq!(spool.stats().await.unwrap(), Spooled::default());
}

/// Where nobody listens.
const NOBODY: &str = "127.0.0.1:1";

fn identity_of_topic(name: &str, host: &str) -> String {
    format!("pubsub://kakehi-spool/{name}?id-attribute=kakehi-id at {host}")
}

/// The spool that the programs use in this sandbox.
fn spool_for(sandbox: &Sandbox, place: impl Into<Key>) -> Spool {
    Spool::new(sandbox.path(".local/share/kakehi/spool.db"), place, &options(sandbox))
}

fn lines(ids: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    ids.into_iter().map(|id| format!("{{\"id\":\"{id}\",\"g\":\"g\"}}\n")).collect()
}

fn publish(sandbox: &Sandbox, to: &str, host: &str) -> Program {
    let words = "stdin:?id=id&group=g --publish-timeout 1s --to";
    sandbox.publish().args(words).arg(to).env("PUBSUB_EMULATOR_HOST", host)
}

/// A topic with a subscription of its name, which keeps the order of a group.
fn topic(sandbox: &Sandbox, host: &str) -> (Name, String) {
    let name = Name::new("kakehi-spool", "t");
    let url = format!("pubsub://kakehi-spool/{name}");
    publish(sandbox, &format!("{url}?ordered"), host).arg("--create").run().expect(0);
    (name, url)
}

/// The ids that a subscription gives, in their order, each once: an answer that was lost makes a
/// second message with the same id.
fn ids_in(sandbox: &Sandbox, url: &str, host: &str, count: usize) -> Vec<String> {
    let words = "--to stdout:?envelope --lease 10s --idle 400s --from";
    let subscribe = sandbox.subscribe().args(words).arg(format!("{url}?streams=1"));
    let max = ["--max-messages".to_owned(), count.to_string()];
    let subscribe = max.iter().fold(subscribe, Program::arg);
    let run = subscribe.env("PUBSUB_EMULATOR_HOST", host).run().expect(0);
    let mut ids: Vec<String> = Vec::new();
    for line in run.stdout.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = value["id"].as_str().unwrap().to_owned();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

fn stats(sandbox: &Sandbox, url: &str, host: &str) -> String {
    let stats = sandbox.queue().args("stats --json").arg(url);
    stats.env("PUBSUB_EMULATOR_HOST", host).run().stdout
}

#[test]
fn a_queue_that_is_down_gets_everything_once_it_is_back() {
    let sandbox = Sandbox::new();
    let proxy = Proxy::start(&services::pubsub_emulator());
    let host = proxy.address();
    let (_topic, url) = topic(&sandbox, &host);
    proxy.cut();
    let run = publish(&sandbox, &url, &host).stdin(lines(["a", "b"])).run().expect(75);
    assert!(run.stderr.contains("2 messages wait in the spool"), "{}", run.stderr);
    assert!(run.stderr.contains("2 read, 0 published, 2 spooled"), "{}", run.stderr);
    let run = publish(&sandbox, &url, &host).arg("--no-spool").stdin(lines(["x"])).run();
    run.expect(69);
    publish(&sandbox, &url, &host).stdin(lines(["c"])).run().expect(75);
    let told = stats(&sandbox, &url, &host);
    assert!(told.contains("\"spooled\":3,\"spool_dead\":0"), "told while it is down: {told}");
    proxy.restore();
    let run = publish(&sandbox, &url, &host).stdin(lines(["d"])).run().expect(0);
    assert!(run.stderr.contains("1 read, 4 published, 4 drained in"), "{}", run.stderr);
    assert_eq!(ids_in(&sandbox, &url, &host, 4), ["a", "b", "c", "d"]);
}

/// Reads lines until one holds these words.
fn wait_for(stderr: &mut impl BufRead, words: &str) {
    let mut told = String::new();
    while !told.lines().last().is_some_and(|line| line.contains(words)) {
        assert!(stderr.read_line(&mut told).expect("UTF-8") > 0, "no `{words}` in:\n{told}");
    }
}

#[test]
fn a_cut_in_the_middle_sends_the_rest_through_the_spool_in_order() {
    let sandbox = Sandbox::new();
    let proxy = Proxy::start(&services::pubsub_emulator());
    let host = proxy.address();
    let (_topic, url) = topic(&sandbox, &host);
    let mut child = publish(&sandbox, &url, &host).args("--batch 2 -vv").spawn();
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut feed = |ids: [&str; 2]| stdin.write_all(lines(ids).as_bytes()).expect("it reads");
    feed(["a", "b"]);
    wait_for(&mut stderr, "the queue has taken a batch");
    proxy.cut();
    feed(["c", "d"]);
    wait_for(&mut stderr, "the spool has taken a batch");
    proxy.restore();
    feed(["e", "f"]);
    wait_for(&mut stderr, "the spool has taken a batch");
    drop(stdin);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).expect("UTF-8");
    assert_eq!(child.wait().expect("it ends").code(), Some(75), "{rest}");
    publish(&sandbox, &url, &host).run().expect(0);
    assert_eq!(ids_in(&sandbox, &url, &host, 6), ["a", "b", "c", "d", "e", "f"]);
}

#[test]
fn what_was_meant_for_one_place_never_goes_to_another() {
    let sandbox = Sandbox::new();
    let host = services::pubsub_emulator();
    let (name, url) = topic(&sandbox, &host);
    publish(&sandbox, &url, NOBODY).stdin(lines(["elsewhere"])).run().expect(75);
    let run = publish(&sandbox, &url, &host).stdin(lines(["here"])).run().expect(0);
    assert!(run.stderr.contains("1 read, 1 published in"), "{}", run.stderr);
    assert_eq!(ids_in(&sandbox, &url, &host, 1), ["here"]);
    let other = spool_for(&sandbox, identity_of_topic(&name, NOBODY)).url().unwrap();
    let run = sandbox.queue().arg("peek").arg(&other).run().expect(0);
    assert!(run.stdout.starts_with("elsewhere"), "{}", run.stdout);
    assert!(!stats(&sandbox, &url, &host).contains("\"spooled\":1"));
}

#[test]
fn what_the_queue_refuses_of_the_spool_is_kept_with_its_reason() {
    let sandbox = Sandbox::new();
    let host = services::pubsub_emulator();
    let proxy = Proxy::start(&host);
    let (_topic, url) = topic(&sandbox, &proxy.address());
    let envelope = |id: &str, attributes: &str| {
        format!("{{\"id\":\"{id}\",\"attributes\":{attributes},\"body\":1}}\n")
    };
    let long = format!("{{\"x\":\"{}\"}}", "y".repeat(2000));
    let input = envelope("a", "{}") + &envelope("poison", &long) + &envelope("b", "{}");
    proxy.cut();
    let publish = |input: String| {
        let words = "stdin:?envelope --publish-timeout 1s --to";
        let publish = sandbox.publish().args(words).arg(&url).stdin(input);
        publish.env("PUBSUB_EMULATOR_HOST", proxy.address()).run()
    };
    publish(input).expect(75);
    proxy.restore();
    let run = publish(String::new()).expect(65);
    let command = run.stderr.split('`').find(|it| it.starts_with("queue dead list")).unwrap();
    let list = sandbox.queue().args("dead list").arg(command.split('\'').nth(1).unwrap()).run();
    assert!(list.stdout.contains("poison") && list.stdout.contains("1024"), "{}", list.stdout);
    assert_eq!(ids_in(&sandbox, &url, &proxy.address(), 2).len(), 2);
    publish(String::new()).expect(0);
}

#[test]
fn a_reading_is_taken_before_anything_else_and_kept() {
    let sandbox = Sandbox::new();
    let devices = include_str!("../../fixtures/nature-remo/devices_typical.json");
    let server = Server::new([Answer::ok(devices), Answer::ok(devices)]);
    for (at, create) in ["", "--create"].iter().enumerate() {
        let words = "nature-remo: --to pubsub://kakehi-spool/topic --publish-timeout 1s";
        let run = sandbox.publish().args(words).args(create).env("NATURE_REMO_TOKEN", "made-up");
        let run = run.env("NATURE_REMO_ENDPOINT", server.url()).env("PUBSUB_EMULATOR_HOST", NOBODY);
        let run = run.run().expect(75);
        assert_eq!(server.requests().len(), at + 1, "{}", run.stderr);
    }
    let spool = spool_for(&sandbox, identity_of_topic("topic", NOBODY)).url().unwrap();
    let run = sandbox.queue().args("peek --json -n 1").arg(&spool).run().expect(0);
    assert!(
        run.stdout.contains("newest_events") || run.stdout.contains("\"name\""),
        "{}",
        run.stdout
    );
}

#[test]
fn a_disk_without_room_for_the_spool_is_told() {
    let sandbox = Sandbox::new();
    let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" --to pubsub://kakehi-spool/topic \
                  --publish-timeout 1s";
    let run = sandbox.shell(script, env!("CARGO_BIN_EXE_publish"));
    let run = run.env("PUBSUB_EMULATOR_HOST", NOBODY).stdin("{}\n").run().expect(69);
    assert!(run.stderr.contains("and neither did the spool"), "{}", run.stderr);
    assert!(run.stderr.contains("refused") && run.stderr.contains("spool.db"), "{}", run.stderr);
    assert!(run.stderr.contains("1 not published"), "{}", run.stderr);
}

#[test]
fn a_spool_that_is_something_else_is_told_before_anything_is_read() {
    let sandbox = Sandbox::new();
    sandbox.write("junk", "garbage");
    let publish = |spool: &str| {
        let publish = sandbox.publish().args("--to sqlite:q.db").args(spool);
        publish.stdin("{}\n").run()
    };
    let run = publish("--spool junk").expect(78);
    assert!(
        run.stderr.contains("spool `junk`") && run.stderr.contains("--no-spool"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("0 read"), "{}", run.stderr);
    publish("--no-spool").expect(0);
}

/// A spool with this many messages for the embedded queue `q.db`.
async fn filled(sandbox: &Sandbox, count: usize) -> Spool {
    let url = Location::parse(&format!("sqlite:{}", sandbox.path("q.db").display())).unwrap();
    let spool = spool_for(sandbox, queues::key(&url, &options(sandbox)).unwrap());
    let inlet = spool.open().await.unwrap();
    let messages: Vec<_> = (0..count).map(|n| Message::new(format!("s{n:04}"), "{}")).collect();
    inlet.append(&messages).await.unwrap();
    inlet.close().await.unwrap();
    spool
}

#[tokio::test]
async fn a_message_that_is_due_later_waits_in_the_queue_and_not_in_the_spool() {
    let sandbox = Sandbox::new();
    let spool = filled(&sandbox, 0).await;
    let mut message = Message::new("late", "{}");
    message.not_before = Some("2100-01-01T00:00:00Z".parse().unwrap());
    // Told again by a publisher that was killed: the same message, whatever its time by now.
    let mut again = message.clone();
    again.not_before = Some("2100-01-02T00:00:00Z".parse().unwrap());
    let inlet = spool.open().await.unwrap();
    let answers = inlet.append(&[message, again]).await.unwrap();
    assert_eq!(answers, [Published::Accepted, Published::Duplicate]);
    inlet.close().await.unwrap();
    sandbox.publish().args("--to sqlite:q.db").run().expect(0);
    let run = sandbox.queue().args("peek --json sqlite:q.db").run().expect(0);
    assert!(run.stdout.contains("\"not_before\":\"2100-01-01"), "{}", run.stdout);
}

/// The ids in an embedded queue, in their order.
fn ids_waiting(sandbox: &Sandbox, url: &str) -> Vec<String> {
    let run = sandbox.queue().args("peek --json -n 100000").arg(url).run().expect(0);
    let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].clone();
    run.stdout.lines().map(|line| id(line).as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn several_publishers_share_a_spool_and_one_of_them_drains_it() {
    let sandbox = Sandbox::new();
    let spool = filled(&sandbox, 2000).await;
    let children: Vec<_> = (0..4)
        .map(|n| {
            let publish = sandbox.publish().args("stdin:?id=id --to sqlite:q.db");
            let mut child = publish.spawn();
            let mut stdin = child.stdin.take().expect("a pipe");
            stdin.write_all(lines([format!("p{n}")]).as_bytes()).expect("it reads");
            child
        })
        .collect();
    for child in children {
        let run = Run::of(child.wait_with_output().expect("it ends"));
        assert!([0, 75].contains(&run.code), "{}: {}", run.code, run.stderr);
    }
    sandbox.publish().args("--to sqlite:q.db").run().expect(0);
    assert_eq!(spool.stats().await.unwrap(), Spooled::default());
    let ids = ids_waiting(&sandbox, "sqlite:q.db");
    assert!(ids[..2000].is_sorted(), "the oldest first");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 2004);
    assert_eq!(ids.len(), 2004);
}

#[tokio::test]
async fn a_drain_that_is_killed_loses_nothing_and_doubles_nothing() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let sandbox = Sandbox::new();
    let spool = filled(&sandbox, 3000).await;
    for _ in 0..3 {
        let mut child = sandbox.publish().args("--to sqlite:q.db").spawn();
        drop(child.stdin.take());
        std::thread::sleep(Duration::from_millis(random.u64(20..250)));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    sandbox.publish().args("--to sqlite:q.db").run().expect(0);
    assert_eq!(spool.stats().await.unwrap(), Spooled::default());
    let ids = ids_waiting(&sandbox, "sqlite:q.db");
    assert!(ids.is_sorted(), "the oldest first");
    let unique: BTreeSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), unique.len()), (3000, 3000), "none lost, none twice");
}

#[tokio::test]
async fn a_publisher_that_is_killed_while_it_spools_loses_nothing_that_it_reported() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let sandbox = Sandbox::new();
    let mut reported = Vec::new();
    for round in 0..8 {
        let ids: Vec<_> = (0..500).map(|n| format!("r{round}-{n:03}")).collect();
        let words =
            "stdin:?id=id --batch 5 -vv --publish-timeout 100ms --to pubsub://kakehi-spool/t00";
        let mut child = sandbox.publish().args(words).env("PUBSUB_EMULATOR_HOST", NOBODY).spawn();
        let mut stdin = child.stdin.take().expect("a pipe");
        let mut stderr = child.stderr.take().expect("a pipe");
        let reader = std::thread::spawn(move || {
            let mut told = String::new();
            stderr.read_to_string(&mut told).expect("UTF-8");
            told
        });
        let input = lines(&ids);
        let feeder = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        std::thread::sleep(Duration::from_millis(random.u64(100..1500)));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        feeder.join().expect("the feeder does not panic");
        let told = reader.join().expect("the reader does not panic");
        let taken = told.matches("the spool has taken a batch").count() * 5;
        reported.extend(ids.into_iter().take(taken));
    }
    let spool = spool_for(&sandbox, identity_of_topic("t00", NOBODY));
    let kept = ids_waiting(&sandbox, &spool.url().unwrap());
    let unique: BTreeSet<_> = kept.iter().collect();
    assert_eq!(unique.len(), kept.len(), "none twice");
    assert!(reported.len() > 100, "{} were reported", reported.len());
    assert!(reported.iter().all(|id| unique.contains(id)), "none lost");
}
