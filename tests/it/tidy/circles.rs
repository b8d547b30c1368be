//! No two files of the library import each other, by whatever way round: what a file needs can be read
//! without the file, and moved without it.

use super::{Source, library, none};
use std::collections::{BTreeMap, BTreeSet};

/// A module, by the names on the way to it.
type Module = Vec<String>;

/// The files, each with those that it needs: the ones that its `use` lines name, and those that it opens with
/// `mod`. A file knows the one that opens it anyway: what it takes from there is not counted.
type Needs = BTreeMap<Module, BTreeSet<Module>>;

fn module(path: &str) -> Module {
    let names = path.trim_start_matches("src/").trim_end_matches(".rs").split('/');
    let mut names: Module = names.map(str::to_owned).collect();
    if names.last().is_some_and(|name| name == "mod" || name == "lib") {
        names.pop();
    }
    names
}

/// What stands behind `use` in a file, up to the semicolon.
fn uses(file: &Source) -> Vec<String> {
    let (mut found, mut is_open) = (Vec::<String>::new(), false);
    for (_, line) in file.code() {
        let line = line.trim();
        let opened = line.split_once("use ").filter(|(before, _)| {
            before.is_empty() || before.starts_with("pub") && before.ends_with(' ')
        });
        match (opened, found.last_mut()) {
            (Some((_, tree)), _) if !is_open => found.push(tree.to_owned()),
            (_, Some(tree)) if is_open => tree.push_str(line),
            _ => continue,
        }
        is_open = !line.ends_with(';');
    }
    found.iter().map(|tree| tree.trim_end_matches(';').to_owned()).collect()
}

/// The paths of a tree of names as `use` has it: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(tree: &str) -> Vec<String> {
    let Some((stem, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.trim().to_owned()];
    };
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in rest[..rest.rfind('}').unwrap_or(rest.len())].chars() {
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            c => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                parts.last_mut().expect("one at least").push(c);
            }
        }
    }
    let whole = parts.iter().flat_map(|part| paths(part));
    whole.map(|path| stem.trim().to_owned() + &path).collect()
}

/// The file that a path leads to from this one, if it is one of ours.
fn target(from: &Module, path: &str, all: &BTreeSet<Module>) -> Option<Module> {
    let mut names = path.split("::").map(str::trim).peekable();
    let mut at = match *names.peek()? {
        "crate" => Module::new(),
        "super" | "self" => from.clone(),
        _ => return None,
    };
    for name in names {
        match name {
            "crate" | "self" => {}
            "super" => drop(at.pop()),
            name => {
                at.push(name.to_owned());
                if !all.contains(&at) {
                    at.pop();
                    break;
                }
            }
        }
    }
    Some(at)
}

fn needs(files: &[Source]) -> Needs {
    let files = files.iter().filter(|file| !file.path.ends_with("tests.rs"));
    let files: Vec<_> = files.map(|file| (module(&file.path), file)).collect();
    let all: BTreeSet<_> = files.iter().map(|(module, _)| module.clone()).collect();
    let needs = files.iter().map(|(from, file)| {
        let named = uses(file).into_iter().flat_map(|tree| paths(&tree));
        let named = named.filter_map(|path| target(from, &path, &all));
        let named = named.filter(|module| !from.starts_with(module));
        let opened = all.iter().filter(|it| it.len() == from.len() + 1 && it.starts_with(from));
        (from.clone(), named.chain(opened.cloned()).collect())
    });
    needs.collect()
}

/// All that a file needs, by whatever way.
fn reach<'n>(needs: &'n Needs, from: &Module) -> BTreeSet<&'n Module> {
    let (mut found, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(module) = open.pop() {
        let next = needs.get(module).into_iter().flatten().filter(|it| found.insert(*it));
        open.extend(next.collect::<Vec<_>>());
    }
    found
}

/// The pairs of files on a circle of which one names the other.
fn faults(files: &[Source]) -> Vec<String> {
    let needs = needs(files);
    let all: BTreeMap<_, _> = needs.keys().map(|it| (it, reach(&needs, it))).collect();
    let pairs = needs.iter().flat_map(|(from, named)| named.iter().map(move |to| (from, to)));
    let bad = pairs.filter(|(from, to)| all.get(to).is_some_and(|reach| reach.contains(from)));
    bad.map(|(from, to)| format!("{} -> {}", from.join("/"), to.join("/"))).collect()
}

#[test]
fn no_file_needs_itself_by_way_of_others() {
    none(faults(&library()), "files import one another in a circle");
}

#[test]
fn the_rule_bites() {
    let files = |texts: &[(&str, &str)]| {
        let file = |(path, text): &(&str, &str)| Source {
            path: format!("src/{path}.rs"),
            text: (*text).to_owned(),
        };
        faults(&texts.iter().map(file).collect::<Vec<_>>())
    };
    let a = ("a/mod", "pub mod b;\npub mod c;\nuse b::B;");
    let fine = ("a/b", "use super::{A, c::C};\nuse std::fmt;\nfn d() { x(\"use super::c;\") }");
    assert!(files(&[a, fine, ("a/c", "use crate::d::D;"), ("d", "")]).is_empty());
    assert_eq!(
        files(&[a, fine, ("a/c", "use super::{\n    b::{B as _, E},\n};")]),
        ["a/b -> a/c", "a/c -> a/b"]
    );
    // By way of what opens them, too.
    let round = files(&[a, fine, ("a/c", "use crate::d::D;"), ("d", "use crate::a::b::B;")]);
    assert_eq!(round, ["a/b -> a/c", "a/c -> d", "d -> a/b"]);
    let opener = files(&[a, ("a/b", ""), ("a/c", "use crate::d::D;"), ("d", "use crate::a::A;")]);
    assert_eq!(opener, ["a -> a/c", "a/c -> d", "d -> a"]);
    let in_tests = "#[cfg(test)]\nmod tests {\n    use super::super::b::B;\n}";
    assert!(files(&[a, fine, ("a/c", in_tests)]).is_empty());
}
