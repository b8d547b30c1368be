//! Whether a file could be used, found out without making or changing anything.

use super::Schema;
use super::failure::explain;
use super::opening;
use crate::error::{Error, Kind, Result};
use crate::preflight::Finding;
use rusqlite::TransactionBehavior;
use std::fs;
use std::io;
use std::path::Path;

/// What a program would find that opens this file to write it: one that is there is written to in
/// a transaction that is rolled back; where there is none, its folder is tried.
pub async fn preflight(path: &Path, schema: &'static Schema) -> Result<Vec<Finding>> {
    let path = path.to_owned();
    let looked = tokio::task::spawn_blocking(move || look(&path, schema));
    looked.await.map_err(|cause| Error::new(Kind::Bug, "cannot look at a file").because(cause))?
}

fn look(path: &Path, schema: &Schema) -> Result<Vec<Finding>> {
    let noun = schema.purpose.noun();
    match fs::metadata(path) {
        Ok(facts) if facts.len() > 0 || facts.is_dir() => {
            drop(opening::connect_to_read(path, schema)?);
            let found = Finding::ok(format!("`{}` is a {noun}", path.display()));
            prove_writable(path)?;
            let writable = Finding::ok("we may write it: a transaction was begun and rolled back");
            Ok(vec![found, writable])
        }
        Ok(_) => {
            Ok(vec![Finding::ok(format!("`{}` is empty: it will become a {noun}", path.display()))])
        }
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => could_be_made(path, noun),
        Err(cause) => {
            Err(Error::new(Kind::Configuration, format!("cannot open `{}`", path.display()))
                .because_of_file(cause, path))
        }
    }
}

/// Writes, and takes it back.
fn prove_writable(path: &Path) -> Result<()> {
    let failed = |failure: rusqlite::Error| explain("write", path, &failure);
    let mut connection = opening::connect_to_try(path)?;
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    transaction.execute_batch("CREATE TABLE kakehi_check (x)").map_err(failed)?;
    transaction.rollback().map_err(failed)
}

/// A file without a name in the folder, or in the nearest one that is there, which is gone when it
/// is closed.
fn could_be_made(path: &Path, noun: &str) -> Result<Vec<Finding>> {
    let here = Path::new(".");
    let folders = path.ancestors().skip(1);
    let folders = folders.map(|folder| if folder.as_os_str().is_empty() { here } else { folder });
    let folder = folders.into_iter().find(|folder| folder.exists()).unwrap_or(here);
    tempfile::tempfile_in(folder).map_err(|cause| {
        Error::new(Kind::Configuration, format!("cannot make `{}`", path.display()))
            .because_of_file(cause, path)
            .hint("name a file in a folder that this user may write")
    })?;
    let what = format!("`{}` is not there yet: it will be made as a {noun}", path.display());
    Ok(vec![Finding::ok(what)])
}
