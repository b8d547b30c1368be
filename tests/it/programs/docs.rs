//! What the documents say is so: commands, flags, URLs, exit codes, variables, links.

use crate::support::built::programs;
use crate::support::documents::{
    actions, actions_of, blocks, code_spans, named_variables, read, root, rows, tables,
};
use crate::support::sandbox::{Program, Run, Sandbox};
use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

/// A command line in words, as `sh` splits it.
fn words(line: &str) -> Vec<String> {
    let output = Command::new("bash")
        .args(["-fc", &format!("printf '%s\\n' {line}")])
        .env_clear()
        .output()
        .expect("bash starts");
    assert!(output.status.success(), "not a command line: {line}");
    let words = String::from_utf8(output.stdout).expect("UTF-8");
    words.lines().filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn help(program: Program) -> String {
    program.arg("--help").run().expect(0).stdout
}

fn action_help(sandbox: &Sandbox, action: &str) -> String {
    help(sandbox.queue().args(action))
}

fn flags(text: &str) -> BTreeSet<&str> {
    let ends = |c: char| !(c.is_ascii_lowercase() || c == '-');
    let starts = text.match_indices("--").filter(|(at, _)| {
        text[..*at].chars().next_back().is_none_or(|before| !before.is_ascii_alphanumeric())
    });
    let flag = |at: usize| {
        let rest = &text[at..];
        rest.split(ends).next().filter(|flag| flag.len() > 2).unwrap_or_default()
    };
    starts.map(|(at, _)| flag(at)).filter(|flag| !flag.is_empty()).collect()
}

/// A command line up to where its input or its output is redirected.
fn without_redirections(line: &str) -> &str {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '<' | '>') => return &line[..at],
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    line
}

/// Whether a line of a document begins with something of ours, which is there, with its flags.
fn exists(sandbox: &Sandbox, line: &str) -> bool {
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    let program = match first {
        "bash" => {
            let script = rest.split(' ').next().unwrap_or_default();
            assert!(root().join(script).is_file(), "{line}");
            return true;
        }
        "publish" => sandbox.publish(),
        "subscribe" => sandbox.subscribe(),
        "queue" => sandbox.queue(),
        "store" => sandbox.store(),
        _ => return false,
    };
    // clap refuses an argument that it does not know before it comes to `--help`.
    let words = words(without_redirections(rest.split(" #").next().unwrap_or_default()));
    // What stands behind `--` is another program's.
    let words = words.iter().take_while(|word| *word != "--");
    words.fold(program, Program::arg).arg("--help").run().expect(0);
    true
}

#[test]
fn the_readmes_commands_exist() {
    let sandbox = Sandbox::new();
    let (blocks, _) = blocks(&read("README.md"));
    let seen = blocks.iter().flatten().filter(|line| exists(&sandbox, line)).count();
    assert!(seen >= 6, "only {seen} commands found");
}

#[test]
fn the_recorded_tour_is_the_readmes() {
    let (blocks, _) = blocks(&read("README.md"));
    let tour =
        blocks.iter().find(|block| block.iter().any(|line| line.starts_with("queue stats ")));
    let picture = read("docs/look/tour.svg");
    for line in tour.expect("a tour").iter().filter(|line| !line.starts_with("export ")) {
        let command = line.split("   #").next().unwrap_or_default().trim_end();
        assert!(picture.contains(&format!(">$ {command}<")), "not recorded: {command}");
    }
}

#[test]
fn the_pages_commands_exist() {
    let sandbox = Sandbox::new();
    for page in fs::read_dir(root().join("docs")).expect("docs/") {
        let page = page.expect("a page").path();
        if page.is_dir() {
            continue; // pictures
        }
        let (blocks, _) = blocks(&fs::read_to_string(&page).expect("a page"));
        // What is poured into a command stands before it.
        let last = |line: &String| line.rsplit(" | ").next().map(str::to_owned);
        let commands = blocks.iter().flatten().filter_map(last);
        let seen = commands.filter(|command| exists(&sandbox, command)).count();
        assert!(seen >= 2, "only {seen} commands found in {}", page.display());
    }
}

#[test]
fn the_readmes_test_command_is_what_the_checks_run() {
    let (blocks, _) = blocks(&read("README.md"));
    let checks = read(".ci/run");
    let last = checks.lines().last().expect("the checks run something");
    assert!(blocks.iter().flatten().any(|line| line == last), "{last}");
}

#[test]
fn the_flags_of_the_tables_exist() {
    let sandbox = Sandbox::new();
    let (_, text) = blocks(&(read("README.md") + &tables()));
    let mut help = help(sandbox.publish()) + &help(sandbox.subscribe());
    for action in actions() {
        help += &action_help(&sandbox, &action);
    }
    for action in actions_of(Sandbox::store) {
        help += &self::help(sandbox.store().args(&action));
    }
    let known = flags(&help);
    let others = |span: &str| span.starts_with("cargo ") || span.starts_with("bash ");
    let ours = code_spans(&text).into_iter().filter(|span| !others(span));
    let named: BTreeSet<_> = ours.flat_map(flags).collect();
    assert!(named.len() > 10, "{named:?}");
    let unknown: Vec<_> = named.difference(&known).collect();
    assert!(unknown.is_empty(), "not in --help: {unknown:?}");
}

