//! What becomes of one body, by the programs alone: no threads and no time limit.

use super::input::Input;
use super::{MOST_BYTES, Programs};
use crate::jq::{Program, Value};
use bytes::Bytes;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What became of one body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShapedBody {
    /// The body goes on as it is.
    Kept,
    /// The body is left out.
    Filtered,
    /// These bodies take its place: at least one.
    Made(Vec<Bytes>),
    /// The programs cannot be run on this body, for this reason.
    Refused(String),
    /// A program did not end on this body within its time. No body after it was looked at.
    Overrun,
    /// The body was not looked at, since one before it took too long.
    Unseen,
}

/// A body, and what stands beside it.
type Given = (Value, Value);

impl Programs {
    /// Runs the programs on a body. What panics spoils this body only.
    pub(super) fn shape(&self, input: &Input) -> ShapedBody {
        let shaped = catch_unwind(AssertUnwindSafe(|| self.try_to_shape(input)));
        let shaped = shaped.unwrap_or_else(|_| Err("it makes jq panic".to_owned()));
        shaped.unwrap_or_else(ShapedBody::Refused)
    }

    fn try_to_shape(&self, input: &Input) -> Result<ShapedBody, String> {
        let given = (Value::read(&input.body)?, input.message()?);
        if let Some(choose) = &self.choose
            && !self.chosen(choose, given.clone()).map_err(|why| format!("`--where`: {why}"))?
        {
            return Ok(ShapedBody::Filtered);
        }
        match &self.map {
            None => Ok(ShapedBody::Kept),
            Some(map) => self.made(map, given).map_err(|why| format!("`--map`: {why}")),
        }
    }

    /// Whether the program gives anything true, as `select` of jq has it.
    fn chosen(&self, program: &Program, (body, message): Given) -> Result<bool, String> {
        for given in program.run(body, message, self.clock.now()).take(super::MOST_VALUES) {
            if given?.is_true() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn made(&self, program: &Program, (body, message): Given) -> Result<ShapedBody, String> {
        let (mut made, mut room) = (Vec::new(), MOST_BYTES);
        for given in program.run(body, message, self.clock.now()) {
            let given = given?;
            if made.len() == self.most_values {
                return Err(too_many(self.most_values));
            }
            let body = given.write(room)?;
            room -= body.len();
            made.push(Bytes::from(body));
        }
        Ok(if made.is_empty() { ShapedBody::Filtered } else { ShapedBody::Made(made) })
    }
}

fn too_many(most: usize) -> String {
    match most {
        1 => {
            "it gives more than one value, and a delivery is stored as one: make an array of them, \
              or several messages where they are published"
                .to_owned()
        }
        most => format!("it gives more than {most} values"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::message::Message;

    fn shape(choose: &str, map: &str, most_values: usize, body: &str) -> ShapedBody {
        let text = |text: &'static str| (!text.is_empty()).then_some(text);
        let (choose, map) = (text(choose.to_owned().leak()), text(map.to_owned().leak()));
        let programs = Programs::compile(choose, map, most_values, Clock::system());
        let message = Message::new("7", body.to_owned());
        programs.unwrap().unwrap().shape(&Input::of(&message, true))
    }

    fn made(bodies: &[&'static str]) -> ShapedBody {
        ShapedBody::Made(bodies.iter().map(|body| Bytes::from_static(body.as_bytes())).collect())
    }

    #[test]
    fn what_is_chosen_stays_as_it_was_written() {
        for (choose, chosen) in [
            (".a > 1", true),
            (".a > 2", false),
            (".b", false),
            ("empty", false),
            ("false, null, 1", true),
            ("\"\"", true),
            ("0", true),
            ("range(infinite) | null", false),
        ] {
            let expected = if chosen { ShapedBody::Kept } else { ShapedBody::Filtered };
            assert_eq!(shape(choose, "", 1, " {\"a\" : 2} "), expected, "{choose}");
        }
    }

    #[test]
    fn what_is_made_takes_its_place() {
        assert_eq!(shape("", "{b: .a}", 1, r#"{"a":1.0}"#), made(&[r#"{"b":1.0}"#]));
        assert_eq!(shape(".a", ".a", 1, r#"{"a":1}"#), made(&["1"]));
        assert_eq!(shape("", "$message.id", 1, "1"), made(&["\"7\""]));
        assert_eq!(shape(".b", ".a", 1, r#"{"a":1}"#), ShapedBody::Filtered);
        assert_eq!(shape("", ".[]", 3, "[1,2,3]"), made(&["1", "2", "3"]));
        assert_eq!(shape("", ".[] | select(. > 5)", 3, "[1]"), ShapedBody::Filtered);
    }

    #[test]
    fn what_cannot_be_shaped_says_why() {
        for (choose, map, most, body, told) in [
            ("", ".[]", 1, "[1,2]", "`--map`: it gives more than one value"),
            ("", ".[]", 2, "[1,2,3]", "`--map`: it gives more than 2 values"),
            ("", "range(infinite)", 100, "1", "`--map`: it gives more than 100 values"),
            (".a.b", "", 1, r#"{"a":1}"#, "`--where`: cannot index a number with \"b\""),
            (".", "", 1, "no", "is not JSON"),
        ] {
            let ShapedBody::Refused(why) = shape(choose, map, most, body) else { panic!("{map}") };
            assert!(why.contains(told), "{why}");
        }
    }
}
