//! A job as it stands in Redis: one JSON object, whose fields we do not know outlive what we do to it.

use super::go_json;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// A job that was read. Nothing of its text is lost.
#[derive(Debug, Clone)]
pub struct Job<'j> {
    /// Which work is to be done.
    pub name: String,
    /// Any string; may be empty, and two jobs may have one id.
    pub id: String,
    /// When it was enqueued, or came back to a ready list, in unix seconds.
    pub t: i64,
    /// The arguments as they were written: an object or `null`.
    pub args: &'j str,
    /// Whether a key keeps others like it out.
    pub unique: bool,
    /// That key, where the job tells it.
    pub unique_key: String,
    /// How often it has failed.
    pub fails: u32,
    /// Why it failed the last time.
    pub err: String,
    /// When it failed the last time, in unix seconds; 0 where it has not.
    pub failed_at: i64,
    /// What only our own programs write.
    pub more: More,
    fields: Fields<'j>,
}

/// What a job has no place for: our programs keep it in one more field, which others pass over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct More {
    /// The group of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The attributes of the message.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// The name of that field.
const MORE: &str = "kakehi";

/// Why bytes are no job, in words that hold nothing of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poison(pub String);

impl<'j> Job<'j> {
    /// Reads a job.
    pub fn parse(bytes: &'j [u8]) -> Result<Self, Poison> {
        let poison = |why: &str| Poison(why.to_owned());
        let text = std::str::from_utf8(bytes).map_err(|_| poison("it is not UTF-8"))?;
        let fields: Fields =
            serde_json::from_str(text).map_err(|_| poison("it is not a JSON object"))?;
        let name: String = fields.read("name")?;
        if name.is_empty() {
            return Err(poison("it has no name"));
        }
        let args = fields.get("args").map_or("null", RawValue::get);
        if !args.starts_with('{') && args != "null" {
            return Err(poison("its `args` are no object"));
        }
        Ok(Self {
            name,
            id: fields.read("id")?,
            t: fields.read("t")?,
            args,
            unique: fields.read("unique")?,
            unique_key: fields.read("unique_key")?,
            fails: fields.read("fails")?,
            err: fields.read("err")?,
            failed_at: fields.read("failed_at")?,
            // Whatever else somebody keeps under this name is theirs.
            more: fields.read(MORE).unwrap_or_default(),
            fields,
        })
    }

    /// The job after an attempt that failed.
    pub fn failed(&self, fails: u32, err: &str, at: i64) -> Vec<u8> {
        self.edited(&[
            ("fails", Some(fails.to_string())),
            ("err", Some(go_json::string(err))),
            ("failed_at", Some(at.to_string())),
        ])
    }

    /// The job as it comes back to a ready list.
    pub fn at(&self, t: i64) -> Vec<u8> {
        self.edited(&[("t", Some(t.to_string()))])
    }

    /// The job as if it had never failed.
    pub fn fresh(&self, t: i64) -> Vec<u8> {
        let t = Some(t.to_string());
        self.edited(&[("t", t), ("fails", None), ("err", None), ("failed_at", None)])
    }

    /// The job with other values of these fields; `None` takes one out, and what is new stands at the
    /// end.
    fn edited(&self, edits: &[(&str, Option<String>)]) -> Vec<u8> {
        let mut out = Vec::new();
        let new = |key: &str| edits.iter().find(|(edited, _)| is(key, edited)).map(|(_, to)| to);
        for (key, value) in &self.fields.0 {
            match new(key) {
                None => push(&mut out, key, value.get()),
                Some(Some(value)) => push(&mut out, key, value),
                Some(None) => {}
            }
        }
        for (key, value) in edits {
            if let Some(value) = value
                && self.fields.get(key).is_none()
            {
                push(&mut out, key, value);
            }
        }
        out.push(b'}');
        out
    }
}

/// Whether a field has this name: Go takes it in capitals, too.
fn is(field: &str, name: &str) -> bool {
    field.eq_ignore_ascii_case(name)
}

/// Adds a field to an object that is not closed yet, or begins one.
fn push(out: &mut Vec<u8>, key: &str, value: &str) {
    out.push(if out.is_empty() { b'{' } else { b',' });
    out.extend_from_slice(go_json::string(key).as_bytes());
    out.push(b':');
    out.extend_from_slice(value.as_bytes());
}

