//! One statement with named parameters, as a server of its dialect takes it.

use super::scan::{Piece, Scan};
use crate::error::{Error, Kind, Result};
use crate::text;
use chrono::{DateTime, Utc};
use std::fmt::Write as _;

/// How a kind of database writes strings, comments and placeholders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL: dollar quotes, `::` casts, comments in comments, `$1`.
    Postgres,
    /// MariaDB and MySQL: backslashes in strings, backquotes, `#` comments, `?`.
    MySql,
    /// SQLite: brackets and backquotes around names, `?`.
    Sqlite,
}

impl Dialect {
    /// An instant as text that compares with the database's own: its sessions have UTC.
    pub fn instant(self, at: DateTime<Utc>) -> String {
        match self {
            Self::Postgres => at.to_rfc3339(),
            Self::MySql | Self::Sqlite => at.format("%Y-%m-%d %H:%M:%S%.f").to_string(),
        }
    }

    fn placeholder(self, number: usize) -> String {
        match self {
            Self::Postgres => format!("${number}"),
            Self::MySql | Self::Sqlite => "?".to_owned(),
        }
    }
}

/// A statement whose `:name` have become placeholders, one for each place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    text: String,
    names: Vec<String>,
}

impl Statement {
    /// Reads one statement, in which these names are known. What stands in strings, quoted names and
    /// comments stays as it is, as does what follows a second colon.
    ///
    /// # Errors
    /// `Usage` for no statement or more than one, a name that is not known, a placeholder of the
    /// server's own, and a quote that does not end.
    pub fn parse(text: &str, dialect: Dialect, known: &[&str]) -> Result<Self> {
        let mut statement = Self { text: String::with_capacity(text.len()), names: Vec::new() };
        let mut pieces = Scan::new(text.trim_start_matches('\u{feff}'), dialect);
        for piece in pieces.by_ref() {
            match piece {
                Piece::Text(text) | Piece::Blank(text) => statement.text.push_str(text),
                Piece::Name(name) => statement.name(name, dialect, known)?,
                Piece::Placeholder(own) => return Err(refuse_placeholder(own)),
                Piece::Unended(what) => return Err(refuse_unended(what)),
                Piece::End => break,
            }
        }
        if pieces.any(|piece| !matches!(piece, Piece::Blank(_) | Piece::End)) {
            return Err(Error::new(Kind::Usage, "the query holds more than one statement")
                .hint("keep one of them: nothing may follow its `;`"));
        }
        statement.validated(dialect)
    }

    fn name(&mut self, name: &str, dialect: Dialect, known: &[&str]) -> Result<()> {
        if !known.contains(&name) {
            let known: Vec<_> = known.iter().map(|name| format!("`:{name}`")).collect();
            let what = format!("`:{name}` is unknown in the query");
            return Err(Error::new(Kind::Usage, what).hint(format!(
                "it may hold {}; a colon that means something else needs a space behind it",
                known.join(", ")
            )));
        }
        self.names.push(name.to_owned());
        let placeholder = dialect.placeholder(self.names.len());
        write!(self.text, "{placeholder}").map_err(|_| Error::new(Kind::Bug, "cannot write text"))
    }

    fn validated(self, dialect: Dialect) -> Result<Self> {
        let blank = Scan::new(&self.text, dialect).all(|piece| matches!(piece, Piece::Blank(_)));
        let refused = |what: &str| Error::new(Kind::Usage, format!("the query {what}"));
        match self.text.contains('\0') {
            true => Err(refused("holds a character NUL")),
            false if blank => Err(refused("is empty").hint("write one `select`")),
            false => Ok(self),
        }
    }

    /// The statement as the server takes it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of its placeholders, in their order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether a parameter of this name stands in it.
    pub fn uses(&self, name: &str) -> bool {
        self.names.iter().any(|used| used == name)
    }

    /// A value for each placeholder, in their order.
    pub(super) fn bind(&self, values: &[(&str, String)]) -> Result<Vec<String>> {
        let value = |name: &String| {
            let found = values.iter().find(|(known, _)| known == name);
            found
                .map(|(_, value)| value.clone())
                .ok_or_else(|| Error::new(Kind::Bug, format!("no value was given for `:{name}`")))
        };
        self.names.iter().map(value).collect()
    }
}

fn refuse_placeholder(own: &str) -> Error {
    let own = text::beginning(own, 20);
    Error::new(Kind::Usage, format!("`{own}` in the query is a placeholder without a value"))
        .hint("write parameters as `:name`, and put what is meant as text into quotes")
}

fn refuse_unended(what: &str) -> Error {
    Error::new(Kind::Usage, format!("the query ends in the middle of a {what}"))
}

#[cfg(test)]
mod tests {
    use super::Dialect::{MySql, Postgres, Sqlite};
    use super::*;

    fn parse(text: &str, dialect: Dialect) -> Result<Statement> {
        Statement::parse(text, dialect, &["from", "to", "date"])
    }

