//! The program `queue` on SQS, where looking is receiving and a receipt outlives its process.

use crate::support::sqs_queue::{Stage, client, counted};
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

fn lines(ids: &[&str]) -> String {
    ids.iter().map(|id| format!("{{\"id\":\"{id}\",\"room\":\"r\"}}\n")).collect()
}

/// Some dead letters.
fn bury(stage: &Stage, ids: &[&str]) {
    stage.publish_poison(ids);
    let run = stage.drain("").run().expect(65);
    assert_eq!(counted(&run, "dead"), ids.len() as u64, "{}", run.stderr);
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn ids(lines: &[Value]) -> BTreeSet<String> {
    lines.iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn stats_tell_counts_and_setup() {
    let stage = Stage::made("");
    stage.publish_lines(lines(&["a", "b", "c"]));
    let leased = stage.lines(&format!("lease {} --for 5m", stage.url()));
    assert_eq!(leased.len(), 1);
    let stats = stage.lines(&format!("stats {}", stage.url())).remove(0);
    for (name, count) in
        [("ready", 2), ("leased", 1), ("scheduled", 0), ("waiting", 0), ("dead", 0)]
    {
        assert_eq!(stats[name], count, "{name}: {stats}");
    }
    assert_eq!(stats["oldest_seconds"], Value::Null);
    assert_eq!(stats["retention_seconds"], 14 * 24 * 60 * 60);
    assert_eq!(stats["policy_deliveries"], 1000);
    assert_eq!(stats["dead_letter_queue"], format!("{}-dead", stage.name));
    assert_eq!(stats["dead_letter_queue_exists"], true);
    let human = stage.queue(&format!("stats {}", stage.url())).run().expect(0).stdout;
    let line = |name: &str| human.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    assert!(line("ready ").ends_with(" 2") && line("oldest ").ends_with(" unknown"), "{human}");
    assert!(line("unknown: ").len() <= 80 && line("retention").ends_with(" 14days"), "{human}");
    // Of a FIFO queue nobody tells what waits behind its group.
    let fifo = Stage::made(".fifo");
    let stats = fifo.lines(&format!("stats {}", fifo.url())).remove(0);
    assert_eq!((&stats["waiting"], &stats["fifo"]), (&Value::Null, &true.into()));
}

#[test]
fn what_selects_by_tag_is_refused_where_there_are_none() {
    let stage = Stage::made("");
    stage.publish_lines(lines(&["a"]));
    for words in ["--tag a", "--oldest-tag"] {
        let run = stage.drain(words).run().expect(78);
        assert!(run.stderr.contains("this queue cannot select by tag"), "{}", run.stderr);
        let run = stage.queue(&format!("lease {} {words}", stage.url())).run().expect(78);
        assert!(run.stderr.contains("tag"), "{}", run.stderr);
    }
    for words in ["peek --take --tag a", "stats --by-tag"] {
        let (action, rest) = words.split_once(' ').unwrap();
        stage.queue(&format!("{action} {} {rest}", stage.url())).run().expect(78);
    }
    assert_eq!(stage.lines(&format!("stats {}", stage.url()))[0]["ready"], 1);
}

#[test]
fn making_it_twice_is_told_and_what_is_not_there_is_unreachable() {
    for ending in ["", ".fifo"] {
        let stage = Stage::named(ending);
        let create = || stage.queue(&format!("create {}", stage.url())).run().expect(0).stdout;
        assert!(create().starts_with("made sqs:"));
        assert!(create().starts_with("it was there already:"));
    }
    let stage = Stage::named("");
    for words in
        ["stats", "peek --take", "dead list --take", "purge --yes", "delete --yes", "lease"]
    {
        let run = stage.queue(&format!("{words} {}", stage.url())).run().expect(69);
        assert!(run.stderr.contains("`queue create sqs:"), "{words}: {}", run.stderr);
    }
    for url in ["sqs:a?receivers=0", "sqs:a?streams=1", "sqs:a/b", "sqs:"] {
        stage.queue(&format!("stats {url}")).run().expect(2);
    }
}

#[test]
fn nothing_is_taken_that_nobody_asked_for_and_what_is_looked_at_is_given_back() {
    let stage = Stage::made("");
    stage.publish_lines(lines(&["a", "b", "c"]));
    for words in ["peek", "peek --dead", "dead list", "dead redrive --all", "dead drop --all"] {
        let run = stage.queue(&format!("{words} {}", stage.url())).run().expect(2);
        for part in ["looking is receiving", "30s", "`--take`"] {
            assert!(run.stderr.contains(part), "{words}: {}", run.stderr);
        }
        assert_eq!(run.stdout, "");
    }
    let run = stage.queue(&format!("peek {} --take", stage.url())).run().expect(0);
    assert_eq!(run.stdout.matches("  ready").count(), 3, "{}", run.stdout);
    assert!(run.stderr.contains("one of the 1000 deliveries"), "{}", run.stderr);
    assert_eq!(stage.lines(&format!("peek {} --take -n 2", stage.url())).len(), 2);
    let run = stage.drain("").run().expect(0);
    assert_eq!(counted(&run, "stored"), 3, "each was given back at once");
}

#[test]
fn what_is_given_up_is_listed_with_its_reason_and_as_it_was() {
    for ending in ["", ".fifo"] {
        let stage = Stage::made(ending);
        bury(&stage, &["d1", "d2"]);
        let letters = stage.dead();
        assert_eq!(ids(&letters), set(&["d1", "d2"]));
        for letter in &letters {
            assert!(letter["reason"].as_str().unwrap().contains("JSON object"), "{letter}");
            assert!(letter["died_at"].is_string() && letter["body"] == "no object", "{letter}");
            assert_eq!(letter["from"], stage.url());
            assert_eq!(
                letter["attributes"],
                serde_json::json!({"mine": "1"}),
                "ours are not shown"
            );
        }
        let stats = stage.lines(&format!("stats {}", stage.url())).remove(0);
        assert_eq!(stats["dead"], 2);
    }
}

#[test]
fn a_redrive_does_it_to_what_was_chosen_and_a_drop_forgets() {
    let stage = Stage::made("");
    bury(&stage, &["d1", "d2", "d3"]);
    let url = stage.url();
    let run = stage.queue(&format!("dead redrive {url} --id d1 nobody --yes")).run().expect(1);
    assert_eq!(run.stdout, "redrive d1: done\n");
    assert!(run.stderr.contains("there is none of `nobody`"), "{}", run.stderr);
    let back = stage.subscribe("--to stdout:?envelope").run().expect(0).stdout;
    let back: Value = serde_json::from_str(&back).unwrap();
    assert_eq!((&back["id"], &back["body"]), (&"d1".into(), &"no object".into()));
    assert_eq!(back["attributes"], serde_json::json!({"mine": "1"}), "nothing of its death");
    assert_eq!(ids(&stage.dead()), set(&["d2", "d3"]), "what was not chosen was given back");
    let run = stage.queue(&format!("dead drop {url} --all --take")).run().expect(0);
    assert_eq!(run.stdout.matches("would drop d").count(), 2, "{}", run.stdout);
    assert!(run.stdout.ends_with("nothing was changed: `--yes` does it\n"), "{}", run.stdout);
    let run = stage.queue(&format!("dead drop {url} --all --yes")).run().expect(0);
    assert_eq!(run.stdout.matches(": done\n").count(), 2, "{}", run.stdout);
    assert!(stage.dead().is_empty());
}

/// A queue whose policy takes messages away after two deliveries, into a queue that another one
/// uses, too.
async fn with_policy(stage: &Stage) -> String {
    let client = client().await;
    let (name, ending) = match stage.name.strip_suffix(".fifo") {
        Some(name) => (name, ".fifo"),
        None => (stage.name.as_str(), ""),
    };
    let (grave, other) = (format!("{name}-grave{ending}"), format!("{name}-other{ending}"));
    let make = |name: &str| {
        let create = client.create_queue().queue_name(name);
        match ending {
            "" => create,
            _ => create.attributes(Attribute::FifoQueue, "true"),
        }
    };
    let dead = make(&grave).send().await.unwrap().queue_url.unwrap();
    let arn = client.get_queue_attributes().queue_url(dead).attribute_names(Attribute::QueueArn);
    let arn = &arn.send().await.unwrap().attributes.unwrap()[&Attribute::QueueArn];
    let policy = format!("{{\"deadLetterTargetArn\":\"{arn}\",\"maxReceiveCount\":\"2\"}}");
    for name in [&stage.name, &other] {
        let create = make(name).attributes(Attribute::VisibilityTimeout, "1");
        create.attributes(Attribute::RedrivePolicy, &policy).send().await.unwrap();
    }
    grave
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_dead_letters_have_an_unknown_reason_and_go_back_to_their_own_queue() {
    let stage = Stage::named("");
    let grave = with_policy(&stage).await;
    tokio::task::spawn_blocking(move || {
        let other = format!("sqs:{}-other", stage.name);
        stage.publish_lines(lines(&["s"]));
        stage.publish("stdin:?id=id").args(&format!("--to {other}")).stdin(lines(&["foreign"]));
        // Two deliveries, and the third look moves it.
        for _ in 0..3 {
            stage.queue(&format!("lease {} --for 1s", stage.url())).run().expect(0);
            std::thread::sleep(Duration::from_millis(1500));
        }
        let stats = stage.lines(&format!("stats {}", stage.url())).remove(0);
        assert_eq!(stats["dead_letter_queue"], grave);
        assert_eq!((&stats["policy_deliveries"], &stats["dead"]), (&2.into(), &1.into()));
        let letters = stage.dead();
        assert_eq!(letters.len(), 1, "{letters:?}");
        assert_eq!((&letters[0]["id"], &letters[0]["reason"]), (&"s".into(), &"unknown".into()));
        assert_eq!(letters[0]["from"], stage.url());
        let words = format!("dead redrive {other} --all --yes");
        let run = stage.queue(&words).run().expect(65);
        let kept = format!("redrive s: not done: it is from `{}`", stage.url());
        assert!(run.stdout.contains(&kept), "{}", run.stdout);
        let run = stage.queue(&format!("dead redrive {} --all --yes", stage.url())).run().expect(0);
        assert_eq!(run.stdout, "redrive s: done\n");
        let run = stage.drain("--max-attempts 2").run().expect(0);
        assert_eq!(counted(&run, "stored"), 1);
    })
    .await
    .unwrap();
}

/// What the server moved is as it was first published, and a FIFO queue has had that a moment ago.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_moved_from_a_fifo_queue_is_not_swallowed_on_its_way_back() {
    let stage = Stage::named(".fifo");
    let grave = with_policy(&stage).await;
    tokio::task::spawn_blocking(move || {
        stage.publish("stdin:?id=id").stdin(lines(&["s"])).run().expect(0);
        let moved = |times: usize| {
            // Two deliveries, and the third look moves it.
            while stage.lines(&format!("stats sqs:{grave}")).remove(0)["ready"] != 1 {
                stage.queue(&format!("lease {} --for 1s", stage.url())).run().expect(0);
            }
            assert_eq!(stage.dead().len(), 1, "{times}");
        };
        // Again and again within five minutes, by either way.
        for times in 0..2 {
            moved(times);
            let redrive = format!("dead redrive {} --all --yes", stage.url());
            stage.queue(&redrive).run().expect(0);
            let stats = stage.lines(&format!("stats {}", stage.url())).remove(0);
            assert_eq!(stats["ready"], 1, "put back {times}: {stats}");
            moved(times);
            let words = format!("--to forward:{} --from sqs:{grave}", stage.url());
            let run = stage.forward(&words).run().expect(0);
            assert!(run.stderr.contains("1 stored"), "{}", run.stderr);
            let stats = stage.lines(&format!("stats {}", stage.url())).remove(0);
            assert_eq!(stats["ready"], 1, "forwarded {times}: {stats}");
        }
        let run = stage.drain("--max-attempts 2").run().expect(0);
        assert_eq!(counted(&run, "stored"), 1);
    })
    .await
    .unwrap();
}

#[test]
fn a_receipt_settles_what_it_leased_whoever_holds_it() {
    for ending in ["", ".fifo"] {
        let stage = Stage::made(ending);
        let url = stage.url();
        stage.publish("stdin:?id=id").stdin(lines(&["a", "b", "c"])).run().expect(0);
        let leased = stage.lines(&format!("lease {url} -n 12 --for 60s"));
        assert_eq!(ids(&leased), set(&["a", "b", "c"]));
        let receipt = |at: usize| leased[at]["receipt"].as_str().unwrap();
        assert!(stage.lines(&format!("lease {url} -n 12")).is_empty(), "all are leased");
        stage.queue("ack").arg(&url).arg(receipt(0)).run().expect(0);
        stage.queue("extend").arg(&url).arg(receipt(1)).args("--for 2m").run().expect(0);
        let run = stage.queue("release").arg(&url).arg(receipt(2)).run().expect(0);
        assert!(run.stdout.ends_with(": done\n"), "{}", run.stdout);
        let again = stage.lines(&format!("lease {url} -n 12"));
        assert_eq!(again[0]["id"], leased[2]["id"]);
        let run = stage.queue("release").arg(&url).args("rubbish").run().expect(1);
        assert!(run.stdout.contains("not done: there is no such lease"), "{run:?}");
        let run = stage.queue(&format!("lease {url} --group r")).run().expect(78);
        assert!(run.stderr.contains("SQS gives whatever is there"), "{}", run.stderr);
    }
}

#[test]
fn a_purge_and_a_deletion_ask_first() {
    let stage = Stage::made("");
    let url = stage.url();
    stage.publish_lines(lines(&["a", "b"]));
    bury(&stage, &["d"]);
    stage.publish_lines(lines(&["c"]));
    let run = stage.queue(&format!("purge {url}")).run().expect(0);
    assert!(run.stdout.starts_with("would remove 1 message\n"), "{run:?}");
    let purged = stage.lines(&format!("purge {url} --yes")).remove(0);
    assert_eq!(purged, serde_json::json!({"removed": null, "done": true}));
    let run = stage.drain("").run().expect(0);
    assert_eq!(counted(&run, "received"), 0);
    assert_eq!(ids(&stage.dead()), set(&["d"]), "dead letters stay");
    stage.publish_lines(lines(&["e"]));
    let run = stage.queue(&format!("delete {url}")).run().expect(0);
    let stays = format!(
        "would delete the queue, 1 message\nthe dead letters in `{}-dead` stay\n",
        stage.name
    );
    assert!(run.stdout.starts_with(&stays), "{}", run.stdout);
    stage.queue(&format!("delete {url} --yes")).run().expect(0);
    stage.queue(&format!("stats {url}")).run().expect(69);
    stage.queue(&format!("stats {url}-dead")).run().expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_tells_how_it_stands_and_moves_nothing() {
    let bare = Stage::named("");
    client().await.create_queue().queue_name(&bare.name).send().await.unwrap();
    let limited = Stage::named("");
    with_policy(&limited).await;
    tokio::task::spawn_blocking(move || {
        let stage = Stage::made("");
        stage.publish_lines(lines(&["a"]));
        let url = stage.url();
        let run = stage.queue(&format!("check --queue {url} --from {url}")).run().expect(0);
        for part in [
            "ok       queue `",
            "it keeps a message for 14days",
            "its visibility timeout of 30s: our lease of 30s takes its place",
            "gives a message up after 1000 deliveries",
            "-dead`",
            "whether we have the right `sqs:SendMessage`",
        ] {
            assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
        }
        assert_eq!(stage.lines(&format!("stats {url}"))[0]["ready"], 1, "nothing was received");
        let run = stage.queue(&format!("check --from {url} --lease 13h")).run().expect(78);
        assert!(run.stdout.contains("whole seconds, up to 12 hours"), "{}", run.stdout);
        let run = bare.queue(&format!("check --from {}", bare.url())).run().expect(78);
        assert!(run.stdout.contains("for dead letters"), "{}", run.stdout);
        assert!(run.stdout.contains("it has no redrive policy"), "{}", run.stdout);
        let run = limited.queue(&format!("check --from {}", limited.url())).run().expect(0);
        assert!(run.stdout.contains("after 2 deliveries"), "{}", run.stdout);
        let nowhere = Stage::named("");
        let run = nowhere.queue(&format!("check --queue {}", nowhere.url())).run().expect(69);
        assert!(run.stdout.contains("there is no queue"), "{}", run.stdout);
    })
    .await
    .unwrap();
}
