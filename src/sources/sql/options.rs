//! What the URL of `sql:` says.

use super::aim::Habits;
use super::question::Manner;
use super::row::Form;
use crate::clients::sql::{self, Client, Statement};
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::identity;
use crate::location::Location;
use crate::text;
use chrono::TimeDelta;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The parameters that a query may name.
const NAMES: &[&str] = &["from", "to", "date", "zone", "since", "until"];

/// The parameters of the URL that are ours, and not those of the database.
pub(super) const OURS: &[&str] =
    &["query", "query-file", "id", "at", "ahead", "overlap", "zones", "state"];

/// Rows are published at most this much before their time, and looked at again as far back: a year.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// A query, and what names it where a state is kept: its file, else its text.
struct Query {
    text: String,
    name: String,
}

/// What a URL says.
pub(super) struct SqlOptions {
    pub(super) client: Client,
    pub(super) query: Statement,
    /// The query whose rows are the zones.
    pub(super) zones: Option<Statement>,
    pub(super) form: Form,
    pub(super) manner: Manner,
    pub(super) habits: Habits,
    /// Where it is remembered what was published, where the URL says it.
    pub(super) state: Option<PathBuf>,
    /// What makes the source another one than its neighbours on the same database.
    pub(super) name: String,
}

impl SqlOptions {
    /// Reads `sql:DATABASE-URL?query=SQL&id=COLUMN,COLUMN&at=COLUMN&ahead=TIME&...`, and the file of
    /// the query. Nothing is asked yet.
    pub(super) fn of(url: Location, environment: &Environment) -> Result<Self> {
        let mut url = url.inner()?;
        let query = query(&mut url)?;
        let form = Form { ids: ids(&mut url)?, at: url.take("at")? };
        let (ahead, overlap) = (time(&mut url, "ahead")?, time(&mut url, "overlap")?);
        let (zones, state) = (url.take("zones")?, url.take("state")?.map(PathBuf::from));
        let known = [OURS, sql::parameters(&url)].concat();
        let client = sql::open(&mut url, environment)?;
        url.finish(&known)?;
        let statement = Statement::parse(&query.text, client.dialect(), NAMES)?;
        let name = text::short_name(format!("{}\n{form:?}\n{zones:?}", query.name));
        let zones =
            zones.map(|zones| Statement::parse(&zones, client.dialect(), &[])).transpose()?;
        let timed = form.at.is_some();
        let manner = Manner::of(&statement, timed);
        let plans = timed || !ahead.is_zero() || manner == Manner::ByDays;
        let habits = Habits { ahead, overlap, timed, plans };
        let options = Self { client, query: statement, zones, form, manner, habits, state, name };
        options.refuse_what_means_nothing().map(|()| options)
    }

    /// Refuses parameters that would be given in vain, and rows that could not be told apart.
    fn refuse_what_means_nothing(&self) -> Result<()> {
        if self.form.at.is_some() && self.form.ids.is_empty() {
            return Err(refused("`at` needs `id`")
                .because_of("a row's id is made of its `id` columns and its time")
                .hint("name the columns that tell rows apart: `id=uid,type`"));
        }
        if self.zones.is_some() && !self.query.uses("zone") {
            return Err(refused("`zones` needs `:zone` in the query")
                .because_of("without it each zone would be given the rows of all")
                .hint("add it to the query: `where zone = :zone`"));
        }
        if !self.habits.overlap.is_zero() && self.form.ids.is_empty() {
            return Err(refused("`overlap` needs `id`")
                .because_of("rows that are looked at again are known by their ids")
                .hint("name the columns that tell rows apart: `id=uid,type`"));
        }
        let given = [
            ("ahead", !self.habits.ahead.is_zero()),
            ("overlap", !self.habits.overlap.is_zero()),
            ("state", self.state.is_some()),
        ];
        match given.iter().find(|(_, given)| *given && !self.manner.has_windows()) {
            None => Ok(()),
            Some((name, _)) => Err(refused(&format!("`{name}` means nothing to this query"))
                .because_of("it reads all rows at each tick, whatever the time of day")
                .hint(
                    "have it take `:from` and `:to`, or `:since` and `:until`; or add `at=COLUMN`",
                )),
        }
    }
}

fn refused(what: &str) -> Error {
    Error::new(Kind::Usage, what)
}

/// The query, in the URL or in a file.
fn query(url: &mut Location) -> Result<Query> {
    match (url.take("query")?, url.take("query-file")?) {
        (Some(text), None) => Ok(Query { name: format!("text {text}"), text }),
        (None, Some(path)) => read(Path::new(&path)),
        (Some(_), Some(_)) => {
            Err(refused("`query` and `query-file` say the same thing")
                .hint("leave one of the two out"))
        }
        (None, None) => Err(refused("`sql:` needs a query")
            .hint(format!("add `query=select ...` or `query-file=users.sql`{}", url.cut_hint()))),
    }
}

