//! A row becomes a message: its id, its time, its body. In every replica alike, so that two of them
//! publish one message.

use super::question::Question;
use super::row_time::{RowTime, RowTimes};
use crate::clients::sql::{Cell, Columns, Row, Statement};
use crate::error::{Error, Kind, Result};
use crate::location;
use crate::message::Message;
use std::borrow::Cow;
use std::sync::Arc;

/// The field of a body that tells a row's time.
const AT: &str = "at";

/// Which columns make the id, and which one tells a row's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) ids: Vec<String>,
    pub(super) at: Option<String>,
}

/// Where these columns stand in the rows of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    ids: Vec<usize>,
    at: Option<usize>,
    /// The body has the time in the place of this column; where there is none, at its end.
    replaced: Option<usize>,
}

impl Form {
    /// Finds the columns among those that the query gives.
    ///
    /// # Errors
    /// `Configuration` for one that is not there, and for a column `at` beside the one that tells
    /// the time.
    pub(super) fn layout(&self, columns: &Columns) -> Result<Layout> {
        let find =
            |name: &str, of: &str| columns.position(name).ok_or_else(|| missing(name, of, columns));
        let ids = self.ids.iter().map(|name| find(name, "id")).collect::<Result<_>>()?;
        let at = self.at.as_deref().map(|name| find(name, AT)).transpose()?;
        let replaced = at.and_then(|_| columns.position(AT));
        match replaced == at || replaced.is_none() {
            true => Ok(Layout { ids, at, replaced }),
            false => Err(Error::new(Kind::Configuration, "the query gives a column `at`, too")
                .because_of("the body's `at` is the time of the column that `at` names")
                .hint("give it another name: `select at as other_at`")),
        }
    }
}

fn missing(name: &str, of: &str, columns: &Columns) -> Error {
    let given: Vec<_> = columns.names().collect();
    let what = format!("the query gives no column `{name}`, which `{of}` names");
    Error::new(Kind::Configuration, what).hint(format!("it gives {}", location::list(&given)))
}

impl Layout {
    /// The time of a row; `None` where rows have none.
    ///
    /// # Errors
    /// Why it has none, without its values.
    pub(super) fn instant(
        &self,
        row: &Row,
        columns: &Columns,
        question: &Question,
        times: &mut RowTimes,
    ) -> Result<Option<Arc<RowTime>>, String> {
        let Some(at) = self.at else { return Ok(None) };
        let name = columns.names().nth(at).unwrap_or_default();
        if row[at].is_null() {
            return Err(format!("its `{name}` is NULL"));
        }
        times.of(&row[at].plain(), question).map(Some).map_err(|why| format!("its `{name}` {why}"))
    }

    /// A row whose time is not in the window is left to the one that has it.
    ///
    /// # Errors
    /// Where none would have it: a time without seconds compares as text with none.
    pub(super) fn elsewhere(
        &self,
        row: &Row,
        columns: &Columns,
        query: &Statement,
    ) -> Result<(), String> {
        let text = self.at.map(|at| row[at].plain()).unwrap_or_default();
        match text.len() == "18:53".len() && query.uses("from") {
            false => Ok(()),
            true => Err(format!(
                "its `{}` has no seconds, and so does not compare with `:from`: write `{text}:00`",
                self.at.and_then(|at| columns.names().nth(at)).unwrap_or_default()
            )),
        }
    }

    /// The id of a row at this time, by its columns and the instant; empty where no columns make one.
    ///
    /// # Errors
    /// Why it has none, without its values.
    pub(super) fn id(
        &self,
        row: &Row,
        columns: &Columns,
        at: Option<&RowTime>,
    ) -> Result<String, String> {
        let several = self.ids.len() > 1;
        let part = |at: &usize| part(&row[*at], columns.names().nth(*at), several);
        let mut parts = self.ids.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        parts.extend(at.map(|at| Cow::Borrowed(at.utc.as_str())));
        Ok(parts.join("/"))
    }

    /// The body: an object of the row's columns, with its time in the field `at`.
    fn body(&self, row: &mut Row, columns: &Columns, at: Option<&str>) -> String {
        let cell = at.map(Cell::text);
        if let (Some(cell), Some(replaced)) = (&cell, self.replaced) {
            row[replaced] = cell.clone();
        }
        let mut body = columns.object(row);
        if let (Some(cell), None) = (cell, self.replaced) {
            body.truncate(body.len() - 1);
            body.push_str(&format!(",\"{AT}\":{}}}", cell.as_json()));
        }
        body
    }

    /// The message of a row with this id and time.
    pub(super) fn message(
        &self,
        id: String,
        mut row: Row,
        columns: &Columns,
        at: Option<&RowTime>,
    ) -> Message {
        let at = at.map(|at| at.local.as_str());
        let mut message = Message::new(id, self.body(&mut row, columns, at));
        message.attributes.insert("source".to_owned(), super::SOURCE.to_owned());
        message
    }
}

