//! The fields of a form, or of an address, as a browser sends them.

use axum::http::Uri;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// The field that every form of ours has: the page's token.
pub(super) const TOKEN: &str = "token";

/// A text as a field can carry it through any browser: nothing in it is a line's end, or acts on whoever
/// reads it.
pub(super) fn sealed(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

/// The text that was sealed; `None` where none was.
pub(super) fn unsealed(text: &str) -> Option<String> {
    String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// Fields, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads fields as a browser encodes them; what is not UTF-8 is replaced.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// The fields behind the `?` of an address.
    pub(super) fn of(uri: &Uri) -> Self {
        Self::parse(uri.query().unwrap_or_default().as_bytes())
    }

    /// The value of a field; of several of one name, the first.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of a field, in their order.
    pub(super) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_comes_back_as_it_was() {
        for text in ["", "a", "1:2:a\r\nb", "寝室\u{202e}"] {
            assert!(sealed(text).is_ascii());
            assert_eq!(unsealed(&sealed(text)).as_deref(), Some(text));
        }
        assert_eq!(unsealed("a b"), None);
    }

    #[test]
    fn fields_are_as_a_browser_encodes_them() {
        let form = Fields::parse("id=a%26b+c&id=%E5%AF%9D&empty=&%ff=x".as_bytes());
        assert_eq!(form.all("id").collect::<Vec<_>>(), ["a&b c", "寝"]);
        assert_eq!(
            (form.get("id"), form.get("empty"), form.get("none")),
            (Some("a&b c"), Some(""), None)
        );
        assert_eq!(Fields::parse(b"").get(""), None);
    }
}
