//! What a URL means, whatever it is spelled like: for what is compared, locked, or kept on disk.
//!
//! What is compared or locked is what is there now: a file by its device and inode, a service's
//! queue by its resolved URL. What is kept on disk has a [`Key`] that outlives that: a repair gives
//! a file another inode, and another file may get the old one. Neither holds a secret.

use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::text;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use url::{Host, Url};

/// The names of one thing; what shares one of them is the same thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    names: Vec<String>,
    file: Option<FileIdentity>,
}

/// A file by its real path, and by what is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileIdentity {
    path: PathBuf,
    /// Device and inode of the file that is there; `None` where there is none.
    now: Option<(u64, u64)>,
}

/// Under which name something is kept on disk, and under which names older versions kept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    name: String,
    older: Vec<String>,
}

impl Identity {
    /// The identity of a thing that has one name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { names: vec![name.into()], file: None }
    }

    /// A part of a file: `part` says which one, and is empty for all of it.
    pub fn in_file(file: FileIdentity, part: &str) -> Self {
        let FileIdentity { path, now } = &file;
        let inode = now.map(|(device, inode)| format!("inode {device}:{inode} {part}"));
        let path = format!("file {} {part}", text::of_name(path));
        Self { names: [Some(path), inode].into_iter().flatten().collect(), file: Some(file) }
    }

    /// Adds one more name of the same thing.
    #[must_use]
    pub fn also(mut self, name: Option<String>) -> Self {
        self.names.extend(name);
        self
    }

    /// Puts the kind of thing in front of each name, so that kinds are told apart.
    #[must_use]
    pub fn of_kind(mut self, kind: &str) -> Self {
        self.names.iter_mut().for_each(|name| *name = format!("{kind} {name}"));
        self
    }

    /// The name that outlives what is there now: that of a file is its path.
    pub fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// All names of the thing.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether both are the same thing.
    pub fn is(&self, other: &Self) -> bool {
        self.names.iter().any(|name| other.names.contains(name))
    }

    /// Whether both are in one file.
    pub fn shares_a_file_with(&self, other: &Self) -> bool {
        matches!((&self.file, &other.file), (Some(one), Some(other)) if one.is(other))
    }

    /// Whether the thing is in this file.
    pub fn is_in(&self, file: &FileIdentity) -> bool {
        self.file.as_ref().is_some_and(|own| own.is(file))
    }
}

impl FileIdentity {
    /// The file of this path, which may not be there yet.
    pub fn of(path: &Path) -> std::io::Result<Self> {
        let path = real_path(path)?;
        let now = fs::metadata(&path).ok().map(|facts| (facts.dev(), facts.ino()));
        Ok(Self { path, now })
    }

    /// Whether both are one file.
    pub fn is(&self, other: &Self) -> bool {
        self.path == other.path || (self.now.is_some() && self.now == other.now)
    }

    /// The path without links.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Key {
    /// The key of a thing that has had one name only.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), older: Vec::new() }
    }

    /// The names that older versions gave it; they may hold secrets, and are never shown.
    #[must_use]
    pub fn before(mut self, older: impl IntoIterator<Item = String>) -> Self {
        let mut older: Vec<_> = older.into_iter().filter(|old| *old != self.name).collect();
        older.sort();
        older.dedup();
        self.older = older;
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of older versions.
    pub fn older(&self) -> &[String] {
        &self.older
    }
}

impl From<String> for Key {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

/// A path without links: the same before and after the file is made. What is not there yet is taken
/// as it was written.
pub fn real_path(path: &Path) -> std::io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let known = absolute.ancestors().find_map(|part| Some((part, part.canonicalize().ok()?)));
    let Some((part, real)) = known else { return Ok(absolute) };
    let rest = absolute.strip_prefix(part).expect("an ancestor is how a path begins");
    Ok(if rest.as_os_str().is_empty() { real } else { real.join(rest) })
}

