//! Where the locks of a run are, and how `--lock` takes them.

use super::{Common, Context};
use crate::error::Result;
use crate::identity::Identity;
use crate::lock::{self, Lock};
use crate::text;
use std::path::{Path, PathBuf};

/// The places of a program's locks where the user names none: one for each pair of the names that
/// both ends have now. Whoever comes to the same ends by other names meets one of them.
fn default_paths(data_dir: &Path, program: &str, ends: [&Identity; 2]) -> Vec<PathBuf> {
    let pairs = ends[0].names().flat_map(|from| ends[1].names().map(move |into| (from, into)));
    let name = |(from, into)| text::short_name(format!("{from}\n{into}"));
    let mut names: Vec<_> = pairs.map(name).collect();
    // In one order for all, so that no two runs wait for each other.
    names.sort();
    let folder = data_dir.join("locks");
    names.iter().map(|name| folder.join(format!("{program}-{name}.lock"))).collect()
}

/// Takes all of these locks, or none: the error names the one that another run holds. With `wait`
/// that one is waited for.
async fn take(paths: &[PathBuf], wait: bool) -> Result<Result<Vec<Lock>, PathBuf>> {
    let mut taken = Vec::new();
    for path in paths {
        let lock = lock::take(path, wait).await;
        match lock.map_err(|error| error.hint("name another file with `--lock=PATH`"))? {
            Some(lock) => taken.push(lock),
            None => return Ok(Err(path.clone())),
        }
    }
    Ok(Ok(taken))
}

/// Whether the run may go on.
pub(super) enum Locked {
    /// The run may go on; the locks, where one was asked for, are kept as long as this lives.
    Yes(Vec<Lock>),
    /// Another run holds the lock, or a signal came while we waited for it.
    No,
}

/// Takes the lock where `--lock` asks for one.
pub(super) async fn hold(
    common: &Common,
    program: &str,
    ends: impl Future<Output = Result<[Identity; 2]>>,
    wait: bool,
    context: &Context,
) -> Result<Locked> {
    let take = async {
        let paths = match &common.lock {
            None => return Ok(Ok(Vec::new())),
            Some(None) => {
                let [from, into] = ends.await?;
                default_paths(&context.environment.data_dir()?, program, [&from, &into])
            }
            Some(Some(path)) => vec![path.clone()],
        };
        take(&paths, wait).await
    };
    let taken = tokio::select! {
        taken = take => taken?,
        () = context.signals.shutdown() => return Ok(Locked::No),
    };
    match taken {
        Ok(locks) => Ok(Locked::Yes(locks)),
        Err(path) => {
            let path = text::of_name(&path);
            tracing::warn!("another run holds the lock `{path}`: nothing to do");
            Ok(Locked::No)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_of_ends_has_its_own() {
        let (a, b) = (Identity::named("stdin"), Identity::named("a").also(Some("c".to_owned())));
        let paths = |ends| default_paths(Path::new("/data"), "publish", ends);
        assert!(paths([&a, &b]).iter().all(|path| !paths([&b, &a]).contains(path)));
        let c = Identity::named("c");
        assert!(paths([&a, &c]).iter().all(|path| paths([&a, &b]).contains(path)));
    }
}
