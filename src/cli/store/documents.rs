//! Documents as they come out of a store, some at a time, and as lines.

use super::format::with_offset;
use crate::envelope::Envelope;
use crate::error::Result;
use crate::message::Message;
use crate::readings::{Document, Documents};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

/// How many documents are in memory at once, and how many bytes of these, roughly.
const MOST: usize = 500;
const MOST_BYTES: usize = 8 << 20;

/// The next documents; none after the last.
pub(super) async fn next(documents: &mut Documents) -> Result<Vec<Document>> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < MOST && bytes < MOST_BYTES {
        let Some(document) = documents.next().await? else { break };
        bytes += document.json.len();
        batch.push(document);
    }
    Ok(batch)
}

/// The message that a document once was: its id and its body.
pub(super) fn message(document: &Document) -> Message {
    Message::new(document.id.clone(), document.json.clone())
}

/// A document as a line of JSON, which `stdin:?envelope` reads.
pub(super) fn line(document: &Document, zone: Tz) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        time: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        stored_at: Option<String>,
        #[serde(flatten)]
        message: Envelope<'a>,
    }
    let message = message(document);
    let message = Envelope::of_message(&message);
    let (time, stored_at) = (document.at(), document.stored_at);
    let shown = |time: DateTime<Utc>| with_offset(time, zone);
    super::format::json(&Line { time: time.map(shown), stored_at: stored_at.map(shown), message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::times;

    #[test]
    fn a_line_is_an_envelope_with_times_of_a_zone() {
        let document = Document {
            id: "a@1".to_owned(),
            json: "{\"te\":\n1.50}".to_owned(),
            stored_at: times::parse("2026-11-27T04:00:00.250Z"),
            observed: None,
        };
        let line = line(&document, Tz::Asia__Tokyo);
        assert_eq!(
            line,
            "{\"time\":\"2026-11-27T13:00:00.250+09:00\",\"stored_at\":\
             \"2026-11-27T13:00:00.250+09:00\",\"id\":\"a@1\",\"body\":{\"te\": 1.50}}\n"
        );
        let envelope: Envelope<'_> = serde_json::from_str(&line).unwrap();
        let message = envelope.into_message(|| unreachable!("it has an id")).unwrap();
        assert_eq!((message.id.as_str(), &message.body[..]), ("a@1", &b"{\"te\": 1.50}"[..]));
    }
}
