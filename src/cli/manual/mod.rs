//! Manual pages, made from the command line's own definition, the lists of the shelves and our documents.

mod examples;
mod markdown;
mod page;
mod urls;

use super::EXIT_CODES;
use super::launcher::HOLDER;
use super::programs::PROGRAMS;
use examples::Example;
use markdown::{inlines, table};
use page::Page;
use roff::{bold, roman};

pub(super) use urls::NAME as URLS;

/// Where it stands what the variables are.
const OPERATING: &str = include_str!("../../../docs/operate.md");

/// The files that the programs use, and what each is for.
const FILES: [(&str, &str); 4] = [
    (
        "`$XDG_CONFIG_HOME/kakehi/env`, `~/.config/kakehi/env`, `/etc/kakehi/env`",
        "The first of these that is there says what the environment does not: `NAME='value'` on each line. \
         `KAKEHI_CONFIG` names another one.",
    ),
    (
        "`$XDG_DATA_HOME/kakehi`, `~/.local/share/kakehi`",
        "The queue `queue.db` and the store `store.db` where no URL names others; spools, locks, what \
         sources remember, and dead letters that nobody else took.",
    ),
    (
        "`$XDG_CACHE_HOME/kakehi`, `~/.cache/kakehi`",
        "What is kept of each hour of readings, for charts. Made anew where it is missing.",
    ),
    ("`/usr/share/doc/kakehi`", "The documents, where a package was installed."),
];

/// The page of a program, by its whole command line.
pub(super) fn of_program(command: &clap::Command) -> String {
    let name = command.get_name();
    let about = text(command.get_about());
    let mut page = Page::new(name, "1", about.trim_start_matches(name).trim_start());
    usage(&mut page, command, name);
    page.section("EXIT STATUS", |roff| {
        for line in EXIT_CODES.lines().skip(1) {
            let (code, means) = line.trim().split_once("  ").unwrap_or((line, ""));
            roff.control("TP", ["6"]).text([bold(code)]).text([roman(means.trim())]);
        }
    });
    page.section("ENVIRONMENT", |roff| {
        for row in table(OPERATING, "variable") {
            let [names, about] = row[..] else { continue };
            roff.control("TP", []).text(inlines(names)).text(inlines(about));
        }
    });
    page.section("FILES", |roff| {
        for (names, about) in FILES {
            roff.control("TP", []).text(inlines(names)).text(inlines(about));
        }
    });
    let help = text(command.get_after_long_help());
    page.section("EXAMPLES", |roff| page::examples(roff, &Example::all(&help)));
    page.see_also(pages());
    page.text()
}

/// The page of an action of a program, by their whole command lines: `dead-list` of `queue`.
pub(super) fn of_action(program: &clap::Command, name: &str, action: &clap::Command) -> String {
    let (program_name, help) = (program.get_name(), text(program.get_after_long_help()));
    let whole = format!("{program_name}-{name}");
    let mut page = Page::new(&whole, "1", &decapitalised(&text(action.get_about())));
    usage(&mut page, action, &whole);
    page.line("EXIT STATUS", [roman("As of "), bold(program_name), roman("(1).")]);
    let words = format!("{program_name} {}", name.replace('-', " "));
    let mut examples = Example::all(&help);
    examples.retain(|example| example.is_of(&words));
    if !examples.is_empty() {
        page.section("EXAMPLES", |roff| page::examples(roff, &examples));
    }
    let others = [(program_name.to_owned(), "1"), (URLS.to_owned(), "7")];
    page.see_also(others.into_iter());
    page.text()
}

/// The page of what holds all programs.
pub(super) fn of_holder() -> String {
    let mut page = Page::new(HOLDER, "1", "the programs of a pipeline in one");
    page.line("SYNOPSIS", inlines("`kakehi` PROGRAM [ARGUMENTS]..."));
    page.section("DESCRIPTION", |roff| {
        roff.text(inlines(
            "Runs the program that its first argument names, on the other arguments. Without one it lists \
             the programs.",
        ));
    });
    page.section("PROGRAMS", |roff| {
        for program in &PROGRAMS {
            roff.control("TP", [])
                .text([bold(program.name), roman("(1)")])
                .text([roman(program.line())]);
        }
    });
    page.line("EXIT STATUS", [roman("That of the program.")]);
    page.see_also(pages());
    page.text()
}

/// The page on URLs.
pub(super) fn of_urls() -> String {
    urls::page()
}

/// What is typed: synopsis, description, options, actions.
fn usage(page: &mut Page, command: &clap::Command, name: &str) {
    page.of_command(command, |man, text| man.render_synopsis_section(text));
    page.of_command(command, |man, text| man.render_description_section(text));
    page.of_command(command, |man, text| man.render_options_section(text));
    let actions: Vec<_> = command
        .get_subcommands()
        .filter(|it| it.get_name() != "help" && !it.is_hide_set())
        .collect();
    if !actions.is_empty() {
        page.section("ACTIONS", |roff| {
            for action in actions {
                let page = bold(format!("{name}-{}", action.get_name()));
                roff.control("TP", []).text([page, roman("(1)")]);
                roff.text([roman(text(action.get_about()))]);
            }
        });
    }
}

/// The pages that every page of a program leads to.
fn pages() -> impl Iterator<Item = (String, &'static str)> {
    let programs = PROGRAMS.iter().map(|program| program.name);
    let all = programs.chain([HOLDER]).map(|name| (name.to_owned(), "1"));
    all.chain([(URLS.to_owned(), "7")])
}

fn text(styled: Option<&clap::builder::StyledStr>) -> String {
    styled.map(ToString::to_string).unwrap_or_default()
}

/// A sentence as it stands behind a dash.
fn decapitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
