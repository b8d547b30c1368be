//! The parameters of a request: each at most once, and nothing in them is guessed.

use super::failure::Failure;
use super::percent;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// The parameters of a request, decoded.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads what stands behind the `?` of an address.
    pub fn read(text: &str) -> Result<Self, Failure> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        pairs.map(pair).collect::<Result<_, _>>().map(Self)
    }

    /// A parameter, as it was given. Given twice, it is refused.
    pub fn get(&self, name: &str) -> Result<Option<&str>, Failure> {
        let mut found = self.0.iter().filter(|(given, _)| given == name);
        let value = found.next().map(|(_, value)| value.as_str());
        match found.next() {
            Some(_) => Err(Failure::invalid(format!("The parameter {name} is given twice"))),
            None => Ok(value),
        }
    }

    /// A parameter that may have several names, and no value of which means anything when it is empty.
    pub fn any(&self, names: &[&str]) -> Result<Option<&str>, Failure> {
        let mut found = None;
        for name in names {
            found = found.or(self.get(name)?.filter(|value| !value.is_empty()));
        }
        Ok(found)
    }

    /// A parameter that is true or false: in letters of any case, or 1 or 0. Empty, it is absent.
    pub fn flag(&self, names: &[&str]) -> Result<Option<bool>, Failure> {
        self.any(names)?.map(|value| flag(names[0], value)).transpose()
    }

    /// A whole number that lies in the range. Empty, it is absent.
    pub fn number(
        &self,
        names: &[&str],
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, Failure> {
        self.any(names)?.map(|value| number(names[0], value, range)).transpose()
    }

    /// A whole number in the range, which must be there.
    pub fn required(&self, name: &str, range: RangeInclusive<i64>) -> Result<i64, Failure> {
        let missing = || Failure::invalid(format!("The parameter {name} is required"));
        self.number(&[name], range)?.ok_or_else(missing)
    }
}

fn pair(pair: &str) -> Result<(String, String), Failure> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let plain = |text: &str| percent::decode(&text.replace('+', " "));
    Ok((plain(name)?, plain(value)?))
}

fn flag(name: &str, value: &str) -> Result<bool, Failure> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Failure::invalid(format!("The parameter {name} is neither true nor false"))),
    }
}

fn number(name: &str, value: &str, range: RangeInclusive<i64>) -> Result<i64, Failure> {
    // What begins with a `+` came as `%2B`: no client writes numbers so.
    let digits = value.strip_prefix('-').unwrap_or(value);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|_| plain);
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| out_of_range(&format_args!("The parameter {name}"), &range))
}

/// A number is none, or lies outside of its range.
pub fn out_of_range(what: &dyn Display, range: &RangeInclusive<i64>) -> Failure {
    let (first, last) = (range.start(), range.end());
    Failure::invalid(format!("{what} must be a whole number from {first} to {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::read(text).unwrap()
    }

    #[test]
    fn parameters_are_decoded() {
        let query = query("tag=a+b%26c&%24alt=json&empty=&bare&&x=1=2");
        assert_eq!(query.get("tag").unwrap(), Some("a b&c"));
        assert_eq!(query.any(&["alt", "$alt"]).unwrap(), Some("json"));
        assert_eq!(query.get("empty").unwrap(), Some(""));
        assert_eq!(query.get("bare").unwrap(), Some(""));
        assert_eq!(query.get("x").unwrap(), Some("1=2"));
        assert_eq!(query.get("none").unwrap(), None);
        assert_eq!(query.any(&["empty"]).unwrap(), None);
    }

    #[test]
    fn what_is_malformed_or_repeated_is_refused() {
        for text in ["a=%", "%zz=1", "a=%ff", "a=1&b=%E6%B0"] {
            assert!(Query::read(text).is_err(), "{text}");
        }
        let query = query("a=1&b=2&a=1");
        assert!(query.get("a").is_err() && query.any(&["b", "a"]).is_err());
        assert_eq!(query.get("b").unwrap(), Some("2"));
    }

    #[test]
    fn a_flag_is_true_or_false_in_any_spelling() {
        for (text, expected) in [
            ("f=true", Some(true)),
            ("f=True", Some(true)),
            ("f=1", Some(true)),
            ("f=false", Some(false)),
            ("f=FALSE", Some(false)),
            ("f=0", Some(false)),
            ("f=", None),
            ("f", None),
            ("", None),
        ] {
            assert_eq!(query(text).flag(&["f"]).unwrap(), expected, "{text}");
        }
        for text in ["f=yes", "f=2", "f=%20true", "f=true&f=true"] {
            assert!(query(text).flag(&["f"]).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_is_plain_digits_in_its_range() {
        for (text, expected) in [("n=0", 0), ("n=7", 7), ("n=10", 10), ("n=007", 7)] {
            assert_eq!(query(text).required("n", 0..=10).unwrap(), expected, "{text}");
        }
        for text in [
            "",
            "n=",
            "n",
            "n=-1",
            "n=11",
            "n=1e1",
            "n=1.0",
            "n=%2B1",
            "n=+1",
            "n=0x1",
            "n=a",
            "n=-",
            "n=99999999999999999999999",
            "n=1&n=1",
            "n=%D9%A1",
        ] {
            assert!(query(text).required("n", 0..=10).is_err(), "{text}");
        }
    }
}
