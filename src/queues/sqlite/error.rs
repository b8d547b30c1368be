//! An embedded queue that is not there: whoever receives or looks makes none, and says what there is
//! instead. A mistyped name would read as an empty queue.

use super::options::SqliteOptions;
use crate::error::{Error, Kind};
use crate::hint;
use crate::location::list;
use crate::text;
use std::path::Path;

/// How many names are told at most.
const NAMED: usize = 5;

/// What makes one.
fn made_by(place: &SqliteOptions) -> String {
    let create = hint::command(["queue", "create", &place.url()]);
    format!("the first `publish` to it makes it, as do {create} and `--create`")
}

/// The error for a queue whose file is not there, or holds none yet.
pub fn no_file(place: &SqliteOptions) -> Error {
    let path = place.path.display();
    let because = match place.path.exists() {
        true => format!("`{path}` is empty: no queue was made in it yet"),
        false => format!("there is no file `{path}`"),
    };
    let made_by = made_by(place);
    let hint = match &near(&place.path)[..] {
        [] => made_by,
        near => format!("its folder holds {}; {made_by}", named(near)),
    };
    missing(place, because).hint(hint)
}

/// The error for a queue that is not in its file, which holds these.
pub fn no_queue(place: &SqliteOptions, names: &[String]) -> Error {
    let made_by = made_by(place);
    let (because, hint) = match names {
        [] => ("it holds none".to_owned(), made_by),
        names => (
            format!("it holds {}", named(names)),
            format!("name one with `?queue=NAME`; {made_by}"),
        ),
    };
    missing(place, because).hint(hint)
}

fn missing(place: &SqliteOptions, because: String) -> Error {
    let what = format!("there is no queue `{}` in `{}`", place.name, place.path.display());
    Error::new(Kind::Unreachable, what).because_of(because).of_missing()
}

fn named(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(NAMED).map(String::as_str).collect();
    match names.len().saturating_sub(NAMED) {
        0 => list(&shown),
        more => format!("{} and {more} more", list(&shown)),
    }
}

/// The files beside this one with the same ending, those whose names are most like its own first.
fn near(path: &Path) -> Vec<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Ok(entries) = std::fs::read_dir(folder.unwrap_or(Path::new("."))) else {
        return Vec::new();
    };
    let files = entries.flatten().map(|entry| entry.path()).filter(|it| it.is_file());
    let alike = files.filter(|it| it.extension() == path.extension());
    let name = |path: &Path| path.file_name().map(text::of_name).unwrap_or_default();
    let mut names: Vec<_> = alike.map(|it| name(&it)).filter(|it| *it != name(path)).collect();
    let own = name(path);
    names.sort_by(|a, b| {
        let near = |it: &str| strsim::jaro_winkler(&own, it);
        near(b).total_cmp(&near(a)).then_with(|| a.cmp(b))
    });
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_nearest_files_are_named_first_and_few() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.db", "b.db", "redings.db", "readings.db-wal", "readings.json", "z.db"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("folder.db")).unwrap();
        let near = near(&folder.path().join("readings.db"));
        assert_eq!(near[0], "redings.db");
        assert_eq!(near.len(), 4, "{near:?}");
        let many: Vec<_> = (0..7).map(|n| format!("q{n}")).collect();
        assert_eq!(named(&many), "`q0`, `q1`, `q2`, `q3`, `q4` and 2 more");
        assert!(super::near(&folder.path().join("none/x.db")).is_empty());
    }
}
