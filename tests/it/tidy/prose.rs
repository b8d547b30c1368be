//! Doc comments stand alone: whoever hovers over a name reads that one and no other.

use super::{OURS, Source, files, none};

/// How none begins: each of these leans on what stands above it.
const LEANING: &[&str] = &["The same", "It ", "Its ", "Of ", "So "];

/// What none says.
const NOWHERE: &[&str] = &["See the module."];

/// The text of a line of a doc comment.
fn doc(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let text = line.strip_prefix("///").or(line.strip_prefix("//!"))?;
    Some(text.strip_prefix(' ').unwrap_or(text))
}

/// The lines of a file's doc comments that lean on others.
fn faults(file: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let mut before = None;
    for (at, line) in (1..).zip(file.text.lines()) {
        let text = doc(line);
        let leans = |text: &str| LEANING.iter().any(|start| text.starts_with(start));
        let opens = before.is_none() && text.is_some_and(leans);
        if opens || text.is_some_and(|text| NOWHERE.iter().any(|words| text.contains(words))) {
            found.push(format!("{}:{at}: {}", file.path, line.trim()));
        }
        before = text;
    }
    found
}

#[test]
fn doc_comments_stand_alone() {
    let all = OURS.into_iter().flat_map(|folder| files(folder, ".rs"));
    // These files name what they hold out.
    let all = all.filter(|file| !file.is_in("tests/it/tidy/"));
    none(all.flat_map(|file| faults(&file)).collect(), "a doc comment leans on another one");
}

#[test]
fn the_rule_bites() {
    let text = "//! Its module.\n\n/// The same, later.\nfn a() {}\n/// Waits.\n/// It ends.\nfn b() {}\n\
                /// Sends. See the module.\nfn c() {}\n    /// Of no one.\n    fn d() {}\n// So what";
    let source = Source { path: "src/a.rs".to_owned(), text: text.to_owned() };
    let lines: Vec<_> = faults(&source).iter().map(|fault| fault[9..11].to_owned()).collect();
    assert_eq!(lines, ["1:", "3:", "8:", "10"]);
}

/// The longest that a file of the product may be; how many may be longer, and how these begin to say
/// why.
const LONGEST: usize = 400;
const LONGER: usize = 2;
const REASON: &str = "//! Longer than others:";

#[test]
fn files_are_short_but_for_two_that_say_why() {
    let mut longer = Vec::new();
    for file in files("src", ".rs").into_iter() {
        if file.text.lines().count() <= LONGEST {
            continue;
        }
        let says_why = file.text.lines().take_while(|line| line.starts_with("//!"));
        assert!(
            says_why.into_iter().any(|line| line.starts_with(REASON)),
            "{} has more than {LONGEST} lines and no `{REASON}` at its head",
            file.path
        );
        longer.push(file.path);
    }
    assert!(longer.len() <= LONGER, "too many long files: {longer:?}");
}
