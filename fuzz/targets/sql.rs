//! The named parameters of a statement: no text breaks their reading, and all else stays as it is.

#![no_main]

use kakehi::clients::sql::{Dialect, Statement};
use libfuzzer_sys::fuzz_target;

const NAMES: &[&str] = &["from", "to", "date"];

fuzz_target!(|text: &str| {
    for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite] {
        let Ok(statement) = Statement::parse(text, dialect, NAMES) else { continue };
        looks_like(text, &statement, dialect);
        is_read_the_same_inside(&statement, dialect);
    }
});

/// With the names in the places of their placeholders, it is the beginning of what was written.
fn looks_like(text: &str, statement: &Statement, dialect: Dialect) {
    let mut rest = text.trim_start_matches('\u{feff}');
    let mut made = statement.text();
    for (at, name) in statement.names().iter().enumerate() {
        let placeholder = match dialect {
            Dialect::Postgres => format!("${}", at + 1),
            Dialect::MySql | Dialect::Sqlite => "?".to_owned(),
        };
        // Of the places where both go on, one is that of the name.
        let name = format!(":{name}");
        let place = made.match_indices(&placeholder).map(|(at, _)| at).find(|at| {
            rest.get(..*at) == made.get(..*at) && rest[*at..].starts_with(&name)
        });
        let place = place.unwrap_or_else(|| panic!("no {name} in {rest:?} for {made:?}"));
        rest = &rest[place + name.len()..];
        made = &made[place + placeholder.len()..];
    }
    assert!(rest.starts_with(made), "{made:?} is not in {rest:?}");
}

/// What holds no parameter any more can be read again, and stays: strings and comments end where they
/// did.
fn is_read_the_same_inside(statement: &Statement, dialect: Dialect) {
    if statement.names().is_empty() {
        let again = Statement::parse(statement.text(), dialect, NAMES);
        assert_eq!(again.as_ref().ok(), Some(statement));
    }
}
