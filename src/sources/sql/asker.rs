//! The database, and how it is asked.

use super::question::{Manner, Question, Zone};
use super::row::Form;
use super::window::Window;
use crate::clients::sql::{Cell, Client, RowStream, Statement};
use crate::error::{Error, Kind, Result};
use crate::preflight::Finding;
use crate::sources::Refusal;
use crate::{location, text};
use chrono_tz::Tz;

/// How much of a zone's name is shown, in characters.
const SHOWN: usize = 100;

/// A database, and what it is asked.
pub(super) struct Asker {
    pub(super) client: Client,
    pub(super) query: Statement,
    /// The query whose rows are the zones; without one it is `zone`.
    pub(super) zones: Option<Statement>,
    pub(super) zone: Tz,
    pub(super) form: Form,
    pub(super) manner: Manner,
}

impl Asker {
    /// All that is to be asked about a window, zone by zone, and the zones that are none.
    pub(super) async fn questions(&self, window: Window) -> Result<(Vec<Question>, Vec<Refusal>)> {
        let (zones, refused) = self.zones().await?;
        let dialect = self.client.dialect();
        let questions = zones.iter().flat_map(|it| self.manner.questions(window, it, dialect));
        Ok((questions.collect(), refused))
    }

    /// Asks one question.
    pub(super) async fn ask(&self, question: &Question) -> Result<RowStream> {
        self.client.query(&self.query, &question.values).await
    }

    /// The zones of the rows, each with the name that the database has for it.
    async fn zones(&self) -> Result<(Vec<Zone>, Vec<Refusal>)> {
        let Some(query) = &self.zones else {
            let own = Zone { name: self.zone.name().to_owned(), zone: self.zone };
            return Ok((vec![own], Vec::new()));
        };
        let (mut zones, mut refused) = (Vec::new(), Vec::new());
        let mut rows = self.client.query(query, &[]).await?;
        while let Some(batch) = rows.next().await? {
            one_column(batch.columns.names().count())?;
            for cell in batch.rows.iter().flatten() {
                match zone(cell) {
                    Ok(zone) => zones.push(zone),
                    Err(refusal) => refused.push(refusal),
                }
            }
        }
        Ok((zones, refused))
    }

    /// Has the database compile the queries, and looks for the columns that are needed.
    pub(super) async fn preflight(&self) -> Result<Vec<Finding>> {
        let columns = self.client.prepare(&self.query).await?;
        self.form.layout(&columns)?;
        let names: Vec<_> = columns.names().collect();
        let (database, list) = (self.client.name(), location::list(&names));
        let mut findings =
            vec![Finding::ok(format!("{database} takes the query, which gives {list}"))];
        if let Some(zones) = &self.zones {
            one_column(self.client.prepare(zones).await?.names().count())?;
            findings.push(Finding::ok(format!("{database} takes the query of `zones`")));
        }
        self.client.close().await;
        Ok(findings)
    }
}

fn one_column(count: usize) -> Result<()> {
    match count {
        1 => Ok(()),
        _ => Err(Error::new(Kind::Configuration, "the query of `zones` gives several columns")
            .hint("have it give the zones alone: `zones=select distinct zone from users`")),
    }
}

/// The zone that a row names.
fn zone(cell: &Cell) -> Result<Zone, Refusal> {
    let refusal =
        |position: String, reason: &str| Refusal { position, reason: reason.to_owned(), raw: None };
    if cell.is_null() {
        let reason = "no row without a zone is published";
        return Err(refusal("the zone NULL".to_owned(), reason));
    }
    let name = cell.plain();
    match name.parse() {
        Ok(zone) => Ok(Zone { name: name.into_owned(), zone }),
        Err(_) => Err(refusal(
            format!("the zone `{}`", text::beginning(&name, SHOWN)),
            "it is no IANA name, as `Asia/Tokyo`, and none of its rows is published",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_an_iana_name() {
        let named = zone(&Cell::text("Asia/Tokyo")).unwrap();
        assert_eq!((named.name.as_str(), named.zone), ("Asia/Tokyo", Tz::Asia__Tokyo));
        for (cell, told) in [
            (Cell::null(), "the zone NULL"),
            (Cell::text("Mars/Phobos\u{1b}"), "the zone `Mars/Phobos\\u{1b}`"),
            (Cell::text("+09:00"), "the zone `+09:00`"),
            (Cell::whole(9), "the zone `9`"),
        ] {
            assert_eq!(zone(&cell).unwrap_err().position, told);
        }
    }
}