/// The schemes that a user can name.
fn schemes(list: Vec<&str>) -> BTreeSet<String> {
    list.into_iter().filter(|scheme| *scheme != "memory").map(str::to_owned).collect()
}

/// The rows for a place, as URLs and parameters.
fn places<'t>(text: &'t str, place: &str) -> Vec<(Vec<&'t str>, &'t str)> {
    let rows = rows(text).into_iter().filter(|row| row.first() == Some(&place));
    rows.map(|row| (code_spans(row[1]), row[2])).collect()
}

#[test]
fn the_table_names_every_scheme_and_no_other() {
    let (_, text) = blocks(&tables());
    let lists = [
        ("source", kakehi::sources::SOURCES.schemes()),
        ("queue", kakehi::queues::QUEUES.schemes()),
        ("sink", kakehi::sinks::SINKS.schemes()),
    ];
    for (place, list) in lists {
        let urls = places(&text, place).into_iter().flat_map(|(urls, _)| urls);
        let named: BTreeSet<_> = urls
            .filter_map(|url| url.split_once(':'))
            .map(|(scheme, _)| scheme.to_owned())
            .collect();
        assert_eq!(named, schemes(list), "{place}");
    }
}

/// The parameters that a program names when it is given one that nobody knows.
fn parameters(program: Program) -> BTreeSet<String> {
    let run = program.env("NATURE_REMO_TOKEN", "x").env("SQL_USERNAME", "x").run().expect(2);
    let hint = run.stderr.lines().find(|line| line.contains("hint:")).unwrap_or_default();
    code_spans(hint).into_iter().skip(1).map(str::to_owned).collect()
}

#[test]
fn the_table_names_every_parameter() {
    let sandbox = Sandbox::new();
    let (_, text) = blocks(&tables());
    let publish = |arguments: &str| parameters(sandbox.publish().args(arguments));
    let subscribe = |arguments: &str| parameters(sandbox.subscribe().args(arguments));
    let known = [
        ("source", "stdin:", publish("stdin:?nobody=1 --to sqlite:q.db")),
        ("source", "nature-remo:", publish("nature-remo:?mode=changes&nobody=1 --to sqlite:q.db")),
        ("source", "files:GLOB", publish("files:*?nobody=1 --to sqlite:q.db")),
        (
            "source",
            "sql:DATABASE-URL",
            publish("sql:mysql://h/d?query=x&nobody=1 --to sqlite:q.db"),
        ),
        ("queue", "sqlite:PATH", publish("--to sqlite:q.db?nobody=1")),
        ("queue", "sqlite:PATH", subscribe("--from sqlite:q.db?nobody=1 --to stdout:")),
        ("queue", "pubsub://PROJECT/TOPIC", publish("--to pubsub://project/topic?nobody=1")),
        (
            "queue",
            "pubsub://PROJECT/SUBSCRIPTION",
            subscribe("--from pubsub://project/subscription?nobody=1 --to stdout:"),
        ),
        ("sink", "sqlite:PATH", subscribe("--from sqlite:q.db --to sqlite:s.db?nobody=1")),
        (
            "sink",
            "thumbnail:STORE-URL",
            subscribe("--from sqlite:q.db --to thumbnail:photos?nobody=1"),
        ),
        (
            "sink",
            "speech:STORE-URL",
            subscribe(
                "--from sqlite:q.db --to speech:said?engine=google&language=ja&key=k&text=t&nobody=1",
            ),
        ),
        ("sink", "stdout:", subscribe("--from sqlite:q.db --to stdout:?nobody=1")),
    ];
    for (place, url, parameters) in known {
        let rows = places(&text, place);
        let row = rows.iter().find(|(urls, _)| urls.contains(&url));
        let (_, told) = row.unwrap_or_else(|| panic!("no row for {place} {url}"));
        let named: BTreeSet<_> = code_spans(told)
            .into_iter()
            .map(|span| span.split('=').next().unwrap_or_default().to_owned())
            .collect();
        let missing: Vec<_> = parameters.difference(&named).collect();
        assert!(missing.is_empty(), "the row of {url} lacks {missing:?}");
    }
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let sandbox = Sandbox::new();
    let (_, text) = blocks(&tables());
    let told: Vec<_> = rows(&text)
        .into_iter()
        .filter(|row| row[0].parse::<u8>().is_ok())
        .map(|row| format!("{} {}", row[0], row[1]))
        .collect();
    let programs = [sandbox.publish(), sandbox.subscribe(), sandbox.queue(), sandbox.store()];
    for help in programs.map(help) {
        let (_, table) = help.split_once("Exit codes:").expect("a table of exit codes");
        let codes: Vec<_> = table
            .lines()
            .filter_map(|line| line.trim().split_once("  "))
            .map(|(code, meaning)| format!("{code} {}", meaning.trim()))
            .collect();
        assert_eq!(told, codes);
    }
}

