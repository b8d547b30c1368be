//! `docs/monitoring.md` and `examples/monitoring/`: every block runs as it stands, and every metric is one
//! that the programs write.

use crate::support::built::programs;
use crate::support::documents::{code_spans, read, root, rows};
use crate::support::http_server::{Answer, Server};
use crate::support::sandbox::{Run, Sandbox};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

/// The blocks of a language, as they stand.
fn blocks(language: &str) -> Vec<String> {
    let page = read("docs/monitoring.md");
    let begin = format!("```{language}\n");
    let blocks = page.split(&begin).skip(1);
    blocks.map(|rest| rest.split("```").next().expect("an end").to_owned()).collect()
}

/// A folder of programs that note how they were called, and what they were given.
fn stand_ins(sandbox: &Sandbox, names: &[&str]) -> String {
    let folder = sandbox.path("stand-ins");
    fs::create_dir_all(&folder).unwrap();
    for name in names {
        let path = folder.join(name);
        let note = sandbox.path(&format!("{name}.calls"));
        let note = note.display();
        let script = format!("#!/bin/sh\n{{ printf '%s\\n' \"$@\"; cat; }} >> '{note}'\n");
        fs::write(&path, script).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder.display().to_string()
}

/// A home whose pipeline is well: a message was stored just now.
fn home() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.publish().stdin("{\"a\":1}\n").run().expect(0);
    sandbox.subscribe().run().expect(0);
    sandbox.write("readings.jsonl", "{\"a\":2}\n");
    sandbox.write("healthchecks-url", "https://hc.example/secret\n");
    sandbox.write("kuma-url", "https://kuma.example/api/push/secret\n");
    sandbox
}

fn run(sandbox: &Sandbox, script: &str, folder: &std::path::Path) -> Run {
    let stand_ins = stand_ins(sandbox, &["curl", "logger", "mail", "journalctl"]);
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .env_clear()
        .env("HOME", sandbox.dir())
        .env("PATH", format!("{stand_ins}:{}:{path}", programs().display()))
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("bash starts");
    Run::of(output)
}

fn has_promtool() -> bool {
    let there = Command::new("promtool").arg("--version").output().is_ok();
    if !there {
        println!("promtool is not there: rules and files were not looked at by it");
    }
    there
}

#[test]
fn every_block_of_the_page_runs_as_it_stands() {
    let sandbox = home();
    let shell = blocks("sh");
    assert!(shell.len() >= 7, "{shell:?}");
    for block in shell {
        if block.starts_with("promtool ") {
            continue; // see below
        }
        let run = run(&sandbox, &block, sandbox.dir());
        assert_eq!(run.code, 0, "{block}\n{}{}", run.stdout, run.stderr);
    }
    let curl = fs::read_to_string(sandbox.path("curl.calls")).unwrap();
    assert!(curl.contains("url = \"https://hc.example/secret/0\"\n"), "{curl}");
    assert!(curl.contains("url = \"https://kuma.example/api/push/secret\"\n"), "{curl}");
    assert!(curl.contains("status=up\n") && curl.contains("msg=OK\n"), "{curl}");
}

#[test]
fn what_is_broken_reaches_those_who_wait_for_it() {
    let sandbox = home();
    let letter = "\"no object\"\n";
    sandbox.publish().stdin(letter).run().expect(0);
    sandbox.subscribe().run().expect(65);
    for block in blocks("sh").iter().filter(|block| block.contains("curl ")) {
        run(&sandbox, block, sandbox.dir()).expect(0);
    }
    let curl = fs::read_to_string(sandbox.path("curl.calls")).unwrap();
    assert!(curl.contains("url = \"https://hc.example/secret/1\"\n"), "{curl}");
    assert!(curl.contains("status=down\n"), "{curl}");
    assert_eq!(curl.matches("broken  dead: 1 dead letter, at most 0").count(), 2, "{curl}");
}

