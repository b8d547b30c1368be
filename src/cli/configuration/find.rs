//! Which file is read.

use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::text;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The variable that names the file.
pub(super) const VARIABLE: &str = "KAKEHI_CONFIG";

/// The machine's own file.
const SYSTEM: &str = "/etc/kakehi/env";

/// The longest that a file may be, in bytes: this bounds what is read of a device.
const LONGEST: u64 = 1 << 20;

/// What was found.
#[derive(Debug)]
pub(super) enum Found {
    /// There is no file.
    Nowhere,
    /// A file that we may not read, and which nobody has named.
    Unreadable(PathBuf, io::Error),
    /// A file, with all that it holds.
    Read(PathBuf, Content),
}

/// What a file holds, and who may read it.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    /// Whether everybody on this machine may read or write it.
    pub(super) open_to_others: bool,
}

/// Finds the file and reads it: the one that `$KAKEHI_CONFIG` names, else the user's, else the machine's.
///
/// # Errors
/// `Configuration` where a file was named and cannot be read, or where one is no file of a sane length.
pub(super) fn find(environment: &Environment) -> Result<Found> {
    if let Some(named) = environment.os(VARIABLE).map(PathBuf::from) {
        let hint = format!("name a file in `{VARIABLE}`, `/dev/null` for none, or unset it");
        let content = read(&named)
            .map_err(|cause| cannot_read(&named).because_of_file(cause, &named).hint(hint))?;
        return Ok(Found::Read(named, content));
    }
    for path in usual(environment) {
        match read(&path) {
            Ok(content) => return Ok(Found::Read(path, content)),
            Err(cause) => match cause.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {}
                io::ErrorKind::PermissionDenied => return Ok(Found::Unreadable(path, cause)),
                _ => return Err(cannot_read(&path).because_of_file(cause, &path)),
            },
        }
    }
    Ok(Found::Nowhere)
}

/// Where the file is where nobody names one: the first that is there.
pub(super) fn usual(environment: &Environment) -> Vec<PathBuf> {
    let folder = match environment.os("XDG_CONFIG_HOME").map(Path::new) {
        Some(folder) if folder.is_absolute() => Some(folder.to_owned()),
        _ => environment.os("HOME").map(|home| Path::new(home).join(".config")),
    };
    folder.map(|it| it.join("kakehi/env")).into_iter().chain([SYSTEM.into()]).collect()
}

fn read(path: &Path) -> io::Result<Content> {
    let file = File::open(path)?;
    let facts = file.metadata()?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than a megabyte"));
    }
    Ok(Content { bytes, open_to_others: facts.is_file() && facts.mode() & 0o006 != 0 })
}

fn cannot_read(path: &Path) -> Error {
    let what = format!("cannot read the configuration file `{}`", text::of_name(path));
    Error::new(Kind::Configuration, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_file_comes_before_the_machines() {
        for (variables, paths) in [
            (&[][..], &["/etc/kakehi/env"][..]),
            (&[("HOME", "/h")], &["/h/.config/kakehi/env", "/etc/kakehi/env"]),
            (&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")], &["/x/kakehi/env", "/etc/kakehi/env"]),
            (
                &[("HOME", "/h"), ("XDG_CONFIG_HOME", "x")],
                &["/h/.config/kakehi/env", "/etc/kakehi/env"],
            ),
        ] {
            let environment: Environment = variables.iter().copied().collect();
            assert_eq!(usual(&environment), paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_device_without_end_is_refused() {
        let environment: Environment = [(VARIABLE, "/dev/zero")].into_iter().collect();
        let error = find(&environment).expect_err("no file is so long");
        assert_eq!(error.kind(), Kind::Configuration);
        assert!(error.to_string().contains("megabyte"), "{error}");
    }
}
