//! The URL of an end: `scheme:path?name=value`, taken apart and never printed with its credentials.

mod values;

use crate::error::{Error, Kind, Result};
use crate::{redact, text};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// What means something in a parameter, so that what is shown can be read again.
const RESERVED: &AsciiSet = &CONTROLS.add(b'%').add(b'&').add(b'#');

/// What to do about a shell that cuts a URL.
pub const QUOTE: &str = "a shell cuts a URL at `&` unless it is quoted: \
                         `'scheme:path?name=value&name=value'`";

/// A source's, a queue's or a sink's URL.
///
/// `take` and `flag` hand out the parameters that a backend knows; `finish` refuses what is left.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    scheme: String,
    rest: String,
    params: Vec<(String, Option<String>)>,
    /// How many parameters were typed.
    typed: usize,
    /// Whether what looks like parameters may be the rest of a password with a raw `?` in it.
    in_password: bool,
}

impl Location {
    /// Takes a URL apart: `stdin:`, `sqlite:q.db?queue=readings`, `pubsub://project/topic`.
    ///
    /// Parameter names and values are percent-decoded; the path is kept as it was written.
    pub fn parse(text: &str) -> Result<Self> {
        let malformed = |why: &str| {
            Error::new(Kind::Usage, format!("`{}` is not a URL", harmless(text)))
                .because_of(why)
                .hint("write it as `scheme:path?name=value`, for instance `sqlite:readings.db`")
        };
        let (scheme, rest) = text.split_once(':').ok_or_else(|| malformed("it has no scheme"))?;
        let starts_well = scheme.starts_with(|c: char| c.is_ascii_lowercase());
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
        if !starts_well || !scheme.chars().all(legal) {
            return Err(malformed("its scheme is not a word in small letters"));
        }
        if text.chars().any(char::is_control) {
            return Err(malformed("it holds control characters"));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let in_password = query.contains('@');
        let mut params = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = match pair.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (pair, None),
            };
            let name = decode(name).ok_or_else(|| malformed("a parameter is not UTF-8"))?;
            let value = match value {
                Some(value) => {
                    Some(decode(value).ok_or_else(|| malformed("a parameter is not UTF-8"))?)
                }
                None => None,
            };
            if params.iter().any(|(known, _)| *known == name) {
                let name = if in_password { "..." } else { &name };
                return Err(malformed(&format!("it gives `{name}` twice")));
            }
            params.push((name, value));
        }
        let (scheme, rest, typed) = (scheme.to_owned(), rest.to_owned(), params.len());
        Ok(Self { scheme, rest, params, typed, in_password })
    }

    /// The word before the first colon.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// What stands between the scheme's colon and the question mark, as it was written.
    pub fn rest(&self) -> &str {
        &self.rest
    }

    /// What stands between the scheme's colon and the question mark, percent-decoded, as the path of a
    /// file: `%3F` is a question mark.
    pub fn path(&self) -> Result<String> {
        decode(&self.rest)
            .ok_or_else(|| Error::new(Kind::Usage, format!("the path of `{self}` is not UTF-8")))
    }

    /// What stands between the scheme's colon and the question mark, percent-decoded, as the path of
    /// a file that need not be UTF-8: `%ff` is that byte.
    pub fn file(&self) -> PathBuf {
        OsString::from_vec(percent_decode_str(&self.rest).collect()).into()
    }

    /// The URL that stands behind this one's scheme, with all the parameters:
    /// `pubsub://project/topic?ordered` of `forward:pubsub://project/topic?ordered`.
    pub fn inner(self) -> Result<Self> {
        let bare = Self::parse(&self.rest).map_err(|error| {
            Error::new(Kind::Usage, format!("`{}:` needs a URL behind it", self.scheme))
                .because_of(error.one_line())
                .hint(format!("write `{}:sqlite:other.db`, for instance", self.scheme))
        })?;
        Ok(Self { params: self.params, typed: self.typed, ..bare })
    }

    /// Takes a parameter out; a parameter without a value is refused.
    pub fn take(&mut self, name: &str) -> Result<Option<String>> {
        let Some(at) = self.params.iter().position(|(known, _)| known == name) else {
            return Ok(None);
        };
        match self.params.remove(at).1 {
            Some(value) if !value.is_empty() => Ok(Some(value)),
            _ => Err(Error::new(Kind::Usage, format!("`{name}` in `{self}` needs a value"))
                .hint(format!("write `{name}=VALUE`"))),
        }
    }

    /// Takes a flag out: there without a value or with `true`, absent or `false`.
    pub fn flag(&mut self, name: &str) -> Result<bool> {
        let Some(at) = self.params.iter().position(|(known, _)| known == name) else {
            return Ok(false);
        };
        match self.params.remove(at).1.as_deref() {
            None | Some("" | "true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(Error::new(Kind::Usage, format!("`{name}` in `{self}` is a flag"))
                .hint(format!("write `{name}` alone"))),
        }
    }

    /// The URL with one more parameter, which a flag of the command line gives.
    ///
    /// # Errors
    /// `Usage` where the URL says it as well.
    pub fn with(mut self, name: &str, value: Option<&str>, flag: &str) -> Result<Self> {
        let Some(value) = value else { return Ok(self) };
        if self.params.iter().any(|(known, _)| known == name) {
            let what = format!("`{name}` in `{self}` and `{flag}` say the same thing");
            return Err(Error::new(Kind::Usage, what).hint("leave one of the two out"));
        }
        self.params.push((name.to_owned(), Some(value.to_owned())));
        Ok(self)
    }

    /// A parameter's value, where it has one.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| value.as_deref())
    }

    /// What the URL names, in words and without its secrets: `sqs readings`, `https://example.org/x`.
    pub fn describe(&self) -> String {
        // What stands before the question mark may be half of a password.
        if self.in_password && self.rest.starts_with("//") && self.rest.contains(':') {
            return format!("{} ...", self.scheme);
        }
        let shown = redact::url(&format!("{}:{}", self.scheme, self.rest));
        match self.rest.starts_with("//") {
            true => shown,
            false => shown.replacen(':', " ", 1).trim_end().to_owned(),
        }
    }

    /// Whether the URL may have been longer: a shell ends a command at an `&` that is not quoted,
    /// and what is left ends with its first parameter.
    pub fn may_be_cut(&self) -> bool {
        self.typed == 1
    }

    /// What a hint adds where something is missing that may have been typed.
    pub fn cut_hint(&self) -> String {
        if self.may_be_cut() { format!("; {QUOTE}") } else { String::new() }
    }

    /// What no `take` and no `flag` has taken yet, for a backend whose driver has parameters.
    pub fn remaining(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.params.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// The error for a scheme that a shelf does not have.
    pub fn unknown_scheme(&self, shelf: &str, known: &[&str]) -> Error {
        Error::new(Kind::Usage, format!("unknown {shelf} `{}:`", self.scheme))
            .hint(format!("a {shelf} is one of {}", list(known)))
    }

    /// The error for a scheme whose feature is not in this build.
    pub fn missing_feature(&self, feature: &str) -> Error {
        missing_feature(&self.scheme, feature)
    }

    /// Refuses parameters that nobody took, with the list of what is known.
    pub fn finish(&self, known: &[&str]) -> Result<()> {
        let Some((name, _)) = self.params.first() else { return Ok(()) };
        let name = if self.in_password { "..." } else { name };
        let hint = match known {
            [] => format!("`{}:` takes no parameters", self.scheme),
            _ => format!("`{}:` knows {}", self.scheme, list(known)),
        };
        Err(Error::new(Kind::Usage, format!("unknown parameter `{name}` in `{self}`")).hint(hint))
    }
}

