//! The embedded queue: what one file promises to many processes.

use crate::support::pond::{
    Pond, ack, drain, ids, message, publish, receive, select, settle, up_to,
};
use crate::support::verdicts::retry;
use chrono::{DateTime, TimeDelta, Utc};
use kakehi::queues::{self, Published, Receive, Select, Settled, Subscriber, Verdict};
use kakehi::{Delivery, Kind, Location, Message, Receipt};
use std::collections::BTreeMap;
use std::time::Duration;

#[tokio::test]
async fn what_was_published_comes_out_as_it_went_in() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let mut full = Message::new("a/ü \u{0}'", vec![0, 255, 10]);
    full.group = Some("g".to_owned());
    full.tag = Some("t".to_owned());
    full.attributes.insert("k\"".to_owned(), "v\n\u{1F4A7}".to_owned());
    full.not_before = DateTime::parse_from_rfc3339("2026-01-01T00:00:00.123456789Z")
        .ok()
        .map(|time| time.with_timezone(&Utc));
    let empty = Message::new("", "");
    publisher.publish(&[full.clone(), empty.clone()]).await.unwrap();
    let got = receive(&*subscriber, 10).await;
    for (got, mut sent) in got.iter().zip([full, empty]) {
        sent.published_at = Some(pond.options.clock.now());
        assert_eq!(got.message, sent);
        assert_eq!(got.attempts, Some(1));
    }
    ack(&*subscriber, &got).await;
    assert!(receive(&*subscriber, 10).await.is_empty());
}

#[tokio::test]
async fn an_attempt_counts_unless_it_was_released() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a").await;
    let mut counts = Vec::new();
    for verdict in [Verdict::Release, retry(Duration::ZERO), Verdict::Release] {
        let got = receive(&*subscriber, 1).await.remove(0);
        counts.push(got.attempts.unwrap());
        assert_eq!(settle(&*subscriber, &got, verdict).await, Settled::Done);
    }
    for begins in [false, true, false] {
        let got = receive(&*subscriber, 1).await.remove(0);
        counts.push(got.attempts.unwrap());
        if begins {
            subscriber.begun(&[got.receipt]).await;
        }
        pond.pass(31);
    }
    counts.push(receive(&*subscriber, 1).await[0].attempts.unwrap());
    assert_eq!(counts, [1, 1, 2, 2, 2, 3, 3], "a lost lease counts where work had begun");
}

#[tokio::test]
async fn a_late_worker_cannot_touch_what_was_leased_again() {
    let pond = Pond::new();
    let (publisher, slow) = pond.both().await;
    let quick = pond.subscriber().await;
    publish(&*publisher, "a b@g").await;
    let late = receive(&*slow, 2).await;
    pond.pass(29);
    assert!(receive(&*quick, 2).await.is_empty());
    pond.pass(1);
    let again = receive(&*quick, 2).await;
    assert_eq!(ids(&again), "a b");
    for verdict in
        [Verdict::Ack, Verdict::Release, retry(Duration::ZERO), Verdict::Bury("x".into())]
    {
        for delivery in &late {
            let settled = settle(&*slow, delivery, verdict.clone()).await;
            assert_eq!(settled, Settled::LeaseLost, "{verdict:?}");
        }
    }
    ack(&*quick, &again).await;
    for delivery in &again {
        assert_eq!(settle(&*quick, delivery, Verdict::Ack).await, Settled::LeaseLost, "twice");
    }
    let rubbish = vec![(Receipt("rubbish".into()), Verdict::Ack)];
    assert_eq!(quick.settle(rubbish).await, [Settled::LeaseLost]);
}

#[tokio::test]
async fn an_extended_lease_lasts_one_lease_more() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a b").await;
    let got = receive(&*subscriber, 2).await;
    pond.pass(20);
    subscriber.leases().unwrap().extend(&[got[0].receipt.clone()]).await.unwrap();
    pond.pass(20);
    assert_eq!(ids(&receive(&*subscriber, 2).await), "b");
    pond.pass(10);
    assert_eq!(ids(&receive(&*subscriber, 2).await), "a");
    // The first lease of `b` is lost: extending it must not lengthen the second.
    subscriber.leases().unwrap().extend(&[got[1].receipt.clone()]).await.unwrap();
    pond.pass(20);
    assert_eq!(ids(&receive(&*subscriber, 2).await), "b");
}

