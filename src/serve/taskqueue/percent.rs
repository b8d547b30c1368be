//! Percent-encoding as it must be: what is cut off, or is not UTF-8 behind it, is refused rather than
//! guessed at.

use super::failure::Failure;
use percent_encoding::percent_decode_str;

/// Decodes a piece of a path or a query.
pub fn decode(text: &str) -> Result<String, Failure> {
    let whole = text.split('%').skip(1).all(|rest| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let decoded = percent_decode_str(text).decode_utf8();
    match decoded {
        Ok(decoded) if whole => Ok(decoded.into_owned()),
        _ => Err(Failure::invalid("The address is not percent-encoded UTF-8")),
    }
}

/// The segments of a path, decoded, without one slash at its end.
pub fn segments(path: &str) -> Result<Vec<String>, Failure> {
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').map(decode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_comes_back() {
        for (text, decoded) in [
            ("", ""),
            ("abc", "abc"),
            ("s%7Ep", "s~p"),
            ("s~p", "s~p"),
            ("%e6%b0%b4", "水"),
            ("%2F%25", "/%"),
            ("a+b", "a+b"),
        ] {
            assert_eq!(decode(text).unwrap(), decoded, "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_or_not_utf_8_is_refused() {
        for text in ["%", "a%2", "%zz", "%%41", "%ff", "%E6%B0", "%2 0", "%u6c34"] {
            assert!(decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_has_segments() {
        assert_eq!(segments("a/b%2Fc/d/").unwrap(), ["a", "b/c", "d"]);
        assert_eq!(segments("a//b").unwrap(), ["a", "", "b"]);
        assert!(segments("a/%").is_err());
    }
}
