//! The programs on SQS, on a real server that speaks it: what is killed, stopped, signalled or bad
//! loses nothing and stores nothing twice.

use crate::support::process::{End, Process};
use crate::support::sqlite_files;
use crate::support::sqs_queue::{PATIENCE, Stage, client, counted, line, lines};
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use fastrand::Rng;
use nix::sys::signal::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

#[test]
fn messages_go_through_sqs_into_the_store() {
    for ending in ["", ".fifo"] {
        let stage = Stage::named(ending);
        let publish = stage.publish("stdin:?id=id&group=room --create").stdin(lines(25));
        let run = publish.run().expect(0);
        assert!(run.stderr.contains("25 read, 25 published"), "{}", run.stderr);
        let run = stage.drain("").run().expect(0);
        assert_eq!((counted(&run, "received"), counted(&run, "stored")), (25, 25));
        let again = stage.drain("").run().expect(0);
        assert_eq!(counted(&again, "received"), 0);
        let store = sqlite_files::store(&stage.sandbox);
        assert_eq!(store["m0007"], line(7).trim_end());
    }
}

#[test]
fn several_subscribers_share_the_work_and_each_message_is_stored_once() {
    let stage = Stage::made("");
    stage.publish_lines(lines(200));
    let start = |_| Process::start(stage.drain("--batch 10"), String::new(), false);
    let subscribers: Vec<_> = (0..3).map(start).collect();
    let stored = subscribers.into_iter().map(|subscriber| {
        let end = subscriber.end();
        assert_eq!(end.code, 0, "{}", end.stderr);
        end.summary().expect("it ended by itself")["stored"].as_u64().expect("a number")
    });
    assert_eq!(stored.sum::<u64>(), 200);
    assert_eq!(sqlite_files::store(&stage.sandbox).len(), 200);
}

#[test]
fn a_write_that_outlasts_the_visibility_keeps_its_message() {
    let stage = Stage::made("");
    stage.publish_lines(line(1));
    let slow = stage.subscribe("--lease 3s -- sh -c").arg("cat >>out; touch begun; sleep 8");
    let mut slow = Process::start(slow, String::new(), false);
    slow.wait_until("the command runs", |_| stage.sandbox.path("begun").exists());
    let run = stage.drain("--idle 7s").run().expect(0);
    assert_eq!(counted(&run, "received"), 0, "it is the other one's");
    let end = slow.end();
    assert_eq!(end.code, 0, "{}", end.stderr);
    assert_eq!(end.summary().expect("a summary")["stored"], 1);
    assert_eq!(
        std::fs::read_to_string(stage.sandbox.path("out")).expect("a file"),
        line(1).trim_end()
    );
}

#[test]
fn a_visibility_that_expires_in_mid_work_lets_another_one_work_and_harms_nothing() {
    let stage = Stage::made("");
    stage.publish_lines(line(1));
    let work = stage.subscribe("--lease 3s -- sh -c").arg("cat >>out; touch begun; sleep 1");
    let mut stopped = Process::start(work, String::new(), false);
    stopped.wait_until("the command runs", |_| stage.sandbox.path("begun").exists());
    stopped.signal(Signal::SIGSTOP);
    stopped.wait_until_stopped();
    stage.drain_until(1);
    stopped.signal(Signal::SIGCONT);
    let end = stopped.end();
    assert_eq!(end.code, 0, "{}", end.stderr);
    assert_eq!(end.summary().expect("a summary")["lease_lost"], 1, "{}", end.stderr);
    let run = stage.drain("").run().expect(0);
    assert_eq!(counted(&run, "received"), 0, "nothing came back");
    assert!(stage.dead().is_empty());
}

#[test]
fn a_subscriber_that_is_terminated_with_ten_in_flight_gives_them_back() {
    let stage = Stage::made("");
    stage.publish_lines(lines(10));
    let words = "--lease 120s --concurrency 1 --max-in-flight 10 --grace 5s -- sh -c";
    let work = stage.subscribe(words).arg("touch begun; sleep 2; cat >>out; echo >>out");
    let mut busy = Process::start(work, String::new(), false);
    busy.wait_until("the first command runs", |_| stage.sandbox.path("begun").exists());
    busy.signal(Signal::SIGTERM);
    let end = busy.end();
    assert_eq!(end.code, 143, "{}", end.stderr);
    let done = end.summary().expect("a summary")["stored"].as_u64().expect("a number");
    let rest = 10 - usize::try_from(done).expect("a small number");
    assert!((1..10).contains(&rest), "{}", end.stderr);
    // Sooner than their lease would have ended.
    stage.drain_until(rest);
    let out = std::fs::read_to_string(stage.sandbox.path("out")).expect("a file");
    let worked: BTreeSet<_> = out.lines().filter(|line| !line.is_empty()).collect();
    let store = sqlite_files::store(&stage.sandbox);
    assert!(store.values().all(|stored| !worked.contains(stored.as_str())), "each went one way");
    assert_eq!(worked.len() + store.len(), 10);
}