#[tokio::test]
async fn a_lease_lasts_its_time_whatever_the_clock_is_set_to() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let mut options = pond.options.clone();
    options.lease = Duration::from_secs(3600);
    let other = queues::open_subscriber(pond.url(""), &options).await.unwrap();
    publish(&*publisher, "a b@g c@g").await;
    let got = receive(&*subscriber, 10).await;
    assert_eq!(got.len(), 3);
    for jump in [TimeDelta::milliseconds(-3), TimeDelta::hours(-1), TimeDelta::hours(5)] {
        pond.control.jump(jump);
        assert!(receive(&*subscriber, 10).await.is_empty(), "{jump}: its own");
        assert!(receive(&*other, 10).await.is_empty(), "{jump}: another's");
        let all: Vec<_> = got.iter().map(|it| it.receipt.clone()).collect();
        pond.pass(10);
        subscriber.leases().unwrap().extend(&all).await.unwrap();
    }
    // Nobody's longer lease is cut short by a shorter one.
    pond.pass(29);
    assert!(receive(&*other, 10).await.is_empty());
    pond.pass(1);
    assert_eq!(ids(&receive(&*other, 10).await), "a b c");
    pond.control.jump(TimeDelta::hours(-9));
    pond.pass(3599);
    assert!(receive(&*subscriber, 10).await.is_empty());
    pond.pass(1);
    assert_eq!(ids(&receive(&*subscriber, 10).await), "a b c");
}

#[tokio::test]
async fn a_stash_outlasts_a_jump_of_the_clock_and_not_its_lease() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a b").await;
    drop_a_receive(&pond, &*subscriber, 2).await;
    pond.control.jump(TimeDelta::hours(-1));
    let first = receive(&*subscriber, 1).await;
    pond.control.jump(TimeDelta::hours(3));
    let second = receive(&*subscriber, 1).await;
    assert_eq!((ids(&first), ids(&second)), ("a".to_owned(), "b".to_owned()));
    assert_eq!([first[0].attempts, second[0].attempts], [Some(1); 2]);
    for delivery in [&first[0], &second[0]] {
        assert_eq!(settle(&*subscriber, delivery, Verdict::Release).await, Settled::Done);
    }
    drop_a_receive(&pond, &*subscriber, 2).await;
    pond.pass(30);
    let other = pond.subscriber().await;
    assert_eq!(ids(&receive(&*other, 2).await), "a b");
    assert_eq!(ids(&receive(&*subscriber, 2).await), "", "what it had is another's now");
}

#[tokio::test]
async fn what_was_leased_while_a_receive_waited_for_its_turn_stays_leased() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a b").await;
    // Another process leases a message a second after the receive began.
    let other = pond.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut receiving = Box::pin(subscriber.receive(up_to(9)));
    assert!(futures_util::poll!(&mut receiving).is_pending());
    pond.pass(1);
    let now = pond.options.clock.millis();
    let lease = "UPDATE messages SET state = 3, token = 7, span = 30000, due = ?1 + 30000, \
                 attempts = 1 WHERE id = 'a'";
    other.execute(lease, [now]).unwrap();
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(ids(&receiving.await.unwrap()), "b");
}

#[tokio::test]
async fn a_delayed_message_comes_when_it_is_due_and_not_before() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let mut later = message("later");
    later.not_before = Some(pond.options.clock.now() + TimeDelta::microseconds(1_500_500));
    publisher.publish(&[later, message("now")]).await.unwrap();
    assert_eq!(drain(&*subscriber).await, "now");
    pond.control.advance(TimeDelta::milliseconds(1500));
    assert_eq!(drain(&*subscriber).await, "");
    pond.control.advance(TimeDelta::milliseconds(1));
    assert_eq!(drain(&*subscriber).await, "later");
}

#[tokio::test]
async fn a_retry_waits_in_the_queue() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a b").await;
    let got = receive(&*subscriber, 1).await.remove(0);
    settle(&*subscriber, &got, retry(Duration::from_secs(60))).await;
    assert_eq!(drain(&*subscriber).await, "b");
    pond.pass(59);
    assert_eq!(drain(&*subscriber).await, "");
    pond.pass(1);
    assert_eq!(drain(&*subscriber).await, "a");
}

