//! The walls of ARCHITECTURE.md, as tests: each names the file and the line that breaks one.

mod circles;
mod prose;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folders that hold what we wrote in Rust.
const OURS: [&str; 6] = ["src", "crates", "tests/it", "benches", "examples", "fuzz/targets"];

/// A file of the repository, by its path from the root.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The lines of the product, numbered: no comments, and not the tests, which are the end of a
    /// file or a file of their own.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test = self.path.ends_with("/tests.rs");
        let lines =
            self.text.lines().take_while(move |line| !is_test && line.trim() != "#[cfg(test)]");
        lines.enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Where one of the words stands in the product's code.
    fn find(&self, words: &[&str]) -> Vec<String> {
        let hit = |line: &str| words.iter().any(|word| line.contains(word));
        self.code()
            .filter(|(_, line)| hit(line))
            .map(|(at, line)| format!("{}:{}: {}", self.path, at + 1, line.trim()))
            .collect()
    }

    fn is_in(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder with this ending, sorted.
fn files(folder: &str, ending: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().is_some_and(|path| path.ends_with(ending)) {
                found.push(source(path));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no `{ending}` in {folder}");
    found
}

fn source(path: PathBuf) -> Source {
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let path = path.strip_prefix(root()).expect("a file of this repository");
    Source { path: path.to_str().expect("a UTF-8 path").to_owned(), text }
}

fn library() -> Vec<Source> {
    files("src", ".rs").into_iter().filter(|file| !file.is_in("src/bin/")).collect()
}

#[track_caller]
fn none(hits: Vec<String>, wall: &str) {
    assert!(hits.is_empty(), "{wall}:\n  {}", hits.join("\n  "));
}

#[test]
fn shelves_do_not_import_one_another() {
    let shelves = ["sources", "queues", "sinks"];
    for shelf in shelves {
        let others: Vec<_> = shelves.into_iter().filter(|other| *other != shelf).collect();
        for file in files(&format!("src/{shelf}"), ".rs") {
            let words: Vec<_> = others.iter().map(|other| format!("{other}::")).collect();
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            let mut found = file.find(&words);
            // A queue can be a sink: it is given an opened publisher, and names no more than that.
            if file.path == "src/sinks/forward.rs" {
                found
                    .retain(|line| !line.ends_with(": use crate::queues::{Published, Publisher};"));
            }
            none(found, "a shelf imports another one");
            none(file.find(&["crate::publish", "crate::subscribe"]), "a shelf imports a loop");
        }
    }
}

#[test]
fn the_library_neither_prints_nor_exits_nor_reads_the_environment() {
    let words = [
        "println!",
        "print!(",
        "eprint",
        "dbg!",
        "process::exit",
        "process::abort",
        "std::env",
        "env::var",
        "env::args",
    ];
    for file in library() {
        none(file.find(&words), "only the programs do this");
        // Logs and progress are the programs' half of the library.
        // Whoever writes there asks for the descriptor, and so does it once for all.
        let talks = file.is_in("src/cli/") || file.path == "src/descriptors.rs";
        if !talks {
            none(file.find(&["stderr()", "Standard::Error"]), "only the programs talk");
        }
        if !talks && file.path != "src/sinks/stdout.rs" {
            none(file.find(&["stdout()"]), "only the sink `stdout:` writes there");
        }
        if !talks && !file.is_in("src/sinks/") {
            none(file.find(&["Standard::Output"]), "only sinks and programs write there");
        }
    }
}

#[test]
fn features_are_named_in_the_lists_only() {
    // The registry's macro is part of the lists, and names no feature. The doors tell what a
    // program holds in a package.
    let lists = [
        "src/lib.rs",
        "src/clients/mod.rs",
        "src/sources/mod.rs",
        "src/queues/mod.rs",
        "src/sinks/mod.rs",
        "src/readings/mod.rs",
        "src/registry.rs",
        "src/cli/holder.rs",
        "src/cli/queue/mod.rs",
        "src/lib.rs",
    ];
    for file in files("src", ".rs").into_iter().filter(|f| !lists.contains(&f.path.as_str())) {
        none(file.find(&["cfg(feature", "cfg(not(feature", "cfg!("]), "only the lists do this");
    }
}

/// The shelves: what one thing on it is called, and the schemes of its list.
fn shelves() -> [(&'static str, Vec<&'static str>); 3] {
    [
        ("source", kakehi::sources::SOURCES.schemes()),
        ("queue", kakehi::queues::QUEUES.schemes()),
        ("sink", kakehi::sinks::SINKS.schemes()),
    ]
}

#[test]
fn a_scheme_is_named_in_its_list_and_its_backend_only() {
    // What may be shown of a URL is decided before anybody opens it; a file's URL is its client's own;
    // and a source and a queue agree on the attribute of one source. A list names a feature. What is
    // read back is read by the schemes of the sinks that wrote it.
    let elsewhere = [
        "src/redact.rs",
        "src/clients/mod.rs",
        "src/clients/sql/mod.rs",
        "src/clients/sql/options.rs",
        "src/clients/sqlite/mod.rs",
        "src/message.rs",
        "src/readings/mod.rs",
        "src/lib.rs",
    ];
    let shelves = shelves();
    // URLs of everybody begin with these two.
    let ours = |scheme: &&&str| !["http", "https"].contains(*scheme);
    for scheme in shelves.iter().flat_map(|(_, schemes)| schemes).filter(ours) {
        let module = scheme.split('+').next().expect("a part").replace('-', "_");
        // With TLS a scheme has one letter more.
        let plain = module
            .strip_suffix('s')
            .filter(|plain| shelves.iter().any(|(_, schemes)| schemes.contains(plain)));
        let module = plain.unwrap_or(module.as_str());
        // Two shelves may know the same scheme: each has a list and a backend.
        let knows = shelves.iter().filter(|(_, schemes)| schemes.contains(scheme));
        let knows: Vec<_> = knows.map(|(noun, _)| format!("src/{noun}s/")).collect();
        for file in files("src", ".rs") {
            let own = |shelf: &String| {
                file.path == format!("{shelf}mod.rs")
                    || file.is_in(&format!("{shelf}{module}/"))
                    || file.path == format!("{shelf}{module}.rs")
            };
            if !elsewhere.contains(&file.path.as_str()) && !knows.iter().any(own) {
                none(file.find(&[&format!("\"{scheme}\"")]), "a scheme is its backend's own");
            }
        }
    }
}

#[test]
fn the_table_of_urls_tells_of_every_scheme() {
    let table = source(root().join("docs/urls.md")).text;
    for (noun, schemes) in shelves() {
        // `memory:` is for tests.
        for scheme in schemes.into_iter().filter(|scheme| *scheme != "memory") {
            let row = |line: &str| {
                line.starts_with(&format!("| {noun} |")) && line.contains(&format!("`{scheme}:"))
            };
            assert!(table.lines().any(row), "docs/urls.md has no row for the {noun} `{scheme}:`");
        }
    }
}

#[test]
fn only_a_failpoint_ends_a_process_and_no_default_build_has_one() {
    for file in files("src", ".rs").into_iter().filter(|f| f.path != "src/cli/failpoints.rs") {
        none(file.find(&["raise(", "fail::cfg", "has_failpoints"]), "only the failpoints do this");
    }
    let manifest = source(root().join("Cargo.toml")).text;
    let default = manifest.lines().find(|line| line.starts_with("default = ")).expect("a default");
    assert!(!default.contains("failpoints"), "{default}");
}

#[test]
fn retry_and_schedule_are_pure() {
    let words = [
        "now()",
        "Clock",
        "clock",
        "Instant",
        "SystemTime",
        "fastrand",
        "rand::",
        "tokio",
        "async",
        "reqwest",
        "std::net",
        "std::fs",
        "std::thread",
        "tracing",
    ];
    for name in ["src/retry.rs", "src/schedule.rs"] {
        none(source(root().join(name)).find(&words), "a pure room does this");
    }
}

#[test]
fn the_time_of_day_comes_from_the_clock() {
    for file in files("src", ".rs").into_iter().filter(|file| file.path != "src/clock.rs") {
        let words = ["Utc::now", "Local::now", "SystemTime::now", "Local::"];
        none(file.find(&words), "the clock is an input");
    }
}

#[test]
fn unsafe_code_and_loose_ends_are_nowhere() {
    for file in files("src", ".rs") {
        none(file.find(&["unsafe ", "todo!(", "unimplemented!(", "dbg!("]), "not in the product");
    }
}

#[test]
fn no_test_is_switched_off() {
    for file in files("src", ".rs").into_iter().chain(files("tests/it", ".rs")) {
        let lines = file.text.lines().filter(|line| line.trim().starts_with("#[ignore"));
        assert_eq!(lines.count(), 0, "{} has a test that never runs", file.path);
    }
}

#[test]
fn doors_are_short() {
    for file in files("src/bin", ".rs") {
        let lines = file.text.lines().count();
        assert!(lines <= 60, "{} has {lines} lines: a door parses, opens, runs", file.path);
    }
}

#[test]
fn no_test_file_is_forgotten() {
    let tests = files("tests/it", ".rs");
    for file in tests.iter().filter(|file| !file.path.ends_with("/main.rs")) {
        let path = file.path.strip_suffix("/mod.rs").or(file.path.strip_suffix(".rs"));
        let (folder, name) = path.and_then(|path| path.rsplit_once('/')).expect("a file's path");
        let lists =
            [format!("{folder}.rs"), format!("{folder}/mod.rs"), format!("{folder}/main.rs")];
        let line = |line: &str| line.trim_start_matches("pub ") == format!("mod {name};");
        let named = tests
            .iter()
            .filter(|list| lists.contains(&list.path))
            .any(|list| list.text.lines().any(line));
        assert!(named, "no module holds {}", file.path);
    }
}

/// What several test files need stands in `support`; every other module is a test file's own.
#[test]
fn tests_share_by_support_only() {
    let tests = files("tests/it", ".rs").into_iter();
    for file in
        tests.filter(|file| !file.is_in("tests/it/support/") && !file.is_in("tests/it/tidy"))
    {
        none(file.find(&["pub mod "]), "a test file serves as a library");
        let others = file.find(&["crate::"]).into_iter();
        let others = others.filter(|line| !line.contains("crate::support::"));
        none(others.collect(), "a test file is used as a library");
    }
}

#[test]
fn tests_lie_in_folders() {
    let flat = fs::read_dir(root().join("tests/it")).expect("tests/it");
    let flat = flat.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_file()));
    assert!(flat.count() <= 12, "too many files lie flat in tests/it");
}

#[test]
fn the_shell_scripts_parse_and_stop_at_the_first_failure() {
    let mut scripts = files("examples", ".sh");
    scripts.extend(files("tests", ".sh"));
    scripts.extend(files("packaging", ".sh"));
    scripts.push(source(root().join(".ci/run")));
    for script in scripts {
        assert!(script.text.lines().any(|line| line == "set -euo pipefail"), "{}", script.path);
        let parsed = Command::new("bash").arg("-n").arg(root().join(&script.path)).output();
        let parsed = parsed.expect("bash starts");
        let complaint = String::from_utf8_lossy(&parsed.stderr);
        assert!(parsed.status.success() && complaint.is_empty(), "{}: {complaint}", script.path);
    }
}
