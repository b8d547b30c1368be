//! A dead letter as a message: what one queue gave up, as another queue keeps it.
//!
//! The original bytes, attributes, id, group and tag stay as they are; the facts of the death travel
//! beside them, as attributes that no external producer uses.

use crate::message::Message;
use crate::times;
use chrono::{DateTime, Utc};

/// Attributes that a dead letter carries beside its own.
const PREFIX: &str = "kakehi-dead-";
const REASON: &str = "kakehi-dead-reason";
const ATTEMPTS: &str = "kakehi-dead-attempts";
const FIRST_AT: &str = "kakehi-dead-first-at";
const AT: &str = "kakehi-dead-at";
const FROM: &str = "kakehi-dead-from";

/// The longest attribute value that Pub/Sub takes, in bytes.
const LONGEST_VALUE: usize = 1024;

/// The reason of a dead letter that a server made itself.
pub const UNKNOWN: &str = "unknown";

/// Why and when a message was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// Why the message was given up; never a payload.
    pub reason: String,
    /// How many attempts were spent on it; `None` where nobody counted.
    pub attempts: Option<u32>,
    /// When it was first delivered; `None` where nobody knows.
    pub first_at: Option<DateTime<Utc>>,
    /// When it was given up; `None` where a server did that.
    pub at: Option<DateTime<Utc>>,
    /// The URL of the queue that it was delivered from; `None` where a server buried it.
    pub from: Option<String>,
}

/// The dead letter as a message for a queue that keeps such. It is due at once.
pub fn wrap(message: &Message, death: &Death) -> Message {
    let mut letter = message.clone();
    letter.not_before = None;
    let facts = [
        (REASON, Some(death.reason.clone())),
        (ATTEMPTS, death.attempts.map(|attempts| attempts.to_string())),
        (FIRST_AT, death.first_at.map(|time| time.to_rfc3339())),
        (AT, death.at.map(|time| time.to_rfc3339())),
        (FROM, death.from.clone()),
    ];
    for (name, value) in facts {
        // A message that dies twice tells of its last death only.
        letter.attributes.remove(name);
        if let Some(value) = value {
            letter.attributes.insert(name.to_owned(), shorten(&value).to_owned());
        }
    }
    letter
}

/// The original message of a dead letter, and its death. What a server buried itself carries no
/// facts: its reason is [`UNKNOWN`].
pub fn unwrap(letter: Message) -> (Message, Death) {
    let mut message = letter;
    let mut take = |name| message.attributes.remove(name);
    let time = |text: Option<String>| text.and_then(|text| times::parse(&text));
    let death = Death {
        reason: take(REASON).unwrap_or_else(|| UNKNOWN.to_owned()),
        attempts: take(ATTEMPTS).and_then(|text| text.parse().ok()),
        first_at: time(take(FIRST_AT)),
        at: time(take(AT)),
        from: take(FROM),
    };
    message.attributes.retain(|name, _| !name.starts_with(PREFIX));
    (message, death)
}

fn shorten(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_VALUE)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn death() -> Death {
        Death {
            reason: "not an object".to_owned(),
            attempts: Some(3),
            first_at: DateTime::from_timestamp(1, 0),
            at: DateTime::from_timestamp(2, 0),
            from: Some("pubsub://p/s".to_owned()),
        }
    }

    fn message() -> Message {
        let mut message = Message::new("a", "body");
        message.attributes.insert("mine".to_owned(), "1".to_owned());
        message.group = Some("g".to_owned());
        message
    }

    #[test]
    fn a_dead_letter_gives_back_the_message_and_its_death() {
        let letter = wrap(&message(), &death());
        assert_eq!(letter.attributes[REASON], "not an object");
        assert_eq!(unwrap(letter), (message(), death()));
    }

    #[test]
    fn a_second_death_leaves_nothing_of_the_first() {
        let second = Death { attempts: None, first_at: None, ..death() };
        let letter = wrap(&wrap(&message(), &death()), &second);
        assert_eq!(unwrap(letter), (message(), second));
    }

    #[test]
    fn what_a_server_buried_has_an_unknown_reason() {
        let (original, death) = unwrap(message());
        assert_eq!(original, message());
        assert_eq!((death.reason.as_str(), death.attempts, death.at), (UNKNOWN, None, None));
    }

    #[test]
    fn a_long_reason_is_cut_between_letters() {
        let reason = "é".repeat(LONGEST_VALUE);
        let letter = wrap(&message(), &Death { reason, ..death() });
        assert_eq!(letter.attributes[REASON].len(), LONGEST_VALUE);
    }
}
