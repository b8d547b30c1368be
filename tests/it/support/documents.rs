//! What the documents and the programs' help say, in pieces.

use crate::support::sandbox::{Program, Sandbox};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The folder of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the project.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|cause| panic!("{path}: {cause}"))
}

/// The pages that hold the tables: of places, of variables and exit codes, and of actions.
pub fn tables() -> String {
    read("docs/urls.md") + &read("docs/operate.md")
}

/// The lines of the code blocks, continued lines joined; and the text around them.
pub fn blocks(markdown: &str) -> (Vec<Vec<String>>, String) {
    let (mut blocks, mut text, mut inside) = (Vec::<Vec<String>>::new(), String::new(), false);
    let mut continued = false;
    for line in markdown.lines() {
        if line.starts_with("```") {
            inside = !inside;
            if inside {
                blocks.push(Vec::new());
            }
        } else if inside {
            let block = blocks.last_mut().expect("a block was opened");
            let piece = line.strip_suffix('\\').unwrap_or(line);
            match block.last_mut().filter(|_| continued) {
                Some(last) => last.push_str(piece),
                None => block.push(piece.to_owned()),
            }
            continued = line.ends_with('\\');
        } else {
            text.push_str(line);
            text.push('\n');
        }
    }
    assert!(!inside, "a code block has no end");
    (blocks, text)
}

/// What stands between backticks.
pub fn code_spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The rows of the tables, as cells.
pub fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    lines.map(|line| line.split('|').map(str::trim).collect()).collect()
}

/// The variables that the documents name.
pub fn variables() -> Vec<String> {
    let (_, text) = blocks(&tables());
    named_variables(&text).into_iter().map(str::to_owned).collect()
}

/// The variables that stand in the first column of the tables of a text.
pub fn named_variables(text: &str) -> BTreeSet<&str> {
    let spans = rows(text).into_iter().flat_map(|row| code_spans(row[0]));
    let is_variable =
        |span: &&str| span.len() > 4 && span.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    spans.filter(is_variable).collect()
}

/// What a program says with `--help`.
pub fn help(program: &str) -> String {
    let sandbox = Sandbox::new();
    let run = match program {
        "publish" => sandbox.publish(),
        "queue" => sandbox.queue(),
        "store" => sandbox.store(),
        _ => sandbox.subscribe(),
    };
    run.arg("--help").run().expect(0).stdout
}

/// The commands below `Examples:`, each with its continuation lines.
pub fn examples(program: &str) -> Vec<String> {
    let text = help(program);
    let section = text.split_once("Examples:\n").expect("examples").1;
    let section = section.split_once("\nExit codes:").expect("exit codes after them").0;
    let mut commands: Vec<String> = Vec::new();
    for line in section.lines().filter(|line| line.starts_with("    ")) {
        match commands.last_mut() {
            Some(command) if command.ends_with('\\') => {
                command.pop();
                command.push_str(line.trim());
            }
            _ => commands.push(line.trim().to_owned()),
        }
    }
    commands
}

/// Every action of `queue`, as words of its command line.
pub fn actions() -> Vec<String> {
    actions_of(Sandbox::queue)
}

/// Every action of a program, as words of its command line.
pub fn actions_of(program: fn(&Sandbox) -> Program) -> Vec<String> {
    let sandbox = Sandbox::new();
    let listed = |words: &str| -> Vec<String> {
        let help = program(&sandbox).args(words).run().expect(0).stdout;
        let Some((_, list)) = help.split_once("Commands:\n") else { return Vec::new() };
        let names = list.lines().take_while(|line| !line.is_empty());
        let names = names.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let names = names.filter_map(|line| line.split_whitespace().next());
        names.filter(|name| *name != "help").map(str::to_owned).collect()
    };
    let mut all = Vec::new();
    for action in listed("--help") {
        let inner = listed(&format!("{action} --help"));
        if inner.is_empty() {
            all.push(action);
        } else {
            all.extend(inner.iter().map(|it| format!("{action} {it}")));
        }
    }
    all
}