/// An object store, by its folder or by its URL and endpoint.
pub fn of_store(url: &Location, environment: &Environment) -> Result<Identity> {
    if url.scheme() == "file" {
        let path = url.file();
        let file = FileIdentity::of(&path).map_err(|cause| {
            let what = format!("cannot tell where `{}` is", text::of_name(&path));
            Error::new(Kind::Configuration, what).because(cause)
        })?;
        return Ok(Identity::in_file(file, "").of_kind("store"));
    }
    let endpoint = match environment.get("AWS_ENDPOINT_URL_S3")? {
        Some(endpoint) => Some(endpoint),
        None => environment.get("AWS_ENDPOINT_URL")?,
    };
    let place = endpoint.filter(|_| url.scheme() == "s3").map(self::endpoint).unwrap_or_default();
    let url = url.describe();
    Ok(Identity::named(format!("store {} at {place}", url.trim_end_matches('/'))))
}

/// Where a service is, without secrets: `http://HOST:PORT/PATH`, or `HOST:PORT` as it is given where
/// that is http. One way to write each host, and no port where it is the scheme's own.
pub fn endpoint(text: &str) -> String {
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let Ok(mut url) = Url::parse(&whole) else {
        return crate::redact::url(text).trim_end_matches('/').to_owned();
    };
    let host = if is_this_machine(&url) { Some("127.0.0.1".to_owned()) } else { bare_host(&url) };
    // Each of these fails only where there is nothing to take away.
    let cleaned = [
        url.set_username("").is_ok(),
        url.set_password(None).is_ok(),
        host.is_some_and(|host| url.set_host(Some(&host)).is_ok()),
    ];
    debug_assert!(cleaned[2] || !url.has_host(), "a host was given another spelling");
    url.set_query(None);
    url.set_fragment(None);
    url.as_str().trim_end_matches('/').to_owned()
}

/// How the endpoint of this machine may have been spelled where it is one: by `spelled` as it is
/// now, and by each name that the machine has for itself.
pub fn spellings(spelled: &str) -> Vec<String> {
    let mut all = vec![spelled.to_owned()];
    let canonical = endpoint(spelled);
    if let Some(rest) = canonical.strip_prefix("http://127.0.0.1") {
        let names = ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"];
        all.extend(names.iter().map(|name| format!("http://{name}{rest}")));
    } else {
        all.push(canonical);
    }
    all
}

/// The names and numbers that all lead to a server on this machine.
fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.trim_end_matches('.') == "localhost",
        Some(Host::Ipv4(address)) => address.octets() == [127, 0, 0, 1] || address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        None => false,
    }
}

fn bare_host(url: &Url) -> Option<String> {
    url.host_str().map(|host| host.trim_end_matches('.').to_owned())
}

/// The file of an end that is one.
///
/// # Errors
/// `Configuration` where nobody can tell where it is.
pub fn file(path: &Path) -> Result<FileIdentity> {
    FileIdentity::of(path).map_err(|cause| {
        let what = format!("cannot tell where `{}` is", text::of_name(path));
        Error::new(Kind::Configuration, what).because(cause).hint("name it by its full path")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_one_spelling_and_no_secret() {
        for (given, expected) in [
            ("127.0.0.1:8085", "http://127.0.0.1:8085"),
            ("LOCALHOST:8085", "http://127.0.0.1:8085"),
            ("http://[::1]:8085/", "http://127.0.0.1:8085"),
            ("0.0.0.0:8085", "http://127.0.0.1:8085"),
            ("http://me:hunter2@Example.ORG.:80/", "http://example.org"),
            ("me:hunter2@example.org:9", "http://example.org:9"),
            ("https://example.org:443/a/?token=hunter2#x", "https://example.org/a"),
            ("http://me:hunter2@[nonsense", "http://[nonsense"),
        ] {
            assert_eq!(endpoint(given), expected, "{given}");
        }
    }

    #[test]
    fn two_names_of_one_file_are_one_thing() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "").unwrap();
        fs::hard_link(path("a"), path("hard")).unwrap();
        std::os::unix::fs::symlink(path("a"), path("soft")).unwrap();
        fs::write(path("other"), "").unwrap();
        let of = |name: &str, part| Identity::in_file(FileIdentity::of(&path(name)).unwrap(), part);
        for name in ["a", "hard", "soft", "./a"] {
            assert!(of("a", "x").is(&of(name, "x")), "{name}");
            assert!(!of("a", "x").is(&of(name, "y")), "{name}");
            assert!(of("a", "x").shares_a_file_with(&of(name, "y")), "{name}");
        }
        assert!(!of("a", "x").is(&of("other", "x")));
        let before = of("new", "x");
        fs::write(path("new"), "").unwrap();
        assert!(before.is(&of("new", "x")), "before and after it was made");
    }
}
