//! The keys that keep a job out while one like it waits.

use super::go_json;
use super::options::Unique;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// How long such a key lives, in seconds, counted from the last job that it kept out.
pub(super) const LIFE: u32 = 86_400;

/// A unique key, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UniqueKey {
    pub(super) key: String,
    /// Whether it holds the job that came last, so that its arguments win, and not `1`.
    pub(super) holds_job: bool,
}

impl UniqueKey {
    /// The key of a job with these arguments, the text of an object or `null`; or why it has none.
    pub(super) fn of(unique: &Unique, prefix: &str, job: &str, args: &str) -> Result<Self, String> {
        let (told, holds_job) = match unique {
            // Where there are no arguments, the name alone is unique.
            Unique::Args if args == "null" => (String::new(), false),
            Unique::Args => (canonical(args)? + "\n", false),
            Unique::Fields(names) => (canonical(&fields(names, args)?)? + "\n", true),
        };
        Ok(Self { key: format!("{prefix}unique:{job}:{told}"), holds_job })
    }
}

fn canonical(args: &str) -> Result<String, String> {
    go_json::canonical(args).ok_or_else(|| "its arguments are nested too deep".to_owned())
}

/// An object of these fields only. One that is missing is no value of its own: a slip in its name
/// would make all jobs alike.
fn fields(names: &[String], args: &str) -> Result<String, String> {
    let all: Option<BTreeMap<String, &RawValue>> =
        serde_json::from_str(args).map_err(|_| "its arguments are not JSON".to_owned())?;
    let all = all.unwrap_or_default();
    let field = |name: &String| match all.get(name) {
        Some(value) => Ok(format!("{}:{}", go_json::string(name), value.get())),
        None => Err(format!("its arguments have no field `{name}`, which `unique` names")),
    };
    let fields = names.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    Ok(format!("{{{}}}", fields.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(unique: &Unique, args: &str) -> Result<String, String> {
        UniqueKey::of(unique, "gv:", "uq", args).map(|unique| unique.key)
    }

    fn of_fields(names: &[&str]) -> Unique {
        Unique::Fields(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_key_is_as_gocraft_makes_it() {
        for (args, told) in [
            (r#"{ "b": 1, "a": "x<" }"#, "gv:unique:uq:{\"a\":\"x\\u003c\",\"b\":1}\n"),
            ("{}", "gv:unique:uq:{}\n"),
            ("null", "gv:unique:uq:"),
        ] {
            assert_eq!(key(&Unique::Args, args).as_deref(), Ok(told), "{args}");
        }
        let some = key(&of_fields(&["b", "a"]), r#"{"c":[1],"a":null,"b":{"y":1,"x":2}}"#);
        assert_eq!(some.as_deref(), Ok("gv:unique:uq:{\"a\":null,\"b\":{\"x\":2,\"y\":1}}\n"));
    }

    #[test]
    fn a_job_without_the_field_is_refused() {
        for args in ["null", "{}", r#"{"usr":1}"#] {
            let why = key(&of_fields(&["user"]), args).unwrap_err();
            assert!(why.contains("no field `user`"), "{why}");
        }
    }
}
