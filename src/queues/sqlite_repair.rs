//! Saves what can be saved of a damaged file into a new one, and names what cannot.

use super::inspect::Repaired;
use super::sqlite_mend::rebuild;
use super::sqlite_schema::SCHEMA;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::sqlite::{Pages, Salvage, beside, make_new, remove};
use std::path::Path;

/// Makes `FILE.repaired` of a file that no other program has open, and changes nothing in the file
/// itself. With `replace` the new one takes the file's place in the end, and what was there is
/// `FILE.damaged` from then on, with its log.
pub async fn repair(path: &Path, replace: bool, clock: &Clock) -> Result<Repaired> {
    let (path, now) = (path.to_owned(), clock.millis());
    let repaired = tokio::task::spawn_blocking(move || repair_blocking(&path, replace, now)).await;
    repaired.map_err(|cause| Error::new(Kind::Bug, "cannot repair a file").because(cause))?
}

fn repair_blocking(path: &Path, replace: bool, now: i64) -> Result<Repaired> {
    if replace {
        refuse_to_overwrite(&beside(path, ".damaged"))?;
    }
    let salvage = Salvage::of(Pages::open(path)?);
    refuse_strangers(&salvage, path)?;
    let (new, making) = (beside(path, ".repaired"), beside(path, ".repairing"));
    refuse_to_overwrite(&new)?;
    // What a repair that was killed has left is half a file under this name, and no other.
    remove(&making);
    let mut repaired = make_new(&making, &SCHEMA, |c| rebuild(c, &salvage, now))?;
    repaired.file = new;
    let read = repaired.messages + repaired.dead + repaired.lost.len() as u64;
    if read == 0 && salvage.pages().purpose().is_none() {
        remove(&making);
        return Err(Error::new(Kind::Configuration, format!("cannot repair `{}`", path.display()))
            .because_of("nothing in it looks like an embedded queue")
            .hint("name the file of an embedded queue"));
    }
    std::fs::rename(&making, &repaired.file).map_err(|cause| {
        let what = format!("cannot make `{}`", repaired.file.display());
        Error::new(Kind::Failed, what).because(cause)
    })?;
    if replace {
        put_in_place(path, &repaired.file)?;
        repaired.file = path.to_owned();
    }
    Ok(repaired)
}

fn refuse_to_overwrite(path: &Path) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    Err(Error::new(Kind::Configuration, format!("cannot make `{}`", path.display()))
        .because_of("it is there already")
        .hint("look whether it is still needed, and move it away"))
}

/// Refuses a file that is whole enough to say that it is none of ours, or too new.
fn refuse_strangers(salvage: &Salvage, path: &Path) -> Result<()> {
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

/// The log goes with its file: beside another one it would be taken for that one's.
fn put_in_place(path: &Path, new: &Path) -> Result<()> {
    let failed = |cause: std::io::Error| {
        let what = format!("cannot put `{}` in place of `{}`", new.display(), path.display());
        Error::new(Kind::Failed, what).because(cause).hint("what was saved is there")
    };
    let damaged = beside(path, ".damaged");
    std::fs::rename(path, &damaged).map_err(failed)?;
    for ending in ["-wal", "-shm"] {
        match std::fs::rename(beside(path, ending), beside(&damaged, ending)) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(cause));
            }
            _ => {}
        }
    }
    std::fs::rename(new, path).map_err(failed)
}
