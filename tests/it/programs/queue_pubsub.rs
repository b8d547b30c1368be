//! The program `queue` on Pub/Sub, where looking is receiving: on the emulator.
//!
//! The emulator goes on to hand messages to streams that have ended, for a lease each: whoever looks
//! after somebody else is patient, and stops at the number that must come.

use crate::support::emulator::Name;
use crate::support::sandbox::{Program, Run, Sandbox};
use crate::support::services;
use async_trait::async_trait;
use google_cloud_auth::credentials::anonymous;
use google_cloud_pubsub::client::{Publisher as BarePublisher, SubscriptionAdmin, TopicAdmin};
use google_cloud_pubsub::model::{DeadLetterPolicy, Message as Wire, Subscription};
use kakehi::dead_letter::Death;
use kakehi::environment::Environment;
use kakehi::inspect::{ReceiveLimits, RedriveOrDrop};
use kakehi::queues::{self, DeadLetterOutcome, Options, Published, Publisher, Which};
use kakehi::spool::{FILE, Spool};
use kakehi::{Error, Kind, Location, Message, Result};
use serde_json::Value;
use std::collections::BTreeSet;

const PROJECT: &str = "kakehi-test";

/// For who waits for the last of so many messages as must come, however late.
const PATIENT: &str = "--idle 400s";

/// For who cannot tell how many come: long enough for a stream to be opened on a busy machine, and
/// for what it brings.
const UNHURRIED: &str = "--idle 15s";

/// A name that no other run has used.
fn fresh() -> Name {
    Name::new(PROJECT, "t")
}

/// A sandbox, and a subscription with its topic and a place for its dead letters.
struct Bed {
    sandbox: Sandbox,
    name: Name,
}

impl Bed {
    fn new(more: &str) -> Self {
        let bed = Self { sandbox: Sandbox::new(), name: fresh() };
        let run = bed.queue(&format!("create {}?topic={}{more}", bed.url(), bed.name));
        assert!(run.expect(0).stdout.starts_with("made pubsub://"));
        bed
    }

    fn url(&self) -> String {
        format!("pubsub://{PROJECT}/{}", self.name)
    }

