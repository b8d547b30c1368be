//! The words: one for each idea, in the names of types, functions and files. What a word means in
//! plain English, in comments and in the names of tests, stays free.

use super::{OURS, Source, files, none};

/// A word that names do not use.
struct Word {
    /// In small letters; of several words with `_` between them, these in a row.
    not: &'static str,
    /// What is said instead.
    say: &'static str,
    reach: Reach,
}

/// Which names a word is held out of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// All: the word means nothing to whoever has not read this project.
    All,
    /// All but functions of tests, whose names are sentences, and in these the word is plain English.
    Product,
    /// Types and variants of this one word, as `Nothing`: elsewhere the word is plain English.
    Whole,
    /// Names in this folder, where the word is taken for something else.
    In(&'static str),
}
use Reach::*;

const WORDS: &[Word] = &[
    Word { not: "hand", say: "in flight", reach: All },
    Word { not: "hands", say: "in flight", reach: All },
    Word { not: "held", say: "in flight", reach: Product },
    Word { not: "holding", say: "in flight", reach: Product },
    Word { not: "stock", say: "in flight, or prefetch buffer", reach: All },
    Word { not: "comes_again", say: "redelivered", reach: All },
    Word { not: "come_again", say: "redelivered", reach: All },
    Word { not: "let_go", say: "released", reach: All },
    Word { not: "growing_pauses", say: "backoff", reach: All },
    Word { not: "keeper", say: "heartbeat, or LeaseRenewer", reach: All },
    Word { not: "outage", say: "circuit breaker, or unavailable", reach: Product },
    Word { not: "trouble", say: "ServiceError", reach: All },
    Word { not: "sort", say: "ErrorClass, or what is done", reach: Product },
    Word { not: "sorts", say: "ErrorClass, or what is done", reach: Product },
    Word { not: "grave", say: "DeadLetter", reach: All },
    Word { not: "graves", say: "DeadLetterStore", reach: All },
    Word { not: "mend", say: "redrive, or drop", reach: All },
    Word { not: "taking", say: "peek by receiving", reach: Product },
    Word { not: "nothing", say: "Emptiness::Certain", reach: Whole },
    Word { not: "known", say: "Emptiness::Certain", reach: Whole },
    Word { not: "told", say: "Emptiness::Reported", reach: Whole },
    Word { not: "guessed", say: "Emptiness::Unknown", reach: Whole },
    Word { not: "own_limit", say: "max_deliveries", reach: All },
    Word { not: "check", say: "ping, preflight, verify or validate", reach: Product },
    Word { not: "checks", say: "ping, preflight, verify or validate", reach: Product },
    Word { not: "checked", say: "verified or validated", reach: Product },
    Word { not: "place", say: "identity, or position", reach: Product },
    Word { not: "places", say: "identities, or positions", reach: Product },
    Word { not: "asked", say: "Options, or requested", reach: Product },
    Word { not: "set", say: "Options", reach: Whole },
    Word { not: "shape", say: "Options", reach: Whole },
    Word { not: "desk", say: "Context", reach: All },
    Word { not: "scene", say: "Context", reach: All },
    Word { not: "stranger", say: "external producer", reach: All },
    Word { not: "parcel", say: "batch, or message", reach: All },
    Word { not: "parcels", say: "batch, or messages", reach: All },
    Word { not: "detour", say: "spool fallback", reach: All },
    Word { not: "line", say: "lane", reach: In("src/subscribe/") },
    Word { not: "lines", say: "lanes", reach: In("src/subscribe/") },
];

/// Names that a word may stand in, with the path of their files, or of their folders, and why.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("check", "src/cli/queue/", "`queue check` is what a user types"),
    ("Check", "src/cli/queue/", "the arguments of `queue check`"),
    ("queue_check", "tests/it/programs/", "the tests of `queue check`"),
    ("outage", "tests/it/faults/", "a service that is really down"),
    ("outages", "tests/it/faults/", "a service that is really down"),
    ("outage_mongodb", "tests/it/faults/", "a service that is really down"),
    ("hand_over", "src/sources/", "what is done with a thing, by a verb of plain English"),
];

