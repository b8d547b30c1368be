//! A manual page as it is put together.

use super::examples::Example;
use clap_mangen::Man;
use roff::{Inline, Roff, bold, roman};
use std::io::{self, Write};

/// A manual page, section by section.
pub(super) struct Page {
    text: String,
    name: String,
}

impl Page {
    /// A page with its title, and its name with what that is.
    pub(super) fn new(name: &str, section: &str, is: &str) -> Self {
        let source = format!("kakehi {}", env!("CARGO_PKG_VERSION"));
        let mut roff = Roff::new();
        // No date, so that the same source gives the same page; nothing at all would be left out.
        roff.control("TH", [name, section, " ", &source, "kakehi"]);
        // Nothing is hyphenated: a name that is cut cannot be copied.
        roff.control("nh", []);
        let mut page = Self { text: roff.render(), name: name.to_owned() };
        page.line("NAME", [roman(format!("{name} - {is}"))]);
        page
    }

    /// Adds a section.
    pub(super) fn section(&mut self, heading: &str, write: impl FnOnce(&mut Roff)) {
        let mut roff = Roff::new();
        roff.control("SH", [heading]);
        write(&mut roff);
        self.text += without_preamble(&roff.render());
    }

    /// Adds a section of one line.
    pub(super) fn line(&mut self, heading: &str, line: impl Into<Vec<Inline>>) {
        self.section(heading, |roff| {
            roff.text(line);
        });
    }

    /// Adds what a page that was made of a command line alone has.
    pub(super) fn of_command(
        &mut self,
        command: &clap::Command,
        render: impl FnOnce(&Man, &mut dyn Write) -> io::Result<()>,
    ) {
        let mut bytes = Vec::new();
        render(&Man::new(command.clone()), &mut bytes).expect("writing to memory does not fail");
        let text = String::from_utf8(bytes).expect("a manual page is UTF-8");
        self.text += without_preamble(&text);
    }

    /// Adds the pages to go on with, but for this one.
    pub(super) fn see_also(&mut self, pages: impl Iterator<Item = (String, &'static str)>) {
        let others: Vec<_> = pages.filter(|(name, _)| *name != self.name).collect();
        self.section("SEE ALSO", |roff| {
            let mut line: Vec<Inline> = Vec::new();
            for (name, section) in others {
                line.extend((!line.is_empty()).then(|| roman(", ")));
                line.extend([bold(name), roman(format!("({section})"))]);
            }
            roff.text(line);
        });
    }

    pub(super) fn text(self) -> String {
        self.text
    }
}

/// Shows commands line by line, as they can be copied.
pub(super) fn commands(roff: &mut Roff, lines: &[&str]) {
    roff.control("RS", ["4"]).control("nf", []);
    for line in lines {
        roff.text([roman(*line)]);
    }
    roff.control("fi", []).control("RE", []);
}

/// Shows examples, each with what it does.
pub(super) fn examples(roff: &mut Roff, examples: &[Example<'_>]) {
    for example in examples {
        roff.control("PP", []).text([roman(example.does.join(" "))]);
        commands(roff, &example.lines);
    }
}

/// A text without what each begins with, which a page has once.
fn without_preamble(text: &str) -> &str {
    text.strip_prefix(&Roff::new().render()).unwrap_or(text)
}
