//! The line and the exit code that Nagios and its heirs (Icinga, Naemon, Checkmk) expect of a plugin:
//! <https://nagios-plugins.org/doc/guidelines.html>.

use super::limits::{Health, Measure};
use super::looked::Looked;
use crate::error::{Error, Kind};
use std::fmt::Write as _;

/// The states of a service: the word, and the exit code.
const OK: (&str, u8) = ("OK", 0);
const WARNING: (&str, u8) = ("WARNING", 1);
const CRITICAL: (&str, u8) = ("CRITICAL", 2);
const UNKNOWN: (&str, u8) = ("UNKNOWN", 3);

/// `KAKEHI STATE - what is so | performance data`, on one line, and the exit code.
pub(super) fn told(looked: &Looked) -> (String, u8) {
    let (word, code) = state(looked);
    let mut words: Vec<_> = looked.failures.iter().map(Error::one_line).collect();
    let matters = |measured: &&Measure| match word == OK.0 {
        true => measured.value.is_some() || measured.limit.is_some(),
        false => measured.health != Health::Ok,
    };
    words.extend(looked.measured.iter().filter(matters).map(|measured| measured.words.clone()));
    // What stands behind a bar is data, and only the first line is the state.
    let words = words.join("; ").replace('|', "/").replace(['\n', '\r'], " ");
    let data: String = looked.measured.iter().filter_map(data).collect();
    let bar = if data.is_empty() { "" } else { " |" };
    (format!("KAKEHI {word} - {words}{bar}{data}\n"), code)
}

/// What cannot be reached is critical. What nobody can look at, as the command or the configuration is
/// wrong, is unknown, unless something else is known to be wrong.
fn state(looked: &Looked) -> (&'static str, u8) {
    let unreachable = |error: &Error| matches!(error.kind(), Kind::Unreachable | Kind::Failed);
    if looked.worst() == Health::Broken || looked.failures.iter().any(unreachable) {
        return CRITICAL;
    }
    match looked.worst() {
        _ if !looked.failures.is_empty() => UNKNOWN,
        Health::Unknown => UNKNOWN,
        Health::Warning => WARNING,
        _ => OK,
    }
}

/// One piece of performance data: ` age=1200s;600;900;0`.
fn data(measured: &Measure) -> Option<String> {
    let mut text = format!(" {}={}", measured.what.word(), measured.value?);
    if measured.what.is_time() {
        text.push('s');
    }
    let number = |number: Option<u64>| number.map_or_else(String::new, |it| it.to_string());
    let warning = number(measured.limit.and_then(|limit| limit.warning));
    let most = number(measured.limit.map(|limit| limit.most));
    write!(text, ";{warning};{most};0").expect("writing to a string does not fail");
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::limits::{Limits, of_queue, of_spool};
    use super::*;
    use crate::queues::Stats;
    use crate::spool::Spooled;
    use clap::{Args as _, FromArgMatches as _};

    fn looked(words: &str, failures: Vec<Error>) -> Looked {
        let command = Limits::augment_args(clap::Command::new("x").no_binary_name(true));
        let matches = command.try_get_matches_from(words.split_whitespace()).unwrap();
        let limits = Limits::from_arg_matches(&matches).unwrap();
        let stats = Stats {
            ready: Some(5),
            waiting: Some(0),
            scheduled: Some(0),
            leased: Some(0),
            dead: Some(3),
            oldest_seconds: Some(1200),
            ..Stats::default()
        };
        let spool = Spooled { waiting: 1, dead: 0 };
        let mut measured = of_queue(&stats, spool, &limits);
        measured.push(of_spool(spool, &limits));
        Looked { measured, failures, ..Looked::default() }
    }

    #[test]
    fn the_line_is_the_state_what_matters_and_the_numbers() {
        let numbers = "age=1200s;;;0 ready=5;;;0 dead=3;;;0 spooled=1;;;0";
        let expected = "KAKEHI OK - the oldest message is 20m old; 5 messages are ready; \
                        3 dead letters; 1 message waits in the spool | ";
        assert_eq!(told(&looked("", vec![])), (format!("{expected}{numbers}\n"), 0));
        let (line, code) = told(&looked("--max-age 10m,30m --max-dead 3", vec![]));
        let expected = "KAKEHI WARNING - the oldest message is 20m old, it warns above 10m | \
                        age=1200s;600;1800;0 ready=5;;;0 dead=3;;3;0 spooled=1;;;0\n";
        assert_eq!((line.as_str(), code), (expected, 1));
        let (line, code) = told(&looked("--max-dead 0 --max-spooled 0", vec![]));
        let expected = "KAKEHI CRITICAL - 3 dead letters, at most 0; 1 message waits in the spool, \
                        at most 0 | ";
        assert!(line.starts_with(expected) && code == 2, "{line}");
    }

    #[test]
    fn what_cannot_be_reached_is_critical_and_what_cannot_be_looked_at_unknown() {
        let error = |kind| vec![Error::new(kind, "it |\nfailed")];
        for (kind, word, code) in [
            (Kind::Unreachable, "CRITICAL", 2),
            (Kind::Failed, "CRITICAL", 2),
            (Kind::Configuration, "UNKNOWN", 3),
            (Kind::Credentials, "UNKNOWN", 3),
            (Kind::Usage, "UNKNOWN", 3),
        ] {
            let (line, told) = told(&looked("--max-ready 5", error(kind)));
            assert_eq!(told, code);
            assert!(line.starts_with(&format!("KAKEHI {word} - it / failed")), "{line}");
            assert_eq!(line.lines().count(), 1);
        }
        let (line, code) = told(&looked("--max-dead 0", error(Kind::Configuration)));
        assert!(line.starts_with("KAKEHI CRITICAL - ") && code == 2, "{line}");
    }
}
