//! An item of an answer becomes a message.

use super::SOURCE;
use super::options::{Pointers, shown};
use crate::json::{self, Pointer, compact};
use crate::message::Message;
use crate::sources::fields::scalar;
use crate::{text, times};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::ops::Range;
use url::Url;

/// The longest id, in bytes: queues bound that.
const MAX_ID: usize = 200;
/// Numbers that are seconds since 1970; larger ones, which would be of the year 5138, are milliseconds.
const SECONDS: Range<i64> = -100_000_000_000..100_000_000_000;

/// Makes messages of the items of one URL.
pub(super) struct Items {
    pointers: Pointers,
    /// The URL without its parameters: items of two URLs that look alike are not the same.
    url: String,
}

impl Items {
    pub(super) fn new(url: &Url, pointers: Pointers) -> Self {
        Self { pointers, url: shown(url) }
    }

    /// The items of an answer; `null` is none. Or why there is no list.
    pub(super) fn list<'j>(&self, answer: &'j RawValue) -> Result<Vec<&'j RawValue>, String> {
        let list = match &self.pointers.items {
            None if !answer.get().starts_with(['[', 'n']) => return Ok(vec![answer]),
            None => answer,
            Some(items) => items
                .find(answer)
                .map_err(|why| format!("in the answer {why}"))?
                .ok_or_else(|| format!("the answer has nothing at `{items}`"))?,
        };
        let items: Result<Option<Vec<&RawValue>>, _> = serde_json::from_str(list.get());
        let place = self.pointers.items.as_ref().map(|items| format!(" at `{items}`"));
        let place = place.unwrap_or_default();
        items.map(Option::unwrap_or_default).map_err(|_| format!("there is no list{place}"))
    }

    /// The message of an item, or why it is none; `is_damaged` where the answer held bytes that are no
    /// UTF-8.
    pub(super) fn message(&self, item: &RawValue, is_damaged: bool) -> Result<Message, String> {
        if is_damaged && item.get().contains(char::REPLACEMENT_CHARACTER) {
            return Err("it holds bytes that are not UTF-8".to_owned());
        }
        json::validate(item.get().as_bytes(), json::SHOWN_DEPTH).map_err(|it| it.to_string())?;
        let body = compact(item);
        let mut message = Message::new(self.id(item, &body)?, body.get().to_owned());
        message.group = match &self.pointers.group {
            Some(group) => value(group, item)?.filter(|group| !group.is_empty()),
            None => None,
        };
        message.attributes = BTreeMap::from([("source".to_owned(), SOURCE.to_owned())]);
        Ok(message)
    }

    fn id(&self, item: &RawValue, body: &RawValue) -> Result<String, String> {
        let mut id = match self.pointers.id.as_slice() {
            [] => text::digest(format!("{}\n{}", self.url, body.get())),
            parts => {
                let parts: Result<Vec<_>, _> = parts.iter().map(|it| needed(it, item)).collect();
                parts?.join("/")
            }
        };
        if let Some(at) = &self.pointers.at {
            let at = instant(at, item)?.to_rfc3339_opts(SecondsFormat::AutoSi, true);
            id = format!("{id}@{at}");
        }
        match id {
            id if id.len() > MAX_ID => Err(format!("its id is longer than {MAX_ID} bytes")),
            id if id.chars().any(char::is_control) => {
                Err("its id holds control characters".to_owned())
            }
            id => Ok(id),
        }
    }
}

fn value(place: &Pointer, item: &RawValue) -> Result<Option<String>, String> {
    scalar(place.find(item)?, &place.to_string())
}

fn needed(place: &Pointer, item: &RawValue) -> Result<String, String> {
    match value(place, item)? {
        None => Err(format!("it has no `{place}`, which its id is made of")),
        Some(part) if part.is_empty() => Err(format!("its `{place}` is empty")),
        Some(part) => Ok(part),
    }
}

