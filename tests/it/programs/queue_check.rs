//! `queue check`: each end of a pipeline is touched, and nothing is moved, made or left behind.

use crate::support::emulator::Name;
use crate::support::http_server::{Answer, Server};
use crate::support::proxy::Proxy;
use crate::support::sandbox::{Program, Run, Sandbox};
use crate::support::services::{self, Mongo};
use crate::support::system::is_root;
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, Credential};
use mongodb::{Client, Database};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

const PROJECT: &str = "kakehi-test";

fn fresh() -> String {
    format!("t{}", uuid::Uuid::now_v7().simple())
}

fn check(sandbox: &Sandbox, words: &str) -> Run {
    sandbox.queue().arg("check").args(words).run()
}

/// Each line's standing, and what it is about.
fn findings(run: &Run) -> Vec<(&str, &str)> {
    run.stdout
        .lines()
        .map(|line| {
            let (standing, what) = line.split_once(' ').expect("a standing and what");
            assert!(["ok", "unknown", "wrong"].contains(&standing), "{line}");
            let (what, hint) = what.split_once(" — ").unwrap_or((what, "-"));
            assert!(!hint.is_empty() && !what.trim().is_empty(), "{line}");
            (standing, what.trim())
        })
        .collect()
}

#[track_caller]
fn expect(run: &Run, lines: &[(&str, &str)]) {
    let found = findings(run);
    for (standing, what) in lines {
        let hit = found.iter().any(|(is, of)| is == standing && of.contains(what));
        assert!(hit, "{standing} {what}:\n{}{}", run.stdout, run.stderr);
    }
}

fn listed(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(sandbox.dir()).unwrap().map(Result::unwrap);
    let mut files: Vec<_> = entries
        .map(|entry| {
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap_or_default())
        })
        // SQLite's own, empty, beside a file that somebody looks at.
        .filter(|(name, bytes)| {
            !(name.ends_with("-shm") || name.ends_with("-wal") && bytes.is_empty())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn an_embedded_pipeline_that_is_not_there_yet_can_be_made_and_not_received_from() {
    let sandbox = Sandbox::new();
    let words = "--source stdin: --queue sqlite:a/q.db --from sqlite:a/q.db --to sqlite:s.db";
    let run = check(&sandbox, words).expect(69);
    expect(
        &run,
        &[
            ("ok", "`stdin:` can be opened"),
            ("ok", "`a/q.db` is not there yet: it will be made as a queue"),
            ("wrong", "there is no queue `default` in `a/q.db`"),
            ("ok", "`s.db` is not there yet: it will be made as a store"),
        ],
    );
    assert_eq!(listed(&sandbox), []);
}

#[test]
fn an_embedded_pipeline_that_is_there_is_written_to_and_not_changed() {
    let sandbox = Sandbox::new();
    sandbox.publish().args("--to sqlite:q.db").stdin("{\"a\":1}\n").run().expect(0);
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(0);
    let before = listed(&sandbox);
    let run = check(&sandbox, "--from sqlite:q.db --to sqlite:s.db").expect(0);
    expect(
        &run,
        &[
            ("ok", "`q.db` is a queue"),
            ("ok", "a transaction was begun and rolled back"),
            ("ok", "the queue `default` is in it"),
            ("ok", "`s.db` is a store"),
        ],
    );
    for line in run.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(listed(&sandbox) == before, "a file was changed or made");
    let run = check(&sandbox, "--from sqlite:q.db?queue=other --to sqlite:s.db").expect(69);
    expect(&run, &[("wrong", "there is no queue `other` in `q.db`: it holds `default`")]);
    let run = check(&sandbox, "--queue sqlite:q.db?queue=other --to sqlite:s.db").expect(0);
    expect(&run, &[("unknown", "the queue `other` is not in it yet")]);
}

#[test]
fn without_arguments_it_is_what_subscribe_uses_by_itself() {
    let sandbox = Sandbox::new();
    let run = check(&sandbox, "").expect(69);
    expect(&run, &[("wrong", "queue.db`"), ("ok", "store.db` is not there yet")]);
    sandbox.queue().arg("create").run().expect(0);
    let run = check(&sandbox, "").expect(0);
    expect(&run, &[("ok", "queue.db` is a queue"), ("ok", "store.db` is not there yet")]);
    let run = sandbox.queue().args("check").env("KAKEHI_QUEUE", "sqlite:x.db").run().expect(69);
    expect(&run, &[("wrong", "there is no file `x.db`")]);
}

#[test]
fn files_that_cannot_be_used_are_wrong() {
    let sandbox = Sandbox::new();
    sandbox.publish().args("--to sqlite:q.db").stdin("{\"a\":1}\n").run().expect(0);
    sandbox.write("text.db", "not a database".repeat(99));
    let run = check(&sandbox, "--from sqlite:text.db --to sqlite:q.db").expect(78);
    expect(&run, &[("wrong", "text.db"), ("wrong", "it is a queue, not a store")]);
    assert!(run.stderr.contains("2 of 2 checks found something wrong"), "{}", run.stderr);

    fs::set_permissions(sandbox.path("q.db"), fs::Permissions::from_mode(0o400)).unwrap();
    fs::create_dir(sandbox.path("locked")).unwrap();
    fs::set_permissions(sandbox.path("locked"), fs::Permissions::from_mode(0o500)).unwrap();
    let run = check(&sandbox, "--from sqlite:q.db --to sqlite:locked/s.db");
    // Root may write everything.
    let code = if is_root() { 0 } else { 78 };
    let run = run.expect(code);
    assert_eq!(
        findings(&run).iter().filter(|(is, _)| *is == "wrong").count(),
        code.min(2) as usize
    );
    let run = check(&sandbox, "--to sqlite:/proc/none/s.db").expect(78);
    expect(&run, &[("wrong", "cannot make `/proc/none/s.db`")]);
}

#[test]
fn json_is_a_line_for_each_finding() {
    let sandbox = Sandbox::new();
    let run = check(&sandbox, "--from sqlite:q.db?qeue=1 --to stdout: --json").expect(2);
    let lines: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["end"], &lines[0]["standing"]), (&"from".into(), &"wrong".into()));
    assert_eq!(lines[0]["url"], "sqlite:q.db?qeue=1");
    assert!(lines[0]["hint"].as_str().unwrap().starts_with("`sqlite:` knows `queue`"));
    assert_eq!((&lines[1]["end"], &lines[1]["standing"]), (&"to".into(), &"ok".into()));
    assert!(lines[1].get("hint").is_none());
}

