//! Which object a message means, and what its thumbnail is called.

use serde::Deserialize;

/// An object of a store.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Asked {
    /// Where it is said.
    bucket: Option<String>,
    pub(super) key: String,
}

impl Asked {
    /// An object of JSON as `files:` publishes it, else the bare key, as text or as a string of JSON.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8".to_owned())?;
        let text = text.trim_matches(['\r', '\n']);
        let asked = match text.trim_start().bytes().next() {
            Some(b'{') => serde_json::from_str(text)
                .map_err(|_| "the body is no JSON object with a `key`".to_owned())?,
            Some(b'"') => {
                let key = serde_json::from_str(text);
                Self::bare(key.map_err(|_| "the body is no JSON string".to_owned())?)
            }
            _ => Self::bare(text.to_owned()),
        };
        if asked.key.is_empty() {
            return Err("the body names no key".to_owned());
        }
        Ok(asked)
    }

    fn bare(key: String) -> Self {
        Self { bucket: None, key }
    }

    /// The key for a person: what a terminal would obey, and all behind some length, is not shown.
    pub(super) fn shown(&self) -> String {
        shown(&self.key)
    }

    /// The key of its thumbnail. A thumbnail has none: whoever makes a message of each new object
    /// would else make thumbnails of thumbnails without end.
    pub(super) fn name(&self, bucket: Option<&str>, prefix: &str) -> Result<String, String> {
        match (&self.bucket, bucket) {
            (Some(asked), Some(ours)) if asked != ours => {
                Err(format!("it is in the bucket `{}`, and this is `{ours}`", shown(asked)))
            }
            (Some(asked), None) => {
                Err(format!("it is in the bucket `{}`, and this store has none", shown(asked)))
            }
            _ if self.key.starts_with(prefix) => {
                Err(format!("it is a thumbnail itself: its key begins with `{prefix}`"))
            }
            _ => Ok(format!("{prefix}{}", self.key)),
        }
    }
}

/// More of a key is not shown; no store takes longer ones.
const SHOWN: usize = 1024;

fn shown(text: &str) -> String {
    let visible = |c: char| match c.is_control() || matches!(c, '\u{202a}'..='\u{202e}') {
        true => c.escape_unicode().to_string(),
        false => c.to_string(),
    };
    text.chars().take(SHOWN).map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(body: &str) -> Result<String, String> {
        Asked::read(body.as_bytes()).map(|asked| asked.key)
    }

    #[test]
    fn a_key_comes_as_files_publishes_it_or_bare() {
        for body in [
            r#"{"key":"a b/ä.jpg","content_type":"image/jpeg","size":5}"#,
            r#"{"bucket":"photos","key":"a b/ä.jpg"}"#,
            r#" {"key":"a b/\u00e4.jpg","bucket":null}"#,
            "a b/ä.jpg",
            "a b/ä.jpg\n",
            r#""a b/ä.jpg""#,
        ] {
            assert_eq!(key(body).as_deref(), Ok("a b/ä.jpg"), "{body}");
        }
    }

    #[test]
    fn a_body_without_a_key_is_refused() {
        for (body, reason) in [
            ("", "the body names no key"),
            ("\n", "the body names no key"),
            ("\"\"", "the body names no key"),
            (r#"{"key":""}"#, "the body names no key"),
            ("{}", "the body is no JSON object with a `key`"),
            (r#"{"key":7}"#, "the body is no JSON object with a `key`"),
            (r#"{"key":"a""#, "the body is no JSON object with a `key`"),
            (r#""a"#, "the body is no JSON string"),
        ] {
            assert_eq!(key(body), Err(reason.to_owned()), "{body}");
        }
        assert_eq!(Asked::read(b"\xff"), Err("the body is not UTF-8".to_owned()));
    }

    #[test]
    fn a_thumbnail_has_a_name_that_follows_from_the_key() {
        let asked = |bucket: Option<&str>, key: &str| Asked {
            bucket: bucket.map(str::to_owned),
            key: key.to_owned(),
        };
        let name = |asked: Asked, bucket| asked.name(bucket, "thumbnail/");
        assert_eq!(name(asked(None, "a/b.jpg"), None).unwrap(), "thumbnail/a/b.jpg");
        assert_eq!(name(asked(Some("x"), "a"), Some("x")).unwrap(), "thumbnail/a");
        assert_eq!(name(asked(None, "a"), Some("x")).unwrap(), "thumbnail/a");
        for (asked, bucket, reason) in [
            (asked(Some("y"), "a"), Some("x"), "it is in the bucket `y`, and this is `x`"),
            (
                asked(Some("y\n"), "a"),
                None,
                "it is in the bucket `y\\u{a}`, and this store has none",
            ),
            (
                asked(None, "thumbnail/a"),
                None,
                "it is a thumbnail itself: its key begins with `thumbnail/`",
            ),
        ] {
            assert_eq!(name(asked, bucket), Err(reason.to_owned()));
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_and_not_sent() {
        let asked = Asked::read(b"a\x1b[2Jb").unwrap();
        assert_eq!(asked.shown(), "a\\u{1b}[2Jb");
    }
}
