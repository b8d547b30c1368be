//! What is kept of a store's readings, told of documents that were replaced.

use super::hours::{DAY, HoursFile};
use super::shape::Shapes;
use crate::error::Result;
use crate::sinks::replaced::{Replaced, Replacement};
use async_trait::async_trait;
use foldhash::HashSet;
use std::path::{Path, PathBuf};

/// The files in which the hours of one collection are kept; there may be none.
#[derive(Debug, Clone)]
pub struct Kept {
    folder: PathBuf,
    /// How their names begin.
    name: String,
}

impl Kept {
    /// Those whose names begin so.
    pub(super) fn new(folder: PathBuf, name: String) -> Self {
        Self { folder, name }
    }

    /// Where the hours are kept of documents that are read in this way.
    pub(super) fn path(&self, shapes: &Shapes) -> PathBuf {
        self.folder.join(format!("{}-{}.db", self.name, shapes.name()))
    }

    /// Forgets the days of documents that were replaced, in every file.
    async fn forget(&self, documents: &[Replacement]) -> Result<()> {
        for shapes in Shapes::usual() {
            if let Some(file) = HoursFile::open_if_there(&self.path(&shapes)).await? {
                let told = file.forget(days(&shapes, documents)).await;
                file.close().await.and(told)?;
            }
        }
        for path in self.others() {
            if let Some(file) = HoursFile::open_if_there(&path).await? {
                let cleared = file.clear().await;
                file.close().await.and(cleared)?;
            }
        }
        Ok(())
    }

    /// The files of documents that are read by the paths of a URL: what these are is not known here.
    fn others(&self) -> Vec<PathBuf> {
        let usual: Vec<_> = Shapes::usual().iter().map(|shapes| self.path(shapes)).collect();
        let Ok(folder) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let ours = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with(&self.name) && name.ends_with(".db")
        };
        let paths = folder.flatten().map(|entry| entry.path());
        paths.filter(|path| ours(path) && !usual.contains(path)).collect()
    }
}

/// The days that documents told of, and tell of now, each with the rows that they are in.
fn days(shapes: &Shapes, documents: &[Replacement]) -> Vec<(i64, Option<i64>)> {
    let mut days = HashSet::default();
    for Replacement { row, before, after } in documents {
        for seen in [before, after].into_iter().filter_map(|json| shapes.read(json, None)) {
            days.extend(seen.values.iter().map(|value| (value.at.div_euclid(DAY), Some(*row))));
        }
    }
    days.into_iter().collect()
}

#[async_trait]
impl Replaced for Kept {
    /// What cannot be told now shows when all is counted anew, within a day.
    async fn replaced(&self, documents: Vec<Replacement>) {
        if let Err(error) = self.forget(&documents).await {
            let why = error.one_line();
            tracing::debug!("the hours of replaced documents are counted anew within a day: {why}");
        }
    }
}