#[test]
fn the_same_words_mean_what_they_mean_to_publish_and_to_subscribe() {
    let sandbox = Sandbox::new();
    let run = check(&sandbox, "--source stdin: --to sqlite:x.db").expect(0);
    expect(&run, &[("ok", "it will be made as a queue")]);
    sandbox.queue().args("create sqlite:q.db").run().expect(0);
    let run = check(&sandbox, "--source stdin: --from sqlite:q.db --to sqlite:x.db").expect(0);
    expect(&run, &[("ok", "`x.db` is not there yet: it will be made as a store")]);
    let run = check(&sandbox, "--source stdin: --to sqlite:x.db --queue sqlite:y.db").expect(2);
    assert!(run.stderr.contains("name the same end"), "{}", run.stderr);
    check(&sandbox, "--from nonsense").expect(2);
    check(&sandbox, "--to ftp://x").expect(2);
}

#[test]
fn what_subscribe_takes_as_a_sink_is_not_refused() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("photos")).unwrap();
    sandbox.publish().args("--to sqlite:q.db").stdin("{}\n").run().expect(0);
    for to in [
        "sqlite:s.db?legacy",
        "sqlite:s.db?collection=c&legacy&legacy-timezone=Asia/Tokyo",
        "stdout:?envelope&legacy",
        "exec:cat?legacy",
        "thumbnail:file:photos?legacy",
        "forward:sqlite:other.db?queue=a",
        "forward:sqlite:other.db?legacy",
    ] {
        let run = sandbox.queue().args("check --from sqlite:q.db --to").arg(to).run().expect(0);
        let wrong = findings(&run).into_iter().any(|(standing, _)| standing == "wrong");
        assert!(!wrong, "{to}: {}", run.stdout);
        let subscribe = sandbox.subscribe().args("--dry-run --from sqlite:q.db --to").arg(to);
        subscribe.run().expect(0);
    }
    for to in ["sqlite:s.db?legacy-timezone=Asia/Tokyo", "forward:sqlite:q.db?nobody=1"] {
        check(&sandbox, &format!("--to {to}")).expect(2);
        let subscribe = sandbox.subscribe().args("--dry-run --from sqlite:q.db --to").arg(to);
        subscribe.run().expect(2);
    }
}