#[test]
fn a_retry_is_hidden_until_it_is_due_and_holds_up_its_group_only() {
    for ending in ["", ".fifo"] {
        let stage = Stage::made(ending);
        stage.publish_lines(lines(6));
        let work = stage.subscribe("--concurrency 1 -- sh -c");
        let fails_once =
            "read -r line; case $line in *m0001*) [ -e failed ] || { touch failed; exit 1; };;
            esac; echo \"$line\" >>out";
        let run = work.arg(fails_once).run().expect(0);
        assert_eq!((counted(&run, "stored"), counted(&run, "retried")), (6, 1), "{}", run.stderr);
        let out = std::fs::read_to_string(stage.sandbox.path("out")).expect("a file");
        let at = |n| out.find(line(n).trim_end()).expect("it is there");
        assert!(at(1) > at(0) && at(1) > at(2), "the others went first: {out}");
        // m0004 is of the same group.
        assert!(ending.is_empty() || at(4) > at(1), "{out}");
    }
}

/// The service takes a message away after so many receives.
async fn fifo_with_limit(receives: usize) -> Stage {
    let (stage, client) = (Stage::named(".fifo"), client().await);
    let fifo = |name: String| {
        client.create_queue().queue_name(name).attributes(Attribute::FifoQueue, "true")
    };
    let dead = fifo(stage.name.replace(".fifo", "-dead.fifo")).send().await.expect("it is made");
    let dead = dead.queue_url.expect("a URL");
    let arn = client.get_queue_attributes().queue_url(dead).attribute_names(Attribute::QueueArn);
    let arn = arn.send().await.expect("an answer").attributes.expect("them");
    let arn = &arn[&Attribute::QueueArn];
    let policy =
        format!("{{\"deadLetterTargetArn\":\"{arn}\",\"maxReceiveCount\":\"{receives}\"}}");
    let create = fifo(stage.name.clone()).attributes(Attribute::RedrivePolicy, policy);
    create.send().await.expect("it is made");
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_group_has_all_its_attempts_and_its_followers_theirs() {
    let stage = fifo_with_limit(4).await;
    tokio::task::spawn_blocking(move || {
        stage.publish_lines(
            ["bad", "next"].map(|id| format!("{{\"id\":\"{id}\",\"room\":\"r\"}}\n")).concat(),
        );
        let script = "echo $KAKEHI_ID >>ran; [ $KAKEHI_ID = next ]";
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "it never died");
            let run = stage.subscribe("--idle 3s -- sh -c").arg(script).run();
            if counted(&run, "dead") == 1 {
                break;
            }
        }
        let ran = std::fs::read_to_string(stage.sandbox.path("ran")).expect("a file");
        assert_eq!(ran, "bad\nbad\nbad\nbad\nnext\n");
        let dead = stage.dead();
        assert_eq!((dead.len(), &dead[0]["id"]), (1, &serde_json::json!("bad")));
        let reason = dead[0]["reason"].as_str().expect("a reason");
        assert!(reason.starts_with("gave up"), "{reason}");
    })
    .await
    .expect("no panic");
}

#[test]
fn what_is_not_due_yet_is_held_back() {
    for ending in ["", ".fifo"] {
        let stage = Stage::made(ending);
        let due = chrono::Utc::now() + chrono::TimeDelta::seconds(8);
        let line = format!(
            "{{\"id\":\"later\",\"not_before\":\"{}\",\"body\":{{}}}}\n{{\"id\":\"now\",\"body\":{{}}}}\n",
            due.to_rfc3339()
        );
        stage.publish("stdin:?envelope").stdin(line).run().expect(0);
        let run = stage.drain("--max-messages 1").run().expect(0);
        assert_eq!(counted(&run, "stored"), 1);
        assert!(sqlite_files::store(&stage.sandbox).contains_key("now"));
        stage.drain("--idle 15s --max-messages 1").run().expect(0);
        assert!(chrono::Utc::now() >= due, "it came too early{ending}");
        assert!(sqlite_files::store(&stage.sandbox).contains_key("later"));
    }
}

/// A message for which some call fails on its way: see `tests/aws_server.py`.
fn unlucky(n: usize, mishap: &str) -> String {
    line(n).replace("}\n", &format!(",\"mishap\":\"{mishap}\"}}\n"))
}

