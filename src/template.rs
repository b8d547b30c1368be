//! Text with a message's fields in it: `{{uid}}/{{type}}.mp3`, in the language of Jinja.
//!
//! A field that is missing, or null, makes no text: it is refused by its name, which is the
//! template's own. Nothing that a message says is in a reason. A template reads no file, and no
//! message makes one run for long.

use crate::error::{Error, Kind, Result};
use crate::json::{self, Decimal, SHOWN_DEPTH};
use crate::text;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, escape_formatter};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The largest file of a template, in bytes.
const LARGEST_FILE: u64 = 1 << 20;

/// How much one rendering may do, in steps of the engine; each also stands for some bytes that it
/// may make.
const FUEL: u64 = 1_000_000;

/// What a hint shows of the language.
const FORM: &str = "write a field as `{{name}}`, and one that may be missing as \
                    `{{name | default(\"...\")}}` or behind `{% if name is defined %}`";

/// A template that was read, and can be filled in.
pub struct Template {
    /// What the user calls it: `text`.
    name: String,
    source: String,
    engine: Environment<'static>,
}

impl Template {
    /// Reads a template; `name` is what the user calls it.
    ///
    /// # Errors
    /// `Usage` where it is no template, with the line.
    pub fn parse(name: &str, source: &str) -> Result<Self> {
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_auto_escape_callback(|_| AutoEscape::None);
        engine.set_fuel(Some(FUEL));
        engine.set_debug(true); // for the places of errors
        engine.remove_global("debug"); // it writes out all that it sees
        engine.set_formatter(|out, state, value| match value.is_none() {
            true => Err(ErrorKind::NonPrimitive.into()),
            false => escape_formatter(out, state, value),
        });
        let template = Self { name: name.to_owned(), source: source.to_owned(), engine };
        template.engine.template_from_str(source).map(drop).map_err(|error| {
            let what = format!("`{name}` is no template");
            Error::new(Kind::Usage, what).because_of(template.words(&error)).hint(FORM)
        })?;
        Ok(template)
    }

    /// Reads a template from a file.
    ///
    /// # Errors
    /// `Configuration` where the file cannot be read or is more than 1 MiB, and those of `parse`.
    pub fn read(name: &str, path: &Path) -> Result<Self> {
        let failed = || {
            let what = format!("cannot read `{name}={}`", text::of_name(path));
            Error::new(Kind::Configuration, what)
                .hint("name a file of text in UTF-8, of at most 1 MiB")
        };
        let metadata = fs::metadata(path).map_err(|cause| failed().because_of_file(cause, path))?;
        if !metadata.is_file() || metadata.len() > LARGEST_FILE {
            return Err(failed().because_of("it is no file, or too large"));
        }
        let source =
            fs::read_to_string(path).map_err(|cause| failed().because_of_file(cause, path))?;
        Self::parse(name, source.strip_prefix('\u{feff}').unwrap_or(&source))
    }

    /// The template as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether what it makes depends on a value of this name.
    pub fn uses(&self, name: &str) -> bool {
        let template = self.engine.template_from_str(&self.source);
        template.is_ok_and(|it| it.undeclared_variables(false).contains(name))
    }

    /// Fills the template in.
    ///
    /// # Errors
    /// Why there is no text, as half a sentence without what the message says.
    pub fn render(&self, values: &Values) -> Result<String, String> {
        let template = self.engine.template_from_str(&self.source);
        let rendered = template.and_then(|it| it.render(Value::from_pairs(values.0.clone())));
        rendered.map_err(|error| format!("`{}`: {}", self.name, self.words(&error)))
    }

    /// An error in words: its line, what stands there in the template, and what is wrong with it.
    fn words(&self, error: &minijinja::Error) -> String {
        let line = error.line().map_or_else(String::new, |line| format!("line {line}: "));
        let what = match error.kind() {
            ErrorKind::UndefinedError => "is missing".to_owned(),
            ErrorKind::NonPrimitive => "is null".to_owned(),
            ErrorKind::OutOfFuel => "takes more steps than a message may".to_owned(),
            // The template's own words: nothing was filled in yet.
            ErrorKind::SyntaxError => return format!("{line}{}", plain(error)),
            kind if is_of_template(kind) => plain(error),
            kind => kind.to_string(),
        };
        let place = error.range().and_then(|range| self.source.get(range));
        match place {
            Some(place) => format!("{line}`{}` {what}", text::one_line(place, 80)),
            None => format!("{line}{what}"),
        }
    }
}