#[test]
fn a_token_is_proved_by_one_request_and_never_shown() {
    let sandbox = Sandbox::new();
    let remo = |endpoint: &str| {
        let program =
            sandbox.queue().args("check --source").arg(format!("nature-remo:?endpoint={endpoint}"));
        program.env("NATURE_REMO_TOKEN", "secret-token").run()
    };
    let server = Server::new([Answer::ok("[{}, {}]")]);
    let run = remo(&server.url()).expect(0);
    expect(&run, &[("ok", "Nature's API takes the token, and shows 2 devices")]);
    assert_eq!(server.requests().len(), 1);
    let server = Server::new([Answer::http("401 Unauthorized", &[], "{}")]);
    let run = remo(&server.url()).expect(77);
    expect(&run, &[("wrong", "cannot read the devices")]);
    let server = Server::new([Answer::http("503 Service Unavailable", &[], "")]);
    let run = remo(&server.url()).expect(69);
    assert_eq!(server.requests().len(), 1, "one request, whatever comes of it");
    assert!(!format!("{run:?}").contains("secret-token"));
    let run = check(&sandbox, "--source nature-remo:").expect(78);
    expect(&run, &[("wrong", "needs a token")]);
    assert_eq!(listed(&sandbox), []);
}

/// A collection that nobody has used, and who we are on the server.
struct Store {
    server: Mongo,
    collection: String,
}

impl Store {
    fn new() -> Self {
        Self { server: services::mongodb(), collection: fresh() }
    }

    fn check(&self, sandbox: &Sandbox, hosts: &str, more: &str, password: Option<&str>) -> Run {
        let source = if self.server.username.is_some() { "&authSource=admin" } else { "" };
        let url = format!(
            "mongodb://{hosts}/kakehi_check?collection={}{source}&directConnection=true\
             &serverSelectionTimeoutMS=2000&connectTimeoutMS=2000{more}",
            self.collection
        );
        let mut program = sandbox.queue().args("check --to").arg(url);
        for (name, value) in [
            ("MONGODB_USERNAME", self.server.username.as_deref()),
            ("MONGODB_PASSWORD", password.or(self.server.password.as_deref())),
        ] {
            program = program.env(name, value.unwrap_or_default());
        }
        program.run()
    }