fn read(path: &Path) -> Result<Query> {
    let failed = |cause| {
        let what = format!("cannot read the query in `{}`", text::of_name(path));
        Error::new(Kind::Configuration, what)
            .because_of_file(cause, path)
            .hint("name a text file with one query")
    };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let real = identity::real_path(path).map_err(failed)?;
    Ok(Query { text, name: format!("file {}", text::of_name(&real)) })
}

/// The columns that tell rows apart.
fn ids(url: &mut Location) -> Result<Vec<String>> {
    let Some(list) = url.take("id")? else { return Ok(Vec::new()) };
    let names: Vec<_> = list.split(',').map(|name| name.trim().to_owned()).collect();
    let twice = (1..names.len()).any(|at| names[..at].contains(&names[at]));
    match twice || names.iter().any(String::is_empty) {
        false => Ok(names),
        true => {
            Err(refused(&format!("`id={}` is no list of columns", text::beginning(&list, 100)))
                .hint("write each column once, with commas between them: `id=uid,type`"))
        }
    }
}

/// A length of time in whole seconds; none is 0.
fn time(url: &mut Location, name: &str) -> Result<TimeDelta> {
    let time = url.duration(name)?.unwrap_or_default();
    match TimeDelta::from_std(time) {
        Ok(delta) if time <= LONGEST && time.subsec_nanos() == 0 => Ok(delta),
        _ => Err(refused(&format!("`{name}` is no number of whole seconds up to a year"))
            .hint(format!("write it as `{name}=1h`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SqlOptions> {
        SqlOptions::of(Location::parse(text).unwrap(), &Environment::default())
    }

    #[track_caller]
    fn refusal(text: &str) -> String {
        let error = read(text).err().unwrap_or_else(|| panic!("{text} is taken"));
        assert_eq!(error.kind(), Kind::Usage, "{text}");
        error.to_string()
    }

    const TIMED: &str = "sql:sqlite:u.db?query=select * from u where t>=:from and t<:to&at=t";

    #[test]
    fn what_the_url_says_is_told_with_its_defaults() {
        let plain = read("sql:sqlite:u.db?query=select 1 as a").unwrap();
        assert!(!plain.manner.has_windows() && plain.form.ids.is_empty() && plain.state.is_none());
        let more = "&id=uid, type&ahead=1h&overlap=90s&state=s&query-timeout=9s";
        let full = read(&format!("{TIMED}{more}")).unwrap();
        assert_eq!(full.form.ids, ["uid", "type"]);
        let expected = Habits {
            ahead: TimeDelta::hours(1),
            overlap: TimeDelta::seconds(90),
            timed: true,
            plans: true,
        };
        assert_eq!((full.habits, full.manner), (expected, Manner::ByDays));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, told) in [
            ("sql:sqlite:u.db", "`sql:` needs a query"),
            ("sql:sqlite:u.db?query=select 1&query-file=q.sql", "say the same thing"),
            (TIMED, "`at` needs `id`"),
            ("sql:sqlite:u.db?query=select 1&id=a,,b", "`id=a,,b` is no list of columns"),
            ("sql:sqlite:u.db?query=select 1&id=a,a", "`id=a,a` is no list of columns"),
            ("sql:sqlite:u.db?query=select 1&ahead=1h", "`ahead` means nothing to this query"),
            ("sql:sqlite:u.db?query=select 1&state=s", "`state` means nothing to this query"),
            ("sql:sqlite:u.db?query=select :since&ahead=1500ms", "whole seconds up to a year"),
            ("sql:sqlite:u.db?query=select :since&ahead=367d", "whole seconds up to a year"),
            ("sql:sqlite:u.db?query=select :since&overlap=1h", "`overlap` needs `id`"),
            ("sql:sqlite:u.db?query=select 1&zones=select 2", "`zones` needs `:zone`"),
            ("sql:sqlite:u.db?query=select :now", "`:now` is unknown"),
            ("sql:sqlite:u.db?query=select 1&zone=UTC", "unknown parameter `zone`"),
            ("sql:?query=select 1", "`sql:` needs a URL behind it"),
            ("sql:oracle:u?query=select 1", "unknown database `oracle:`"),
        ] {
            let said = refusal(text);
            assert!(said.contains(told) && said.contains("hint: "), "{text}: {said}");
        }
    }

    #[test]
    fn a_query_stands_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("q.sql");
        let url = format!("sql:sqlite:u.db?query-file={}", path.display());
        assert_eq!(read(&url).err().unwrap().kind(), Kind::Configuration);
        std::fs::write(&path, "-- all\nselect 1 as a;\n").unwrap();
        let before = read(&url).unwrap();
        std::fs::write(&path, "select 2 as a").unwrap();
        assert_eq!(before.name, read(&url).unwrap().name, "a query that was edited");
        assert_ne!(before.name, read(&format!("{url}&id=a")).unwrap().name);
    }
}