    fn on_emulator(&self, program: Program) -> Program {
        program.env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator())
    }

    fn queue(&self, words: &str) -> Run {
        self.on_emulator(self.sandbox.queue()).args(words).run()
    }

    /// What the program says with `--json`, a value a line.
    fn lines(&self, words: &str) -> Vec<Value> {
        let run = self.queue(&format!("{words} --json")).expect(0);
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    fn publish(&self, lines: &str) {
        let publish = self.on_emulator(self.sandbox.publish()).args("stdin:?envelope --to");
        publish.arg(self.url()).stdin(lines).run().expect(0);
    }

    fn subscribe(&self, words: &str) -> Run {
        let from = format!("--lease 10s --from {}?streams=1", self.url());
        self.on_emulator(self.sandbox.subscribe()).args(&from).args(words).run()
    }

    /// Puts dead letters where `subscribe` puts them.
    fn bury(&self, ids: &[&str]) {
        let line = |id: &&str| {
            let dead = "\"kakehi-dead-reason\":\"a reason\",\"kakehi-dead-attempts\":\"3\"";
            format!("{{\"id\":\"{id}\",\"attributes\":{{\"mine\":\"1\",{dead}}},\"body\":\"b\"}}\n")
        };
        let lines: String = ids.iter().map(line).collect();
        let publish = self.on_emulator(self.sandbox.publish()).args("stdin:?envelope --to");
        publish.arg(format!("{}-dead", self.url())).stdin(lines).run().expect(0);
    }

    /// The ids of the dead letters, after others have looked: so many must be there.
    fn dead(&self, count: usize) -> BTreeSet<String> {
        let words = format!("dead list {} --take {PATIENT} -n {count}", self.url());
        let letters = self.lines(&words);
        letters.iter().map(|letter| letter["id"].as_str().unwrap().to_owned()).collect()
    }
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn stats_tell_how_a_subscription_is_set_up_and_invent_no_counts() {
    let bed = Bed::new("&ordered");
    let stats = bed.lines(&format!("stats {}", bed.url())).remove(0);
    for unknown in ["ready", "waiting", "scheduled", "leased", "dead", "oldest_seconds"] {
        assert_eq!(stats.get(unknown), Some(&Value::Null), "{unknown}");
    }
    assert!(stats["unknown"].as_str().unwrap().contains("Cloud Monitoring"));
    assert_eq!(stats["topic"], format!("projects/{PROJECT}/topics/{}", bed.name));
    for (name, value) in [
        ("exists", true),
        ("topic_exists", true),
        ("detached", false),
        ("ordered", true),
        ("exactly_once", false),
        ("dead_topic_exists", true),
        ("dead_subscription_exists", true),
        ("dead_letter_policy", false),
    ] {
        assert_eq!(stats[name], value, "{name}: {stats}");
    }
    assert_eq!(stats["ack_deadline_seconds"], 10);
    assert_eq!(stats["retention_seconds"], 7 * 24 * 60 * 60);
    let human = bed.queue(&format!("stats {}", bed.url())).expect(0).stdout;
    let line = |name: &str| human.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    assert!(line("ready ").ends_with(" unknown"), "{human}");
    assert!(line("retention").ends_with(" 7days"), "{human}");
    assert!(
        human.lines().all(|line| line.len() <= 120) && line("unknown: ").len() <= 80,
        "{human}"
    );
    // Nothing has told of a file: there is none.
    assert_eq!(line("file"), "");
}

#[test]
fn making_it_twice_is_told_and_making_it_for_nothing_is_refused() {
    let bed = Bed::new("");
    let run = bed.queue(&format!("create {}?topic={}", bed.url(), bed.name)).expect(0);
    assert!(run.stdout.starts_with("it was there already:"), "{}", run.stdout);
    let run = bed.queue(&format!("create pubsub://{PROJECT}/{}", fresh())).expect(2);
    assert!(run.stderr.contains("?topic=NAME"), "{}", run.stderr);
    let run = bed.queue(&format!("stats pubsub://{PROJECT}/{}", fresh())).expect(69);
    assert!(run.stderr.contains("NOT_FOUND"), "{}", run.stderr);
}

#[test]
fn nothing_is_taken_that_nobody_asked_for() {
    let bed = Bed::new("&ordered");
    for words in ["peek", "peek --dead", "dead list", "dead redrive --all", "dead drop --all"] {
        let run = bed.queue(&format!("{words} {}", bed.url())).expect(2);
        for part in ["looking is receiving", "10s", "`--take`"] {
            assert!(run.stderr.contains(part), "{words}: {}", run.stderr);
        }
        assert_eq!(run.stdout, "");
    }
    let run = bed.queue(&format!("peek {}", bed.url()));
    assert!(run.stderr.contains("what follows in its group"), "{}", run.stderr);
    for words in ["lease URL", "ack URL 1-2", "release URL 1-2", "extend URL 1-2"] {
        let run = bed.queue(&words.replace("URL", &bed.url())).expect(78);
        assert!(run.stderr.contains("only what the same process has received"), "{}", run.stderr);
    }
    // The embedded queue shows without taking, whatever is allowed.
    bed.sandbox.publish().args("--to sqlite:q.db").stdin("{}\n").run().expect(0);
    let run = bed.sandbox.queue().args("peek sqlite:q.db --take").run().expect(0);
    assert!(run.stdout.contains("  ready") && run.stderr.is_empty(), "{run:?}");
}

#[test]
fn what_is_looked_at_is_given_back() {
    let bed = Bed::new("");
    bed.publish(
        "{\"id\":\"a\",\"body\":1}\n{\"id\":\"b\\u001b\",\"body\":2}\n{\"id\":\"c\",\"body\":3}\n",
    );
    let run = bed.queue(&format!("peek {} --take {PATIENT} -n 3", bed.url())).expect(0);
    assert!(run.stderr.contains("looking is receiving here: what is taken"), "{}", run.stderr);
    assert_eq!(run.stdout.matches("  ready\n").count(), 3, "{}", run.stdout);
    assert!(run.stdout.contains("b\\u{1b}") && !run.stdout.contains('\u{1b}'), "{}", run.stdout);
    let seen = bed.lines(&format!("peek {} --take {PATIENT} -n 2", bed.url()));
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|line| line["state"] == "ready" && line["attempts"].is_null()));
    let run = bed.subscribe(&format!("--to stdout: {PATIENT} --max-messages 3")).expect(0);
    let bodies: BTreeSet<_> = run.stdout.lines().map(str::to_owned).collect();
    assert_eq!(bodies, set(&["1", "2", "3"]));
}

