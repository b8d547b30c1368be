//! What a message is on every queue: its content and its id.

use super::*;

pub(super) async fn a_message_survives_as_it_was(backend: &Backend) {
    let (body, empty, tag) = match backend.cannot(CarriesAnything) {
        true => (&br#"{"n":[1.50]}"#[..], "null", JOB),
        false => (&b"\xff\x00\r\n{"[..], "", "tag"),
    };
    let mut full = Message::new("id / ü % ?", body);
    full.group = Some("group of ü".to_owned());
    full.tag = Some(tag.to_owned());
    full.attributes = BTreeMap::from([("k-1".to_owned(), "v\n\u{1f600}".to_owned())]);
    full.attributes.insert("empty".to_owned(), String::new());
    let mut bare = Message::new("bare", empty);
    backend.publish(&[full.clone(), bare.clone()]).await;
    bare.tag = backend.cannot(CarriesAnything).then(|| JOB.to_owned());
    let subscriber = backend.subscriber().await;
    let mut deliveries = receive(&*subscriber, 2).await;
    deliveries.sort_by_key(|delivery| delivery.message.id == "bare");
    for (delivery, sent) in deliveries.into_iter().zip([full, bare]) {
        assert!(delivery.message.published_at.is_some(), "the queue says when it took it");
        assert_eq!(Message { published_at: None, ..delivery.message }, sent);
    }
    subscriber.close().await.unwrap();
}

pub(super) async fn what_would_not_come_back_is_refused_alone(backend: &Backend) {
    let mut batch = messages(&["good-1", "bad-1", "good-2", "bad-2"]);
    for (at, time) in [(1, "-0001-01-01T00:00:00Z"), (3, "+12000-01-01T00:00:00Z")] {
        batch[at].not_before = Some(time.parse().unwrap());
    }
    let queue = backend.publisher().await;
    let answers = queue.publish(&batch).await.unwrap();
    let refused = answers.iter().map(|it| matches!(it, Published::Refused(_)));
    assert_eq!(refused.collect::<Vec<_>>(), [false, true, false, true], "{answers:?}");
    let subscriber = backend.subscriber().await;
    let deliveries = receive(&*subscriber, 2).await;
    let mut came: Vec<_> = deliveries.iter().map(|it| it.message.id.as_str()).collect();
    came.sort_unstable();
    assert_eq!(came, ["good-1", "good-2"]);
    ack(&*subscriber, &deliveries).await;
}

pub(super) async fn an_id_stands_for_one_content(backend: &Backend) {
    let publisher = backend.publisher().await;
    let other = Message::new("a", "{\"other\":1}");
    if backend.cannot(KnowsIds) {
        let answers = publisher.publish(&[message("a"), message("a"), other]).await.unwrap();
        assert_eq!(answers, vec![Published::Accepted; 3], "then the sink finds out");
        return;
    }
    let batch = [message("a"), message("a"), other.clone(), message("b")];
    for first in [Published::Accepted, Published::Duplicate] {
        let answers = publisher.publish(&batch).await.unwrap();
        assert_eq!(answers[0], first);
        assert_eq!(answers[1], Published::Duplicate);
        assert!(matches!(answers[2], Published::Refused(_)), "{:?}", answers[2]);
        assert_eq!(answers[3], first);
    }
    let subscriber = backend.subscriber().await;
    let deliveries = receive(&*subscriber, 2).await;
    assert_eq!(deliveries[0].message.body, message("a").body);
    assert_eq!(publisher.publish(&batch[..1]).await.unwrap(), [Published::Duplicate]);
    ack(&*subscriber, &deliveries).await;
    assert_eq!(publisher.publish(&[other]).await.unwrap(), [Published::Accepted]);
}
