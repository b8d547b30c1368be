//! What a server may have against a document, where it does not say in which field.

use crate::text;
use mongodb::bson::raw::{RawBsonRef, RawDocument};

/// The first field that some server refuses, and what is odd about it: MongoDB itself took all of
/// them only step by step, and others have not followed.
pub(super) fn find(document: &RawDocument) -> Option<String> {
    in_document(document, &mut Vec::new())
}

fn in_document(document: &RawDocument, path: &mut Vec<String>) -> Option<String> {
    document.iter().flatten().find_map(|(key, value)| {
        path.push(key.as_str().to_owned());
        let found = of_key(key.as_str()).map(|what| in_field(path, what));
        let found = found.or_else(|| in_value(value, path, false));
        path.pop();
        found
    })
}

fn in_value(value: RawBsonRef<'_>, path: &mut Vec<String>, in_array: bool) -> Option<String> {
    match value {
        RawBsonRef::Array(_) if in_array => Some(in_field(path, "an array in an array")),
        RawBsonRef::Array(array) => {
            array.into_iter().flatten().find_map(|value| in_value(value, path, true))
        }
        RawBsonRef::Document(document) => in_document(document, path),
        RawBsonRef::String(text) if text.contains('\0') => Some(in_field(path, "a zero character")),
        RawBsonRef::Double(double) if double == 0.0 && double.is_sign_negative() => {
            Some(in_field(path, "a negative zero"))
        }
        _ => None,
    }
}

fn of_key(key: &str) -> Option<&'static str> {
    match key {
        "" => Some("a name of no letters"),
        _ if key.starts_with('$') => Some("a name that begins with `$`"),
        _ if key.contains('.') => Some("a name with a dot"),
        _ if key.contains(['"', '\\']) => Some("a name with a quote or a backslash"),
        _ => None,
    }
}

fn in_field(path: &[String], what: &str) -> String {
    const LONGEST: usize = 120;
    format!("{what}, in the field `{}`", text::beginning(&path.join("."), LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::doc;
    use mongodb::bson::raw::RawDocumentBuf;

    #[test]
    fn what_is_odd_is_told_with_its_field() {
        for (document, told) in [
            (doc! { "a": 1, "$b": 2 }, "a name that begins with `$`, in the field `$b`"),
            (doc! { "a": { "b.c": 2 } }, "a name with a dot, in the field `a.b.c`"),
            (doc! { "a": { "": 2 } }, "a name of no letters, in the field `a.`"),
            (doc! { "a": [1, { "b": [["x"]] }] }, "an array in an array, in the field `a.b`"),
            (doc! { "a": "x\0" }, "a zero character, in the field `a`"),
            (doc! { "a\"": 1 }, "a name with a quote or a backslash, in the field `a\"`"),
            (doc! { "a": -0.0 }, "a negative zero, in the field `a`"),
        ] {
            let raw = RawDocumentBuf::try_from(&document).unwrap();
            assert_eq!(find(&raw).as_deref(), Some(told), "{document}");
        }
        let plain = RawDocumentBuf::try_from(&doc! { "a": [{ "b": 0.0 }], "c$": "" }).unwrap();
        assert_eq!(find(&plain), None);
    }
}
