//! What `--generate` prints: manual pages, and scripts that make a shell complete.

use crate::support::documents::{self, examples};
use crate::support::sandbox::{Program, Sandbox};
use std::collections::BTreeMap;
use std::path::Path;

/// Types the beginnings of lines into a bash that has read the scripts in its folder, each with a tab behind
/// it, and shows what became of them, a line each.
const TYPING: &str = r#"
import os, pty, re, sys
pid, master = pty.fork()
if pid == 0:
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
def until(pattern):
    seen = b""
    while not re.search(pattern, seen):
        seen += os.read(master, 65536)
    return re.search(pattern, seen)
os.write(master, b"""PS1='> '; for it in *.bash; do source "$it"; done; bind 'set bell-style none'\n""")
os.write(master, rb"""bind -x '"\C-t": printf "<%s>\n" "$READLINE_LINE"'; echo rea''dy""" + b"\n")
until(rb"ready\r\n")
for line in sys.argv[1:]:
    os.write(master, line.encode() + b"\t\x14")
    print(until(rb"<(.*)>\r\n").group(1).decode())
    os.write(master, b"\x15")
os.write(master, b"\x04")
"#;

fn programs() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_publish")).parent().expect("a folder")
}

fn all(sandbox: &Sandbox) -> [(&'static str, Program); 5] {
    let kakehi = sandbox.command(programs().join("kakehi"));
    [
        ("kakehi", kakehi),
        ("publish", sandbox.publish()),
        ("subscribe", sandbox.subscribe()),
        ("queue", sandbox.queue()),
        ("store", sandbox.store()),
    ]
}

/// Every manual page by its name.
fn pages(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let generated = |program: Program, what: &str| {
        let run = program.args("--generate").arg(what).run().expect(0);
        assert_eq!(run.stderr, "");
        run.stdout
    };
    let mut pages: BTreeMap<_, _> = all(sandbox)
        .into_iter()
        .map(|(name, program)| (format!("{name}(1)"), generated(program, "man")))
        .collect();
    for name in ["queue", "store"] {
        let program = || if name == "queue" { sandbox.queue() } else { sandbox.store() };
        for action in generated(program(), "actions").lines() {
            let page = generated(program(), &format!("man:{action}"));
            pages.insert(format!("{name}-{action}(1)"), page);
        }
    }
    pages.insert("kakehi-urls(7)".to_owned(), generated(sandbox.publish(), "man:kakehi-urls"));
    pages
}

/// The text of a page, without what tells its look.
fn plain(page: &str) -> String {
    let look = ["\\fB", "\\fI", "\\fR", "\\&"];
    let text = look.iter().fold(page.to_owned(), |text, look| text.replace(look, ""));
    text.replace("\\-", "-").replace("\\*(Aq", "'").replace("\\\\", "\\")
}

#[test]
fn each_page_says_what_it_is_once_and_leads_to_pages_that_are_there() {
    let pages = pages(&Sandbox::new());
    assert!(pages.len() > 35, "{:?}", pages.keys());
    for (name, page) in &pages {
        let (bare, section) = name.split_once('(').unwrap();
        let text = plain(page);
        let head = format!(".TH {bare} {}", section.trim_end_matches(')'));
        assert!(text.contains(&head), "{name}: {text}");
        let (_, is) = text.split_once(".SH NAME\n").unwrap();
        let (is, _) = is.split_once('\n').unwrap();
        let (_, is) = is.split_once(&format!("{bare} - ")).unwrap();
        assert!(!is.starts_with(bare) && !is.is_empty(), "{name}: {is}");
        let (_, others) = text.split_once(".SH \"SEE ALSO\"\n").unwrap();
        assert!(others.contains("(1)") && !others.contains(name), "{name}: {others}");
        let words = text.split(|c: char| c.is_whitespace() || c == ',');
        for word in words.filter(|word| word.contains("(1)") || word.contains("(7)")) {
            let (bare, _) = word.split_once(')').unwrap();
            assert!(pages.contains_key(&format!("{bare})")), "{name} names {word}");
        }
    }
    for (program, _) in all(&Sandbox::new()).iter().skip(1) {
        let text = &pages[&format!("{program}(1)")];
        for heading in
            ["SYNOPSIS", "OPTIONS", "\"EXIT STATUS\"", "ENVIRONMENT", "FILES", "EXAMPLES"]
        {
            assert!(text.contains(&format!(".SH {heading}\n")), "{program}: {heading}");
        }
        assert!(plain(text).contains("NATURE_REMO_TOKEN or NATURE_REMO_TOKEN_FILE"), "{text}");
    }
}

#[test]
fn the_examples_of_a_page_copy_as_they_stand() {
    let pages = pages(&Sandbox::new());
    for program in ["publish", "subscribe", "queue", "store"] {
        let joined = |text: &str| {
            text.replace(" \\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let text = joined(&plain(&pages[&format!("{program}(1)")]));
        let commands = examples(program);
        assert!(!commands.is_empty());
        for command in commands {
            assert!(text.contains(&joined(&command)), "{command}\n{text}");
        }
    }
    let of_action = plain(&pages["queue-dead-redrive(1)"]);
    assert!(of_action.contains("\nqueue dead redrive sqlite:queue.db --all\n"), "{of_action}");
    assert!(!of_action.contains("queue create"), "{of_action}");
}

#[test]
fn the_page_on_urls_has_every_parameter_that_a_program_knows() {
    let sandbox = Sandbox::new();
    let page = plain(&sandbox.queue().args("--generate man:kakehi-urls").run().expect(0).stdout);
    for (url, flag) in [("stdin:?nonsense", ""), ("nature-remo:?nonsense&mode=changes", "")] {
        let refused =
            sandbox.publish().arg(url).args(flag).args("--to sqlite:q.db").run().expect(2);
        let (_, known) = refused.stderr.split_once(" knows ").expect("a list");
        let known = known.lines().next().unwrap().replace('`', "");
        assert!(page.contains(&format!("Parameters: {known}.")), "{known}\n{page}");
    }
}

#[test]
fn each_action_has_a_manual_page_of_its_own() {
    let sandbox = Sandbox::new();
    let actions = sandbox.queue().args("--generate actions").run().expect(0).stdout;
    let named: Vec<_> = documents::actions().iter().map(|it| it.replace(' ', "-")).collect();
    assert!(named.iter().all(|action| actions.lines().any(|line| line == action)), "{actions}");
    let run = sandbox.queue().args("--generate man:nonsense").run().expect(2);
    assert!(run.stderr.contains("`dead-list`"), "{}", run.stderr);
    assert_eq!(sandbox.publish().args("--generate actions").run().expect(0).stdout, "");
    let run = sandbox.publish().args("--generate completions:nonsense").run().expect(2);
    assert!(run.stderr.contains("`completions:bash`"), "{}", run.stderr);
}

#[test]
fn bash_completes_urls_parameters_and_files_behind_them() {
    let sandbox = Sandbox::new();
    for (name, program) in all(&sandbox) {
        let script = program.args("--generate completions:bash").run().expect(0).stdout;
        sandbox.write(&format!("{name}.bash"), script);
    }
    for folder in ["data", "photos"] {
        std::fs::create_dir(sandbox.path(folder)).unwrap();
    }
    for file in ["q.db", "data/readings.db", "my file.db"] {
        sandbox.write(file, "");
    }
    let cases = [
        ("publish nature", "publish nature-remo:"),
        ("publish --to sqli", "publish --to sqlite:"),
        ("publish --to sqlite:da", "publish --to sqlite:data/"),
        ("publish --to sqlite:data/re", "publish --to sqlite:data/readings.db"),
        ("publish --to 'sqlite:q.db?de", "publish --to 'sqlite:q.db?dedupe="),
        ("publish --to 'sqlite:da", "publish --to 'sqlite:data/"),
        ("publish 'stdin:?id=id&gr", "publish 'stdin:?id=id&group="),
        ("subscribe --from sqlite:q.db --to web", "subscribe --from sqlite:q.db --to webhook:"),
        ("store latest 'sqlite:store.db?coll", "store latest 'sqlite:store.db?collection="),
        ("queue verify q.", "queue verify q.db "),
        ("queue verify my", "queue verify my\\ file.db "),
        ("queue dead li", "queue dead list "),
        ("kakehi queue dead redr", "kakehi queue dead redrive "),
        ("kakehi store latest 'sqlite:s.db?coll", "kakehi store latest 'sqlite:s.db?collection="),
        ("publish --tim", "publish --timezone "),
    ];
    let path = format!("{}:{}", programs().display(), std::env::var("PATH").expect("a PATH"));
    let typing = cases
        .iter()
        .fold(sandbox.command("python3").arg("-c").arg(TYPING), |it, (line, _)| it.arg(line));
    let shown = typing.env("PATH", path).env("TERM", "dumb").run().expect(0).stdout;
    let expected: String = cases.iter().map(|(_, line)| format!("{line}\n")).collect();
    assert_eq!(shown, expected);
}

#[test]
fn zsh_and_fish_are_given_scripts_that_ask_the_program() {
    let sandbox = Sandbox::new();
    for shell in ["zsh", "fish"] {
        for (name, program) in all(&sandbox) {
            let script =
                program.args(&format!("--generate completions:{shell}")).run().expect(0).stdout;
            assert!(script.contains("KAKEHI_COMPLETE") && script.contains(name), "{script}");
        }
        let ask = sandbox.queue().env("KAKEHI_COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", "2");
        let offered = ask.args("-- queue dead li").run().expect(0).stdout;
        assert!(shell != "fish" || offered.starts_with("list"), "{offered}");
    }
    // What a shell does not ask is a run like any other.
    sandbox.queue().env("KAKEHI_COMPLETE", "nonsense").args("--version").run().expect(0);
    sandbox.queue().env("KAKEHI_COMPLETE", "bash").args("--version").run().expect(0);
}
