//! On a FIFO queue: the groups that a message is in, and what makes two of them one.

use crate::message::Message;
use crate::text;
use sha2::{Digest as _, Sha256};

const LONGEST_GROUP: usize = 128;

/// Names of groups that are none of a publisher's: a message without a group has one of its own,
/// and one whose name SQS does not take is told by its digest.
pub(super) const ALONE: &str = "kakehi-alone-";
const DIGEST: &str = "kakehi-group-";

/// Whether SQS takes a name as the group that a publisher gave.
pub(super) fn is_group(group: &str) -> bool {
    let ours = group.starts_with(ALONE) || group.starts_with(DIGEST);
    let legal = (1..=LONGEST_GROUP).contains(&group.len());
    legal && !ours && group.chars().all(|c| c.is_ascii_graphic())
}

/// The message group: the publisher's own where SQS takes it.
pub(super) fn group_id(message: &Message) -> String {
    match message.group.as_deref() {
        None => format!("{ALONE}{}", digest([message.id.as_bytes()])),
        Some(group) if is_group(group) => group.to_owned(),
        Some(group) => format!("{DIGEST}{}", digest([group.as_bytes()])),
    }
}

/// The deduplication id: alike for a message and hop however often they are sent. The content is part
/// of it, since another message under the same id must not vanish, but reach the sink, which finds it
/// out.
pub(super) fn deduplication(message: &Message, hop: &str) -> String {
    let optional = |text: &Option<String>| format!("{text:?}").into_bytes();
    let (group, tag) = (optional(&message.group), optional(&message.tag));
    let attributes = format!("{:?}", message.attributes).into_bytes();
    digest([message.id.as_bytes(), hop.as_bytes(), &message.body, &group, &tag, &attributes])
}

fn digest<const N: usize>(parts: [&[u8]; N]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    text::hex(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deduplication_id_is_kept_by_retries_and_new_at_every_hop() {
        let message = Message::new("a", "body");
        let id = deduplication;
        assert_eq!(id(&message, ""), id(&message, ""));
        assert_ne!(id(&message, ""), id(&message, "1"));
        assert_ne!(id(&message, ""), id(&Message::new("a", "other"), ""));
        let mut letter = message.clone();
        letter.attributes.insert("kakehi-dead-at".to_owned(), "then".to_owned());
        assert_ne!(id(&message, ""), id(&letter, ""));
    }

    #[test]
    fn a_message_without_a_group_has_one_of_its_own() {
        let group = |id: &str| group_id(&Message::new(id, "x"));
        assert_ne!(group("a"), group("b"));
        assert_eq!(group("a"), group("a"));
        let mut named = Message::new("a", "x");
        named.group = Some(group("a"));
        assert_ne!(group("a"), group_id(&named));
    }
}
