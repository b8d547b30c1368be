//! Dead letters that the server made itself: it moves a message as it is, and tells beside it
//! where it was.

use super::codec::{system, time};
use crate::dead_letter::{self, Death};
use crate::message::Message;
use crate::times;
use aws_sdk_sqs::types::{Message as Wire, MessageSystemAttributeName as System};

/// Names under which a dead letter carries within this process what the server says of it.
const SOURCE: &str = "kakehi-dead-sqs-source";
const FIRST_AT: &str = "kakehi-dead-sqs-first-at";

/// Notes in a dead letter what the server says of it.
pub(super) fn note(letter: &mut Message, wire: &Wire) {
    let source = system(wire, &System::DeadLetterQueueSourceArn);
    let first_at = time(wire, &System::ApproximateFirstReceiveTimestamp);
    // The first receive of a letter that nobody received before is this one.
    let count = system(wire, &System::ApproximateReceiveCount);
    let first_at = first_at.filter(|_| count.as_deref() != Some("1"));
    let facts = [(SOURCE, source), (FIRST_AT, first_at.map(|time| time.to_rfc3339()))];
    for (name, value) in facts {
        letter.attributes.extend(value.map(|value| (name.to_owned(), value)));
    }
}

/// The original of a dead letter, whoever made it: ours, or the server, which gives no reason.
pub(super) fn unwrap(mut letter: Message) -> (Message, Death) {
    let source = letter.attributes.remove(SOURCE);
    let first_at = letter.attributes.remove(FIRST_AT);
    let (message, mut death) = dead_letter::unwrap(letter);
    if death.at.is_none() {
        death.first_at = death.first_at.or(first_at.and_then(|text| times::parse(&text)));
        let name = source.as_deref().and_then(|arn| arn.rsplit(':').next());
        death.from = death.from.or(name.map(|name| format!("sqs:{name}")));
    }
    (message, death)
}
