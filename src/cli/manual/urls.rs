//! `kakehi-urls(7)`: what a source, a queue and a sink are called, and the parameters that the programs
//! know.

use super::markdown::{code, inlines, last_code, opening, table};
use super::page::Page;
use crate::cli::programs::PROGRAMS;
use crate::cli::shelf::Shelf;
use crate::queues::Side;
use roff::{Roff, roman};

/// What the page is called.
pub(in crate::cli) const NAME: &str = "kakehi-urls";

const DOCUMENT: &str = include_str!("../../../docs/urls.md");

/// The shelves, under the words that the document has for them.
const SHELVES: [(&str, &str, Shelf); 3] = [
    ("source", "SOURCES", Shelf::Sources),
    ("queue", "QUEUES", Shelf::Queues(Side::From)),
    ("sink", "SINKS", Shelf::Sinks),
];

/// The whole page.
pub(super) fn page() -> String {
    let mut page = Page::new(NAME, "7", "what a source, a queue and a sink are called");
    page.section("DESCRIPTION", |roff| {
        for paragraph in opening(DOCUMENT) {
            roff.control("PP", []).text(inlines(&paragraph));
        }
    });
    for (place, heading, shelf) in SHELVES {
        page.section(heading, |roff| rows(place).for_each(|row| entry(roff, shelf, &row)));
    }
    page.section("EXAMPLES", |roff| super::page::commands(roff, &last_code(DOCUMENT)));
    let programs = PROGRAMS.iter().map(|it| (it.name.to_owned(), "1"));
    page.see_also(programs);
    page.text()
}

/// The rows of a shelf: how the URLs look, and what is told of them.
fn rows(place: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table(DOCUMENT, "place").into_iter().filter_map(move |row| match row[..] {
        [of, urls, about] if of == place => Some((urls, about)),
        _ => None,
    })
}

fn entry(roff: &mut Roff, shelf: Shelf, (urls, about): &(&str, &str)) {
    roff.control("TP", []).text(inlines(urls)).text(inlines(about));
    if let Some(names) = parameters(shelf, urls).filter(|names| !names.is_empty()) {
        roff.control("RS", []).text([roman(format!("Parameters: {}.", names.join(", ")))]);
        roff.control("RE", []);
    }
}

/// The parameters that the URLs of a row may have, by what the programs refuse; `None` where none of them
/// is in this build.
fn parameters(shelf: Shelf, urls: &str) -> Option<Vec<&'static str>> {
    let shelf = match shelf {
        Shelf::Queues(_) if urls.ends_with("to publish") => Shelf::Queues(Side::Into),
        shelf => shelf,
    };
    let mut schemes = schemes(urls).filter_map(|scheme| shelf.parameters(scheme));
    let mut names = schemes.next()?;
    for name in schemes.flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Some(names)
}

/// The schemes of a row's URLs.
fn schemes(urls: &str) -> impl Iterator<Item = &str> {
    code(urls).filter_map(|url| Some(url.split_once(':')?.0)).filter(|scheme| !scheme.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_and_each_parameter_that_the_programs_know_is_told() {
        let of_lines = rows("source").find(|(urls, _)| urls.contains("`stdin:`")).unwrap().1;
        let of_all = rows("sink").find(|(urls, _)| *urls == "any of them").unwrap().1;
        for (place, _, shelf) in SHELVES {
            let mut told = Vec::new();
            for (urls, about) in rows(place) {
                told.extend(schemes(urls));
                let about = match about.contains("parameters of `stdin:`") {
                    true => format!("{about} {of_lines} {of_all}"),
                    false => format!("{about} {of_all}"),
                };
                let named = |name: &&str| {
                    code(&about).any(|it| it == *name || it.starts_with(&format!("{name}=")))
                };
                let missing: Vec<_> = parameters(shelf, urls)
                    .unwrap_or_default()
                    .into_iter()
                    .filter(|it| !named(it))
                    .collect();
                assert_eq!(missing, [""; 0], "{urls}");
            }
            let missing: Vec<_> =
                shelf.schemes().into_iter().filter(|it| !told.contains(it)).collect();
            assert_eq!(missing, [""; 0], "{place}");
        }
    }
}