#[test]
fn the_lines_for_cron_run() {
    let sandbox = home();
    // Nature's API, without a device: what cron sets by the environment file.
    let api = Server::new([Answer::ok("[]"), Answer::ok("[]")]);
    let variables = format!("export NATURE_REMO_TOKEN=token NATURE_REMO_ENDPOINT={}\n", api.url());
    let lines: Vec<_> = blocks("crontab").join("").lines().map(str::to_owned).collect();
    assert!(lines.len() >= 4, "{lines:?}");
    for line in lines {
        let words: Vec<_> = line.splitn(6, ' ').collect();
        let (schedule, command) = (words[..5].join(" "), words[5]);
        schedule.parse::<croner::Cron>().unwrap_or_else(|cause| panic!("{schedule}: {cause}"));
        assert!(!command.contains('%'), "cron makes a newline of it: {command}");
        let run = run(&sandbox, &(variables.clone() + command), sandbox.dir()).expect(0);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{command}");
    }
}

#[test]
fn the_units_run() {
    let sandbox = home();
    for unit in blocks("ini") {
        let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart="));
        let line = line.expect("a command").replace("/usr/bin/queue", "queue");
        run(&sandbox, &line, sandbox.dir()).expect(0);
        if Command::new("systemd-analyze").arg("--version").output().is_err() {
            println!("systemd-analyze is not there: units were not looked at by it");
        }
    }
    assert!(sandbox.path("mail.calls").exists());
}

/// The names of metrics in a text.
fn named(text: &str) -> BTreeSet<String> {
    let starts = text.match_indices("kakehi_").map(|(at, _)| &text[at..]);
    let is_in_a_name = |c: char| c.is_ascii_lowercase() || c == '_';
    starts.filter_map(|rest| rest.split(|c| !is_in_a_name(c)).next().map(str::to_owned)).collect()
}

/// What the programs write, with everything that they can know.
fn written(sandbox: &Sandbox) -> String {
    let publish = sandbox.publish().args("--metrics a.prom").stdin("{\"a\":2}\n");
    publish.run().expect(0);
    sandbox.subscribe().args("--metrics b.prom").run().expect(0);
    sandbox.queue().args("check --max-dead 0 --stored-within 1h --metrics c.prom").run().expect(0);
    ["a.prom", "b.prom", "c.prom"]
        .map(|name| fs::read_to_string(sandbox.path(name)).unwrap())
        .concat()
}

#[test]
fn every_metric_that_is_named_is_written_and_every_one_that_is_written_is_told() {
    let sandbox = home();
    let known = named(&written(&sandbox));
    assert!(known.len() >= 10, "{known:?}");
    for file in ["kakehi.rules.yml", "kakehi.rules.test.yml", "dashboard.json"] {
        let text = read(&format!("examples/monitoring/{file}"));
        let named = named(&text);
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(named.len() >= 5 && unknown.is_empty(), "{file}: nobody writes {unknown:?}");
    }
    let page = read("docs/monitoring.md");
    let told = rows(&page).into_iter().flat_map(|row| code_spans(row[0]));
    let told: BTreeSet<_> =
        told.filter(|span| span.starts_with("kakehi_")).map(str::to_owned).collect();
    assert_eq!(told, known);
    let board: serde_json::Value =
        serde_json::from_str(&read("examples/monitoring/dashboard.json")).unwrap();
    assert!(board["panels"].as_array().unwrap().len() >= 8);
}

#[test]
fn promtool_takes_the_rules_their_tests_and_what_is_written() {
    let sandbox = home();
    let files = written(&sandbox);
    if !has_promtool() {
        return;
    }
    let promtool = blocks("sh").into_iter().find(|block| block.starts_with("promtool "));
    let examples = root().join("examples/monitoring");
    let run = run(&sandbox, &promtool.expect("a block"), &examples).expect(0);
    assert!(run.stdout.contains("6 rules found"), "{}", run.stdout);
    for name in ["a.prom", "b.prom", "c.prom"] {
        let text = fs::read_to_string(sandbox.path(name)).unwrap();
        let check = sandbox.command("promtool").args("check metrics").stdin(text);
        let run = check.run().expect(0);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{files}");
    }
}
