//! The names of objects: what may be one, decided before anything is asked.

use object_store::path::Path;

/// The longest key in bytes, its prefix included: that of S3, Google and Azure.
const LONGEST: usize = 1024;

/// A key that can be nothing but one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key<'a>(&'a str);

impl<'a> Key<'a> {
    /// Accepts a relative path of plain segments.
    ///
    /// # Errors
    /// What is wrong with it, as half a sentence.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the key is empty".to_owned());
        }
        if text.len() > LONGEST {
            return Err(format!("the key is longer than {LONGEST} bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err("the key holds control characters".to_owned());
        }
        if text.starts_with('/') {
            return Err("the key begins with `/`".to_owned());
        }
        for segment in text.split('/') {
            match segment {
                "" => return Err("the key has an empty part".to_owned()),
                "." | ".." => return Err(format!("the key has the part `{segment}`")),
                _ => {}
            }
        }
        Ok(Self(text))
    }

    /// Where it is below a prefix.
    pub(super) fn below(&self, prefix: &str) -> Path {
        let whole = match prefix {
            "" => self.0.to_owned(),
            prefix => format!("{prefix}/{}", self.0),
        };
        Path::parse(whole).expect("a key is a path")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_all_sorts_are_keys() {
        for key in [
            "a",
            "a/b.jpg",
            "寝室/ä b.jpg",
            "100%.jpg",
            "%2e%2e/a",
            "a?b#c&d",
            "...",
            "..a/b..",
            "a\\..\\b",
        ] {
            assert_eq!(Key::parse(key).unwrap().below("").as_ref(), key);
            assert_eq!(Key::parse(key).unwrap().below("p/q").as_ref(), format!("p/q/{key}"));
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_none() {
        let long = "a".repeat(LONGEST + 1);
        for key in [
            "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/..", "./a", "a\0b",
            "a\nb", "a\u{85}", &long,
        ] {
            assert!(Key::parse(key).is_err(), "{key:?}");
        }
    }

    proptest! {
        #[test]
        fn rubbish_is_refused_or_stays_below(text in r"[./a-c%\\\x00-\x1f寝]{0,12}") {
            if let Ok(key) = Key::parse(&text) {
                let path = key.below("p");
                prop_assert_eq!(path.as_ref(), format!("p/{text}"));
                prop_assert!(path.parts().all(|part| part.as_ref() != ".." && part.as_ref() != "."));
                let parts = path.as_ref().split('/').count();
                let file = std::path::Path::new("/root").join(path.as_ref());
                let normal = |part: &std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
                prop_assert_eq!(file.components().filter(normal).count(), parts + 1);
            }
        }
    }
}