#[test]
fn an_entry_that_the_service_could_not_take_is_sent_again_alone() {
    for ending in ["", ".fifo"] {
        let stage = Stage::made(ending);
        let sent: Vec<_> =
            (0..20).map(|n| if n % 7 == 0 { unlucky(n, "send-busy") } else { line(n) }).collect();
        let publish = stage.publish("stdin:?id=id&group=room").stdin(sent.concat());
        let run = publish.run().expect(0);
        assert!(run.stderr.contains("20 read, 20 published"), "{}", run.stderr);
        let run = stage.subscribe("--to stdout:").run().expect(0);
        // What had been taken was not sent twice, and nothing overtook what was sent later.
        assert_eq!(counted(&run, "received"), 20, "{ending}");
        let (mut came, mut sent): (Vec<_>, Vec<_>) =
            (run.stdout.lines().collect(), sent.iter().map(|line| line.trim_end()).collect());
        if ending == ".fifo" {
            let room = |line: &&str| line.split("\"room\"").nth(1).unwrap()[..5].to_owned();
            came.sort_by_key(room);
            sent.sort_by_key(room);
        } else {
            came.sort_unstable();
            sent.sort_unstable();
        }
        assert_eq!(came, sent, "{ending}");
    }
}

#[test]
fn an_entry_that_the_service_refuses_harms_no_other() {
    for ending in ["", ".fifo"] {
        let stage = Stage::made(ending);
        let sent = line(1) + &unlucky(2, "send-refused") + &line(3);
        let publish = stage.publish("stdin:?id=id --summary json").stdin(sent);
        let run = publish.run().expect(65);
        assert_eq!((counted(&run, "published"), counted(&run, "refused")), (2, 1));
        assert!(run.stderr.contains("InvalidMessageContents"), "{}", run.stderr);
        let run = stage.drain("").run().expect(0);
        assert_eq!(counted(&run, "stored"), 2, "{ending}");
    }
}

#[test]
fn a_deletion_that_the_service_could_not_do_is_asked_for_again_alone() {
    let stage = Stage::made("");
    stage.publish_lines(
        (0..10)
            .map(|n| if n == 3 { unlucky(n, "delete-busy") } else { line(n) })
            .collect::<String>(),
    );
    let run = stage.drain("").run().expect(0);
    assert_eq!((counted(&run, "stored"), counted(&run, "lease_lost")), (10, 0));
    let stats = stage.lines(&format!("stats {}", stage.url())).remove(0);
    assert_eq!((&stats["ready"], &stats["leased"]), (&0.into(), &0.into()), "{stats}");
}

#[test]
fn a_deletion_that_the_service_refuses_is_told_and_harms_no_other() {
    let stage = Stage::made("");
    stage.publish_lines(line(1) + &unlucky(2, "delete-lost") + &line(3));
    let run = stage.drain("--lease 6s").run().expect(0);
    assert_eq!((counted(&run, "stored"), counted(&run, "lease_lost")), (3, 1));
    // It comes again, and is found in the store.
    let run = stage.drain("--lease 6s --idle 15s --max-messages 1").run().expect(0);
    assert_eq!((counted(&run, "stored"), counted(&run, "received")), (0, 1), "{}", run.stderr);
    assert_eq!(sqlite_files::store(&stage.sandbox).len(), 3);
}

/// A poison message becomes a dead letter with its reason, and stops nobody.
fn poison_is_buried(stage: &Stage) {
    stage.publish_lines(line(3));
    stage.publish_poison(&["bad"]);
    stage.publish_lines(line(6) + &line(2));
    let run = stage.drain("").run().expect(65);
    assert_eq!((counted(&run, "stored"), counted(&run, "dead")), (3, 1));
    let dead = stage.dead();
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert_eq!(dead[0]["id"], "bad");
    let reason = dead[0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("JSON object"), "{reason}");
    let run = stage.drain("").run().expect(0);
    assert_eq!(counted(&run, "received"), 0);
}

