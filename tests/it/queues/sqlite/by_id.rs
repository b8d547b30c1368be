//! Single messages of an embedded queue, and single dead letters, by what names them.

use crate::support::pond::{Pond, ids, publish, receive, settle};
use kakehi::queues::{self, DeadLetterOutcome, DeadLetterPart, Inspect, MessageState};
use kakehi::queues::{Published, Settled, Verdict, Which};

async fn inspector(pond: &Pond) -> Box<dyn Inspect> {
    queues::open_inspector(pond.url(""), &pond.options).await.unwrap()
}

#[tokio::test]
async fn a_message_is_found_and_deleted_by_its_id_whatever_its_state() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    publish(&*publisher, "a@g b@g c@g d").await;
    let leased = receive(&*subscriber, 1).await.remove(0);
    assert_eq!(leased.message.id, "a");
    let inspector = inspector(&pond).await;
    let by_id = inspector.by_id().unwrap();
    for (id, state) in [
        ("a", Some(MessageState::Leased)),
        ("b", Some(MessageState::Waiting)),
        ("d", Some(MessageState::Ready)),
        ("x", None),
    ] {
        let found = by_id.get(id).await.unwrap();
        assert_eq!(found.as_ref().map(|it| it.state), state, "{id}");
        assert!(found.is_none_or(|it| it.message.id == id));
    }
    let wanted = ["a", "b", "x"].map(str::to_owned).to_vec();
    assert_eq!(by_id.delete(wanted).await.unwrap(), [true, true, false]);
    assert!(by_id.get("a").await.unwrap().is_none());
    assert_eq!(settle(&*subscriber, &leased, Verdict::Ack).await, Settled::LeaseLost);
    assert_eq!(ids(&receive(&*subscriber, 9).await), "c d", "the group goes on, in its order");
    let again = publisher.publish(std::slice::from_ref(&leased.message)).await.unwrap();
    assert_eq!(again, [Published::Accepted], "its id is free again");
}

#[tokio::test]
async fn a_dead_letter_that_took_the_place_of_another_has_another_name() {
    let pond = Pond::new();
    let (publisher, subscriber) = pond.both().await;
    let inspector = inspector_of_dead(&pond, &*publisher, &*subscriber, "a").await;
    let store = inspector.dead_letters().unwrap();
    let first = store.last().await.unwrap().unwrap();
    assert_eq!(store.drop(vec![first.clone()]).await.unwrap(), [DeadLetterOutcome::Done]);
    assert_eq!(store.last().await.unwrap(), None);
    let inspector = inspector_of_dead(&pond, &*publisher, &*subscriber, "b").await;
    let store = inspector.dead_letters().unwrap();
    let outcomes = store.redrive(vec![first.clone()]).await.unwrap();
    assert_eq!(
        outcomes,
        [DeadLetterOutcome::Gone],
        "it is not taken for the one that is there now"
    );
    let second = store.last().await.unwrap().unwrap();
    assert_ne!(first, second);
    let upto = DeadLetterPart { after: None, upto: Some(&second) };
    let listed = store.list(&Which::All, upto, 9).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].head.name, &listed[0].head.id[..]), (&second, "b"));
    let behind = DeadLetterPart { after: Some(&second), upto: None };
    assert_eq!(store.heads(&Which::All, behind, 9).await.unwrap(), []);
}

/// Buries a message of this id, and opens the queue to look at it.
async fn inspector_of_dead(
    pond: &Pond,
    publisher: &dyn queues::Publisher,
    subscriber: &dyn queues::Subscriber,
    id: &str,
) -> Box<dyn Inspect> {
    publish(publisher, id).await;
    let delivery = receive(subscriber, 1).await.remove(0);
    let buried = settle(subscriber, &delivery, Verdict::Bury("x".to_owned())).await;
    assert_eq!(buried, Settled::Done);
    inspector(pond).await
}
