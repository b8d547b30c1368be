//! A window on its way out of the database: rows become batches as they are read.

use super::asker::Asker;
use super::question::Question;
use super::row::Layout;
use super::row_time::{RowTime, RowTimes};
use super::window::Window;
use crate::batch::{BatchBuilder, BatchLimits};
use crate::clients::sql::{Columns, Row, RowStream};
use crate::error::Result;
use crate::sources::{Batch, Refusal};
use crate::text;
use chrono::{DateTime, Utc};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use std::collections::VecDeque;
use std::sync::Arc;
use std::vec::IntoIter;

/// How much of a row's id is shown, in characters.
const SHOWN: usize = 100;

/// A batch, and the time up to which each of its messages may be met again.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) batch: Batch,
    pub(super) times: Vec<DateTime<Utc>>,
}

/// A window that is read.
pub(super) struct Reading {
    asker: Arc<Asker>,
    window: Window,
    /// What is still to be asked; `None` before that is known.
    questions: Option<VecDeque<Question>>,
    open: Option<Open>,
    piece: BatchBuilder<Piece>,
    /// How many rows were read.
    rows: u64,
}

/// A question whose rows are read.
struct Open {
    question: Question,
    stream: RowStream,
    /// The columns of the rows, and where those are that matter.
    form: Option<(Columns, Layout)>,
    /// Rows that have come.
    rows: IntoIter<Row>,
    times: RowTimes,
}

/// A row that is due in the window.
struct Due {
    /// Empty where no columns make it.
    id: String,
    at: Option<Arc<RowTime>>,
}

impl Reading {
    pub(super) fn new(asker: Arc<Asker>, window: Window, limits: BatchLimits) -> Self {
        let piece = BatchBuilder::new(limits);
        Self { asker, window, questions: None, open: None, piece, rows: 0 }
    }

    /// The batches of the window. What is begun goes on where a `next` of it was dropped.
    pub(super) fn pieces(self) -> BoxStream<'static, Result<Piece>> {
        let next = |mut reading: Self| async move {
            let piece = reading.next().await?;
            Ok(piece.map(|piece| (piece, reading)))
        };
        stream::try_unfold(self, next).boxed()
    }

    /// How many rows have their time in the window.
    pub(super) async fn count(mut self) -> Result<u64> {
        let mut count = 0;
        while let Some(row) = self.row().await? {
            count += u64::from(matches!(self.due(&row), Ok(Some(_))));
        }
        Ok(count)
    }

    async fn next(&mut self) -> Result<Option<Piece>> {
        while !self.piece.is_full() {
            let Some(row) = self.row().await? else { break };
            self.add(row);
        }
        Ok((!self.piece.is_empty()).then(|| self.piece.take()))
    }

    /// The next row, of whichever question.
    async fn row(&mut self) -> Result<Option<Row>> {
        loop {
            if let Some(open) = &mut self.open
                && let Some(row) = open.next(&self.asker).await?
            {
                self.rows += 1;
                return Ok(Some(row));
            }
            self.open = None;
            let Some(question) = self.question().await? else { return Ok(None) };
            let stream = self.asker.ask(&question).await?;
            let rows = Vec::new().into_iter();
            let times = RowTimes::default();
            self.open = Some(Open { question, stream, form: None, rows, times });
        }
    }

    /// The next question; before the first one the database tells the zones.
    async fn question(&mut self) -> Result<Option<Question>> {
        if self.questions.is_none() {
            let (questions, refused) = self.asker.questions(self.window).await?;
            refused.into_iter().for_each(|refusal| self.refuse(refusal));
            self.questions = Some(questions.into());
        }
        Ok(self.questions.as_mut().and_then(VecDeque::pop_front))
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.piece.add(0).batch.refused.push(refusal);
    }

    fn add(&mut self, row: Row) {
        match self.due(&row) {
            Ok(Some(due)) => self.add_due(due, row),
            Ok(None) => {}
            Err(reason) => {
                let position = self.shown(&row).unwrap_or_else(|| format!("row {}", self.rows));
                self.refuse(Refusal { position, reason, raw: None });
            }
        }
    }

    fn add_due(&mut self, due: Due, row: Row) {
        let Some((columns, layout)) = self.form() else { return };
        let message = layout.message(due.id, row, columns, due.at.as_deref());
        let time = due.at.map_or(self.window.until, |told| told.at);
        let piece = self.piece.add(message.size());
        piece.batch.messages.push(message);
        piece.times.push(time);
    }

    /// The id and the time of a row; `None` where another window has its time.
    fn due(&mut self, row: &Row) -> Result<Option<Due>, String> {
        let Some(Open { question, form: Some((columns, layout)), times, .. }) = &mut self.open
        else {
            return Ok(None);
        };
        let at = layout.instant(row, columns, question, times)?;
        if at.as_ref().is_some_and(|told| !self.window.contains(told.at)) {
            return layout.elsewhere(row, columns, &self.asker.query).map(|()| None);
        }
        let id = layout.id(row, columns, at.as_deref())?;
        Ok(Some(Due { id, at }))
    }

    fn form(&self) -> Option<&(Columns, Layout)> {
        self.open.as_ref()?.form.as_ref()
    }

    /// What a row is called where it is refused: by its columns of the id, where it has them.
    fn shown(&self, row: &Row) -> Option<String> {
        let (columns, layout) = self.form()?;
        let id = layout.id(row, columns, None).ok().filter(|id| !id.is_empty())?;
        Some(format!("row `{}`", text::beginning(&id, SHOWN)))
    }
}

impl Open {
    async fn next(&mut self, asker: &Asker) -> Result<Option<Row>> {
        loop {
            if let Some(row) = self.rows.next() {
                return Ok(Some(row));
            }
            let Some(batch) = self.stream.next().await? else { return Ok(None) };
            if self.form.is_none() {
                let layout = asker.form.layout(&batch.columns)?;
                self.form = Some((batch.columns, layout));
            }
            self.rows = batch.rows.into_iter();
        }
    }
}
