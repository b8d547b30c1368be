//! What a receive of the embedded queue gives, and when.

use super::*;

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

#[tokio::test]
async fn what_could_be_had_first_comes_first() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let mut late = message("late");
    late.not_before = Some(pond.options.clock.now() + TimeDelta::seconds(60));
    publisher.publish(&[late]).await.unwrap();
    publish(&*publisher, "a b c d").await;
    let got = receive(&*subscriber, 3).await;
    assert_eq!(ids(&got), "a b c");
    // What is given back has its place again; what failed stands behind what came meanwhile, and so
    // does what was leased until its time was over.
    settle(&*subscriber, &got[0], Verdict::Release).await;
    pond.pass(1);
    settle(&*subscriber, &got[1], retry(Duration::ZERO)).await;
    pond.pass(20);
    publish(&*publisher, "e").await;
    pond.pass(20);
    publish(&*publisher, "f").await;
    pond.pass(30);
    publish(&*publisher, "g").await;
    assert_eq!(drain(&*subscriber).await, "a d b e c f late g");
}

#[tokio::test]
async fn a_tag_whose_messages_always_fail_starves_no_other() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    for (id, tag) in [("1", "bad"), ("2", "bad"), ("3", "good")] {
        let mut message = message(id);
        message.tag = Some(tag.to_owned());
        publisher.publish(&[message]).await.unwrap();
    }
    let bad = select(&*subscriber, Select::OldestTag).await;
    assert_eq!(ids(&bad), "1 2");
    pond.pass(1);
    for delivery in &bad {
        settle(&*subscriber, delivery, retry(Duration::ZERO)).await;
    }
    assert_eq!(ids(&select(&*subscriber, Select::OldestTag).await), "3");
    assert_eq!(ids(&select(&*subscriber, Select::OldestTag).await), "1 2");
}

#[tokio::test]
async fn a_group_keeps_its_order_wherever_its_first_message_stands() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "1@g 2@g a 3@g").await;
    let first = receive(&*subscriber, 1).await;
    assert_eq!(ids(&first), "1");
    pond.pass(1);
    settle(&*subscriber, &first[0], retry(Duration::from_secs(5))).await;
    publish(&*publisher, "b").await;
    pond.pass(9);
    publish(&*publisher, "4@g c").await;
    assert_eq!(ids(&receive(&*subscriber, 9).await), "a b 1 2 3 4 c");
}
