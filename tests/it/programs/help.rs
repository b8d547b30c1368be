//! `--help` is read by people in a terminal of 80 columns, and its examples run.

use crate::support::documents::{self, examples, help};
use crate::support::http_server::{Answer, Server};
use crate::support::pictures;
use crate::support::sandbox::{Run, Sandbox};
use crate::support::services;
use kakehi::Kind;
use std::collections::BTreeSet;
use std::process::Command;

const PROGRAMS: [&str; 4] = ["publish", "subscribe", "queue", "store"];

/// As many lines as a program's `-h` may have: a screen of 24, and a third of one for all that `queue`
/// can do.
const SCREEN: usize = 36;

/// What a program answers to these arguments.
fn told(program: &str, arguments: &str) -> String {
    let sandbox = Sandbox::new();
    let run = match program {
        "publish" => sandbox.publish(),
        "queue" => sandbox.queue(),
        "store" => sandbox.store(),
        _ => sandbox.subscribe(),
    };
    run.args(arguments).run().expect(0).stdout
}

/// The paragraphs on one argument in a program's `--help`.
fn on_argument(program: &str, argument: &str) -> String {
    let text = help(program);
    let lines = text.lines().skip_while(|line| !line.trim_start().starts_with(argument));
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = lines.peekable();
    let own = lines.peek().map(|line| indent(line)).expect("an argument of this name");
    let rest = lines.skip(1).take_while(|line| line.trim().is_empty() || indent(line) > own);
    rest.collect::<Vec<_>>().join("\n")
}

/// The schemes of the URLs between backticks.
fn schemes(text: &str) -> BTreeSet<String> {
    let spans = documents::code_spans(text).into_iter();
    let scheme = |span: &str| {
        let (scheme, _) = span.split_once(':')?;
        let is_one = scheme.chars().all(|c| c.is_ascii_lowercase() || "-+".contains(c));
        (is_one && !scheme.is_empty()).then(|| scheme.to_owned())
    };
    spans.filter_map(scheme).collect()
}

#[test]
fn help_names_every_scheme_and_no_other() {
    let sources = kakehi::sources::SOURCES.schemes();
    let queues = kakehi::queues::QUEUES.schemes();
    let sinks = kakehi::sinks::SINKS.schemes();
    // `memory:` is for tests; a store of pictures has schemes of its own.
    let stores = kakehi::clients::object_store::SCHEMES;
    for (program, argument, list, others) in [
        ("publish", "[SOURCE]", &sources, stores),
        ("publish", "--to <QUEUE>", &queues, &[]),
        ("subscribe", "--from <QUEUE>", &queues, &[]),
        ("subscribe", "--to <SINK>", &sinks, &[]),
    ] {
        let text = on_argument(program, argument);
        let mut named = schemes(&text);
        named.retain(|scheme| !others.contains(&scheme.as_str()));
        let known = list.iter().filter(|scheme| !["memory", "mongodb+srv"].contains(scheme));
        let known: BTreeSet<_> = known.map(|scheme| (*scheme).to_owned()).collect();
        assert_eq!(named, known, "{program} {argument}:\n{text}");
    }
}

#[test]
fn help_opens_with_the_sentence_of_the_house() {
    assert!(help("publish").starts_with("publish pours a source into a queue\n"));
    assert!(help("queue").starts_with("queue looks inside a queue and mends it\n"));
    assert!(help("store").starts_with("store shows what arrived, and exports, imports and prunes"));
    let subscribe = help("subscribe").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(subscribe.starts_with(
        "subscribe drains a queue into a sink, and acknowledges a message only after its write \
         succeeded"
    ));
}

