//! Which queue a call means, and the texts in a call.

use super::error::{Code, Fault};
use crate::queues::Tasks;
use crate::serve::taskqueue::failure::{Failure, Reason};
use crate::serve::taskqueue::{Served, limits};
use crate::text;
use std::sync::Arc;

/// The most of a name that an error shows, in characters.
const SHOWN: usize = 100;

/// The queue of a call.
pub(super) async fn find(served: &Served, name: &[u8]) -> Result<Arc<dyn Tasks>, Fault> {
    let found = match text_of(name) {
        Some(name) => served.queue(name).await,
        None => Err(Failure::queue_name()),
    };
    found.map_err(|failure| match failure.reason {
        Reason::Missing => Fault::Application(Code::UnknownQueue, failure.message),
        Reason::Invalid => Fault::Application(Code::InvalidQueueName, failure.message),
        _ => failure.into(),
    })
}

/// Bytes as text; `None` where they are none, or nothing at all.
pub(super) fn text_of(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}

/// A name for an error: its beginning, and nothing that acts on a terminal.
pub(super) fn shown(name: &[u8]) -> String {
    text::beginning(&String::from_utf8_lossy(name), SHOWN)
}

/// The tag that bytes stand for.
pub(super) fn tag(bytes: &[u8]) -> Result<String, Fault> {
    let tag = std::str::from_utf8(bytes).ok().filter(|tag| limits::is_tag(tag));
    tag.map(str::to_owned).ok_or_else(|| {
        let why = format!("a tag is UTF-8 of at most {} characters", limits::TAG_CHARACTERS);
        Fault::Application(Code::InvalidTag, why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_up_to_five_hundred_characters() {
        for text in ["", "render", "日本語", &"ü".repeat(500)] {
            assert_eq!(tag(text.as_bytes()), Ok(text.to_owned()));
        }
        for bytes in [&b"\xff"[..], "ü".repeat(501).as_bytes()] {
            assert!(matches!(tag(bytes), Err(Fault::Application(Code::InvalidTag, _))));
        }
    }

    #[test]
    fn a_name_in_an_error_is_short_and_harmless() {
        assert_eq!(shown(b"a\n\xff"), "a\\n\u{fffd}");
        assert_eq!(shown(&[b'x'; 200]).chars().count(), 101);
    }
}