/// What is named in a file: the file itself, types with their variants, functions, modules, constants
/// and fields.
struct Name<'s> {
    text: &'s str,
    at: usize,
    /// A function in `tests/` or behind `#[cfg(test)]`.
    of_tests: bool,
}

/// What stands before a name that is given.
const GIVES: &[&str] =
    &["struct ", "enum ", "trait ", "type ", "fn ", "mod ", "const ", "static ", "macro_rules! "];

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The name that a line gives to something, and whether this is a function.
fn given(line: &str) -> Option<(&str, bool)> {
    let code = line.trim_start();
    let code = code.strip_prefix("pub").map_or(code, |rest| match rest.strip_prefix('(') {
        Some(rest) => rest.split_once(')').map_or(rest, |(_, rest)| rest),
        None => rest,
    });
    let code = code.trim_start();
    let code = code.strip_prefix("async ").unwrap_or(code);
    let code = if code.starts_with("const fn ") { &code["const ".len()..] } else { code };
    let found = GIVES.iter().find_map(|word| Some((identifier(code.strip_prefix(word)?), *word)));
    found.map(|(name, word)| (name, word == "fn "))
}

/// The name of a field or a variant: what stands alone before `:`, `,`, `(` or `{` in the braces of a
/// type, one level in.
fn member(line: &str) -> Option<&str> {
    let code = line.strip_prefix("    ").filter(|code| !code.starts_with([' ', '}', '#', '/']))?;
    let code =
        code.strip_prefix("pub(super) ").or(code.strip_prefix("pub(crate) ")).unwrap_or(code);
    let name = identifier(code.strip_prefix("pub ").unwrap_or(code));
    (!name.is_empty()).then_some(name)
}

/// Whether a line opens the braces of a type.
fn opens_a_type(line: &str) -> bool {
    let code = line.trim_start_matches("pub(super) ").trim_start_matches("pub(crate) ");
    let code = code.trim_start_matches("pub ");
    (code.starts_with("struct ") || code.starts_with("enum ")) && code.ends_with('{')
}

fn names(file: &Source) -> Vec<Name<'_>> {
    let stem = file.path.strip_suffix(".rs").unwrap_or(&file.path);
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    let stem = stem.rsplit('/').next().unwrap_or(stem);
    let mut found = vec![Name { text: stem, at: 0, of_tests: false }];
    let mut of_tests = file.is_in("tests/") || file.path.ends_with("/tests.rs");
    let mut in_type = false;
    for (at, line) in (1..).zip(file.text.lines()) {
        of_tests |= line.trim() == "#[cfg(test)]";
        if let Some((text, is_function)) = given(line) {
            found.push(Name { text, at, of_tests: of_tests && is_function });
        } else if let Some(text) = member(line).filter(|_| in_type) {
            found.push(Name { text, at, of_tests });
        }
        in_type = opens_a_type(line) || (in_type && !line.starts_with('}'));
    }
    found
}