/// All of `src/`, one file after the other.
fn source_code() -> String {
    let mut code = String::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).expect("src").map(|entry| entry.expect("an entry").path())
        {
            if path.is_dir() {
                folders.push(path);
            } else {
                code += &fs::read_to_string(path).expect("a source file");
            }
        }
    }
    code
}

#[test]
fn the_variables_are_those_that_the_code_reads() {
    let (_, text) = blocks(&tables());
    let code = source_code();
    let named = named_variables(&text);
    assert!(named.len() >= 8, "{named:?}");
    for variable in &named {
        // Google's client reads this one itself.
        let ours = *variable != "GOOGLE_APPLICATION_CREDENTIALS";
        let mut names = [Some(*variable), variable.strip_suffix("_FILE")].into_iter().flatten();
        let is_read = names.any(|name| code.contains(&format!("\"{name}\"")));
        assert!(!ours || is_read, "nothing reads `{variable}`");
    }
    for call in ["environment.get(\"", "environment.secret(\""] {
        for (at, _) in code.match_indices(call) {
            let variable = code[at + call.len()..].split('"').next().unwrap_or_default();
            assert!(text.contains(variable), "docs/operate.md does not name `{variable}`");
        }
    }
}

#[test]
fn links_lead_somewhere() {
    let pages = fs::read_dir(root().join("docs")).expect("docs/").filter_map(|page| {
        let name = page.expect("a page").file_name().into_string().expect("a UTF-8 name");
        name.ends_with(".md").then(|| format!("docs/{name}"))
    });
    let others = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(str::to_owned);
    for document in others.into_iter().chain(pages) {
        let own = root().join(&document);
        let (_, text) = blocks(&read(&document));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let leads = own.parent().expect("a folder").join(path);
            assert!(path.is_empty() || leads.exists(), "{document}: {link}");
            let target = if path.is_empty() { own.clone() } else { leads };
            let slug = |title: &str| title.to_lowercase().replace(' ', "-").replace(',', "");
            assert!(
                anchor.is_empty()
                    || blocks(&fs::read_to_string(&target).expect("a page"))
                        .1
                        .lines()
                        .filter(|line| line.starts_with('#'))
                        .any(|line| slug(line.trim_start_matches('#').trim()) == anchor),
                "{document}: {link}"
            );
        }
    }
}

#[test]
fn what_troubleshooting_is_about_is_what_programs_say() {
    let (_, text) = blocks(&read("docs/troubleshooting.md"));
    let code = source_code();
    let titles = text.lines().filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`'));
    let mut seen = 0;
    for title in titles {
        for words in title.split("...").map(str::trim).filter(|words| !words.is_empty()) {
            // Names in a message stand in backticks, which a title in code cannot hold.
            let plain = code.replace('`', "");
            assert!(plain.contains(words), "nothing says `{words}`");
        }
        seen += 1;
    }
    assert!(seen > 10, "only {seen} messages");
}

#[test]
fn the_map_shows_what_is_there() {
    let map = read("ARCHITECTURE.md");
    let is_path = |span: &&str| {
        ["src/", "tests/", "cron/", "examples/", "benches/"].iter().any(|top| span.starts_with(top))
    };
    for path in code_spans(&map).into_iter().filter(is_path) {
        assert!(root().join(path).exists(), "ARCHITECTURE.md shows `{path}`");
    }
    for entry in fs::read_dir(root().join("src")).expect("src") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("a UTF-8 name").trim_end_matches(".rs").to_owned();
        let shown =
            map.contains(&format!("`src/{name}.rs`")) || map.contains(&format!("src/{name}/"));
        assert!(shown || name == "lib", "ARCHITECTURE.md does not show src/{name}");
    }
}

#[test]
fn the_changelog_knows_this_version() {
    let title = format!("## {}", env!("CARGO_PKG_VERSION"));
    assert!(read("CHANGELOG.md").lines().any(|line| line.starts_with(&title)), "{title}");
}

#[test]
fn the_documented_installation_of_completions_and_manual_pages_works() {
    let sandbox = Sandbox::new();
    let (blocks, _) = blocks(&read("docs/operate.md"));
    let block = blocks.iter().find(|block| block.iter().any(|line| line.contains("--generate")));
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-euc", &block.expect("a block that generates").join("\n")])
        .env_clear()
        .env("HOME", sandbox.dir())
        .env("PATH", format!("{}:{path}", programs().display()))
        .stdin(Stdio::null())
        .output()
        .expect("bash starts");
    Run::of(output).expect(0);
    for (program, word) in
        [("publish", "summary"), ("subscribe", "summary"), ("queue", "stats"), ("store", "latest")]
    {
        let read = |path: String| fs::read_to_string(sandbox.path(&path)).expect("it was written");
        let completions = read(format!(".local/share/bash-completion/completions/{program}"));
        assert!(completions.contains(&format!(" {program}\n")), "{completions}");
        let manual = read(format!(".local/share/man/man1/{program}.1"));
        assert!(manual.contains(".SH") && manual.contains(word), "{manual}");
    }
}
