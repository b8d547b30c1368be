//! Files that match a glob, as the list of sources knows them.

use super::intake::shown;
use super::options::{FilesOptions, PARAMETERS};
use super::sight::{Sighted, sight};
use super::state::Memory;
use super::{Setup, open, setup, walk};
use crate::error::Result;
use crate::identity::{self, Identity};
use crate::location::Location;
use crate::preflight::Finding;
use crate::sources::{Backend, Options, Source};
use async_trait::async_trait;
use std::sync::Arc;

/// A look names at most so many files.
const NAMED: usize = 10;

/// The kind of source that is a folder of files.
pub struct FilesBackend;

#[async_trait]
impl Backend for FilesBackend {
    fn parameters(&self) -> Vec<&'static str> {
        PARAMETERS.to_vec()
    }

    fn has_path(&self) -> bool {
        true
    }

    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Source>> {
        open(url, options).await
    }

    fn identity(&self, url: &Location, options: &Options) -> Result<Identity> {
        identity_of(url, options)
    }

    async fn preflight(&self, url: Location, options: &Options) -> Result<Vec<Finding>> {
        look(url, options).await
    }

    fn watches(&self, url: &Location) -> bool {
        FilesOptions::of(url.clone()).is_ok_and(|options| options.watch)
    }
}

/// The glob below its folder without links, and where the files go.
fn identity_of(url: &Location, options: &Options) -> Result<Identity> {
    let FilesOptions { pattern, store, prefix, .. } = FilesOptions::of(url.clone())?;
    let (folder, glob) = (pattern.real_folder(), pattern.below_folder());
    let kind = format!("files {glob} below {folder} as {prefix} in");
    match store {
        Some(store) => Ok(identity::of_store(&store, &options.environment)?.of_kind(&kind)),
        None => Ok(Identity::named(kind)),
    }
}

/// Looks how many files match, and whether the store answers; nothing is put or remembered.
async fn look(url: Location, options: &Options) -> Result<Vec<Finding>> {
    let Setup { pattern, store, state, .. } = setup(url, options).await?;
    Memory::open(state)?;
    let pattern = Arc::new(pattern);
    let walk = walk(pattern.clone()).await?;
    let sighted = sight(walk.paths, &pattern, store.folder());
    let matches = format!("`{}` matches {} files", pattern.text(), sighted.len());
    let mut findings = vec![Finding::ok(matches)];
    findings.extend(walk.unread.iter().map(|(path, why)| {
        Finding::unknown(format!("`{}` cannot be looked into: {why}", shown(path)))
    }));
    findings.extend(refused_by_name(&sighted));
    findings.push(store.preflight().await);
    Ok(findings)
}

/// Names the first files that will be refused by their names.
fn refused_by_name(sighted: &[Sighted]) -> impl Iterator<Item = Finding> {
    let why = |it: &Sighted| Some((shown(&it.path), it.key.as_ref().err().copied()?));
    let refused = sighted.iter().filter_map(why).take(NAMED);
    refused.map(|(file, why)| Finding::unknown(format!("`{file}` will be refused: {why}")))
}