#[test]
fn help_fits_a_terminal_of_80_columns() {
    let mut texts: Vec<_> = PROGRAMS.map(help).into();
    texts.extend(PROGRAMS.map(|program| told(program, "-h")));
    for action in documents::actions() {
        texts.push(told("queue", &format!("{action} -h")));
        texts.push(told("queue", &format!("{action} --help")));
    }
    for action in documents::actions_of(Sandbox::store) {
        texts.push(told("store", &format!("{action} -h")));
        texts.push(told("store", &format!("{action} --help")));
    }
    for line in texts.iter().flat_map(|text| text.lines()) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_short_help_fits_on_a_screen_and_names_the_long_one() {
    for program in PROGRAMS {
        let text = told(program, "-h");
        assert!(text.lines().count() <= SCREEN, "{} lines:\n{text}", text.lines().count());
        assert!(text.ends_with(&format!("`{program} --help`\n")), "{text}");
    }
}

#[test]
fn queue_tells_each_action_in_one_line_and_more_in_the_actions_own_help() {
    let list_of = |text: &str| -> Vec<(String, String)> {
        let (_, list) = text.split_once("Commands:\n").expect("a list of actions");
        let lines = list.lines().take_while(|line| !line.is_empty());
        let words = |line: &str| {
            let (name, about) = line.trim().split_once("  ").expect("a name and a sentence");
            (name.to_owned(), about.trim().to_owned())
        };
        lines.map(words).filter(|(name, _)| name != "help").collect()
    };
    assert_eq!(list_of(&help("queue")), list_of(&told("queue", "-h")));
    let mut all = list_of(&help("queue"));
    for group in ["dead", "scheduled"] {
        all.retain(|(name, _)| name != group);
        let inner = list_of(&told("queue", &format!("{group} --help")));
        all.extend(inner.into_iter().map(|(name, about)| (format!("{group} {name}"), about)));
    }
    let names: Vec<_> = all.iter().map(|(name, _)| name).collect();
    let mut actions = documents::actions();
    actions.sort_by_key(|action| action.contains(' '));
    assert_eq!(names, actions.iter().collect::<Vec<_>>());
    for (action, about) in all {
        let text = told("queue", &format!("{action} --help"));
        assert!(text.starts_with(&format!("{about}\n\n")), "{action}: {text}");
    }
    let stats = told("queue", "stats --help");
    assert!(stats.contains("\n\nReady, waiting, scheduled, leased and dead messages"), "{stats}");
}

#[test]
fn help_lists_every_exit_code_once() {
    let kinds = [
        Kind::Failed,
        Kind::Usage,
        Kind::Rejected,
        Kind::Unreachable,
        Kind::Bug,
        Kind::Spooled,
        Kind::Credentials,
        Kind::Configuration,
        Kind::HungUp,
        Kind::Interrupted,
        Kind::Terminated,
    ];
    let mut codes: Vec<u8> = kinds.iter().map(|kind| kind.code()).collect();
    codes.insert(0, 0);
    for text in PROGRAMS.map(help) {
        let table = text.split_once("Exit codes:\n").expect("a table of exit codes").1;
        let listed: Vec<u8> = table
            .lines()
            .map(|line| line.split_whitespace().next().expect("a code").parse().expect("a number"))
            .collect();
        assert_eq!(listed, codes);
    }
}

/// Runs an example as it stands, but for the addresses of the servers; one that stays is
/// terminated after a while.
fn run_example(sandbox: &Sandbox, command: &str) -> Run {
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_publish")).parent().expect("a folder");
    let mongo = services::mongodb();
    let command = command
        .replace("mongodb://localhost", &format!("mongodb://{}", mongo.hosts))
        .replace("MONGODB_USERNAME=me ", "");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("a PATH"));
    let output = Command::new("timeout")
        .args(["--signal=TERM", "--kill-after=30", "4", "bash", "-o", "pipefail", "-c", &command])
        .env_clear()
        .env("HOME", sandbox.dir())
        .env("KAKEHI_CONFIG", "/dev/null")
        .env("PATH", path)
        .env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator())
        .env("MONGODB_USERNAME", mongo.username.unwrap_or_default())
        .current_dir(sandbox.dir())
        .output()
        .expect("`timeout` and `bash`");
    Run::of(output)
}