    #[track_caller]
    fn becomes(text: &str, dialect: Dialect, expected: &str, names: &[&str]) {
        let statement = parse(text, dialect).unwrap();
        assert_eq!((statement.text(), statement.names()), (expected, &*own(names)), "{text}");
    }

    fn own(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_place_of_a_name_is_a_placeholder() {
        let text = "select * from u where t >= :from and t < :to and :from<>''";
        let names = ["from", "to", "from"];
        becomes(text, Postgres, "select * from u where t >= $1 and t < $2 and $3<>''", &names);
        for dialect in [MySql, Sqlite] {
            becomes(text, dialect, "select * from u where t >= ? and t < ? and ?<>''", &names);
        }
    }

    #[test]
    fn strings_comments_and_casts_stay() {
        for text in [
            "select ':from', \":to\", 'it''s :from' -- :from\n, 1 /* :to */",
            "select '2026-11-26 18:53:00'::timestamp, a [1 : 2], x := 1, 'a\n:from'",
            "select e'\\':from', E'\\\\', $$ :from $$, $q$ $$ :to $q$, a$b$c /* a /* :to */ :to */",
            "select u&'\\', U&\"\\\" from $1x$ :from $1x$",
        ] {
            let Ok(statement) = parse(text, Postgres) else {
                assert!(text.contains("$1x$"), "{text}");
                continue;
            };
            assert_eq!(statement.text(), text);
        }
        for text in [
            "select 'a\\':from', \"\\\":to\", `:to`, x'00' # :from\n, 1 -- :from\n",
            "select /* :from */ 1 --\t:to",
            "select a$b, @x, 1--1, 'ab''\\\\'",
        ] {
            becomes(text, MySql, text, &[]);
        }
        for text in ["select [:from], `:to`, \":from\", 'a\\' -- :to", "select a /* :from */"] {
            becomes(text, Sqlite, text, &[]);
        }
    }

    #[test]
    fn what_looks_like_a_comment_is_code_where_it_is_run() {
        becomes("select /*!40001 :from, */ 1", MySql, "select /*!40001 ?, */ 1", &["from"]);
        becomes("select 5--:from", MySql, "select 5--?", &["from"]);
        becomes("select 1 --:from\n", Sqlite, "select 1 --:from\n", &[]);
    }

    #[test]
    fn one_statement_may_end_with_a_semicolon() {
        for text in ["select :date;", "select :date ; -- done\n;", "\u{feff}select :date;/* x */"] {
            let statement = parse(text, Postgres).unwrap();
            assert_eq!(statement.text().trim_end(), "select $1");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let told = |text: &str, dialect| {
            let error = parse(text, dialect).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{text}");
            error.to_string()
        };
        let unknown = told("select :form", MySql);
        assert!(
            unknown.starts_with("`:form` is unknown in the query\n  hint: it may hold `:from`")
        );
        assert!(told("select :名前", Sqlite).contains("`:名前` is unknown"));
        assert!(told("select 1; select 2", Postgres).contains("more than one statement"));
        for (text, dialect) in [
            ("select ?", MySql),
            ("select ?1", Sqlite),
            ("select $1", Postgres),
            ("select @a", Sqlite),
            ("select $a", Sqlite),
            ("select :1", Sqlite),
            ("select :from$x", Sqlite),
        ] {
            assert!(told(text, dialect).contains("placeholder"), "{text}");
        }
        for text in ["", " ;", "-- nothing", "/* nothing */;"] {
            assert!(told(text, Postgres).contains("is empty"), "{text}");
        }
        assert!(told("select 'a", MySql).contains("in the middle of a string"));
        assert!(told("select /* a", Sqlite).contains("in the middle of a comment"));
        assert!(told("select $x$ a $y$", Postgres).contains("in the middle of a string"));
        assert!(told("select \0", Postgres).contains("NUL"));
    }

    #[test]
    fn values_follow_the_placeholders() {
        let statement = parse("select :to, :from, :to", Sqlite).unwrap();
        let values = [("from", "1".to_owned()), ("to", "2".to_owned())];
        assert_eq!(statement.bind(&values).unwrap(), ["2", "1", "2"]);
        assert_eq!(statement.bind(&values[..1]).unwrap_err().kind(), Kind::Bug);
        assert!(statement.uses("to") && !statement.uses("date"));
    }

    #[test]
    fn an_instant_is_in_utc() {
        let at = DateTime::from_timestamp(1_764_000_000, 500_000_000).unwrap();
        assert_eq!(Postgres.instant(at), "2025-11-24T16:00:00.500+00:00");
        assert_eq!(MySql.instant(at), "2025-11-24 16:00:00.500");
        let whole = DateTime::from_timestamp(1_764_000_000, 0).unwrap();
        assert_eq!(Sqlite.instant(whole), "2025-11-24 16:00:00");
    }
}
