//! What a parameter's value may be: a number, one of a few words, a length of time, a size.

use super::Location;
use crate::error::{Error, Kind, Result};
use crate::{text, units};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

impl Location {
    /// Takes out a parameter that is a whole number from this range.
    ///
    /// # Errors
    /// `Usage` where it is none, with the range.
    pub fn number<N>(&mut self, name: &str, range: RangeInclusive<N>) -> Result<Option<N>>
    where
        N: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.take(name)? else { return Ok(None) };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let what = format!("is not a number of {}", name.trim_start_matches("max-"));
                let hint =
                    format!("write a whole number from {} to {}", range.start(), range.end());
                Err(self.value_error(name, &text, &what).hint(hint))
            }
        }
    }

    /// Takes out a parameter that is one of these words, and gives what the word stands for.
    ///
    /// # Errors
    /// `Usage` where it is another word, with those that are known.
    pub fn choice<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        let known = words.iter().find(|(word, _)| *word == text);
        known.map(|(_, meaning)| Some(*meaning)).ok_or_else(|| {
            let known: Vec<_> = words.iter().map(|(word, _)| format!("`{name}={word}`")).collect();
            let hint = format!("write {}", known.join(" or "));
            self.value_error(name, &text, "is unknown").hint(hint)
        })
    }

    /// Takes out a parameter that is a length of time: `90s`, `10m`.
    ///
    /// # Errors
    /// `Usage` where it is none.
    pub fn duration(&mut self, name: &str) -> Result<Option<Duration>> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        units::duration(&text).map(Some).map_err(|why| {
            let error = self.value_error(name, &text, "is not a duration").because_of(why);
            error.hint(format!("write it as `{name}=10m`"))
        })
    }

    /// Takes out a parameter that is a number of bytes from this range: `67108864`, `64MiB`.
    ///
    /// # Errors
    /// `Usage` where it is none.
    pub fn bytes<N>(&mut self, name: &str, range: RangeInclusive<N>) -> Result<Option<N>>
    where
        N: TryFrom<u64> + PartialOrd + Display,
    {
        let Some(text) = self.take(name)? else { return Ok(None) };
        units::bytes(&text, range).map(Some).map_err(|why| {
            let error = self.value_error(name, &text, "is not a number of bytes").because_of(why);
            error.hint(format!("write it in digits or with a unit, for instance `{name}=64MiB`"))
        })
    }

    /// The error for a value, which is shown so that it does nothing to a terminal.
    fn value_error(&self, name: &str, value: &str, what: &str) -> Error {
        let shown = match self.in_password {
            true => "...".to_owned(),
            false => text::visible(value.as_bytes()),
        };
        Error::new(Kind::Usage, format!("`{name}={shown}` {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(query: &str) -> Location {
        Location::parse(&format!("x:?{query}")).unwrap()
    }

    /// What is told of a value that is refused as wrong usage.
    fn told<T: std::fmt::Debug>(taken: Result<Option<T>>) -> String {
        let error = taken.unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        error.to_string()
    }

    #[test]
    fn a_number_lies_in_its_range() {
        let take = |query: &str| url(query).number("streams", 1..=64_usize);
        assert_eq!(take("").unwrap(), None);
        assert_eq!(take("streams=1").unwrap(), Some(1));
        assert_eq!(take("streams=64").unwrap(), Some(64));
        for value in ["0", "65", "-1", "many", "1.5", "18446744073709551616", "%1b[2J"] {
            let shown = value.replace("%1b", "\\u{1b}");
            assert_eq!(
                told(take(&format!("streams={value}"))),
                format!(
                    "`streams={shown}` is not a number of streams\n  hint: write a whole number \
                     from 1 to 64"
                )
            );
        }
        assert!(told(take("streams=")).contains("`streams` in `x:` needs a value"));
        let limit = url("max-pixels=-1").number("max-pixels", 1..=9);
        assert!(told(limit).starts_with("`max-pixels=-1` is not a number of pixels"));
    }

    #[test]
    fn a_word_is_one_of_those_that_are_known() {
        let words = [("keep", 'k'), ("replace", 'r')];
        let take = |query: &str| url(query).choice("conflict", &words);
        assert_eq!(take("").unwrap(), None);
        assert_eq!(take("conflict=replace").unwrap(), Some('r'));
        assert_eq!(
            told(take("conflict=Keep")),
            "`conflict=Keep` is unknown\n  hint: write `conflict=keep` or `conflict=replace`"
        );
        assert!(told(take("conflict")).contains("needs a value"));
    }

    #[test]
    fn a_time_and_a_size_have_units() {
        let time = |query: &str| url(query).duration("dedupe");
        assert_eq!(time("dedupe=10m").unwrap(), Some(Duration::from_secs(600)));
        assert_eq!(
            told(time("dedupe=soon")),
            "`dedupe=soon` is not a duration\n  because: expected number at 0\n  hint: write it as \
             `dedupe=10m`"
        );
        let size = |query: &str| url(query).bytes("max-size", 1..=u64::MAX);
        assert_eq!(size("").unwrap(), None);
        assert_eq!(size("max-size=64MiB").unwrap(), Some(64 << 20));
        assert_eq!(
            told(size("max-size=0")),
            "`max-size=0` is not a number of bytes\n  because: must be at least 1\n  hint: write it \
             in digits or with a unit, for instance `max-size=64MiB`"
        );
    }

    #[test]
    fn a_parameter_is_taken_once_and_given_once() {
        let mut taken = url("streams=2");
        assert_eq!(taken.number("streams", 1..=64).unwrap(), Some(2));
        assert_eq!(taken.number("streams", 1..=64).unwrap(), None);
        assert!(taken.finish(&[]).is_ok());
        let error = Location::parse("x:?streams=2&streams=2").unwrap_err();
        assert!(error.to_string().contains("gives `streams` twice"), "{error}");
        let with = url("max-size=1").with("max-size", Some("1"), "--max-size");
        assert!(with.unwrap_err().to_string().contains("say the same thing"));
    }

    #[test]
    fn what_may_be_a_password_is_not_shown() {
        let mut url = Location::parse("x://me:se?size=hunter2@host").unwrap();
        assert!(!told(url.number("size", 1..=2)).contains("hunter2"));
    }
}
