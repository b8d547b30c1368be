//! The name of an announcement in the store.

use super::encoding::Encoding;
use crate::clients::object_store;
use crate::error::{Error, Kind, Result};
use crate::template::{Template, Values};

/// A template of keys, each of which ends as its encoding does.
pub(super) struct Key {
    template: Template,
    encoding: Encoding,
}

impl Key {
    /// `encoding`: what the URL says; else it follows from the ending of the template, else it is
    /// `default`.
    ///
    /// # Errors
    /// `Usage` where the template ends as another encoding does.
    pub(super) fn new(
        template: Template,
        encoding: Option<Encoding>,
        default: Encoding,
    ) -> Result<Self> {
        let ending = Encoding::of_name(template.source().trim_end());
        let encoding = encoding.or(ending).unwrap_or(default);
        match ending {
            Some(ending) if !ending.ends_as(encoding) => {
                let (key, ours) = (ending.ending(), encoding.ending());
                Err(Error::new(
                    Kind::Usage,
                    format!("`key` ends in `.{key}`, and the encoding in `.{ours}`"),
                )
                .hint("let `key` end as `encoding=` says, or leave its ending out"))
            }
            _ => Ok(Self { template, encoding }),
        }
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    pub(super) fn source(&self) -> &str {
        self.template.source()
    }

    /// Whether the key depends on this value.
    pub(super) fn uses(&self, name: &str) -> bool {
        self.template.uses(name)
    }

    /// The key of a message, with an ending.
    ///
    /// # Errors
    /// What is wrong with it, as half a sentence.
    pub(super) fn of(&self, values: &Values) -> Result<String, String> {
        let key = self.template.render(values)?;
        let ending = self.encoding.ending();
        let key = match Encoding::of_name(&key) {
            Some(named) if named.ends_as(self.encoding) => key,
            Some(_) => return Err(format!("`key` does not end in `.{ending}`")),
            None => format!("{key}.{ending}"),
        };
        let named = key.len() > ending.len() + 1 && !key.ends_with(&format!("/.{ending}"));
        match object_store::validate_key(&key) {
            Ok(()) if named => Ok(key),
            Ok(()) => Err("`key` has no name before its ending".to_owned()),
            Err(why) => Err(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(template: &str, encoding: Option<Encoding>) -> Result<Key> {
        Key::new(Template::parse("key", template)?, encoding, Encoding::Wav)
    }

    fn of(template: &str, encoding: Option<Encoding>, body: &str) -> Result<String, String> {
        key(template, encoding).unwrap().of(&Values::of_body(body.as_bytes())?)
    }

    #[test]
    fn the_ending_follows_the_encoding() {
        let body = r#"{"uid":"u1","at":"2026-11-26T18:53:00+09:00","file":"x.mp3"}"#;
        for (template, encoding, expected) in [
            ("{{uid}}/{{at}}.mp3", None, "u1/2026-11-26T18:53:00+09:00.mp3"),
            ("{{uid}}/{{at}}", Some(Encoding::Mp3), "u1/2026-11-26T18:53:00+09:00.mp3"),
            ("{{uid}}", None, "u1.wav"),
            ("{{uid}}.opus", None, "u1.opus"),
            ("{{uid}}.wav", Some(Encoding::Mulaw), "u1.wav"),
            ("{{file}}", Some(Encoding::Mp3), "x.mp3"),
        ] {
            assert_eq!(of(template, encoding, body).unwrap(), expected, "{template}");
        }
        assert_eq!(key("{{uid}}.mp3", None).unwrap().encoding(), Encoding::Mp3);
        let error = key("{{uid}}.mp3", Some(Encoding::Ogg)).map(drop).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(of("{{file}}", None, body).unwrap_err().contains(".wav"));
    }

    #[test]
    fn a_field_leads_nowhere_else() {
        for uid in ["../u1", "", "/etc", "a//b", "a\\u0000", "a/../../b", "."] {
            let body = format!("{{\"uid\":\"{uid}\"}}");
            assert!(of("{{uid}}/weather.mp3", None, &body).is_err(), "{uid}");
        }
        for uid in ["", "a/"] {
            assert!(of("{{uid}}", None, &format!("{{\"uid\":\"{uid}\"}}")).is_err(), "{uid}");
        }
        let long = format!("{{\"uid\":\"{}\"}}", "u".repeat(1100));
        assert!(of("{{uid}}", None, &long).unwrap_err().contains("longer than"));
    }
}
