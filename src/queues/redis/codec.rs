//! A message as a job, and a job as a message.
//!
//! A job has no place for a group and for attributes. They travel in one more field, `kakehi`, which
//! other programs pass over, and lose where they write the job anew.

use super::job::{Job, More, NewJob};
use super::keys::Keys;
use super::options::{RedisOptions, Unique, name_refusal};
use super::unique::UniqueKey;
use crate::message::Message;
use crate::{json, times};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// How messages become jobs.
#[derive(Debug)]
pub(super) struct Codec {
    pub(super) keys: Keys,
    /// The name of a job whose message has no tag.
    job: Option<String>,
    /// Whether a tag is only what the queue before this one has called it.
    passes_on: bool,
    delay: TimeDelta,
    unique: Option<Unique>,
}

/// A job that can be enqueued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    /// When it is due, in unix seconds; `None`: at once.
    pub(super) due: Option<i64>,
    pub(super) unique: Option<UniqueKey>,
}

impl Codec {
    /// How the URL wants its jobs.
    pub(super) fn new(parsed: &RedisOptions, passes_on: bool) -> Self {
        Self {
            keys: parsed.keys(),
            job: parsed.jobs.first().cloned(),
            passes_on,
            delay: TimeDelta::from_std(parsed.delay.unwrap_or_default()).unwrap_or(TimeDelta::MAX),
            unique: parsed.unique.clone(),
        }
    }

    /// The job of a message, or why it cannot be one.
    pub(super) fn pack(&self, message: &Message, now: DateTime<Utc>) -> Result<Packed, String> {
        let name = self.name(message)?;
        let args = args(message)?;
        let due = self.due(message, now)?;
        let unique = self.unique.as_ref();
        let unique = unique.map(|it| UniqueKey::of(it, self.keys.prefix(), name, args.get()));
        let unique = unique.transpose()?;
        let job = NewJob {
            name,
            id: &message.id,
            t: now.timestamp(),
            args: args.get(),
            unique_key: unique.as_ref().map(|unique| unique.key.as_str()),
            more: &more(message),
        };
        Ok(Packed { name: name.to_owned(), bytes: job.bytes(), due, unique })
    }

    /// The name of the job. What is passed on takes that of the URL, if it gives one.
    fn name<'m>(&'m self, message: &'m Message) -> Result<&'m str, String> {
        let tag = message.tag.as_deref().filter(|tag| !tag.is_empty());
        let job = self.job.as_deref();
        let name = if self.passes_on { job.or(tag) } else { tag.or(job) };
        let name = name.ok_or("it has no tag, and the URL names no job")?;
        match name_refusal(name) {
            None => Ok(name),
            Some(why) => Err(format!("its tag cannot name a job: {why}")),
        }
    }

    /// When the job is due, in unix seconds: never too early.
    fn due(&self, message: &Message, now: DateTime<Utc>) -> Result<Option<i64>, String> {
        if let Some(why) = times::refusal(message) {
            return Err(why);
        }
        let due = message.not_before.or_else(|| now.checked_add_signed(self.delay));
        let due = due.filter(|due| times::is_carried(*due));
        let due = due.ok_or("its delay leads beyond the year 9999")?;
        let begun = i64::from(due.timestamp_subsec_nanos() > 0);
        Ok((due > now).then(|| due.timestamp() + begun))
    }
}

/// The arguments as they were written.
fn args(message: &Message) -> Result<Cow<'_, RawValue>, String> {
    let json = json::validate(&message.body, json::SHOWN_DEPTH);
    let args = json.map_err(|fault| format!("the arguments of a job are JSON: {fault}"))?;
    match args.get().as_bytes() {
        [b'{', ..] | b"null" => Ok(Cow::Borrowed(args)),
        _ => Err("the arguments of a job are a JSON object or null".to_owned()),
    }
}

fn more(message: &Message) -> More {
    More { group: message.group.clone(), attributes: message.attributes.clone() }
}

