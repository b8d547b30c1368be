//! Programs in jq's language, by `jaq`: compiled once, run on one body at a time.

mod functions;
mod reason;

use crate::error::{Error, Kind, Result};
use crate::json::{self, SHOWN_DEPTH};
use chrono::{DateTime, Utc};
use functions::{Moment, Seen};
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Ctx, Filter, ValT as _, Vars};
use jaq_json::{Val, write::Pp};
use std::io;

/// The variable in which a program finds what stands beside the body.
pub const MESSAGE: &str = "$message";

/// A program that was compiled.
pub struct Program {
    filter: Filter<Seen>,
    text: String,
}

impl Program {
    /// Compiles a program.
    ///
    /// # Errors
    /// `Usage` for a text that is no program, or that uses what there is not; `name` is what the user
    /// calls it.
    pub fn compile(name: &str, text: &str) -> Result<Self> {
        let refused = |why: String| {
            Error::new(Kind::Usage, format!("{name} is no jq program")).because_of(why).hint(
                "it sees one body and nothing else, no file and no environment: \
                 `--where '.newest_events.te.val > 28'`",
            )
        };
        let arena = Arena::default();
        let loader = Loader::new(functions::definitions());
        let modules = loader.load(&arena, File { code: text, path: () });
        let modules = modules.and_then(|modules| {
            // A file of values, which would be read when the program runs.
            load::import(&modules, |_| Err("no file is read".to_owned())).map(|()| modules)
        });
        let modules = modules.map_err(|errors| refused(reason::not_read(text, &errors)))?;
        let compiler = jaq_core::Compiler::default();
        let compiler = compiler.with_funs(functions::natives()).with_global_vars([MESSAGE]);
        let filter = compiler.compile(modules);
        let filter = filter.map_err(|errors| refused(reason::not_compiled(&errors)))?;
        Ok(Self { filter, text: text.to_owned() })
    }

    /// Whether the program looks at what stands beside the body.
    pub fn sees_message(&self) -> bool {
        self.text.contains(MESSAGE)
    }

    /// Runs the program on a body, with what stands beside it, at this time of day. What it gives
    /// comes one by one, up to the first error; an error holds nothing of the body.
    pub fn run(
        &self,
        body: Value,
        message: Value,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = Result<Value, String>> {
        let moment = Moment::new(&self.filter.lut, now);
        let context = Ctx::<Seen>::new(moment, Vars::new([message.0]));
        let values = self.filter.id.run((context, body.0));
        values.map(|value| value.map(Value).map_err(|error| reason::failed(error, &self.text)))
    }
}

/// A value that programs work on; by default `null`.
#[derive(Clone, Default)]
pub struct Value(Val);

impl Value {
    /// Reads a body. Numbers keep their digits.
    ///
    /// # Errors
    /// Why it is no JSON that every reader takes in one way; nothing of the body is in that.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        let text = json::validate(body, SHOWN_DEPTH).map_err(|fault| fault.to_string())?;
        let value = jaq_json::read::parse_single(text.get().as_bytes());
        value.map(Self).map_err(|_| "it is no JSON that jq reads".to_owned())
    }

    /// Writes the value as JSON on one line, of at most so many bytes.
    ///
    /// # Errors
    /// Why it cannot be a body.
    pub fn write(&self, most: usize) -> Result<Vec<u8>, String> {
        let mut bytes = Bounded { bytes: Vec::new(), most };
        jaq_json::write::write(&mut bytes, &Pp::default(), 0, &self.0)
            .map_err(|_| format!("it gives more than {most} bytes"))?;
        json::validate(&bytes.bytes, SHOWN_DEPTH)
            .map_err(|fault| format!("what it gives is no JSON, as `nan` is none: {fault}"))?;
        Ok(bytes.bytes)
    }

    /// Whether it is neither `false` nor `null`.
    pub fn is_true(&self) -> bool {
        self.0.as_bool()
    }
}

