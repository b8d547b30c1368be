//! JSON without the blanks between its tokens.

use serde_json::value::RawValue;

/// JSON without the blanks between its tokens, which are otherwise kept as they were written.
pub fn compact(json: &RawValue) -> Box<RawValue> {
    let (mut in_string, mut escaped) = (false, false);
    let kept = json.get().chars().filter(|&c| {
        let blank = !in_string && c.is_ascii_whitespace();
        if c == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = in_string && c == '\\' && !escaped;
        !blank
    });
    RawValue::from_string(kept.collect()).expect("JSON without blanks between tokens is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn blanks_between_tokens_go_and_blanks_in_strings_stay() {
        let json = raw("{ \"a b\" :\n [ 1.0 , \"\\\" \\\\\" , \"x y\" ] , \"c\\\\\":\t1e5 }");
        let expected = "{\"a b\":[1.0,\"\\\" \\\\\",\"x y\"],\"c\\\\\":1e5}";
        assert_eq!(compact(&json).get(), expected);
    }
}