/// Whether such an error says nothing of a message.
fn is_of_template(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnknownFilter
            | ErrorKind::UnknownFunction
            | ErrorKind::UnknownTest
            | ErrorKind::MissingArgument
            | ErrorKind::TooManyArguments
    )
}

fn plain(error: &minijinja::Error) -> String {
    let detail = error.detail().map(|detail| text::one_line(detail, 200));
    detail.unwrap_or_else(|| error.kind().to_string())
}

/// What a template sees, by its names.
#[derive(Debug, Clone, Default)]
pub struct Values(BTreeMap<String, Value>);

impl Values {
    /// The fields of a body, which is a JSON object. A number that a double would change is the text
    /// of its digits.
    ///
    /// # Errors
    /// What is wrong with the body, as half a sentence without what it says.
    pub fn of_body(body: &[u8]) -> Result<Self, String> {
        let json =
            json::validate(body, SHOWN_DEPTH).map_err(|fault| format!("the body: {fault}"))?;
        fields(json).map(Self).ok_or_else(|| "the body is no JSON object".to_owned())
    }

    /// Adds a value, in the place of a field of this name.
    #[must_use]
    pub fn with(mut self, name: &str, value: &impl Serialize) -> Self {
        let json = serde_json::value::to_raw_value(value);
        self.0.insert(name.to_owned(), json.map(|json| value_of(&json)).unwrap_or_default());
        self
    }

    /// Whether there is a value of this name that is not null.
    pub fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_none())
    }

    /// A field at the top that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }
}

fn fields(json: &RawValue) -> Option<BTreeMap<String, Value>> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(json.get()).ok()?;
    Some(fields.into_iter().map(|(name, value)| (name, value_of(value))).collect())
}

/// A value of a text that was validated: only so deep, and whole.
fn value_of(json: &RawValue) -> Value {
    let text = json.get();
    match text.as_bytes().first() {
        Some(b'{') => fields(json).map(Value::from_pairs).unwrap_or_default(),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
            items.into_iter().map(value_of).collect()
        }
        Some(b'-' | b'0'..=b'9') => number(text),
        _ => serde_json::from_str(text).unwrap_or_default(),
    }
}