/// Bytes up to a limit.
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(program: &str, body: &str) -> Result<Vec<String>, String> {
        let program = Program::compile("`--map`", program).unwrap();
        let message = Value::read(br#"{"id":"7","attributes":{"name":"x"}}"#)?;
        let values = program.run(Value::read(body.as_bytes())?, message, DateTime::UNIX_EPOCH);
        let text = |value: Result<Value, String>| {
            value?.write(1000).map(|bytes| String::from_utf8(bytes).unwrap())
        };
        values.map(text).collect()
    }

    fn one(program: &str, body: &str) -> String {
        run(program, body).unwrap().join(" ")
    }

    #[test]
    fn numbers_keep_their_digits_and_fields_their_order() {
        let body = r#"{"z":1.10,"a":12345678901234567890123,"e":1e2,"n":-0.0,"y":{"b":1,"a":2}}"#;
        assert_eq!(one(".", body), body);
        assert_eq!(one("{big: .a, z}", body), r#"{"big":12345678901234567890123,"z":1.10}"#);
        assert_eq!(one(".y.a + 1", body), "3");
        assert_eq!(one(r#""\(.z) and \(.a)""#, body), r#""1.10 and 12345678901234567890123""#);
    }

    #[test]
    fn a_program_may_give_any_number_of_values() {
        assert_eq!(one(".[]", "[1,[2],{\"c\":3}]"), r#"1 [2] {"c":3}"#);
        assert_eq!(one("empty", "1"), "");
        assert_eq!(one("now", "1"), "0.0");
        assert_eq!(one("\"\\($message.id) \\($message.attributes.name)\"", "1"), r#""7 x""#);
        assert_eq!(one(r#".at | fromdate"#, r#"{"at":"2026-11-26T17:53:00Z"}"#), "1795715580");
    }

    #[test]
    fn what_reaches_beyond_the_body_is_not_there() {
        for (program, named) in [
            ("env", "env/0"),
            ("$ENV", "$ENV"),
            ("input", "input/0"),
            ("[inputs]", "inputs/0"),
            ("debug", "debug/0"),
            ("stderr", "stderr/0"),
            ("halt", "halt/0"),
            ("halt(1)", "halt/1"),
            ("1 | halt_error", "halt_error/0"),
            ("localtime", "localtime/0"),
            ("$__loc__", "$__loc__"),
            ("nobody(1; 2)", "nobody/2"),
        ] {
            let error = Program::compile("`--where`", program).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.one_line().contains(named), "{program}: {error}");
        }
    }

    #[test]
    fn files_are_not_read() {
        for program in
            ["import \"a\" as a; 1", "include \"/etc/passwd\"; 1", "import \"a\" as $a; $a"]
        {
            let error = Program::compile("`--where`", program).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{program}");
            assert!(!error.to_string().contains("root:"), "{error}");
        }
    }

    #[test]
    fn a_text_that_is_no_program_is_refused_with_its_place() {
        for (program, told) in [
            (".a[", "at the end"),
            (".a |", "at the end"),
            ("if . then 1", "at the end"),
            (".a ) 1", "character 4"),
            ("\"abc", "at the end"),
            ("", "at the end"),
        ] {
            let error = Program::compile("`--map`", program).map(|_| ()).unwrap_err();
            assert!(error.one_line().starts_with("`--map` is no jq program: "), "{error}");
            assert!(error.one_line().contains(told), "{program}: {error}");
        }
    }

    #[test]
    fn an_error_tells_kinds_and_nothing_of_the_body() {
        let body = r#"{"name":"hunter2","list":[1,2],"at":"hunter2"}"#;
        for (program, told) in [
            (".name.first", r#"cannot index a string with "first""#),
            (".name[.at]", "cannot index a string with a string"),
            (".list.x", r#"cannot index an array with "x""#),
            (".name | keys", "cannot use a string as iterable"),
            (".name - .list", "cannot calculate a string - an array"),
            (". + 1", "cannot calculate an object + 1"),
            (".name | tonumber", "cannot parse a string as JSON"),
            ("\"[]\" | tonumber", "cannot parse as number"),
            (".name | fromjson", "cannot parse a string as JSON"),
            (".at | fromdate", "may hold some of it"),
            (".at | error", "may hold some of it"),
            ("[.name, nan] | keys | .[0] | error", "may hold some of it"),
            ("[\"secret \" + .name, nan] | . + 1", "cannot calculate a value"),
            ("1 - [\"secret \" + .name, nan]", "cannot calculate a number -"),
            ("error(\"too hot\")", "too hot"),
            ("path(1)", "invalid path expression"),
        ] {
            let error = run(program, body).unwrap_err();
            assert!(error.contains(told), "{program}: {error}");
            assert!(!error.contains("hunter2"), "{program}: {error}");
        }
    }

    #[test]
    fn a_body_that_is_no_json_is_named_as_such() {
        for body in ["", "{", "NaN", "1 2", "# x\n1", "b\"x\"", "{1:2}", "+1", "[1,]"] {
            assert!(run(".", body).unwrap_err().contains("is not JSON"), "{body}");
        }
        let deep = "[".repeat(100_000);
        assert!(run(".", &deep).is_err());
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(run(".", &deep).unwrap_err().contains("nested deeper"));
    }

    #[test]
    fn a_value_that_is_no_json_is_not_given() {
        for program in ["nan", "infinite", "-infinite", "{(1): 2}", "tobytes", "[nan]"] {
            let error = run(program, "\"x\"").unwrap_err();
            assert!(error.contains("no JSON"), "{program}: {error}");
        }
        assert_eq!(run("[range(1000)]", "1").unwrap_err(), "it gives more than 1000 bytes");
    }
}
