//! The configuration file, `NAME=value` lines below the environment: the one that cron's lines and
//! systemd's services go by, so that a bare `queue stats` speaks of their pipeline.

mod anew;
mod file;
mod find;
mod show;

use super::masks::is_secret;
use crate::environment::{Environment, SECRETS};
use crate::error::{Error, Kind, Result};
use crate::{permissions, redact, text};
use file::Assignment;
use find::Found;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Variables that are one setting together: where the environment has one of them, none is taken from
/// the file. A secret and the file for it are such a pair, too.
const TOGETHER: &[&[&str]] = &[
    &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"],
    &["AWS_REGION", "AWS_DEFAULT_REGION"],
];

/// What a program goes by: its environment, and below it what the file says.
pub(super) struct Configuration {
    /// Both together.
    pub(super) environment: Environment,
    /// What a person should know of the file.
    warnings: Vec<String>,
    file: Option<PathBuf>,
    lines: BTreeMap<String, Line>,
}

/// What the file says of a variable.
struct Line {
    /// From 1.
    number: usize,
    /// Whether it is used: the environment says nothing else.
    used: bool,
}

impl Configuration {
    /// Finds the file, reads it, and puts it below the environment.
    ///
    /// # Errors
    /// `Configuration` where a file that was named cannot be read, or where a line is wrong.
    pub(super) fn read(environment: Environment) -> Result<Self> {
        let mut it = Self { environment, warnings: Vec::new(), file: None, lines: BTreeMap::new() };
        match find::find(&it.environment)? {
            Found::Nowhere => {}
            Found::Unreadable(path, cause) => it.warnings.push(format!(
                "the configuration file `{}` is not read: {}; name another one in `{}`, \
                 or /dev/null for none",
                text::of_name(&path),
                permissions::explained(&cause, &path),
                find::VARIABLE
            )),
            Found::Read(path, content) => {
                let all = file::parse(&content.bytes).map_err(|bad| not_understood(&path, &bad))?;
                if content.open_to_others && all.iter().any(holds_a_secret) {
                    it.warn_of_readers(&path);
                }
                it.add(all);
                it.file = Some(path);
            }
        }
        Ok(it)
    }

    /// Logs what a person should know of the file.
    pub(super) fn warn(&self) {
        for warning in &self.warnings {
            tracing::warn!("{warning}");
        }
    }

    fn warn_of_readers(&mut self, path: &Path) {
        let path = text::of_name(path);
        let command = crate::hint::command(["chmod", "o-rw", &path]);
        self.warnings.push(format!(
            "everybody on this machine may read or change `{path}`, which holds secrets; {command} \
             ends that"
        ));
    }

    /// Adds what the environment does not say; of two lines for one name the later counts.
    fn add(&mut self, all: Vec<Assignment>) {
        let mut values = BTreeMap::new();
        for it in all {
            let used = !is_said(&self.environment, &it.name);
            self.lines.insert(it.name.clone(), Line { number: it.line, used });
            values.insert(it.name, it.value);
        }
        values.retain(|name, _| self.lines[name].used);
        self.environment.add(values);
    }
}

/// Whether the environment says something of this variable, or of one that belongs to it. An empty value
/// says that there is none.
fn is_said(environment: &Environment, name: &str) -> bool {
    let bare = name.strip_suffix("_FILE").unwrap_or(name);
    let pair = [bare.to_owned(), format!("{bare}_FILE")];
    let together = TOGETHER.iter().filter(|names| names.contains(&name)).copied().flatten();
    let paired = pair.iter().map(String::as_str).filter(|_| SECRETS.contains(&bare));
    [name].into_iter().chain(together.copied()).chain(paired).any(|it| environment.contains(it))
}

fn holds_a_secret(it: &Assignment) -> bool {
    !it.value.is_empty() && (is_secret(&it.name) || redact::text(&it.value) != it.value)
}

fn not_understood(path: &Path, bad: &file::BadLine) -> Error {
    let what = format!("cannot read line {} of `{}`", bad.line, text::of_name(path));
    Error::new(Kind::Configuration, what)
        .because_of(bad.why)
        .hint("write `NAME='value'` on each line, and comments on lines that begin with `#`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(environment: &[(&str, &str)], lines: &[(&str, &str)]) -> Configuration {
        let environment = environment.iter().copied().collect();
        let mut it =
            Configuration { environment, warnings: Vec::new(), file: None, lines: BTreeMap::new() };
        let assignment = |(at, (name, value)): (usize, &(&str, &str))| Assignment {
            line: at + 1,
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        it.add(lines.iter().enumerate().map(assignment).collect());
        it
    }

    #[test]
    fn the_environment_stands_above_the_file_and_the_last_line_counts() {
        let it = of(
            &[("A", "environment"), ("EMPTY", "")],
            &[("A", "file"), ("B", "first"), ("B", "second"), ("EMPTY", "file")],
        );
        let said = |name: &str| it.environment.get(name).unwrap();
        assert_eq!([said("A"), said("B")], [Some("environment"), Some("second")]);
        assert_eq!(said("EMPTY"), None);
        assert_eq!((it.lines["B"].number, it.lines["B"].used), (3, true));
        assert!(!it.lines["A"].used);
    }

    #[test]
    fn what_is_one_setting_comes_from_one_of_them() {
        let file = [
            ("MONGODB_PASSWORD", "secret"),
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
            ("AWS_DEFAULT_REGION", "c"),
            ("OTHER_FILE", "d"),
        ];
        let shell = [
            ("MONGODB_PASSWORD_FILE", "/f"),
            ("AWS_PROFILE", "p"),
            ("AWS_REGION", "r"),
            ("OTHER", "o"),
        ];
        let it = of(&shell, &file);
        let used: Vec<_> =
            it.lines.iter().filter(|(_, line)| line.used).map(|it| it.0.as_str()).collect();
        assert_eq!(used, ["OTHER_FILE"]);
        // Within the file both are there, and refused where they are read.
        let it = of(&[], &[("SQL_PASSWORD", "a"), ("SQL_PASSWORD_FILE", "b")]);
        assert!(it.environment.secret("SQL_PASSWORD").is_err());
    }

    #[test]
    fn a_login_in_a_url_is_a_secret_and_a_path_is_none() {
        let holds = |name: &str, value: &str| {
            holds_a_secret(&Assignment { line: 1, name: name.into(), value: value.into() })
        };
        assert!(holds("NATURE_REMO_TOKEN", "x") && holds("WEBHOOK_URL", "https://h/x"));
        assert!(holds("KAKEHI_SINK", "mongodb://me:secret@h/d"));
        assert!(!holds("NATURE_REMO_TOKEN_FILE", "/f") && !holds("NATURE_REMO_TOKEN", ""));
        assert!(!holds("KAKEHI_SINK", "mongodb://h/d?collection=a"));
    }
}
