//! Groups of the embedded queue: their order, and how they share a receive.

use super::*;

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