    async fn database(&self) -> Database {
        let uri = format!("mongodb://{}/", self.server.hosts);
        let mut settings = ClientOptions::parse(uri).await.unwrap();
        settings.credential = self.server.username.clone().map(|username| {
            let password = self.server.password.clone();
            Credential::builder().username(username).password(password).build()
        });
        Client::with_options(settings).unwrap().database("kakehi_check")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_written_to_and_nothing_is_left() {
    let (sandbox, store) = (Sandbox::new(), Store::new());
    let host = store.server.hosts.clone();
    let run = store.check(&sandbox, &host, "", None).expect(0);
    let answers = ("ok", "answers, and we may read `kakehi_check.");
    expect(&run, &[answers]);
    assert!(run.stdout.contains("the collection is not there yet"), "{}", run.stdout);
    let database = store.database().await;
    assert!(!database.list_collection_names().await.unwrap().contains(&store.collection));

    let collection = database.collection::<Document>(&store.collection);
    collection.insert_one(doc! { "_id": "mine" }).await.unwrap();
    let run = store.check(&sandbox, &host, "&conflict=replace", None).expect(0);
    expect(&run, &[answers, ("ok", "we may insert into it"), ("ok", "we may replace in it")]);
    let run = store.check(&sandbox, &host, "", None).expect(0);
    assert_eq!(findings(&run).len(), 2, "{}", run.stdout);
    let left = collection.find_one(doc! { "kakehi": 1 }).await.unwrap();
    assert_eq!((left, collection.count_documents(doc! {}).await.unwrap()), (None, 1));
    collection.drop().await.unwrap();
}

#[test]
fn a_wrong_password_is_a_line_about_credentials() {
    let (sandbox, store) = (Sandbox::new(), Store::new());
    if store.server.username.is_none() {
        return;
    }
    let run = store.check(&sandbox, &store.server.hosts, "", Some("wrong-password")).expect(77);
    expect(&run, &[("wrong", "refused us")]);
    assert!(run.stdout.contains("`MONGODB_PASSWORD_FILE`"), "{}", run.stdout);
    assert!(!format!("{run:?}").contains("wrong-password"));
}

#[test]
fn a_cut_line_is_unreachable() {
    let (sandbox, store) = (Sandbox::new(), Store::new());
    let proxy = Proxy::start(&store.server.hosts);
    store.check(&sandbox, &proxy.address(), "", None).expect(0);
    proxy.cut();
    let run = store.check(&sandbox, &proxy.address(), "", None).expect(69);
    expect(&run, &[("wrong", "cannot reach MongoDB at")]);

    let proxy = Proxy::start(&services::pubsub_emulator());
    proxy.cut();
    for words in ["--from pubsub://p1/sub", "--queue pubsub://p1/topic"] {
        let program = sandbox.queue().arg("check").args(words);
        let run = program.env("PUBSUB_EMULATOR_HOST", proxy.address()).run().expect(69);
        expect(&run, &[("wrong", "cannot")]);
        assert!(run.stdout.contains("PUBSUB_EMULATOR_HOST"), "{}", run.stdout);
    }
}

fn on_emulator(program: Program) -> Program {
    program.env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator())
}

#[test]
fn a_subscription_and_its_topic_are_looked_at() {
    let (sandbox, name) = (Sandbox::new(), Name::new(PROJECT, "t"));
    let url = format!("pubsub://{PROJECT}/{name}");
    let run = |words: &str| on_emulator(sandbox.queue()).args(words).run();
    for words in [format!("--from {url}"), format!("--queue {url}")] {
        let run = run(&format!("check {words}")).expect(69);
        expect(&run, &[("wrong", "there is no ")]);
        assert!(run.stdout.contains("`queue create 'pubsub://"), "{}", run.stdout);
    }
    run(&format!("create {url}?topic={name}")).expect(0);
    let good = run(&format!("check --from {url} --queue {url} --lease 1m")).expect(0);
    expect(
        &good,
        &[
            ("ok", &format!("topic `{name}` of `{PROJECT}` answers")),
            ("ok", &format!("it is read by `{name}`")),
            ("ok", &format!("subscription `{name}` of `{PROJECT}` answers, of topic `{name}`")),
            ("ok", "its acknowledgement deadline of 10s: our lease of 1m takes its place"),
            ("ok", "it has no dead-letter policy"),
            ("ok", &format!("dead letters go to topic `{name}-dead`")),
            // The emulator knows no rights.
            ("unknown", "whether we have the right `pubsub.topics.publish`"),
            ("unknown", "whether we have the right `pubsub.subscriptions.consume`"),
        ],
    );
    let bad = run(&format!("check --from {url}?topic=another --lease 5s")).expect(78);
    expect(
        &bad,
        &[
            ("wrong", "not of `another`"),
            ("wrong", "cannot lease messages for 5s: Pub/Sub leases for whole seconds"),
        ],
    );
    // Without its place for dead letters, and then without anybody who reads the topic.
    run(&format!("delete {url}-dead --yes")).expect(0);
    let bad = run(&format!("check --from {url}")).expect(78);
    expect(&bad, &[("wrong", "has no subscription of its name: dead letters are lost")]);
    run(&format!("delete {url} --yes")).expect(0);
    let bad = run(&format!("check --source stdin: --to {url}")).expect(78);
    expect(&bad, &[("wrong", "has no subscription, and drops what it is given")]);
}

/// What `publish --create` makes is what `subscribe --create` and `queue create` make.
#[test]
fn whoever_makes_it_nothing_is_missing() {
    let sandbox = Sandbox::new();
    let checked = |url: &str| {
        let words = format!("check --from {url} --queue {url} --json");
        let run = on_emulator(sandbox.queue()).args(&words).run().expect(0);
        let lines = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| (line["standing"].clone(), line["what"].clone())).collect::<Vec<_>>()
    };
    let found = ["publish", "subscribe", "queue"].map(|program| {
        let name = Name::new(PROJECT, "t");
        let url = format!("pubsub://{PROJECT}/{name}");
        let made = match program {
            "publish" => sandbox.publish().args("--create --to").arg(&url),
            "subscribe" => {
                let from = format!("{url}?topic={name}");
                sandbox.subscribe().args("--create --idle 0s --to stdout: --from").arg(from)
            }
            _ => sandbox.queue().args("create").arg(format!("{url}?topic={name}")),
        };
        on_emulator(made).run().expect(0);
        let text = format!("{:?}", checked(&url));
        assert!(text.contains("dead letters go to topic"), "{program}: {text}");
        // The emulator knows no rights.
        let unknown = text.matches("unknown").count();
        assert_eq!(unknown, text.matches("whether we have the right").count(), "{text}");
        text.replace(&*name, "NAME")
    });
    assert!(found.iter().all(|one| *one == found[0]), "{found:#?}");
}

#[test]
fn what_either_program_makes_on_sqs_is_the_same() {
    let [one, other] = ["publish", "subscribe"].map(|program| {
        let stage = crate::support::sqs_queue::Stage::named("");
        match program {
            "publish" => stage.publish("--create").run().expect(0),
            _ => stage.subscribe("--create --to stdout:").run().expect(0),
        };
        let text = stage.queue(&format!("check --from {0} --queue {0}", stage.url())).run();
        let text = text.expect(0).stdout;
        assert!(text.contains("dead letters go to"), "{text}");
        text.replace(&stage.name, "NAME")
    });
    assert_eq!(one, other);
}
