//! Dead letters that the server made itself, and what it tells in their attributes.

use crate::dead_letter::{self, Death};
use crate::message::Message;
use crate::times;

/// What the server adds to a message that it moves:
/// <https://docs.cloud.google.com/pubsub/docs/handling-failures>.
const PREFIX: &str = "CloudPubSubDeadLetterSource";
const COUNT: &str = "CloudPubSubDeadLetterSourceDeliveryCount";
const SUBSCRIPTION: &str = "CloudPubSubDeadLetterSourceSubscription";
const PROJECT: &str = "CloudPubSubDeadLetterSourceSubscriptionProject";
const PUBLISHED: &str = "CloudPubSubDeadLetterSourceTopicPublishTime";

/// The original of a dead letter, whoever made it: ours, or the server, which gives no reason.
pub(super) fn unwrap(letter: Message) -> (Message, Death) {
    let (mut message, mut death) = dead_letter::unwrap(letter);
    let mut take = |name| message.attributes.remove(name);
    let count = take(COUNT).and_then(|text| text.parse().ok());
    let from = take(PROJECT).zip(take(SUBSCRIPTION));
    let published = take(PUBLISHED).and_then(|text| times::parse(&text));
    death.attempts = death.attempts.or(count);
    death.from = death.from.or(from.map(|(project, name)| super::name::url(&project, &name)));
    if let Some(published) = published {
        message.published_at = Some(published);
    }
    message.attributes.retain(|name, _| !name.starts_with(PREFIX));
    (message, death)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_moved_tells_how_often_and_where_from_and_not_why() {
        let mut letter = Message::new("a", "body");
        for (name, value) in [
            (COUNT, "5"),
            (SUBSCRIPTION, "readings"),
            (PROJECT, "p"),
            (PUBLISHED, "2026-01-02T03:04:05Z"),
            ("CloudPubSubDeadLetterSourceWhatever", "x"),
            ("mine", "1"),
        ] {
            letter.attributes.insert(name.to_owned(), value.to_owned());
        }
        let (message, death) = unwrap(letter);
        assert_eq!(
            message.attributes.into_iter().collect::<Vec<_>>(),
            [("mine".into(), "1".into())]
        );
        assert_eq!(message.published_at.unwrap().to_rfc3339(), "2026-01-02T03:04:05+00:00");
        assert_eq!((death.reason.as_str(), death.attempts), (dead_letter::UNKNOWN, Some(5)));
        assert_eq!(death.from.unwrap(), "pubsub://p/readings");
    }
}