/// A time in RFC 3339, or a number of seconds or milliseconds since 1970.
fn instant(place: &Pointer, item: &RawValue) -> Result<DateTime<Utc>, String> {
    let text = needed(place, item)?;
    let time = match text.parse::<i64>() {
        Ok(number) if SECONDS.contains(&number) => times::from_millis(number * 1000),
        Ok(number) => times::from_millis(number),
        Err(_) => times::parse(&text),
    };
    time.ok_or_else(|| {
        format!("its `{place}` is neither a time in RFC 3339 nor a number of seconds since 1970")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn pointer(text: &str) -> Pointer {
        Pointer::parse(text).unwrap()
    }

    fn items(pointers: Pointers) -> Items {
        Items::new(&Url::parse("https://a.example/x?key=1").unwrap(), pointers)
    }

    fn listed(items_at: Option<&str>, answer: &str) -> Result<usize, String> {
        let pointers = Pointers { items: items_at.map(pointer), ..Pointers::default() };
        items(pointers).list(&raw(answer)).map(|list| list.len())
    }

    #[test]
    fn the_items_are_where_the_url_says_or_the_answer_itself() {
        assert_eq!(listed(None, "[1,2]"), Ok(2));
        assert_eq!(listed(None, "{\"a\":[1,2]}"), Ok(1));
        assert_eq!(listed(None, "null"), Ok(0));
        assert_eq!(listed(Some("/a"), "{\"a\":[1,2,3]}"), Ok(3));
        assert_eq!(listed(Some("/a"), "{\"a\":null}"), Ok(0));
        assert_eq!(listed(Some("/a"), "{\"a\":{}}").unwrap_err(), "there is no list at `/a`");
        assert_eq!(listed(Some("/b"), "{}").unwrap_err(), "the answer has nothing at `/b`");
    }

    #[test]
    fn an_id_is_made_of_its_parts_and_the_instant_whatever_way_that_is_written() {
        let pointers = || Pointers {
            id: vec![pointer("/station"), pointer("/n")],
            at: Some(pointer("/at")),
            group: Some(pointer("/station")),
            ..Pointers::default()
        };
        for at in ["\"2026-05-01T09:00:00+09:00\"", "1777593600", "1777593600000"] {
            let item = raw(&format!("{{\"station\": \"t\", \"n\":7, \"at\":{at}}}"));
            let message = items(pointers()).message(&item, false).unwrap();
            assert_eq!(message.id, "t/7@2026-05-01T00:00:00Z", "{at}");
            assert_eq!(message.group.as_deref(), Some("t"));
            assert_eq!(message.body, format!("{{\"station\":\"t\",\"n\":7,\"at\":{at}}}"));
        }
    }

    #[test]
    fn without_an_id_the_same_item_of_the_same_url_is_the_same_message() {
        let id = |json: &str| items(Pointers::default()).message(&raw(json), false).unwrap().id;
        assert_eq!(id("{\"a\":1}"), id("{ \"a\" : 1 }"));
        assert_ne!(id("{\"a\":1}"), id("{\"a\":1.0}"));
        let other = Items::new(&Url::parse("https://a.example/y").unwrap(), Pointers::default());
        assert_ne!(id("{}"), other.message(&raw("{}"), false).unwrap().id);
    }

    #[test]
    fn an_item_that_is_no_message_says_why() {
        let pointers = || Pointers {
            id: vec![pointer("/id")],
            at: Some(pointer("/at")),
            ..Pointers::default()
        };
        for (item, damaged, told) in [
            ("{}", false, "it has no `/id`, which its id is made of"),
            ("7", false, "it has no `/id`, which its id is made of"),
            (r#"{"id":null}"#, false, "it has no `/id`, which its id is made of"),
            (r#"{"id":""}"#, false, "its `/id` is empty"),
            (r#"{"id":[1]}"#, false, "its `/id` is a list"),
            (r#"{"id":1,"id":2}"#, false, "its `id` stands twice"),
            (r#"{"id":"a\nb","at":0}"#, false, "its id holds control characters"),
            (r#"{"id":1}"#, false, "it has no `/at`, which its id is made of"),
            (
                r#"{"id":1,"at":"noon"}"#,
                false,
                "its `/at` is neither a time in RFC 3339 nor a number of seconds since 1970",
            ),
            (
                r#"{"id":1,"at":1,"t":"\ud83d"}"#,
                false,
                "the field `t` holds half of a surrogate pair",
            ),
            ("{\"id\":1,\"at\":1,\"t\":\"\u{fffd}\"}", true, "it holds bytes that are not UTF-8"),
        ] {
            let refused = items(pointers()).message(&raw(item), damaged).unwrap_err();
            assert_eq!(refused, told, "{item}");
        }
        let long = format!(r#"{{"id":"{}","at":1}}"#, "x".repeat(MAX_ID));
        assert!(items(pointers()).message(&raw(&long), false).unwrap_err().contains("longer than"));
    }
}
