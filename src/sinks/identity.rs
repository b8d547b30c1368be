//! What a sink is, whatever its URL is spelled like.

use super::{Options, legacy, sqlite};
use crate::error::{Error, Kind, Result};
use crate::identity::{self, FileIdentity, Identity};
use crate::location::Location;
use std::path::Path;

/// The port of a MongoDB that names none.
const MONGODB_PORT: &str = ":27017";

/// The sink of a URL, for what is compared and locked. Nothing is asked; how it writes is no part of
/// what it is.
pub fn identity(url: &Location, options: &Options) -> Result<Identity> {
    let mut url = url.clone();
    legacy::take(&mut url)?;
    match url.scheme() {
        "sqlite" => sqlite::identity(&url, options),
        "mongodb" | "mongodb+srv" => Ok(collection(&url)),
        "exec" => command(&url),
        "thumbnail" => thumbnails(&url, options),
        _ => Ok(Identity::named(url.describe())),
    }
}

/// The file of a sink that is one.
pub(super) fn file(path: &Path) -> Result<FileIdentity> {
    FileIdentity::of(path).map_err(|cause| {
        let what = format!("cannot tell where `{}` is", crate::text::of_name(path));
        Error::new(Kind::Configuration, what).because(cause).hint("name it by its full path")
    })
}

/// The hosts in any order and with their ports, the database, the collection.
fn collection(url: &Location) -> Identity {
    let rest = url.rest().trim_start_matches('/');
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    let hosts = hosts.to_ascii_lowercase();
    let mut hosts: Vec<_> = hosts.split(',').map(|host| whole(host, url.scheme())).collect();
    hosts.sort();
    let collection = url.get("collection").unwrap_or("messages");
    Identity::named(format!("{} {}/{database}.{collection}", url.scheme(), hosts.join(",")))
}

fn whole(host: &str, scheme: &str) -> String {
    let named = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
    let port = if named || scheme != "mongodb" { "" } else { MONGODB_PORT };
    identity::endpoint(&format!("{host}{port}"))
}

/// A program by its file, or by its name where `PATH` leads to it.
fn command(url: &Location) -> Result<Identity> {
    let path = url.file();
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            Ok(Identity::in_file(file(&path)?, "").of_kind("command"))
        }
        _ => Ok(Identity::named(url.describe())),
    }
}

/// The store, and what stands before the keys.
fn thumbnails(url: &Location, options: &Options) -> Result<Identity> {
    let prefix = url.get("prefix").unwrap_or_default();
    let store = match url.clone().inner() {
        Ok(store) => store,
        Err(_) => Location::parse(&format!("file:{}", url.rest()))?,
    };
    let store = identity::of_store(&store, &options.environment)?;
    Ok(store.of_kind(&format!("thumbnails {prefix} in")))
}
