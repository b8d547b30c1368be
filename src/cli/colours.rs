//! Whether texts for people are coloured: on a terminal, unless the environment says otherwise.
//!
//! `NO_COLOR` is kept by <https://no-color.org>, `CLICOLOR` and `CLICOLOR_FORCE` by
//! <https://bixense.com/clicolors>.

use crate::environment::Environment;
use std::io::{self, IsTerminal as _};

/// Whether what is written to stderr is coloured.
pub(super) fn of_stderr(environment: &Environment) -> bool {
    wanted(environment, io::stderr().is_terminal())
}

/// Whether what is written to stdout is coloured.
pub(super) fn of_stdout(environment: &Environment) -> bool {
    wanted(environment, io::stdout().is_terminal())
}

fn wanted(environment: &Environment, is_terminal: bool) -> bool {
    let says = |name: &str, value: &str| environment.os(name).is_some_and(|it| it == value);
    let forced = environment.os("CLICOLOR_FORCE").is_some() && !says("CLICOLOR_FORCE", "0");
    match environment.os("NO_COLOR") {
        Some(_) => false,
        None if forced => true,
        None => is_terminal && !says("CLICOLOR", "0") && !says("TERM", "dumb"),
    }
}

/// A word in red, where words are coloured.
pub(super) fn alarming(word: &str, coloured: bool) -> String {
    match coloured {
        true => format!("\u{1b}[1;31m{word}\u{1b}[0m"),
        false => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_before_the_terminal() {
        let wanted = |variables: &[(&str, &str)], is_terminal| {
            wanted(&variables.iter().copied().collect(), is_terminal)
        };
        assert!(wanted(&[], true) && !wanted(&[], false));
        for off in [("NO_COLOR", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")] {
            assert!(!wanted(&[off], true), "{off:?}");
        }
        // Empty is not set, and 0 forces nothing.
        assert!(wanted(&[("NO_COLOR", "")], true));
        assert!(!wanted(&[("CLICOLOR_FORCE", "0")], false));
        assert!(wanted(&[("CLICOLOR_FORCE", "1")], false));
        assert!(!wanted(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], true));
    }
}