#[test]
fn what_subscribe_gives_up_is_listed_with_its_reason_and_as_it_was() {
    let bed = Bed::new("");
    let line = |id| {
        format!("{{\"id\":\"{id}\",\"attributes\":{{\"mine\":\"1\"}},\"body\":\"no object\"}}\n")
    };
    bed.publish(&format!("{}{}", line("d1"), line("d2")));
    bed.subscribe(&format!("--to sqlite:s.db {PATIENT} --max-messages 2")).expect(65);
    let letters = bed.lines(&format!("dead list {} --take {PATIENT} -n 2", bed.url()));
    assert_eq!(letters.len(), 2, "{letters:?}");
    for letter in &letters {
        assert!(letter["reason"].as_str().unwrap().contains("JSON object"), "{letter}");
        assert!(letter["died_at"].is_string() && letter["body"] == "no object", "{letter}");
        assert!(letter["from"].as_str().unwrap().starts_with(&bed.url()), "{letter}");
        assert_eq!(letter["attributes"], serde_json::json!({"mine": "1"}), "ours are not shown");
    }
}

#[test]
fn a_redrive_shows_what_it_would_do_and_does_it_to_what_was_chosen() {
    let bed = Bed::new("");
    bed.bury(&["d1", "d2", "d3"]);
    let url = bed.url();
    let words = format!("dead redrive {url} {UNHURRIED} --id d1 nobody --yes");
    let run = bed.queue(&words).expect(1);
    assert_eq!(run.stdout, "redrive d1: done\n");
    assert!(run.stderr.contains("there is none of `nobody`"), "{}", run.stderr);
    let words = format!("--to stdout:?envelope --max-messages 1 {PATIENT}");
    let back = bed.subscribe(&words).expect(0).stdout;
    let back: Value = serde_json::from_str(&back).unwrap();
    assert_eq!((&back["id"], &back["body"]), (&"d1".into(), &"b".into()));
    assert_eq!(back["attributes"], serde_json::json!({"mine": "1"}), "nothing of its death");
    assert_eq!(bed.dead(2), set(&["d2", "d3"]), "what was not chosen was given back");
}

#[test]
fn a_drop_asks_first_and_forgets_them() {
    let bed = Bed::new("");
    bed.bury(&["d1", "d2"]);
    let run = bed.queue(&format!("dead drop {} {UNHURRIED} --all --take", bed.url())).expect(0);
    assert_eq!(run.stdout.matches("would drop d").count(), 2, "{}", run.stdout);
    assert!(run.stdout.contains(", 3 attempts: a reason\n"), "{}", run.stdout);
    assert!(run.stdout.ends_with("nothing was changed: `--yes` does it\n"), "{}", run.stdout);
    let bed = Bed::new("");
    bed.bury(&["d1", "d2"]);
    let words = format!("dead drop {} {UNHURRIED} --id d1 d2 --yes", bed.url());
    let run = bed.queue(&words).expect(0);
    assert_eq!(run.stdout.matches(": done\n").count(), 2, "{}", run.stdout);
    let run = bed.queue(&format!("dead list {} --take --idle 12s", bed.url())).expect(0);
    assert_eq!(run.stdout, "");
}

