//! `--show-config`: what is configured, and where it stands.

use super::{Configuration, find};
use crate::cli::masks::{Masks, is_address, is_secret};
use crate::redact;
use crate::text::{self, columns, padded};
use std::collections::BTreeSet;

/// How the variables begin that we, or the clients in us, read.
const READ: &[&str] = &[
    "ALL_PROXY",
    "AWS_",
    "AZURE_",
    "GOOGLE_",
    "HTTPS_PROXY",
    "HTTP_TOKEN",
    "KAKEHI_",
    "MONGODB_",
    "NATURE_REMO_",
    "NO_PROXY",
    "PUBSUB_EMULATOR_HOST",
    "REDIS_",
    "RUST_LOG",
    "SQL_",
    "SSL_CERT_",
    "WEBHOOK_",
    "XDG_DATA_HOME",
];

/// What is shown in the place of a secret.
const HIDDEN: &str = "(hidden)";

/// A line of what is shown.
struct Row {
    name: String,
    origin: String,
    value: String,
}

impl Configuration {
    /// A line for each variable that is set or has a default: its name, where it comes from, and its
    /// value, where that is no secret.
    pub(in crate::cli) fn shown(&self, masks: &Masks) -> String {
        let mut rows: Vec<_> = self.names().iter().map(|name| self.row(name, masks)).collect();
        rows.extend(self.defaults().into_iter().filter(|row| self.is_default(&row.name)));
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        let width = |of: fn(&Row) -> &str| rows.iter().map(|it| columns(of(it))).max().unwrap_or(0);
        let (names, origins) = (width(|it| &it.name), width(|it| &it.origin));
        let line = |it: &Row| {
            let before = [padded(&it.name, names), padded(&it.origin, origins)].join("  ");
            format!("{before}  {}", it.value).trim_end().to_owned() + "\n"
        };
        self.head() + &rows.iter().map(line).collect::<String>()
    }

    fn head(&self) -> String {
        let warnings = self.warnings.iter().map(|it| format!("warning: {it}\n"));
        let file = match &self.file {
            Some(path) => format!("file: {}\n", text::of_name(path)),
            None => {
                let usual = find::usual(&self.environment);
                let usual: Vec<_> = usual.iter().map(text::of_name).collect();
                format!("file: none, neither `${}` nor {}\n", find::VARIABLE, usual.join(" nor "))
            }
        };
        file + &warnings.collect::<String>() + "\n"
    }

    /// The variables of the file, and those of the environment that are for us.
    fn names(&self) -> BTreeSet<String> {
        let ours =
            |name: &str| READ.iter().any(|start| name.to_ascii_uppercase().starts_with(start));
        let set = self.environment.all().map(|(name, _)| text::of_name(name));
        set.filter(|name| ours(name)).chain(self.lines.keys().cloned()).collect()
    }

    fn row(&self, name: &str, masks: &Masks) -> Row {
        let value = self.environment.os(name).map(text::of_name).unwrap_or_default();
        let value = match () {
            () if !self.environment.contains(name) => "(not used)".to_owned(),
            () if value.is_empty() => "(empty)".to_owned(),
            () if is_secret(name) => HIDDEN.to_owned(),
            () if is_address(name) && !value.contains("://") => {
                redact::behind_user(&value).to_owned()
            }
            () => masks.hide(&value).into_owned(),
        };
        let value = text::visible(value.as_bytes());
        Row { name: name.to_owned(), origin: self.origin(name), value }
    }

    fn origin(&self, name: &str) -> String {
        let Some(line) = self.lines.get(name) else { return "environment".to_owned() };
        let stands = format!("line {}", line.number);
        match line.used {
            true => stands,
            false => format!("environment, not {stands}"),
        }
    }

    fn is_default(&self, name: &str) -> bool {
        self.environment.os(name).is_none()
    }

    /// What holds where nothing is said.
    fn defaults(&self) -> Vec<Row> {
        let folder = self.environment.data_dir();
        let file = |name: &str| match &folder {
            Ok(folder) => format!("sqlite:{}", text::of_name(folder.join(name))),
            Err(_) => "(none: neither `HOME` nor `XDG_DATA_HOME` is set)".to_owned(),
        };
        let row = |name: &str, value| Row { name: name.into(), origin: "default".into(), value };
        vec![row("KAKEHI_QUEUE", file("queue.db")), row("KAKEHI_SINK", file("store.db"))]
    }
}