/// A number, or its digits where no type of ours has them all.
fn number(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i128>() {
        return Value::from(whole);
    }
    match text.parse::<f64>() {
        Ok(double) if Decimal::of(text) == Decimal::of_double(double) => Value::from(double),
        _ => Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fill(template: &str, body: &str) -> Result<String, String> {
        let values = Values::of_body(body.as_bytes())?;
        Template::parse("text", template).unwrap().render(&values)
    }

    #[test]
    fn fields_are_filled_in() {
        let body = r#"{"uid":"u1","n":7,"deep":{"list":[1,{"x":"寝室"}]},"on":true,"html":"<&>"}"#;
        for (template, text) in [
            ("{{uid}}/{{ n }}.mp3", "u1/7.mp3"),
            ("{{deep.list[1].x}}{% if on %}!{% endif %}", "寝室!"),
            ("{{ nick | default(uid) }}{{ nick is defined }}", "u1False"),
            ("{% for x in deep.list %}{{ loop.index }}{% endfor %}", "12"),
            ("{{html}}", "<&>"),
            ("{{ uid | tojson }}", "\"u1\""),
            ("no field\n", "no field"),
        ] {
            assert_eq!(fill(template, body).unwrap(), text, "{template}");
        }
    }

    #[test]
    fn numbers_keep_their_digits() {
        for digits in [
            "0",
            "-7",
            "18446744073709551615",
            "9007199254740993",
            "12345678901234567890123456789012345678901234567890",
            "1234567890.12345678901",
            "25.5",
        ] {
            assert_eq!(fill("{{n}}", &format!("{{\"n\":{digits}}}")).unwrap(), digits);
        }
        assert_eq!(fill("{{n + 1}}", r#"{"n":9007199254740992}"#).unwrap(), "9007199254740993");
    }

    #[test]
    fn what_is_missing_or_null_is_named_by_the_template() {
        let body = r#"{"a":{"b":null},"secret":"hunter2"}"#;
        for (template, why) in [
            ("{{uid}}", "`text`: line 1: `uid` is missing"),
            ("x\n{{ a.c }}", "`text`: line 2: `a.c` is missing"),
            ("{{ a.b }}", "`text`: line 1: `a.b` is null"),
            ("{% if uid %}x{% endif %}", "`text`: line 1: `uid` is missing"),
            ("{{ a.c.d }}", "`text`: line 1: `.c.d` is missing"),
        ] {
            assert_eq!(fill(template, body).unwrap_err(), why, "{template}");
        }
        assert_eq!(fill("{% if a.b %}x{% else %}y{% endif %}", body).unwrap(), "y");
    }

    #[test]
    fn no_reason_tells_of_the_message() {
        let body = r#"{"secret":"hunter2","list":["hunter2"]}"#;
        for template in [
            "{{ secret | int }}",
            "{{ secret + 1 }}",
            "{{ secret() }}",
            "{{ secret.x }}",
            "{{ secret.x() }}",
            "{{ list | sum }}",
            "{{ debug() }}",
            "{% for a, b in list %}{% endfor %}",
        ] {
            let why = fill(template, body).unwrap_err();
            assert!(!why.contains("hunter2"), "{template}: {why}");
        }
    }

    proptest! {
        #[test]
        fn no_template_breaks_and_none_tells_of_the_message(
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("{{".to_owned()), Just("}}".to_owned()), Just("{%".to_owned()),
                    Just("%}".to_owned()), Just(" a ".to_owned()), Just("|".to_owned()),
                    Just("for b in a".to_owned()), Just("endfor".to_owned()), Just("if".to_owned()),
                    Just("a.b[0]".to_owned()), Just("int".to_owned()), Just("tojson".to_owned()),
                    "[-+*/~().:,\"'寝 0-9]{0,4}",
                ],
                0..12,
            ),
            value in prop_oneof![
                Just(r#""hunter2""#), Just(r#"["hunter2"]"#), Just(r#"{"b":["hunter2"]}"#),
                Just("1e999999"), Just("null"), Just("-0.000"),
            ],
        ) {
            let body = format!("{{\"a\":{value}}}");
            let template = Template::parse("text", &pieces.concat());
            if let (Ok(template), Ok(values)) = (template, Values::of_body(body.as_bytes()))
                && let Err(why) = template.render(&values)
            {
                prop_assert!(!why.contains("hunter2"), "{why}");
            }
        }
    }

    #[test]
    fn a_body_that_is_no_object_has_no_fields() {
        for body in ["[1]", "7", "\"a\"", "null", "", "{", "{\"a\":\"\\ud800\"}"] {
            assert!(fill("x", body).is_err(), "{body}");
        }
    }

    #[test]
    fn what_would_never_end_is_broken_off() {
        let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{{ a * b }}{% endfor %}{% endfor %}";
        assert!(fill(endless, "{}").unwrap_err().contains("more steps"));
    }

    #[test]
    fn what_is_no_template_is_refused_with_its_line() {
        for (source, line) in [("{{", 1), ("a\n{% if x %}", 2), ("{{ x | }}", 1), ("{% foo %}", 1)]
        {
            let error = Template::parse("key", source).map(drop).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{source}");
            let text = error.to_string();
            assert!(text.starts_with("`key` is no template"), "{text}");
            assert!(text.contains(&format!("line {line}")), "{text}");
        }
    }

    #[test]
    fn a_template_knows_what_it_uses() {
        let template = Template::parse("text", "{% if weather.max %}{{ uid }}{% endif %}").unwrap();
        assert!(template.uses("weather") && template.uses("uid") && !template.uses("max"));
    }

    #[test]
    fn a_template_may_be_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weather.txt");
        fs::write(&path, "\u{feff}{{uid}}です\n").unwrap();
        let values = Values::of_body(br#"{"uid":"u1"}"#).unwrap().with("uid", &"u2");
        let template = Template::read("text-file", &path).unwrap();
        assert_eq!(template.render(&values).unwrap(), "u2です");
        for path in [folder.path().to_owned(), folder.path().join("none")] {
            let error = Template::read("text-file", &path).map(drop).unwrap_err();
            assert_eq!(error.kind(), Kind::Configuration);
        }
    }
}