/// The message of a job.
pub(super) fn unpack(job: &Job<'_>) -> Message {
    let mut message = Message::new(&job.id, job.args.to_owned());
    message.tag = Some(job.name.clone());
    message.group = job.more.group.clone();
    message.attributes = job.more.attributes.clone();
    let published = DateTime::from_timestamp(job.t, 0);
    message.published_at = published.filter(|time| times::is_carried(*time));
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::Location;

    fn codec(query: &str, passes_on: bool) -> Codec {
        let url = Location::parse(&format!("redis://h?namespace=gv&{query}")).unwrap();
        Codec::new(&RedisOptions::of(url).unwrap(), passes_on)
    }

    fn now() -> DateTime<Utc> {
        "2026-11-26T12:00:00.25Z".parse().unwrap()
    }

    fn packed(query: &str, message: &Message) -> Result<Packed, String> {
        codec(query, false).pack(message, now())
    }

    fn tagged(tag: &str) -> Message {
        Message { tag: Some(tag.to_owned()), ..Message::new("17", "{}") }
    }

    #[test]
    fn arguments_stay_as_they_were_written() {
        let body = r#" {"n": 12345678901234567890123, "f":1.50,"s":"\/é<"} "#;
        let job = packed("job=a", &Message::new("17", body)).unwrap();
        assert_eq!(
            String::from_utf8(job.bytes).unwrap(),
            format!(r#"{{"name":"a","id":"17","t":1795694400,"args":{}}}"#, body.trim())
        );
        assert_eq!((job.due, job.unique), (None, None));
        for body in ["", "[]", "1", "\"x\"", "{", "{\"a\":1e999}", "{\"a\":\"\\ud83d\"}", "nul"] {
            let why = packed("job=a", &Message::new("17", body)).unwrap_err();
            assert!(why.starts_with("the arguments of a job are"), "{body}: {why}");
        }
        assert!(packed("job=a", &Message::new("17", &b"{\"a\":\"\xff\"}"[..])).is_err());
        assert!(packed("job=a", &Message::new("17", "null")).is_ok());
    }

    #[test]
    fn a_tag_names_the_job() {
        let name = |query, passes_on, message: &Message| {
            codec(query, passes_on).pack(message, now()).map(|job| job.name)
        };
        let plain = Message::new("17", "{}");
        assert_eq!(name("job=a", false, &plain).as_deref(), Ok("a"));
        assert_eq!(name("job=a", false, &tagged("b")).as_deref(), Ok("b"));
        assert_eq!(name("job=a", true, &tagged("b")).as_deref(), Ok("a"));
        assert_eq!(name("", true, &tagged("b")).as_deref(), Ok("b"));
        assert_eq!(name("job=a", false, &tagged("")).as_deref(), Ok("a"));
        for message in [plain, tagged("a,b"), tagged("a:lock")] {
            assert!(name("", false, &message).is_err(), "{message:?}");
        }
    }

    #[test]
    fn a_job_is_never_due_too_early() {
        let at = |text: &str| Message {
            not_before: Some(text.parse().unwrap()),
            ..Message::new("17", "{}")
        };
        let noon = 1_795_694_400;
        for (query, message, due) in [
            ("job=a", at("2026-11-26T12:00:00.25Z"), None),
            ("job=a", at("2026-11-26T12:00:00.26Z"), Some(noon + 1)),
            ("job=a", at("2026-11-26T12:00:01Z"), Some(noon + 1)),
            ("job=a&delay=10s", Message::new("17", "{}"), Some(noon + 11)),
            ("job=a&delay=10s", at("2026-11-26T11:00:00Z"), None),
        ] {
            assert_eq!(packed(query, &message).unwrap().due, due, "{query} {message:?}");
        }
        for (query, message) in [
            ("job=a", at("+12000-01-01T00:00:00Z")),
            ("job=a&delay=9000years", Message::new("17", "{}")),
        ] {
            assert!(packed(query, &message).is_err(), "{query}");
        }
    }

    #[test]
    fn a_message_comes_back_as_it_was() {
        let mut message = tagged("a");
        message.group = Some("g".to_owned());
        message.attributes.insert("k<".to_owned(), "v\n".to_owned());
        let bytes = packed("", &message).unwrap().bytes;
        let back = unpack(&Job::parse(&bytes).unwrap());
        message.published_at = Some("2026-11-26T12:00:00Z".parse().unwrap());
        assert_eq!(back, message);
    }
}
