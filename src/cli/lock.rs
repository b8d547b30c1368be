//! Where the lock of a run is, and how `--lock` takes it.

use crate::error::Result;
use crate::location::Location;
use crate::lock::{self, Lock};
use std::path::{Path, PathBuf};

/// The place of a program's lock where the user names none: one for each pair of ends.
pub fn default_path(data_dir: &Path, program: &str, ends: [&Location; 2]) -> PathBuf {
    let ends = lock::name_for(format!("{}\n{}", ends[0], ends[1]));
    data_dir.join("locks").join(format!("{program}-{ends}.lock"))
}

/// Takes the lock; `None` where another run holds it and `wait` is not asked for.
pub async fn take(path: &Path, wait: bool) -> Result<Option<Lock>> {
    let taken = lock::take(path, wait).await;
    taken.map_err(|error| error.hint("name another file with `--lock=PATH`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_of_ends_has_its_own() {
        let url = |text| Location::parse(text).unwrap();
        let (a, b) = (url("stdin:"), url("sqlite:a.db"));
        let path = |ends| default_path(Path::new("/data"), "publish", ends);
        assert_ne!(path([&a, &b]), path([&b, &a]));
        assert_eq!(path([&a, &b]), path([&a, &b]));
    }
}
