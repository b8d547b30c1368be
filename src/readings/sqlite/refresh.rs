//! Bringing what is kept of each hour up to the rows that there are.

use super::Sqlite;
use super::rows;
use crate::clients::sqlite::Reader;
use crate::error::Result;
use crate::readings::hours::{DAY, Fold, HoursFile, Mark, Stale};
use rusqlite::Connection;
use std::sync::Arc;

/// How many rows are counted at once.
const STEP: usize = 200_000;

impl Sqlite {
    /// Counts the rows behind the last that were counted, and anew the days whose documents we have
    /// changed. What others have replaced or removed shows when all is counted anew, once a day, and at
    /// once where the last row is not what it was.
    pub(super) async fn refresh(self: &Arc<Self>, reader: &Reader, file: &HoursFile) -> Result<()> {
        let _counting = self.counting.lock().await;
        let mut mark = file.mark().await?;
        if !self.is_current(reader, &mark).await? {
            file.clear().await?;
            mark = file.mark().await?;
        }
        if let Some(stale) = file.stale().await? {
            let fold = self.fold_days(reader, &mark, &stale).await?;
            file.recount(fold, stale, &mark).await?;
        }
        let mut fold = self.fold_behind(reader, mark.row()).await?;
        while fold.rows > 0 {
            let (are_all, row) = (fold.rows < STEP, fold.row());
            // While these are written, the next ones are read.
            let next = async {
                if are_all { Ok(None) } else { self.fold_behind(reader, row).await.map(Some) }
            };
            let (added, next) = tokio::try_join!(file.add(fold, mark, self.clock.millis()), next)?;
            if added && are_all {
                return Ok(());
            }
            mark = file.mark().await?;
            fold = match next.filter(|_| added) {
                Some(next) => next,
                // What another program has counted meanwhile is gone on from.
                None => self.fold_behind(reader, mark.row()).await?,
            };
        }
        Ok(())
    }

    /// Whether what was counted is of today, and the last row is still the one that it was.
    async fn is_current(self: &Arc<Self>, reader: &Reader, mark: &Mark) -> Result<bool> {
        let age = self.clock.millis() - mark.built_at;
        let Some((row, key)) = mark.last.clone() else { return Ok(false) };
        if !(0..DAY).contains(&age) {
            return Ok(false);
        }
        let store = self.clone();
        let look = move |c: &Connection| rows::key(c, &store.collection, row);
        Ok(self.look_with(reader, look).await? == Some(key))
    }

    async fn fold_behind(self: &Arc<Self>, reader: &Reader, behind: i64) -> Result<Fold> {
        let store = self.clone();
        let look = move |connection: &Connection| {
            store.count(connection, (behind, i64::MAX), STEP, Fold::default())
        };
        self.look_with(reader, look).await
    }

    /// What the rows tell of stale days, up to the last row that was counted.
    async fn fold_days(
        self: &Arc<Self>,
        reader: &Reader,
        mark: &Mark,
        stale: &Stale,
    ) -> Result<Fold> {
        let rows = (stale.first.saturating_sub(1), stale.last.min(mark.row()));
        let (store, days) = (self.clone(), stale.days.iter().map(|(day, _)| *day));
        let fold = Fold::of_days(days);
        let look = move |connection: &Connection| store.count(connection, rows, usize::MAX, fold);
        self.look_with(reader, look).await
    }
}