/// The error for a scheme whose feature is not in this build.
pub fn missing_feature(scheme: &str, feature: &str) -> Error {
    not_built(&format!("`{scheme}:`"), feature)
}

/// The error for anything whose feature is not in this build.
pub fn not_built(what: &str, feature: &str) -> Error {
    Error::new(Kind::Configuration, format!("{what} is not in this build"))
        .hint(format!("build it with `cargo install --path . --features {feature}`"))
}

/// The URL as it can be typed again, without its secrets.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{}:{}", self.scheme, self.rest);
        for (at, (name, value)) in self.params.iter().enumerate() {
            text.push(if at == 0 { '?' } else { '&' });
            text.extend(utf8_percent_encode(name, RESERVED));
            if let Some(value) = value {
                text.push('=');
                text.extend(utf8_percent_encode(value, RESERVED));
            }
        }
        f.write_str(&redact::url(&text))
    }
}

/// Shows what `Display` shows: a password never reaches a log.
impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

/// Names for an error: `` `a`, `b` ``.
pub fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Any text that may be a URL, without user, password and query.
fn harmless(typed: &str) -> String {
    let shown = match typed.contains("//") {
        true => redact::url(typed),
        false => redact::behind_user(typed).to_owned(),
    };
    text::visible(shown.split('?').next().unwrap_or_default().as_bytes())
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_comes_apart() {
        let mut url = Location::parse("sqlite:my%3Ffile.db?queue=a%26b&envelope").unwrap();
        assert_eq!(url.scheme(), "sqlite");
        assert_eq!(url.path().unwrap(), "my?file.db");
        assert_eq!(url.take("queue").unwrap().as_deref(), Some("a&b"));
        assert!(url.flag("envelope").unwrap());
        assert!(url.finish(&[]).is_ok());
    }

    #[test]
    fn a_file_need_not_be_utf_8() {
        let url = Location::parse("sqlite:caf%E9%3F.db?queue=x").unwrap();
        let file = url.file();
        assert_eq!(file.as_os_str().as_encoded_bytes(), b"caf\xe9?.db");
        assert_eq!(url.path().unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn a_url_may_hold_another_with_its_parameters() {
        let url = Location::parse("forward:sqlite:my%3Ffile.db?queue=a%26b").unwrap();
        assert_eq!(url.scheme(), "forward");
        let inner = Location::parse("sqlite:my%3Ffile.db?queue=a%26b").unwrap();
        assert_eq!(url.inner().unwrap(), inner);
        for text in ["forward:", "forward:queue.db", "forward:?queue=x"] {
            let error = Location::parse(text).unwrap().inner().unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{text}");
        }
    }

    #[test]
    fn what_nobody_knows_is_refused_with_what_is_known() {
        let url = Location::parse("sqlite:q.db?qeue=x").unwrap();
        let error = url.finish(&["queue", "dedupe"]).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert_eq!(
            error.to_string(),
            "unknown parameter `qeue` in `sqlite:q.db?qeue=x`\n  hint: `sqlite:` knows `queue`, `dedupe`"
        );
    }

    #[test]
    fn a_password_is_never_shown() {
        for text in [
            "mongodb://me:p@ss/w@host/db?a=1",
            "mongodb://me:p%40@host/db",
            "x y://u:secret@h",
            "mongodb://me:se?cret=secret@host/db",
            "mongodb://me:se?secret@host/db",
            "redis://me:secret?x@host/0",
            "mongodb://me:se?secret&x@host/db",
            "mongodb://me:p@ss?secret=1&x=y@host/db",
            "mongodb://me:se?secret&secret&x@host/db",
            "x y://me:se?secret@host/db",
            "Me:secret@host",
            "secret@host",
            "s3://h?token=secret",
        ] {
            let shown = match Location::parse(text) {
                Ok(url) => format!("{url} {url:?} {:?} {}", url.finish(&[]), url.describe()),
                Err(error) => error.to_string(),
            };
            assert!(
                !shown.contains("p@ss") && !shown.contains("p%40") && !shown.contains("secret"),
                "{shown}"
            );
        }
    }

    #[test]
    fn what_a_url_names_is_told_in_words() {
        for (text, words) in [
            ("stdin:?id=n", "stdin"),
            ("sqs:readings?wait=1s", "sqs readings"),
            ("https://api.example/air?items=/data", "https://api.example/air"),
            ("sql:sqlite:users.db?query=select 1", "sql sqlite:users.db"),
        ] {
            assert_eq!(Location::parse(text).unwrap().describe(), words);
        }
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        for text in ["sqlite:a%26b.db?queue=a%26b%25c=d?e&envelope", "sqlite:/a//b@c.db?queue=d@e"]
        {
            let url = Location::parse(text).unwrap();
            assert_eq!(Location::parse(&url.to_string()).unwrap(), url, "{text}");
        }
    }

    #[test]
    fn a_flag_adds_a_parameter_that_the_url_does_not_have() {
        let url = |text| Location::parse(text).unwrap();
        let added = url("sqlite:q.db").with("queue", Some("a&b"), "--queue-name").unwrap();
        assert_eq!(added.to_string(), "sqlite:q.db?queue=a%26b");
        assert_eq!(
            url("sqlite:q.db").with("queue", None, "--queue-name").unwrap(),
            url("sqlite:q.db")
        );
        let error =
            url("sqlite:q.db?queue=a").with("queue", Some("a"), "--queue-name").unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().contains("--queue-name"), "{error}");
    }

    #[test]
    fn rubbish_is_refused() {
        for text in [
            "",
            "readings.db",
            ":x",
            "Sqlite:x",
            "sqlite:\u{7}",
            "a b:c",
            "s:x?a=1&a=2",
            "s:x?a=%ff",
        ] {
            assert_eq!(Location::parse(text).unwrap_err().kind(), Kind::Usage, "{text:?}");
        }
    }
}