#[tokio::test]
async fn a_group_is_leased_as_one_run_and_others_go_on() {
    let pond = Pond::new();
    let (publisher, one) = pond.both().await;
    let two = pond.subscriber().await;
    publish(&*publisher, "a1@a a2@a b1@b c a3@a a4@a").await;
    let first = receive(&*one, 5).await;
    assert_eq!(ids(&first), "a1 a2 b1 c a3");
    assert!(receive(&*two, 5).await.is_empty(), "the rest of a leased group waits");
    ack(&*one, &first[..4]).await;
    assert!(receive(&*two, 5).await.is_empty(), "a3 is still leased");
    ack(&*one, &first[4..]).await;
    assert_eq!(ids(&receive(&*two, 5).await), "a4");
}

/// How many messages came of each group.
fn shares(deliveries: &[Delivery]) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for delivery in deliveries {
        *shares.entry(delivery.message.group.clone().unwrap()).or_default() += 1;
    }
    shares
}

#[tokio::test]
async fn groups_share_the_room_whichever_is_the_oldest() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    // One has all that is old, the others come behind it.
    let old: String = (0..50).map(|n| format!("old{n}@old ")).collect();
    let new: String = (0..50).map(|n| format!("new{n}@g{} ", n % 5)).collect();
    publish(&*publisher, &(old + &new)).await;
    for (room, expected) in
        [(6, vec![1; 6]), (20, vec![3, 3, 3, 3, 4, 4]), (9, vec![1, 1, 1, 2, 2, 2])]
    {
        let got = receive(&*subscriber, room).await;
        let mut counts: Vec<_> = shares(&got).into_values().collect();
        counts.sort_unstable();
        assert_eq!(counts, expected, "of {room}");
        ack(&*subscriber, &got).await;
    }
    // What one does not use is the others'.
    publish(&*publisher, "x1@x y1@y y2@y").await;
    let got = receive(&*subscriber, 60).await;
    let share = shares(&got);
    assert_eq!((got.len(), share["x"], share["y"], share["g0"]), (60, 1, 2, 4), "{share:?}");
    assert!(got.is_sorted_by_key(|it| {
        let (seq, _) = it.receipt.0.split_once('-').unwrap();
        seq.parse::<i64>().unwrap()
    }));
}

#[tokio::test]
async fn many_groups_share_a_small_room_and_short_ones_leave_no_room_empty() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let words: String = (0..900).map(|n| format!("m{n:03}@g{} ", n % 300)).collect();
    publish(&*publisher, &words).await;
    let mut came: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut left = 900;
    while left > 0 {
        let got = receive(&*subscriber, 290).await;
        assert_eq!(got.len(), left.min(290));
        for delivery in &got {
            let group = delivery.message.group.clone().unwrap();
            came.entry(group).or_default().push(delivery.message.id.clone());
        }
        left -= got.len();
        ack(&*subscriber, &got).await;
    }
    assert!(came.len() == 300 && came.values().all(|ids| ids.len() == 3 && ids.is_sorted()));
    let words: String = (0..400).map(|n| format!("n{n}@h{n} ")).collect();
    publish(&*publisher, &words).await;
    assert_eq!(receive(&*subscriber, 390).await.len(), 390, "of 400 groups of one");
}

#[tokio::test]
async fn order_within_a_group_survives_retries_releases_and_lost_leases() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "1@g 2@g 3@g 4@g").await;
    let run = receive(&*subscriber, 3).await;
    assert_eq!(ids(&run), "1 2 3");
    let later = retry(Duration::from_secs(10));
    let batch = vec![
        (run[1].receipt.clone(), later),
        (run[2].receipt.clone(), Verdict::Release),
        (run[0].receipt.clone(), Verdict::Ack),
    ];
    assert_eq!(subscriber.settle(batch).await, [const { Settled::Done }; 3]);
    publish(&*publisher, "5@g").await;
    assert!(receive(&*subscriber, 9).await.is_empty(), "the group waits for its retry");
    pond.pass(10);
    assert_eq!(ids(&receive(&*subscriber, 2).await), "2 3");
    pond.pass(30);
    assert_eq!(drain(&*subscriber).await, "2 3 4 5");
}