/// A job that is to be enqueued.
#[derive(Debug, Clone)]
pub(super) struct NewJob<'j> {
    /// Which work is to be done.
    pub(super) name: &'j str,
    /// Any string.
    pub(super) id: &'j str,
    /// When it is enqueued, in unix seconds.
    pub(super) t: i64,
    /// The arguments: the text of an object or `null`.
    pub(super) args: &'j str,
    /// The key that keeps others like it out.
    pub(super) unique_key: Option<&'j str>,
    /// What only our own programs read.
    pub(super) more: &'j More,
}

impl NewJob<'_> {
    /// The bytes in Redis, in gocraft/work's order of fields.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.args.len() + self.name.len() + self.id.len() + 64);
        push(&mut out, "name", &go_json::string(self.name));
        push(&mut out, "id", &go_json::string(self.id));
        push(&mut out, "t", &self.t.to_string());
        push(&mut out, "args", self.args);
        if let Some(key) = self.unique_key {
            push(&mut out, "unique", "true");
            push(&mut out, "unique_key", &go_json::string(key));
        }
        if *self.more != More::default() {
            let more = serde_json::to_string(self.more).expect("texts are JSON");
            push(&mut out, MORE, &more);
        }
        out.push(b'}');
        out
    }
}

/// The fields of an object as they were written, in their order.
#[derive(Debug, Clone)]
struct Fields<'j>(Vec<(String, &'j RawValue)>);

impl<'j> Fields<'j> {
    /// The value of a field; of several of one name the last counts, as it does for Go.
    fn get(&self, key: &str) -> Option<&'j RawValue> {
        self.0.iter().rev().find(|(known, _)| is(known, key)).map(|(_, value)| *value)
    }

    /// A field's value; the type's default where it is missing or null.
    fn read<T: Default + Deserialize<'j>>(&self, key: &str) -> Result<T, Poison> {
        let Some(value) = self.get(key) else { return Ok(T::default()) };
        let read: Result<Option<T>, _> = serde_json::from_str(value.get());
        let read = read.map_err(|_| Poison(format!("its `{key}` is of another type")))?;
        Ok(read.unwrap_or_default())
    }
}

impl<'de: 'j, 'j> Deserialize<'de> for Fields<'j> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor).map(Fields)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
            fields.push((key, value));
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_written_as_gocraft_writes_it() {
        let job = NewJob {
            name: "uq",
            id: "b3",
            t: 1_795_289_862,
            args: r#"{"a":"x"}"#,
            more: &More::default(),
            unique_key: Some("gv:unique:uq:{\"a\":\"x\"}\n"),
        };
        assert_eq!(
            String::from_utf8(job.bytes()).unwrap(),
            r#"{"name":"uq","id":"b3","t":1795289862,"args":{"a":"x"},"unique":true,"unique_key":"gv:unique:uq:{\"a\":\"x\"}\n"}"#
        );
    }

    #[test]
    fn what_we_do_not_know_outlives_an_edit() {
        let text = br#"{"d":5,"name":"a","t":1,"args":{"n": 12345678901234567890, "s":"\/"},"fails":2,"trace":{"x":[]}}"#;
        let job = Job::parse(text).unwrap();
        assert_eq!((job.fails, job.args), (2, r#"{"n": 12345678901234567890, "s":"\/"}"#));
        assert_eq!(
            String::from_utf8(job.failed(3, "<no>", 9)).unwrap(),
            r#"{"d":5,"name":"a","t":1,"args":{"n": 12345678901234567890, "s":"\/"},"fails":3,"trace":{"x":[]},"err":"\u003cno\u003e","failed_at":9}"#
        );
        assert_eq!(
            String::from_utf8(job.fresh(7)).unwrap(),
            r#"{"d":5,"name":"a","t":7,"args":{"n": 12345678901234567890, "s":"\/"},"trace":{"x":[]}}"#
        );
    }

    #[test]
    fn what_is_no_job_says_why() {
        for (text, why) in [
            ("", "it is not a JSON object"),
            ("[]", "it is not a JSON object"),
            ("{}", "it has no name"),
            (r#"{"name":1}"#, "its `name` is of another type"),
            (r#"{"name":"a","t":1.5}"#, "its `t` is of another type"),
            (r#"{"name":"a","args":[]}"#, "its `args` are no object"),
            (r#"{"name":"a","fails":-1}"#, "its `fails` is of another type"),
        ] {
            assert_eq!(Job::parse(text.as_bytes()).unwrap_err(), Poison(why.to_owned()), "{text}");
        }
        assert_eq!(Job::parse(b"\xff").unwrap_err(), Poison("it is not UTF-8".to_owned()));
    }
}
