//! Payloads as base64: the URL-safe alphabet or the standard one, and padded or not, as they come;
//! each protocol writes the one that its clients read.

use base64::alphabet::{STANDARD, URL_SAFE};
use base64::display::Base64Display;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, Engine as _};
use serde::{Serialize, Serializer};

/// As lenient as App Engine was: padding may be missing, and so may the bits of a last byte.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const FROM_STANDARD: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const FROM_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// The bytes that a text stands for; `None` where it is not base64 of one alphabet.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let engine = if text.contains(['-', '_']) { &FROM_URL_SAFE } else { &FROM_STANDARD };
    engine.decode(text).ok()
}

/// Bytes that are written in the URL-safe alphabet, with padding.
#[derive(Debug, Clone, Copy)]
pub struct UrlSafe<'a>(pub &'a [u8]);

/// Bytes that are written in the standard alphabet, with padding.
#[derive(Debug, Clone, Copy)]
pub struct Standard<'a>(pub &'a [u8]);

impl Serialize for UrlSafe<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &BASE64_URL_SAFE))
    }
}

impl Serialize for Standard<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &BASE64_STANDARD))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_are_read_with_and_without_padding() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("aGk=", b"hi"),
            ("aGk", b"hi"),
            ("aA==", b"h"),
            ("aA=", b"h"),
            ("aA", b"h"),
            ("-_8=", b"\xfb\xff"),
            ("-_8", b"\xfb\xff"),
            ("+/8=", b"\xfb\xff"),
            ("+/8", b"\xfb\xff"),
            // The last bits of a last byte are dropped, as App Engine did.
            ("asdf123", b"\x6a\xc7\x5f\xd7\x6d"),
        ] {
            assert_eq!(decode(text).as_deref(), Some(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in ["#", "a", "aGk==", "=", "a b=", "aGk=\n", "-/8=", "水", "aGkaG", "aA==aA=="] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    #[test]
    fn what_goes_out_is_padded() {
        let bytes = b"\xfb\xff";
        assert_eq!(serde_json::to_string(&UrlSafe(bytes)).unwrap(), r#""-_8=""#);
        assert_eq!(serde_json::to_string(&Standard(bytes)).unwrap(), r#""+/8=""#);
        assert_eq!(
            serde_json::to_string(&UrlSafe(&decode("asdf123").unwrap())).unwrap(),
            r#""asdf120=""#
        );
    }
}