#[test]
fn the_examples_of_publish_run() {
    let sandbox = Sandbox::new();
    sandbox.write("token", "secret\n");
    let commands = examples("publish");
    std::fs::create_dir(sandbox.path("photos")).expect("a folder");
    assert!(commands.len() >= 6, "{commands:?}");
    for command in &commands[..2] {
        let run = run_example(&sandbox, command).expect(0);
        assert!(run.stderr.contains("1 published"), "{}", run.stderr);
    }
    // Each waits, for its next tick or for requests: 124 is `timeout`'s word for that.
    for command in &commands[2..] {
        let any_port = command.replace("127.0.0.1:8080", "127.0.0.1:0");
        run_example(&sandbox, &any_port).expect(124);
    }
}

#[test]
fn the_examples_of_subscribe_run() {
    let sandbox = Sandbox::new();
    let mongo = services::mongodb();
    sandbox.write("password", mongo.password.unwrap_or_default());
    let commands = examples("subscribe");
    assert_eq!(commands.len(), 8);
    let told = [
        "4 received, 4 stored",
        "3 received, 3 stored",
        "4 received, 0 stored",
        "4 received, 4 stored",
        "4 received, 4 stored",
    ];
    for (at, received) in told.iter().enumerate() {
        let lines: String = (1..=4).map(|n| format!("{{\"a\":{n}}}\n")).collect();
        sandbox.publish().args("--to sqlite:queue.db").stdin(lines).run().expect(0);
        let run = run_example(&sandbox, &commands[at]).expect(0);
        assert!(run.stderr.contains(received), "{}: {}", commands[at], run.stderr);
        sandbox.subscribe().args("--from sqlite:queue.db --to stdout:").run().expect(0);
    }
    std::fs::create_dir(sandbox.path("photos")).expect("a folder");
    let picture = pictures::encoded(pictures::sample(8, 8), image::ImageFormat::Png);
    sandbox.write("photos/a.png", picture);
    sandbox.publish().args("--to sqlite:queue.db").stdin("{\"key\":\"a.png\"}\n").run().expect(0);
    let run = run_example(&sandbox, &commands[5]).expect(0);
    assert!(run.stderr.contains("1 received, 1 stored"), "{}", run.stderr);
    let webhook = Server::new([Answer::ok("ok")]);
    sandbox.write("webhook", webhook.url());
    let lines = "{\"name\":\"a\",\"te\":28.5}\n{\"name\":\"b\",\"te\":11}\n";
    sandbox.publish().args("--to sqlite:queue.db").stdin(lines).run().expect(0);
    let allowed = commands[6].replace("--to webhook:", "--to 'webhook:?allow-private'");
    let run = run_example(&sandbox, &allowed).expect(0);
    assert!(run.stderr.contains("2 received, 1 stored, 1 filtered"), "{}", run.stderr);
    assert_eq!(webhook.bodies(), [r#"{"text":"a: 28.5 degrees"}"#]);
    // There is no such subscription on the emulator: told at once, with the command that makes it,
    // and waited for.
    let run = run_example(&sandbox, &format!("{} --max-time 2s", commands[7])).expect(0);
    assert!(run.stderr.contains("waiting for the queue to appear"), "{}", run.stderr);
    assert!(run.stderr.contains("queue create 'pubsub://my-project/"), "{}", run.stderr);
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let sandbox = Sandbox::new();
    for line in ["--nonsense", "--batch 0", "--batch x", "--grace soon", "--timezone Mars/Base"] {
        let run = sandbox.publish().args(line).run().expect(2);
        assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    }
    for line in ["--once --follow", "--debug --dry-run", "-q -v", "--summary loud"] {
        sandbox.subscribe().args(line).run().expect(2);
    }
}