/// More than are taken at once: what nobody read of is not missing.
#[test]
fn a_reader_that_leaves_is_told_of_no_missing_letters() {
    let bed = Bed::new("");
    let ids: Vec<String> = (0..201).map(|n| format!("d{n}")).collect();
    bed.bury(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    for action in ["list", "drop"] {
        let program = bed.on_emulator(bed.sandbox.queue()).args("dead").arg(action);
        let program = program.arg(bed.url()).args(&format!("--take {PATIENT} --id"));
        let run = program.args(&ids.join(" ")).through_shell("\"$@\" | :").run().expect(0);
        assert!(!run.stderr.contains("error") && !run.stderr.contains("ids"), "{}", run.stderr);
    }
}

/// A publisher that publishes, and never tells: as if we were killed right after it.
struct Killed(Box<dyn Publisher>);

#[async_trait]
impl Publisher for Killed {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        self.0.publish(batch).await?;
        Err(Error::new(Kind::Failed, "killed"))
    }

    async fn ping(&self) -> Result<()> {
        self.0.ping().await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.0.close().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_that_is_killed_in_between_keeps_the_letter() {
    let bed = Bed::new("");
    bed.bury(&["d"]);
    let host = services::pubsub_emulator();
    let environment = Environment::from_iter([("PUBSUB_EMULATOR_HOST", host.as_str())]);
    let options = Options::new(environment, Default::default());
    let url = Location::parse(&bed.url()).unwrap();
    let queue = queues::open_inspector(url.clone(), &options).await.unwrap();
    let receiving = queue.peek_by_receiving().unwrap();
    let limits = ReceiveLimits { max: 1, idle: services::EMULATOR_PATIENCE };
    for killed in [true, false] {
        let mut origin = receiving.origin().await.unwrap();
        if killed {
            origin = Box::new(Killed(origin));
        }
        let work = RedriveOrDrop { receiving, which: &Which::All, origin: Some(&*origin) };
        let place = receiving.dead_letters(Some(1)).await.unwrap().remove(0);
        let mut done = Vec::new();
        let run = work.run(place, limits, std::future::pending(), |page| {
            done.extend(page.iter().map(|(head, outcome)| (head.id.clone(), outcome.clone())));
            Ok(())
        });
        assert_eq!(run.await.is_err(), killed);
        let expected =
            if killed { vec![] } else { vec![("d".to_owned(), DeadLetterOutcome::Done)] };
        assert_eq!(done, expected, "the letter waits until its original is known to be back");
    }
    let words = format!("--to stdout:?envelope {PATIENT} --max-messages 2");
    let run = bed.subscribe(&words).expect(0);
    assert_eq!(run.stdout.matches("\"id\":\"d\"").count(), 2, "twice, under one id");
}

/// Gives a subscription a dead-letter policy to a topic of its own, and puts a letter there as the
/// server would: the emulator makes none itself.
async fn bury_as_the_server_does(name: &str) {
    let endpoint = format!("http://{}", services::pubsub_emulator());
    let credentials = anonymous::Builder::new().build();
    let topics =
        TopicAdmin::builder().with_endpoint(&endpoint).with_credentials(credentials.clone());
    let topics = topics.build().await.unwrap();
    let topic = |name: &str| format!("projects/{PROJECT}/topics/{name}");
    let dead = format!("{name}-policy");
    for name in [name, &dead] {
        topics.create_topic().set_name(topic(name)).send().await.unwrap();
    }
    let subscriptions =
        SubscriptionAdmin::builder().with_endpoint(&endpoint).with_credentials(credentials.clone());
    let subscriptions = subscriptions.build().await.unwrap();
    let policy = DeadLetterPolicy::new().set_dead_letter_topic(topic(&dead));
    let policy = policy.set_max_delivery_attempts(5);
    for (name, of) in [(name, name), ("reader", &dead)] {
        let name = if name == "reader" { format!("{dead}-reader") } else { name.to_owned() };
        let wanted = Subscription::new()
            .set_name(format!("projects/{PROJECT}/subscriptions/{name}"))
            .set_topic(topic(of));
        let wanted = match of == dead {
            true => wanted,
            false => wanted.set_dead_letter_policy(policy.clone()),
        };
        subscriptions.create_subscription().with_request(wanted).send().await.unwrap();
    }
    let publisher = BarePublisher::builder(topic(&dead)).with_endpoint(endpoint);
    let publisher = publisher.with_credentials(credentials).build().await.unwrap();
    for (id, from) in [("s", name), ("foreign", "another")] {
        let wire = Wire::new().set_data("x").set_attributes([
            ("kakehi-id", id),
            ("CloudPubSubDeadLetterSourceDeliveryCount", "5"),
            ("CloudPubSubDeadLetterSourceSubscription", from),
            ("CloudPubSubDeadLetterSourceSubscriptionProject", PROJECT),
        ]);
        publisher.publish(wire).await.unwrap();
    }
}

/// A topic and its subscription, with no place for dead letters.
async fn bare_subscription(name: &str) {
    let endpoint = format!("http://{}", services::pubsub_emulator());
    let credentials = anonymous::Builder::new().build();
    let topics =
        TopicAdmin::builder().with_endpoint(&endpoint).with_credentials(credentials.clone());
    let topic = format!("projects/{PROJECT}/topics/{name}");
    topics.build().await.unwrap().create_topic().set_name(&topic).send().await.unwrap();
    let admin = SubscriptionAdmin::builder().with_endpoint(&endpoint).with_credentials(credentials);
    let wanted = Subscription::new()
        .set_name(format!("projects/{PROJECT}/subscriptions/{name}"))
        .set_topic(topic);
    let admin = admin.build().await.unwrap();
    admin.create_subscription().with_request(wanted).send().await.unwrap();
}

/// The command in the last hint of a run shows the dead letter of this id.
fn named_by_its_hint(bed: &Bed, run: &Run, id: &str) {
    let hint = run.stderr.lines().rfind(|line| line.contains("each keeps its reason"));
    let hint = hint.unwrap_or_else(|| panic!("no hint: {}", run.stderr));
    let command = hint.split('`').nth(1).expect("a command").replacen("queue", "\"$0\"", 1);
    let queue = env!("CARGO_BIN_EXE_queue");
    let shown = bed.on_emulator(bed.sandbox.shell(&command, queue)).run().expect(0).stdout;
    assert!(shown.starts_with(&format!("{id}  died")), "{command}: {shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_dead_letters_have_an_unknown_reason() {
    let bed = Bed { sandbox: Sandbox::new(), name: fresh() };
    bury_as_the_server_does(&bed.name).await;
    let stats = bed.lines(&format!("stats {}", bed.url())).remove(0);
    assert_eq!(stats["policy_attempts"], 5);
    assert_eq!(stats["policy_topic_exists"], true);
    assert!(stats["policy_subscription"].as_str().unwrap().ends_with("-policy-reader"));
    assert_eq!(stats["dead_topic_exists"], false);
    let run = bed.queue(&format!("peek {}", bed.url())).expect(2);
    assert!(run.stderr.contains("one of the 5 deliveries"), "{}", run.stderr);
    let letters = bed.lines(&format!("dead list {} --take {PATIENT} -n 2", bed.url()));
    assert_eq!(letters.len(), 2, "{letters:?}");
    assert!(letters.iter().all(|it| it["reason"] == "unknown" && it["attempts"] == 5));
    assert!(letters.iter().all(|it| it.get("attributes").is_none()), "{letters:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_dead_letters_are_those_of_this_subscription() {
    let bed = Bed { sandbox: Sandbox::new(), name: fresh() };
    bury_as_the_server_does(&bed.name).await;
    let words = format!("dead redrive {} {UNHURRIED} --all --yes", bed.url());
    let run = bed.queue(&words).expect(65);
    assert!(run.stdout.contains("redrive s: done\n"), "{}", run.stdout);
    let kept = "redrive foreign: not done: it is from `pubsub://kakehi-test/another`";
    assert!(run.stdout.contains(kept), "{}", run.stdout);
    let run = bed.subscribe(&format!("--to stdout:?envelope {PATIENT} --max-messages 1"));
    let run = run.expect(0);
    assert!(run.stdout.contains("\"id\":\"s\"") && !run.stdout.contains("CloudPubSub"), "{run:?}");
}

/// Keeps dead letters in the spool of this machine, as `subscribe` does without a place for them.
async fn spool(bed: &Bed, ids: &[&str]) {
    let host = services::pubsub_emulator();
    let environment = Environment::from_iter([("PUBSUB_EMULATOR_HOST", host.as_str())]);
    let data_dir = bed.sandbox.path(".local/share/kakehi");
    let options = Options::new(environment, data_dir.clone());
    let key = queues::key(&Location::parse(&bed.url()).unwrap(), &options).unwrap();
    let reason = "a reason".to_owned();
    let death = Death { reason, attempts: Some(3), first_at: None, at: None, from: None };
    let letters: Vec<_> = ids.iter().map(|id| (Message::new(*id, "1"), death.clone())).collect();
    Spool::new(data_dir.join(FILE), key, &options).bury(&letters).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_that_the_spool_kept_are_mended_by_the_same_commands() {
    let bed = Bed::new("");
    spool(&bed, &["s1", "s2"]).await;
    let url = bed.url();
    let letters = bed.lines(&format!("dead list {url} --take"));
    assert_eq!(letters.len(), 2, "{letters:?}");
    assert!(letters.iter().all(|it| it["reason"] == "a reason" && it["attempts"] == 3));
    let run = bed.queue(&format!("dead redrive {url} --all --take")).expect(0);
    assert_eq!(run.stdout.matches("would redrive s").count(), 2, "{}", run.stdout);
    let run = bed.queue(&format!("dead redrive {url} --id s1 --yes")).expect(0);
    assert_eq!(run.stdout, "redrive s1: done\n");
    let run = bed.subscribe(&format!("--to stdout:?envelope {PATIENT} --max-messages 1"));
    let run = run.expect(0);
    assert!(run.stdout.contains("\"id\":\"s1\""), "{}", run.stdout);
    let run = bed.queue(&format!("dead drop {url} --all --yes")).expect(0);
    assert_eq!(run.stdout, "drop s2: done\n");
    assert!(bed.lines(&format!("dead list {url} --take")).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_spool_is_enough_where_the_service_has_no_place_for_dead_letters() {
    let bed = Bed { sandbox: Sandbox::new(), name: fresh() };
    bare_subscription(&bed.name).await;
    let run = bed.queue(&format!("dead list {} --take", bed.url())).expect(78);
    assert!(run.stderr.contains("`queue create 'pubsub://"), "{}", run.stderr);
    bed.publish("{\"id\":\"s\",\"body\":\"no object\"}\n");
    let run = bed.subscribe(&format!("-q --to sqlite:s.db --max-messages 1 {PATIENT}"));
    named_by_its_hint(&bed, &run.expect(65), "s");
    let run = bed.queue(&format!("dead list {} --take", bed.url())).expect(0);
    assert!(run.stdout.starts_with("s  died") && run.stdout.contains("no object"), "{run:?}");
    assert!(run.stderr.contains("these are from the spool only"), "{}", run.stderr);
    let run = bed.queue(&format!("dead redrive {} --all --yes", bed.url())).expect(0);
    assert_eq!(run.stdout, "redrive s: done\n");
}

#[test]
fn a_purge_asks_first_and_then_skips_what_is_there() {
    let bed = Bed::new("");
    bed.publish("{\"id\":\"a\",\"body\":1}\n");
    let run = bed.queue(&format!("purge {}", bed.url())).expect(0);
    assert!(
        run.stdout.starts_with("would remove what it holds (nobody can tell"),
        "{}",
        run.stdout
    );
    let purged = bed.lines(&format!("purge {} --yes", bed.url())).remove(0);
    assert_eq!(purged, serde_json::json!({"removed": null, "done": true}));
    bed.publish("{\"id\":\"b\",\"body\":2}\n");
    let run = bed.subscribe(&format!("--to stdout: {PATIENT} --max-messages 1")).expect(0);
    assert_eq!(run.stdout, "2\n");
}

#[test]
fn a_deletion_tells_what_stays() {
    let bed = Bed::new("");
    let shown = bed.queue(&format!("delete {}", bed.url())).expect(0).stdout;
    assert!(shown.starts_with("would delete the queue and what it holds (nobody"), "{shown}");
    let stays = format!(
        "its topic `{0}` of `{PROJECT}` stays, and so do the dead letters in `{0}-dead`\n",
        bed.name
    );
    assert!(shown.contains(&stays), "{shown}");
    let done = bed.lines(&format!("delete {} --yes", bed.url())).remove(0);
    assert_eq!(done["done"], true);
    bed.queue(&format!("stats {}", bed.url())).expect(69);
    bed.queue(&format!("stats {}-dead", bed.url())).expect(0);
    bed.queue(&format!("delete {} --yes", bed.url())).expect(69);
}
