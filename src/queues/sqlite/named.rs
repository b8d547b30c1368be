//! The queues of a file, by their names.

use super::codec::lossy;
use super::options::SqliteOptions;
use super::schema::SCHEMA;
use crate::clients::sqlite::Reader;
use crate::error::Result;
use crate::location::Location;
use crate::queues::{NamedQueue, Options};
use rusqlite::Connection;

const NAMES: &str = "SELECT name FROM queues ORDER BY name";

/// All queues of the file, or the one that the URL names. None where the file is not there yet.
pub(super) async fn all(url: &Location, options: &Options) -> Result<Vec<NamedQueue>> {
    let SqliteOptions { path, name, .. } = SqliteOptions::of(url.clone(), options)?;
    if url.get("queue").is_some() {
        return Ok(vec![NamedQueue { name, url: url.clone(), has_jobs: false }]);
    }
    let Some(reader) = Reader::open_if_there(&path, &SCHEMA).await? else { return Ok(Vec::new()) };
    let names = reader.read(|c: &Connection| {
        let mut statement = c.prepare(NAMES)?;
        let names = statement.query_map([], |row| Ok(lossy(row.get_ref(0))))?;
        names.collect::<rusqlite::Result<Vec<_>>>()
    });
    let named = |name: String| {
        let url = url.clone().with("queue", Some(&name), "the name")?;
        Ok(NamedQueue { name, url, has_jobs: false })
    };
    names.await?.into_iter().map(named).collect()
}