#[tokio::test]
async fn a_delay_inside_a_run_holds_what_follows_it() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "1@g 2@g 3@g").await;
    let run = receive(&*subscriber, 3).await;
    let batch = vec![
        (run[0].receipt.clone(), Verdict::Release),
        (run[1].receipt.clone(), retry(Duration::from_secs(10))),
        (run[2].receipt.clone(), Verdict::Release),
    ];
    subscriber.settle(batch).await;
    assert_eq!(drain(&*subscriber).await, "1", "2 is not due, and 3 is behind it");
    pond.pass(10);
    assert_eq!(drain(&*subscriber).await, "2 3");
}

#[tokio::test]
async fn a_delayed_message_holds_its_group() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let delayed = |text: &str| {
        let mut message = message(text);
        message.not_before = Some(pond.options.clock.now() + TimeDelta::seconds(5));
        message
    };
    let batch =
        [message("g1@g"), delayed("g2@g"), message("g3@g"), delayed("h1@h"), message("h2@h")];
    publisher.publish(&batch).await.unwrap();
    assert_eq!(drain(&*subscriber).await, "g1");
    pond.pass(5);
    assert_eq!(drain(&*subscriber).await, "g2 g3 h1 h2");
}

#[tokio::test]
async fn a_dead_letter_keeps_its_story_and_blocks_nobody() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let mut first = message("1@g");
    first.tag = Some("t".to_owned());
    first.attributes.insert("k".to_owned(), "v".to_owned());
    publisher.publish(&[first.clone(), message("2@g")]).await.unwrap();
    let lost = receive(&*subscriber, 1).await.remove(0);
    subscriber.begun(&[lost.receipt]).await;
    pond.pass(40);
    let got = receive(&*subscriber, 1).await.remove(0);
    subscriber.begun(std::slice::from_ref(&got.receipt)).await;
    pond.pass(2);
    let bury = Verdict::Bury("not an object".to_owned());
    assert_eq!(settle(&*subscriber, &got, bury).await, Settled::Done);
    assert_eq!(drain(&*subscriber).await, "2");
    let story = pond
        .raw()
        .query_row(
            "SELECT id || '|' || grp || '|' || tag || '|' || attributes || '|' || cast(body AS TEXT)
               || '|' || reason || '|' || attempts, first_at - published_at, died_at - first_at
             FROM dead",
            [],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)),
        )
        .unwrap();
    let words = r#"1|g|t|{"k":"v"}|1|not an object|2"#;
    assert_eq!(story, (words.to_owned(), 0, 42_000));
    // Its id does not count: the corrected message goes in.
    let mut corrected = message("1@g");
    corrected.body = "corrected".into();
    assert_eq!(publisher.publish(&[corrected]).await.unwrap(), [Published::Accepted]);
    assert_eq!(drain(&*subscriber).await, "1");
}

#[tokio::test]
async fn tags_select_and_the_oldest_message_decides() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let tagged = |text: &str, tag: &str| {
        let mut message = message(text);
        message.tag = Some(tag.to_owned());
        message
    };
    let batch = [
        message("plain1"),
        tagged("x1", "x"),
        tagged("g1@g", "y"),
        tagged("g2@g", "y"),
        tagged("g3@g", "x"),
        tagged("g4@g", "y"),
        message("plain2"),
        tagged("x2", "x"),
    ];
    publisher.publish(&batch).await.unwrap();
    let none = select(&*subscriber, Select::Tag("none".to_owned())).await;
    assert!(none.is_empty());
    assert_eq!(ids(&select(&*subscriber, Select::OldestTag).await), "plain1 plain2");
    assert_eq!(ids(&select(&*subscriber, Select::OldestTag).await), "x1 x2");
    let run = select(&*subscriber, Select::Tag("y".to_owned())).await;
    assert_eq!(ids(&run), "g1 g2", "g3 has another tag, and g4 is behind it");
    ack(&*subscriber, &run).await;
    assert!(select(&*subscriber, Select::Tag("y".to_owned())).await.is_empty());
    assert_eq!(ids(&receive(&*subscriber, 9).await), "g3 g4");
    assert!(select(&*subscriber, Select::OldestTag).await.is_empty());
}

