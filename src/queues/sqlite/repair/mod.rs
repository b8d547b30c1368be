//! Saves what can be saved of a damaged file into a new one, and names what cannot.

mod rebuild;
mod salvage;

use super::repair::rebuild::rebuild;
use super::schema::SCHEMA;
use crate::clients::sqlite::{Pages, Replacing, Salvage, beside, in_the_way, make_new, remove};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::queues::inspect::{RepairLoss, Repaired};
use std::path::{Path, PathBuf};

/// Makes `FILE.repaired` of a file that no other program has open, and changes nothing in the file
/// itself. With `replace` the new one takes the file's place in the end, in one step, and what was
/// there is `FILE.damaged` from then on, with its log. The file is locked until all is done: who
/// opens it waits, and then has the new one.
///
/// `tell` is told of each thing that is not saved as it was, on a thread that may wait.
pub async fn repair(
    path: &Path,
    replace: bool,
    clock: &Clock,
    tell: impl FnMut(RepairLoss) + Send + 'static,
) -> Result<Repaired> {
    let (path, now) = (path.to_owned(), clock.millis());
    let work = move || repair_blocking(&real(path), replace, now, tell);
    let repaired = tokio::task::spawn_blocking(work).await;
    repaired.map_err(|cause| Error::new(Kind::Bug, "cannot repair a file").because(cause))?
}

/// The file that a link leads to: the log lies beside that one.
fn real(path: PathBuf) -> PathBuf {
    if path.is_symlink() { path.canonicalize().unwrap_or(path) } else { path }
}

fn repair_blocking(
    path: &Path,
    replace: bool,
    now: i64,
    tell: impl FnMut(RepairLoss),
) -> Result<Repaired> {
    let kept = beside(path, ".damaged");
    if let Some(taken) = in_the_way(&kept).filter(|_| replace) {
        return Err(is_there(&taken));
    }
    // Its lock is held as long as this lives.
    let salvage = Salvage::of(Pages::open(path)?);
    let old = salvage.pages().identity();
    refuse_foreign_files(&salvage, path)?;
    let new = beside(path, ".repaired");
    if new.exists() {
        return Err(is_there(&new));
    }
    let repaired = save(path, &new, &salvage, now, tell)?;
    fail::fail_point!("repair-saved");
    if !replace {
        return Ok(repaired);
    }
    Replacing { path, old, new: &new, kept: &kept }.run()?;
    Ok(Repaired { file: path.to_owned(), ..repaired })
}

/// Fills a new file, which has its name when it is whole.
fn save(
    path: &Path,
    new: &Path,
    salvage: &Salvage,
    now: i64,
    tell: impl FnMut(RepairLoss),
) -> Result<Repaired> {
    let making = beside(path, ".repairing");
    // What a repair that was killed has left is half a file under this name, and no other.
    remove(&making);
    let repaired = make_new(&making, &SCHEMA, |c| rebuild(c, salvage, now, tell))?;
    let read = repaired.messages + repaired.dead + repaired.lost;
    if read == 0 && salvage.pages().purpose().is_none() {
        remove(&making);
        return Err(Error::new(Kind::Configuration, format!("cannot repair `{}`", path.display()))
            .because_of("nothing in it looks like an embedded queue")
            .hint("name the file of an embedded queue"));
    }
    std::fs::rename(&making, new).map_err(|cause| {
        Error::new(Kind::Failed, format!("cannot make `{}`", new.display()))
            .because_of_file(cause, new)
    })?;
    Ok(Repaired { file: new.to_owned(), ..repaired })
}

/// Nothing is overwritten. A repair that was killed may have left it: what was saved is in
/// `FILE.repaired`, and `FILE.damaged` is the damaged file.
fn is_there(path: &Path) -> Error {
    Error::new(Kind::Configuration, format!("cannot make `{}`", path.display()))
        .because_of("it is there already")
        .hint("look whether it is still needed, and move it away")
}

/// Refuses a file that is whole enough to say that it is none of ours, or too new.
fn refuse_foreign_files(salvage: &Salvage, path: &Path) -> Result<()> {
    let Some((application, version)) = salvage.pages().purpose() else { return Ok(()) };
    let because = if application != SCHEMA.purpose.application_id() {
        "it is not the file of an embedded queue"
    } else if version > SCHEMA.version {
        "a newer version of this program made it"
    } else {
        return Ok(());
    };
    Err(Error::new(Kind::Configuration, format!("cannot repair `{}`", path.display()))
        .because_of(because)
        .hint("name the file of an embedded queue, and use the version that made it"))
}