/// The words of a name, in small letters: of `InFlight` and `IN_FLIGHT` these are `in` and `flight`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for c in name.chars() {
        if c == '_' || (c.is_ascii_uppercase() && before.is_ascii_lowercase()) {
            words.push(String::new());
        }
        if c != '_' {
            words.last_mut().expect("a word").push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

impl Word {
    fn is_in(&self, path: &str, name: &Name<'_>) -> bool {
        let words = words(name.text);
        let wanted: Vec<_> = self.not.split('_').collect();
        let holds = words.windows(wanted.len()).any(|some| some == wanted);
        holds
            && match self.reach {
                All => true,
                Product => !name.of_tests,
                Whole => words.len() == wanted.len() && is_type(name.text),
                In(folder) => path.starts_with(folder) && !name.of_tests,
            }
    }
}

fn is_allowed(path: &str, name: &str) -> bool {
    ALLOWED.iter().any(|(allowed, folder, _)| *allowed == name && path.starts_with(folder))
}

/// Whether it is the name of a type or a variant, by its letters: `Stock`, and not `STOCK`.
fn is_type(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.contains(char::is_lowercase)
}

/// Each name of a file that one of the words is held out of, and what to say instead.
fn faults(file: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for name in names(file).iter().filter(|name| !is_allowed(&file.path, name.text)) {
        for Word { not, say, .. } in WORDS.iter().filter(|word| word.is_in(&file.path, name)) {
            let (path, at, text) = (&file.path, name.at, name.text);
            found.push(format!("{path}:{at}: `{text}`: say {say}, not {}", not.replace('_', " ")));
        }
    }
    found
}

#[test]
fn names_use_one_word_for_each_idea() {
    let all = OURS.into_iter().flat_map(|folder| files(folder, ".rs"));
    // This file names the words.
    let all = all.filter(|file| file.path != "tests/it/tidy/words.rs");
    none(all.flat_map(|file| faults(&file)).collect(), "DESIGN.md has a word for this");
}

#[test]
fn every_exception_is_used() {
    for (allowed, folder, why) in ALLOWED {
        let used = files(folder, ".rs");
        let used = used.iter().any(|file| names(file).iter().any(|name| name.text == *allowed));
        assert!(used, "nothing is called `{allowed}` in {folder} any more ({why})");
    }
}

/// What the rule says of a file of this path and text.
fn said(path: &str, text: &str) -> Vec<String> {
    let source = Source { path: path.to_owned(), text: text.to_owned() };
    let short = |fault: String| fault.split('`').nth(1).unwrap_or_default().to_owned();
    faults(&source).into_iter().map(short).collect()
}

#[test]
fn the_rule_bites() {
    for (path, text, bad) in [
        ("src/queues/sqs/stock.rs", "", &["stock"][..]),
        ("src/queues/graves/mod.rs", "", &["graves"]),
        ("src/a.rs", "pub struct Stock;", &["Stock"]),
        ("src/a.rs", "pub(super) struct InHand {\n    pub held: u64,\n}", &["InHand", "held"]),
        ("src/a.rs", "enum Answer {\n    Nothing,\n    NothingMore(u8),\n}", &["Nothing"]),
        (
            "src/a.rs",
            "trait LeaseKeeper {\n    async fn check(&self);\n}",
            &["LeaseKeeper", "check"],
        ),
        ("src/a.rs", "    pub const fn is_held(&self) -> bool {", &["is_held"]),
        ("src/a.rs", "const IN_HAND: &str = \"\";", &["IN_HAND"]),
        ("src/a.rs", "#[cfg(test)]\nfn a_message_comes_again() {}", &["a_message_comes_again"]),
        ("src/subscribe/a.rs", "struct Line {\n}", &["Line"]),
        ("tests/it/a.rs", "struct Scene;\nfn scene() {}", &["Scene", "scene"]),
        ("tests/it/a.rs", "struct Place;", &["Place"]),
    ] {
        assert_eq!(said(path, text), bad, "{path}: {text}");
    }
}

#[test]
fn the_rule_lets_plain_english_be() {
    for (path, text) in [
        ("src/a.rs", "// fn stock() {}\nlet held = check(stock);"),
        ("src/a.rs", "items.sort_by(|a, b| a.cmp(b));"),
        ("src/a.rs", "fn nothing() {}\nfn set() {}\nfn handle() {}\nstruct Replacement;"),
        ("src/a.rs", "struct Line {\n}"),
        ("src/a.rs", "#[cfg(test)]\nmod tests {\n    fn a_lock_that_is_held_stays() {}\n}"),
        ("src/cli/queue/check.rs", "pub struct Check;"),
        ("tests/it/a.rs", "fn an_outage_costs_nothing() {}"),
    ] {
        assert_eq!(said(path, text), [""; 0], "{path}: {text}");
    }
}
