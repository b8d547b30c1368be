//! How many messages of an embedded queue have which tag.

use super::codec::lossy;
use super::inspector::Inspector;
use crate::error::Result;
use crate::queues::{TagCount, Tags};
use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

#[async_trait]
impl Tags for Inspector {
    async fn largest(&self, max: usize) -> Result<Vec<TagCount>> {
        let (queue, max) = (self.number, i64::try_from(max).unwrap_or(i64::MAX));
        let look = move |c: &Connection| {
            let mut statement = c.prepare_cached(LARGEST)?;
            let count = |row: &Row<'_>| {
                let messages = row.get::<_, i64>(1)?.unsigned_abs();
                Ok(TagCount { tag: lossy(row.get_ref(0)), messages })
            };
            statement.query_map(params![queue, max], count)?.collect()
        };
        self.reader.read(look).await
    }
}

const LARGEST: &str = "
SELECT tag, count(*) FROM messages WHERE queue = ?1 AND tag IS NOT NULL
GROUP BY tag ORDER BY count(*) DESC, tag LIMIT ?2";
