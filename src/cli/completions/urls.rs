//! URLs, of which the beginning was typed.

use crate::cli::shelf::Shelf;
use crate::queues::Side;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter as _};
use std::ffi::{OsStr, OsString};

/// Parameters that have no value.
const FLAGS: [&str; 10] = [
    "allow-private",
    "cluster",
    "envelope",
    "exactly-once",
    "insecure",
    "legacy",
    "meter",
    "ordered",
    "unique",
    "watch",
];

/// How a URL of this shelf may go on.
pub(super) fn complete(shelf: Shelf, typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(text) = typed.to_str() else { return Vec::new() };
    let Some((scheme, rest)) = text.split_once(':') else {
        let schemes = shelf.schemes().into_iter().filter(|scheme| scheme.starts_with(text));
        return schemes.map(|scheme| CompletionCandidate::new(format!("{scheme}:"))).collect();
    };
    if let Some((place, parameters)) = rest.split_once('?') {
        return parameter(shelf, scheme, place, parameters);
    }
    match () {
        () if shelf.has_queue(scheme) => {
            within(scheme, complete(Shelf::Queues(Side::Into), OsStr::new(rest)))
        }
        () if shelf.has_path(scheme) => within(scheme, paths(rest)),
        () => Vec::new(),
    }
}

/// How the parameters behind a place may go on: by those that it does not have yet.
fn parameter(shelf: Shelf, scheme: &str, place: &str, typed: &str) -> Vec<CompletionCandidate> {
    let (before, begun) =
        typed.rsplit_once('&').map_or(("", typed), |(before, begun)| (before, begun));
    let has = |name: &str| before.split('&').any(|it| it.split('=').next() == Some(name));
    let known = shelf.parameters(scheme).unwrap_or_default().into_iter();
    let fitting = known.filter(|name| name.starts_with(begun) && !has(name));
    let start = match before {
        "" => format!("{scheme}:{place}?"),
        before => format!("{scheme}:{place}?{before}&"),
    };
    let ended = |name: &str| if FLAGS.contains(&name) { "" } else { "=" };
    fitting.map(|name| CompletionCandidate::new(format!("{start}{name}{}", ended(name)))).collect()
}

fn paths(typed: &str) -> Vec<CompletionCandidate> {
    PathCompleter::any().complete(OsStr::new(typed))
}

/// What is offered behind a scheme.
fn within(scheme: &str, offered: Vec<CompletionCandidate>) -> Vec<CompletionCandidate> {
    let whole = |it: CompletionCandidate| {
        let mut url = OsString::from(format!("{scheme}:"));
        url.push(it.get_value());
        CompletionCandidate::new(url).hide(it.is_hide_set())
    };
    offered.into_iter().map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(shelf: Shelf, typed: &str) -> Vec<String> {
        let all = complete(shelf, OsStr::new(typed)).into_iter();
        all.map(|it| it.get_value().to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn schemes_are_offered_and_then_parameters_that_are_not_there_yet() {
        assert!(offered(Shelf::Sources, "").contains(&"nature-remo:".to_owned()));
        assert_eq!(offered(Shelf::Queues(Side::From), "sql"), ["sqlite:"]);
        assert_eq!(offered(Shelf::Queues(Side::From), "mem"), [""; 0]);
        assert_eq!(offered(Shelf::Queues(Side::From), "sqlite:q.db?de"), ["sqlite:q.db?dedupe="]);
        let more = offered(Shelf::Sources, "stdin:?id=id&group=g&");
        assert_eq!(more[..2], ["stdin:?id=id&group=g&tag=", "stdin:?id=id&group=g&delay="]);
        assert!(more.contains(&"stdin:?id=id&group=g&envelope".to_owned()), "{more:?}");
        assert_eq!(offered(Shelf::Sinks, "forward:sqlite:q.db?to"), [""; 0]);
        assert_eq!(offered(Shelf::Queues(Side::From), "nonsense:x?"), [""; 0]);
    }
}