#[tokio::test]
async fn any_takes_tagged_and_untagged_in_the_order_of_publishing() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let batch: Vec<_> = (0..9)
        .map(|n| {
            let mut message = message(&n.to_string());
            message.tag = (n % 3 > 0).then(|| format!("t{}", n % 3));
            message
        })
        .collect();
    publisher.publish(&batch).await.unwrap();
    assert_eq!(ids(&receive(&*subscriber, 4).await), "0 1 2 3");
    assert_eq!(ids(&receive(&*subscriber, 9).await), "4 5 6 7 8");
}

#[tokio::test]
async fn the_same_message_is_a_duplicate_and_another_under_its_id_is_refused() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let mut other = message("a");
    other.body = "other".into();
    let mut grouped = message("a");
    grouped.group = Some("g".to_owned());
    let batch = [message("a"), message("a"), other.clone(), grouped, message("b")];
    let refused = Published::Refused("another message with the same id is in the queue".to_owned());
    let answers = publisher.publish(&batch).await.unwrap();
    let accepted = Published::Accepted;
    let expected =
        [accepted.clone(), Published::Duplicate, refused.clone(), refused.clone(), accepted];
    assert_eq!(answers, expected);
    let got = receive(&*subscriber, 9).await;
    assert_eq!(ids(&got), "a b");
    let answers = publisher.publish(&[message("a"), other.clone()]).await.unwrap();
    assert_eq!(answers, [Published::Duplicate, refused], "while it is leased");
    ack(&*subscriber, &got).await;
    assert_eq!(publisher.publish(&[other]).await.unwrap(), [Published::Accepted], "it is gone");
}

#[tokio::test]
async fn ids_are_remembered_for_as_long_as_dedupe_says() {
    let pond = Pond::new();
    let url = pond.url("?dedupe=10m");
    let publisher = queues::open_publisher(url, &pond.options).await.unwrap();
    let subscriber = pond.subscriber().await;
    publish(&*publisher, "a b").await;
    let mut got = receive(&*subscriber, 9).await;
    let dead = got.pop().unwrap();
    ack(&*subscriber, &got).await;
    settle(&*subscriber, &dead, Verdict::Bury("x".to_owned())).await;
    pond.pass(599);
    let mut other = message("a");
    other.body = "other".into();
    let answers = publisher.publish(&[message("a"), other.clone(), message("b")]).await.unwrap();
    let refused = "another message with the same id was acknowledged".to_owned();
    let expected = [Published::Duplicate, Published::Refused(refused), Published::Accepted];
    assert_eq!(answers, expected, "dead ones do not count");
    pond.pass(1);
    assert_eq!(publisher.publish(&[other]).await.unwrap(), [Published::Accepted]);
    assert_eq!(drain(&*subscriber).await, "b a");
}

#[tokio::test]
async fn queues_of_one_file_do_not_meet() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let second = queues::open_publisher(pond.url("?queue=second"), &pond.options).await.unwrap();
    publish(&*publisher, "a 1@g").await;
    publish(&*second, "a 2@g").await;
    assert_eq!(drain(&*subscriber).await, "a 1");
    let url = pond.url("?queue=second");
    let subscriber = queues::open_subscriber(url, &pond.options).await.unwrap();
    assert_eq!(drain(&*subscriber).await, "a 2");
}

#[tokio::test]
async fn bytes_bound_what_is_received_but_one_always_comes() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let batch: Vec<_> = ["a", "b@g", "c@g", "d"]
        .into_iter()
        .map(|text| {
            let mut message = message(text);
            message.body = vec![b'x'; 100].into();
            message
        })
        .collect();
    publisher.publish(&batch).await.unwrap();
    let receive = async |max_bytes| {
        let got = subscriber.receive(Receive { max_bytes, ..up_to(9) }).await.unwrap();
        let names = ids(&got);
        ack(&*subscriber, &got).await;
        names
    };
    assert_eq!(receive(1).await, "a");
    assert_eq!(receive(210).await, "b d");
    assert_eq!(receive(0).await, "c");
    assert_eq!(receive(1000).await, "");
}

#[tokio::test]
async fn a_receive_wakes_for_a_message_of_this_process() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let wait = Receive { wait: Duration::from_secs(3600), ..up_to(9) };
    let (got, ()) = tokio::join!(subscriber.receive(wait), publish(&*publisher, "a"));
    assert_eq!(ids(&got.unwrap()), "a");
}