/// A column's part of an id. Among several parts a slash is written out, so that no two lists of
/// values make one id.
fn part<'c>(cell: &'c Cell, name: Option<&str>, several: bool) -> Result<Cow<'c, str>, String> {
    let refused = |why: &str| Err(format!("its `{}` {why}", name.unwrap_or_default()));
    let plain = cell.plain();
    match cell.as_json().as_bytes().first() {
        _ if cell.is_null() => refused("is NULL, and is part of the id"),
        Some(b'{' | b'[') => refused("is an object or a list, and is part of the id"),
        _ if plain.is_empty() => refused("is empty, and is part of the id"),
        _ if several && plain.contains(['%', '/']) => {
            Ok(plain.replace('%', "%25").replace('/', "%2F").into())
        }
        _ => Ok(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Tz;

    fn form(ids: &[&str], at: Option<&str>) -> Form {
        Form { ids: ids.iter().map(ToString::to_string).collect(), at: at.map(str::to_owned) }
    }

    fn question() -> Question {
        let date = Some("2026-11-26".parse().unwrap());
        Question { zone: Tz::Asia__Tokyo, date, values: Vec::new() }
    }

    /// The id and the body of a row.
    fn made(form: &Form, names: &[&str], row: Row) -> Result<(String, String), String> {
        let columns = Columns::new(names.iter().copied()).unwrap();
        let layout = form.layout(&columns).unwrap();
        let at = layout.instant(&row, &columns, &question(), &mut RowTimes::default())?;
        let id = layout.id(&row, &columns, at.as_deref())?;
        let message = layout.message(id, row, &columns, at.as_deref());
        Ok((message.id, String::from_utf8(message.body.to_vec()).unwrap()))
    }

    #[test]
    fn a_row_has_its_columns_and_its_instant_as_id() {
        let row = vec![Cell::whole(42), Cell::text("weather"), Cell::text("18:53:00")];
        let (id, body) =
            made(&form(&["uid", "type"], Some("t")), &["uid", "type", "t"], row).unwrap();
        assert_eq!(id, "42/weather/2026-11-26T09:53:00Z");
        assert_eq!(
            body,
            r#"{"uid":42,"type":"weather","t":"18:53:00","at":"2026-11-26T18:53:00+09:00"}"#
        );
        let row = vec![Cell::text("18:53:00"), Cell::whole(42)];
        let (_, body) = made(&form(&["uid"], Some("at")), &["at", "uid"], row).unwrap();
        assert_eq!(body, r#"{"at":"2026-11-26T18:53:00+09:00","uid":42}"#);
    }

    #[test]
    fn two_lists_of_values_never_make_one_id() {
        let id = |a: &str, b: &str| {
            made(&form(&["a", "b"], None), &["a", "b"], vec![Cell::text(a), Cell::text(b)])
                .unwrap()
                .0
        };
        assert_eq!(id("a/b", "c"), "a%2Fb/c");
        let ids = [id("a/b", "c"), id("a", "b/c"), id("a%2Fb", "c"), id("a", "b%2Fc")];
        assert_eq!(std::collections::BTreeSet::from(ids).len(), 4);
        let alone = made(&form(&["a"], None), &["a"], vec![Cell::text("a/b%")]).unwrap();
        assert_eq!(alone, ("a/b%".to_owned(), r#"{"a":"a/b%"}"#.to_owned()));
    }

    #[test]
    fn a_row_without_id_or_time_is_told_by_its_column() {
        let form = form(&["uid"], Some("t"));
        for (uid, t, why) in [
            (Cell::null(), Cell::text("18:53"), "its `uid` is NULL, and is part of the id"),
            (Cell::text(""), Cell::text("18:53"), "its `uid` is empty, and is part of the id"),
            (Cell::json("[1]").unwrap(), Cell::text("18:53"), "its `uid` is an object or a list"),
            (Cell::whole(1), Cell::null(), "its `t` is NULL"),
            (Cell::whole(1), Cell::text("soon"), "its `t` is no time of day"),
        ] {
            let told = made(&form, &["uid", "t"], vec![uid, t]).unwrap_err();
            assert!(told.starts_with(why), "{told}");
        }
    }

    #[test]
    fn a_column_that_is_not_there_is_told_with_those_that_are() {
        let columns = Columns::new(["uid", "t"]).unwrap();
        let error = form(&["id"], None).layout(&columns).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the query gives no column `id`, which `id` names\n  hint: it gives `uid`, `t`"
        );
        let columns = Columns::new(["uid", "t", "at"]).unwrap();
        let error = form(&["uid"], Some("t")).layout(&columns).unwrap_err();
        assert!(error.to_string().starts_with("the query gives a column `at`, too"), "{error}");
    }
}
