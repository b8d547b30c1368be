//! The environment as a value: the programs read it once and pass it in.

use crate::error::{Error, Kind, Result};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The variables that hold secrets of ours, which no command needs that we run. Their `_FILE` forms
/// are paths, and no secrets.
pub const SECRETS: &[&str] = &[
    "GOOGLE_API_KEY",
    "HTTP_TOKEN",
    "MONGODB_PASSWORD",
    "NATURE_REMO_TOKEN",
    "REDIS_PASSWORD",
    "SQL_PASSWORD",
    "WEBHOOK_SECRET",
    "WEBHOOK_URL",
];

/// Environment variables. `Debug` shows their names only.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// A variable's value; an empty one counts as not set. One that is not UTF-8 is refused.
    pub fn get(&self, name: &str) -> Result<Option<&str>> {
        match self.0.get(OsStr::new(name)) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                Some("") => Ok(None),
                Some(value) => Ok(Some(value)),
                None => Err(Error::new(Kind::Configuration, format!("`{name}` is not UTF-8"))),
            },
        }
    }

    /// A variable that holds a path, or several; it need not be UTF-8. An empty one counts as not set.
    pub fn os(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The variables whose names begin so, for a client that has many; those that are empty or not
    /// UTF-8 are passed over.
    pub fn starting_with(&self, start: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
            .filter(move |(name, value)| name.starts_with(start) && !value.is_empty())
    }

    /// Whether a variable is set, be it to nothing.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(OsStr::new(name))
    }

    /// Every variable with its value.
    pub fn all(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// Adds variables; those that are set keep their values.
    pub fn add<N: Into<OsString>>(&mut self, variables: impl IntoIterator<Item = (N, N)>) {
        for (name, value) in variables {
            self.0.entry(name.into()).or_insert_with(|| value.into());
        }
    }

    /// A secret from `NAME`, or from the file that `NAME_FILE` names, without the newline at its
    /// end. Both at once are refused, as is an empty file.
    pub fn secret(&self, name: &str) -> Result<Option<SecretString>> {
        debug_assert!(SECRETS.contains(&name), "`{name}` would reach the commands that we run");
        let file_name = format!("{name}_FILE");
        match (self.get(name)?, self.os(&file_name)) {
            (Some(_), Some(_)) => Err(Error::new(
                Kind::Configuration,
                format!("`{name}` and `{file_name}` are both set"),
            )
            .hint("unset one of them")),
            (Some(value), None) => Ok(Some(value.trim_end_matches(['\r', '\n']).into())),
            (None, Some(path)) => read_secret(&file_name, Path::new(path)).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// What a command that we run may see: all but our own secrets ([`SECRETS`]).
    pub fn without_secrets(&self) -> impl Iterator<Item = (OsString, OsString)> {
        let open = |name: &OsString| SECRETS.iter().all(|secret| name != secret);
        self.0.clone().into_iter().filter(move |(name, _)| open(name))
    }

    /// The user's folder for what can be made again: `$XDG_CACHE_HOME/kakehi`, else
    /// `~/.cache/kakehi`; an empty path where neither is set.
    pub fn cache_dir(&self) -> PathBuf {
        if let Some(path) = self.os("XDG_CACHE_HOME").map(Path::new)
            && path.is_absolute()
        {
            return path.join("kakehi");
        }
        self.os("HOME").map(|home| Path::new(home).join(".cache/kakehi")).unwrap_or_default()
    }

    /// The user's folder for our files: `$XDG_DATA_HOME/kakehi`, else `~/.local/share/kakehi`.
    pub fn data_dir(&self) -> Result<PathBuf> {
        if let Some(path) = self.os("XDG_DATA_HOME").map(Path::new)
            && path.is_absolute()
        {
            return Ok(path.join("kakehi"));
        }
        match self.os("HOME") {
            Some(home) => Ok(Path::new(home).join(".local/share/kakehi")),
            None => Err(Error::new(Kind::Configuration, "there is no place for the default files")
                .because_of("neither `HOME` nor `XDG_DATA_HOME` is set")
                .hint("set `HOME`, or name every file: `--to sqlite:/path/queue.db`")),
        }
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn read_secret(variable: &str, path: &Path) -> Result<SecretString> {
    let failed = || {
        Error::new(
            Kind::Configuration,
            format!("cannot read `{}`, which `{variable}` names", path.display()),
        )
        .hint("name a file with the secret on one line, of mode 0600, by its full path")
    };
    let text =
        std::fs::read_to_string(path).map_err(|cause| failed().because_of_file(cause, path))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(failed().because_of("the file is empty")),
        text => Ok(text.into()),
    }
}