#[tokio::test]
async fn a_receive_wakes_when_something_is_due() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a b").await;
    let got = receive(&*subscriber, 1).await.remove(0);
    settle(&*subscriber, &got, retry(Duration::from_secs(60))).await;
    let wait = Receive { wait: Duration::from_secs(3600), ..up_to(9) };
    let got = subscriber.receive(wait.clone()).await.unwrap();
    assert_eq!(ids(&got), "b");
    for (seconds, expected) in [(30, "b"), (30, "a b")] {
        let (got, ()) = tokio::join!(subscriber.receive(wait.clone()), async {
            tokio::task::yield_now().await;
            pond.pass(seconds);
        });
        assert_eq!(ids(&got.unwrap()), expected);
    }
}

/// Drops a receive that is under way: another process' lock holds it until it is dropped.
async fn drop_a_receive(pond: &Pond, subscriber: &dyn Subscriber, max: usize) {
    let other = pond.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut dropped = Box::pin(subscriber.receive(up_to(max)));
    assert!(futures_util::poll!(&mut dropped).is_pending());
    drop(dropped);
    other.execute_batch("ROLLBACK").unwrap();
    // The thread does one thing after another: this answer comes after the lease.
    subscriber.ping().await.unwrap();
}

#[tokio::test]
async fn what_a_dropped_receive_had_leased_goes_to_the_next() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let other = pond.subscriber().await;
    publish(&*publisher, "a b@g c@g d").await;
    drop_a_receive(&pond, &*subscriber, 3).await;
    assert_eq!(ids(&receive(&*other, 9).await), "", "c is behind b");
    assert_eq!(ids(&receive(&*subscriber, 2).await), "a b");
    assert_eq!(ids(&receive(&*subscriber, 2).await), "d");
}

#[tokio::test]
async fn close_gives_back_what_is_in_flight_and_what_nobody_took() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a b@g c@g d").await;
    let got = receive(&*subscriber, 1).await;
    drop_a_receive(&pond, &*subscriber, 9).await;
    subscriber.close().await.unwrap();
    let subscriber = pond.subscriber().await;
    let again = receive(&*subscriber, 9).await;
    assert_eq!(ids(&again), "a b c d");
    assert!(again.iter().all(|it| it.attempts == Some(1)), "a release is no attempt");
    assert_eq!(settle(&*subscriber, &got[0], Verdict::Ack).await, Settled::LeaseLost);
}

#[tokio::test]
async fn close_gives_back_what_a_dropped_receive_is_still_leasing() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a b").await;
    publisher.close().await.unwrap();
    let other = pond.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut dropped = Box::pin(subscriber.receive(up_to(9)));
    assert!(futures_util::poll!(&mut dropped).is_pending());
    drop(dropped);
    let mut closing = subscriber.close();
    assert!(futures_util::poll!(&mut closing).is_pending());
    other.execute_batch("ROLLBACK").unwrap();
    closing.await.unwrap();
    assert_eq!(ids(&receive(&*pond.subscriber().await, 9).await), "a b");
}

#[tokio::test]
async fn a_body_of_many_pages_survives() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let body: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
    publisher.publish(&[Message::new("big", body.clone())]).await.unwrap();
    let got = receive(&*subscriber, 1).await;
    assert_eq!(got[0].message.body, body);
    ack(&*subscriber, &got).await;
}

#[tokio::test]
async fn an_empty_path_is_the_default_file() {
    let pond = Pond::new();
    let url = Location::parse("sqlite:").unwrap();
    let publisher = queues::open_publisher(url, &pond.options).await.unwrap();
    publish(&*publisher, "a").await;
    publisher.close().await.unwrap();
    assert!(pond.options.data_dir.join("queue.db").is_file());
}

#[tokio::test]
async fn what_cannot_work_is_refused_at_the_opening() {
    let pond = Pond::new();
    let open = async |query: &str| {
        queues::open_publisher(pond.url(query), &pond.options).await.err().unwrap()
    };
    assert_eq!(open("?qeue=x").await.kind(), Kind::Usage);
    assert_eq!(open("?dedupe=soon").await.kind(), Kind::Usage);
    std::fs::write(pond.folder.path().join("q.db"), "id,name\n1,kitchen\n").unwrap();
    let error = open("").await;
    assert_eq!(error.kind(), Kind::Configuration);
    assert!(error.to_string().contains("file is not a database"), "{error}");
}
