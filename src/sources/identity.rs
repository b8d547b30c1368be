//! What a source is, whatever its URL is spelled like.

use super::Options;
use crate::error::{Error, Kind, Result};
use crate::identity::{self, Identity};
use crate::location::Location;
use crate::lock;
use crate::text;
use secrecy::ExposeSecret as _;
use std::path::{Component, Path, PathBuf};

/// The source of a URL, for what is locked. Nothing is asked or read; how it is read is no part of
/// what it is.
pub fn identity(url: &Location, options: &Options) -> Result<Identity> {
    match url.scheme() {
        "stdin" => Ok(Identity::named("stdin")),
        "files" => files(url, options),
        "nature-remo" => nature_remo(url, options),
        _ => Ok(Identity::named(url.to_string())),
    }
}

/// The glob below its folder without links, and where the files go.
fn files(url: &Location, options: &Options) -> Result<Identity> {
    let (folder, glob) = apart(&url.file());
    let folder = identity::real_path(&folder)
        .map_err(|cause| Error::new(Kind::Failed, "there is no working folder").because(cause))?;
    let prefix = url.get("prefix").unwrap_or_default();
    let kind =
        format!("files {} below {} as {prefix} in", text::of_name(&glob), text::of_name(&folder));
    match url.get("store") {
        Some(store) => {
            let store = identity::of_store(&Location::parse(store)?, &options.environment)?;
            Ok(store.of_kind(&kind))
        }
        None => Ok(Identity::named(kind)),
    }
}

/// The folder before the first wildcard, and what follows it.
fn apart(path: &Path) -> (PathBuf, PathBuf) {
    let is_wild = |part: &Component<'_>| text::of_name(part).contains(['*', '?', '[']);
    let parts: Vec<_> = path.components().collect();
    let first = parts.iter().position(is_wild).unwrap_or(parts.len().saturating_sub(1));
    (parts[..first].iter().collect(), parts[first..].iter().collect())
}

/// The account and what is asked of it.
fn nature_remo(url: &Location, options: &Options) -> Result<Identity> {
    let environment = &options.environment;
    let mode = url.get("mode").unwrap_or("snapshot");
    let endpoint = match url.get("endpoint") {
        Some(endpoint) => endpoint,
        None => environment.get("NATURE_REMO_ENDPOINT")?.unwrap_or("Nature"),
    };
    let token = environment.secret("NATURE_REMO_TOKEN")?;
    let account = token.map(|token| lock::name_for(token.expose_secret().trim()));
    let account = account.unwrap_or_default();
    let endpoint = identity::endpoint(endpoint);
    Ok(Identity::named(format!("nature-remo {mode} of {account} at {endpoint}")))
}