#[test]
fn a_poison_message_is_buried_with_a_redrive_policy() {
    poison_is_buried(&Stage::made(""));
    poison_is_buried(&Stage::made(".fifo"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_message_is_buried_without_a_redrive_policy() {
    let stage = Stage::named("");
    let client = client().await;
    for name in [stage.name.clone(), format!("{}-dead", stage.name)] {
        client.create_queue().queue_name(name).send().await.expect("it is made");
    }
    tokio::task::spawn_blocking(move || poison_is_buried(&stage)).await.expect("no panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_attempts_than_the_redrive_policy_has_are_refused() {
    let stage = Stage::named("");
    let client = client().await;
    let dead = client.create_queue().queue_name(format!("{}-dead", stage.name)).send().await;
    let dead = dead.expect("it is made").queue_url.expect("a URL");
    let arn = client.get_queue_attributes().queue_url(dead).attribute_names(Attribute::QueueArn);
    let arn = arn.send().await.expect("an answer").attributes.expect("them");
    let arn = &arn[&Attribute::QueueArn];
    let policy = format!("{{\"deadLetterTargetArn\":\"{arn}\",\"maxReceiveCount\":\"3\"}}");
    let create = client.create_queue().queue_name(&stage.name);
    create.attributes(Attribute::RedrivePolicy, policy).send().await.expect("it is made");
    tokio::task::spawn_blocking(move || {
        let run = stage.drain("--max-attempts 4").run().expect(78);
        assert!(run.stderr.contains("after 3 deliveries"), "{}", run.stderr);
        stage.drain("--max-attempts 3").run().expect(0);
    })
    .await
    .expect("no panic");
}

#[test]
fn what_dies_is_redriven_and_dies_again_is_not_swallowed() {
    for ending in ["", ".fifo"] {
        let stage = Stage::made(ending);
        stage.publish_poison(&["bad"]);
        for death in 1..=3 {
            let run = stage.drain("").run().expect(65);
            assert_eq!(counted(&run, "dead"), 1, "death {death}: {}", run.stderr);
            let dead = stage.dead();
            assert_eq!(dead.len(), 1, "death {death}{ending}: {dead:?}");
            let words = format!("dead redrive {} --all --yes --idle 3s", stage.url());
            let run = stage.queue(&words).run().expect(0);
            assert_eq!(run.stdout, "redrive bad: done\n");
            assert!(stage.dead().is_empty(), "death {death}{ending}");
        }
    }
}

/// What one subscriber wrote, whole lines only: each a group and its number.
fn written(end: &End) -> Vec<(String, usize)> {
    let whole = end.stdout.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let text = std::str::from_utf8(&end.stdout[..whole]).expect("UTF-8");
    let parse = |line: &str| {
        let json: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let room = json["room"].as_str().expect("a room").to_owned();
        (room, usize::try_from(json["n"].as_u64().expect("a number")).expect("small"))
    };
    text.lines().map(parse).collect()
}

#[test]
fn the_order_of_a_fifo_queue_holds_under_kills() {
    let stage = Stage::made(".fifo");
    stage.publish_lines(lines(60));
    let mut dice = Rng::new();
    let mut next: BTreeMap<String, usize> = (0..3).map(|n| (format!("r{n}"), n)).collect();
    let mut follow = |end: &End| {
        for (room, n) in written(end) {
            let next = next.get_mut(&room).expect("a room");
            assert!(n <= *next, "{room}: {n} overtook {next}");
            *next = (*next).max(n + 3);
        }
        next.values().all(|next| *next >= 60)
    };
    let deadline = Instant::now() + PATIENCE;
    let words = "--to stdout: --lease 2s --batch 4 --max-in-flight 12 -q";
    for round in 0.. {
        assert!(Instant::now() < deadline, "it never all came");
        let mut process = Process::start(stage.subscribe(words), String::new(), false);
        if round < 8 {
            std::thread::sleep(Duration::from_millis(dice.u64(100..1500)));
            process.signal(Signal::SIGKILL);
        }
        let end = process.end();
        if follow(&end) {
            break;
        }
    }
}

#[test]
fn what_is_killed_at_random_moments_loses_nothing_and_stores_nothing_twice() {
    let seed = std::env::var("KAKEHI_CRASH_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..1 << 48));
    println!("KAKEHI_CRASH_SEED={seed}");
    let mut dice = Rng::with_seed(seed);
    let stage = Stage::made("");
    let (mut offered, mut accepted, mut kills) = (0, 0, 0);
    while kills < 16 {
        let new = dice.usize(10..60);
        let input: String = (offered..offered + new).map(line).collect();
        let publish = || {
            let program = stage.publish("stdin:?id=id --log-format json --summary json --batch 7");
            program.env("RUST_LOG", "kakehi::publish=debug")
        };
        let mut actors = vec![Process::start(publish(), input.clone(), false)];
        for _ in 0..dice.usize(1..=2) {
            let words = format!("--lease 2s --idle 1s --batch {}", dice.usize(1..20));
            actors.push(Process::start(stage.drain(&words), String::new(), false));
        }
        for actor in &mut actors {
            std::thread::sleep(Duration::from_millis(dice.u64(0..700)));
            actor.signal(Signal::SIGKILL);
        }
        let mut ends = actors.into_iter().map(Process::end);
        let publisher = ends.next().expect("a publisher");
        kills += usize::from(publisher.code == 137);
        kills += ends.filter(|end| end.code == 137).count();
        accepted += publisher.taken();
        if publisher.code != 0 {
            // What it had published comes once more, under the same ids.
            stage.publish("stdin:?id=id").stdin(input).run().expect(0);
        }
        offered += new;
    }
    println!("{kills} killed, {accepted} accepted before, {offered} in all");
    stage.drain_until(offered);
    let store = sqlite_files::store(&stage.sandbox);
    for n in 0..offered {
        assert_eq!(store[&format!("m{n:04}")], line(n).trim_end());
    }
    assert!(stage.dead().is_empty());
}
